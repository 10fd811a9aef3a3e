/*
 * The C interface of the crate rondo-ring (feature "ffi", library librondo_ring.so).
 *
 * Rules that hold everywhere:
 *  - A handle is used by one thread at a time; different handles by different threads. A
 *    producer or consumer keeps its segment alive, so the segment may be closed before it.
 *  - Functions that return int32_t give a value >= 0 when all went well and one of the negative
 *    codes below otherwise. The text of the last failure of this thread is then in
 *    rondo_last_error(). Nothing unwinds through this interface.
 *  - Text comes in as pointer and length, UTF-8, and need not end with a zero.
 *  - Schema texts are the canonical ones of spec/ring.md section 3 ("rondo-struct 1\n...").
 *  - All calls but the two _wait functions return without sleeping.
 */
#ifndef RONDO_RING_FFI_H
#define RONDO_RING_FFI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Grows when a function is added; rondo_ffi_version() says that of the library. */
#define RONDO_FFI_VERSION 2u

/* Outcomes that are no failures, though negative. */
#define RONDO_ENDED (-1)     /* consumers: drained, and every lane is closed (ERR_RING_ENDED) */
#define RONDO_CLOSED (-2)    /* producers: the consumer wants no more (ERR_RING_CLOSED) */
#define RONDO_PEER_DIED (-3) /* waits: a peer died; told once for each, waiting again is fine */
/* Failures. */
#define RONDO_POISONED (-4)       /* ERR_RING_POISONED: a lie was found, now or before */
#define RONDO_SCHEMA (-5)         /* ERR_RING_SCHEMA: the text of the failure has the differences */
#define RONDO_ROLE_TAKEN (-6)     /* ERR_RING_ROLE_TAKEN: all lanes or places have living owners */
#define RONDO_NOT_FOUND (-7)      /* ERR_RING_NOT_FOUND: no living holder of that name */
#define RONDO_EXISTS (-8)         /* ERR_RING_EXISTS: the name is held already */
#define RONDO_NAME (-9)           /* ERR_RING_NAME: no valid name */
#define RONDO_DIRECTORY (-10)     /* ERR_RING_DIRECTORY: not a directory of the user's, mode 0700 */
#define RONDO_SEGMENT (-11)       /* ERR_RING_SEGMENT: not a sealed segment of this version */
#define RONDO_GEOMETRY (-12)      /* ERR_OPTION_RANGE: sizes outside the limits */
#define RONDO_PARTICIPANTS (-13)  /* ERR_RING_PARTICIPANTS: all 64 entries are taken */
#define RONDO_PIECE (-14)         /* ERR_RING_MESSAGE_SIZE: pieces that the slab never holds */
#define RONDO_ARGUMENT (-15)      /* ERR_OPTION_TYPE: null, out of range, no UTF-8 */
#define RONDO_SYSTEM (-16)        /* ERR_SYSTEM: a system call failed; the text names it */
#define RONDO_PANIC (-17)         /* ERR_ASSERTION: a fault in the library itself */
#define RONDO_CLAIM (-18)         /* ERR_RING_CLAIM: a piece that is not of the last pop */

/* Topologies, as in the geometry of a ring. */
#define RONDO_SPSC 1u
#define RONDO_MPSC 2u
#define RONDO_MPMC 3u
#define RONDO_BROADCAST 4u

typedef struct rondo_segment rondo_segment;
typedef struct rondo_producer rondo_producer;
typedef struct rondo_consumer rondo_consumer;

/* One ring of a segment to create. */
typedef struct rondo_ring_options {
  const char *schema; /* canonical text */
  size_t schema_bytes;
  uint32_t topology;   /* RONDO_SPSC ... */
  uint32_t lossy;      /* 0 or 1 */
  uint32_t lanes;      /* producers: 1 to 64; 1 for SPSC and broadcast */
  uint32_t consumers;  /* places: 1 to 64; 1 for SPSC and MPSC */
  uint32_t slots;      /* per lane: a power of two, at most 2^24 */
  uint32_t slab_bytes; /* per lane: 0, or a power of two from 64 to 2^29 */
} rondo_ring_options;

/* What a ring is, as checked when the segment was attached. */
typedef struct rondo_ring_info {
  uint32_t topology;
  uint32_t lossy;
  uint32_t lanes;
  uint32_t consumers;
  uint32_t slots;
  uint32_t stride; /* bytes between slots in the ring */
  uint32_t slab_bytes;
  uint32_t schema_bytes;
  uint32_t closed;           /* 1 when the consumer wants no more */
  uint32_t poison;           /* 0, or the code of the lie that was found */
  uint32_t active_producers; /* owned lanes */
  uint32_t active_consumers; /* owned places, without those that still ask to join */
} rondo_ring_info;

uint32_t rondo_ffi_version(void);

/*
 * Says who this process is for segments that it attaches to from now on: a language of
 * spec/ring.md section 5 (2, Rust, unless said), and a label of at most 63 bytes.
 */
int32_t rondo_ffi_identify(uint32_t language, const char *label, size_t label_bytes);

/*
 * Copies the text of this thread's last failure ("ERR_RING_...: ...", no zero at the end) to
 * `out`, at most `capacity` bytes of it, and returns its whole length in bytes.
 */
size_t rondo_last_error(char *out, size_t capacity);

/* The name of a negative code, such as "ERR_RING_POISONED"; a constant, ended by a zero. */
const char *rondo_code_name(int32_t code);

/* ---- Segments ---------------------------------------------------------------------------- */

/*
 * Makes a segment of 1 to 8 rings. With a name (bytes > 0) it can be found in `directory`
 * (0 bytes: /dev/shm/rondo-<uid>); without, only by its descriptor. Two rings of one segment
 * are a channel: request, response. `rondo_ring_options` are read during the call only.
 */
int32_t rondo_segment_create(const char *directory, size_t directory_bytes, const char *name,
                             size_t name_bytes, const rondo_ring_options *rings, uint32_t count,
                             rondo_segment **out);

/* Attaches by name. RONDO_NOT_FOUND when nobody holds it now. */
int32_t rondo_segment_open(const char *directory, size_t directory_bytes, const char *name,
                           size_t name_bytes, rondo_segment **out);

/* Attaches to an inherited descriptor, which stays the caller's (it is duplicated). */
int32_t rondo_segment_attach(int32_t descriptor, rondo_segment **out);

/* The segment's descriptor, the segment's own: not to be closed by the caller. */
int32_t rondo_segment_descriptor(const rondo_segment *segment);

/* How many rings it has: 1 to 8. */
int32_t rondo_segment_rings(const rondo_segment *segment);

int32_t rondo_segment_info(const rondo_segment *segment, uint32_t ring, rondo_ring_info *out);

/* Copies a ring's schema text, at most `capacity` bytes; returns its whole length. */
int32_t rondo_segment_schema(const rondo_segment *segment, uint32_t ring, char *out,
                             size_t capacity);

/*
 * Clears up after dead participants; returns how many were found. Waits and refused roles do
 * it by themselves.
 */
int32_t rondo_segment_reap(const rondo_segment *segment);

/* Frees the handle (NULL is allowed). Its memory stays mapped while roles of it are open. */
void rondo_segment_close(rondo_segment *segment);

/* ---- Producers --------------------------------------------------------------------------- */

/*
 * Takes a free lane. `publish_every` (1 to slots; 0 counts as 1): messages become visible when
 * that many were pushed, or with rondo_producer_flush. The schema must equal the ring's.
 */
int32_t rondo_producer_open(const rondo_segment *segment, uint32_t ring, const char *schema,
                            size_t schema_bytes, uint32_t publish_every, rondo_producer **out);

/* Bytes of a message: the size of the schema. */
uint32_t rondo_producer_message_bytes(const rondo_producer *producer);

/*
 * Pushes up to `count` messages that lie `stride` bytes apart from `messages` on. Returns how
 * many went in: fewer when the ring is full (never on lossy rings). Pieces put since the last
 * message belong to the first of them.
 */
int32_t rondo_producer_push(rondo_producer *producer, const void *messages, size_t stride,
                            uint32_t count);

/*
 * Puts a piece of text or bytes for the next message into the slab and stores its reference:
 * reference[0] position, reference[1] length, to be copied into the message's slab field.
 * Returns 1, or 0 when there is no room now (slab or slots). RONDO_PIECE when it can never fit.
 */
int32_t rondo_producer_put(rondo_producer *producer, const void *bytes, uint32_t length,
                           uint32_t reference[2]);

/* Forgets the pieces put since the last message. */
int32_t rondo_producer_abort(rondo_producer *producer);

/* Makes everything pushed visible. */
int32_t rondo_producer_flush(rondo_producer *producer);

/*
 * Flushes, then waits for room for one message: spins for `spin_microseconds`, then sleeps.
 * `timeout_ms` < 0: for ever. Returns 1 when there is room, 0 after the timeout, RONDO_CLOSED,
 * RONDO_PEER_DIED, or a failure. Room in slots only: a put may still find the slab full, and
 * then rondo_producer_wait_piece waits for that many bytes.
 */
int32_t rondo_producer_wait(rondo_producer *producer, int64_t timeout_ms,
                            uint32_t spin_microseconds);
int32_t rondo_producer_wait_piece(rondo_producer *producer, uint32_t length, int64_t timeout_ms,
                                  uint32_t spin_microseconds);

/*
 * As rondo_consumer_arm: flushes, and waits for a slot, or with `piece_bytes` > 0 for that many
 * bytes of slab.
 */
int32_t rondo_producer_arm(rondo_producer *producer, uint32_t piece_bytes, const uint32_t **bell,
                           uint32_t *value);

/*
 * Gated broadcast: lets consumers that ask join, from the last published message on. Also done
 * by every publication. Returns how many consumers are active.
 */
int32_t rondo_producer_admit(rondo_producer *producer);

/* Flushes and closes the lane: consumers see the end when all lanes are closed. */
int32_t rondo_producer_close(rondo_producer *producer);

/* Flushes, gives the lane up (not closing it: a successor may go on) and frees the handle. */
void rondo_producer_detach(rondo_producer *producer);

/* ---- Consumers --------------------------------------------------------------------------- */

/*
 * Takes a free place. The schema must be the ring's, or the beginning of it (fields appended by
 * others are not copied).
 */
int32_t rondo_consumer_open(const rondo_segment *segment, uint32_t ring, const char *schema,
                            size_t schema_bytes, rondo_consumer **out);

/* Bytes of a message: the size of the schema that rondo_consumer_open was given. */
uint32_t rondo_consumer_message_bytes(const rondo_consumer *consumer);

/*
 * Copies up to `limit` messages of one lane to `out`, `stride` bytes apart, and returns how
 * many: 0 when nothing is there, RONDO_ENDED when nothing will come. The pieces of what the
 * call before returned are gone; its slots are released now or, if there is more to take, some
 * messages later.
 */
int32_t rondo_consumer_pop(rondo_consumer *consumer, void *out, size_t stride, uint32_t limit);

/*
 * Copies the piece that a slab field of a message of the last pop refers to; `out` has `length`
 * bytes. Returns the length.
 */
int32_t rondo_consumer_piece(rondo_consumer *consumer, uint32_t position, uint32_t length,
                             void *out);

/* Lane of the messages of the last pop: tells producers apart. */
int32_t rondo_consumer_lane(const rondo_consumer *consumer);

/* Releases what the last pop returned, now. */
int32_t rondo_consumer_release(rondo_consumer *consumer);

/*
 * Waits until a pop would give something: 1, or 0 after the timeout (`timeout_ms` < 0: for
 * ever), RONDO_ENDED, RONDO_PEER_DIED, or a failure. Releases first.
 */
int32_t rondo_consumer_wait(rondo_consumer *consumer, int64_t timeout_ms,
                            uint32_t spin_microseconds);

/*
 * The first half of a wait, for who sleeps elsewhere, such as on many bells at once
 * (futex_waitv): releases, raises the bell and looks again. Returns 1 when a pop would give
 * something; 0 when the caller may sleep while `*bell` is `value` (not a private futex), for at
 * most 50 ms before the next call, which looks for deaths; or RONDO_ENDED, RONDO_PEER_DIED, or a
 * failure. The bell may be slept on until the consumer is detached. Does not sleep.
 */
int32_t rondo_consumer_arm(rondo_consumer *consumer, const uint32_t **bell, uint32_t *value);

/* 1 when it has joined; 0 while it waits for a producer of a gated broadcast to let it in. */
int32_t rondo_consumer_joined(rondo_consumer *consumer);

/* Messages that this consumer lost on lossy rings, modulo 2^32. */
uint32_t rondo_consumer_lost(const rondo_consumer *consumer);

/* Tells producers that no more is wanted (SPSC, MPSC; elsewhere it does nothing). */
int32_t rondo_consumer_close(rondo_consumer *consumer);

/* Releases, gives the place up and frees the handle. */
void rondo_consumer_detach(rondo_consumer *consumer);

#ifdef __cplusplus
}
#endif

#endif
