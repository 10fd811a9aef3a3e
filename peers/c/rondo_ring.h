// Typed rings in shared memory, between processes: the C peer of Rondo. One header, no library.
// What lies where in memory, and who may write it when, is spec/ring.md; section numbers below
// (§5, §12, …) are those of that page.
//
// Linux, C11 or C++20, gcc or clang: cc -std=c11 -D_GNU_SOURCE program.c
//
// A producer and a consumer, each a program of its own:
//
//   #include "rondo_ring.h"
//
//   typedef struct { uint64_t id; double price; rondo_piece note; } trade;
//   static const char SCHEMA[] = "rondo-struct 1\n"
//                                "name md.Trade\n"
//                                "field id u64 0\n"
//                                "field price f64 8\n"
//                                "field note slab:text 16\n"
//                                "size 24 align 8\n";
//
//   int produce(void) {
//     rondo_error error;
//     rondo_segment segment;
//     rondo_producer producer;
//     rondo_ring_options options = {.schema = SCHEMA, .topology = RONDO_SPSC, .slots = 1024,
//                                   .slab_bytes = 65536};
//     if (rondo_create(&segment, NULL, "trades", &options, 1, &error) != RONDO_OK ||
//         rondo_producer_open(&producer, &segment, 0, SCHEMA, NULL, &error) != RONDO_OK)
//       return fprintf(stderr, "%s: %s\n", rondo_code_name(error.code), error.message), 1;
//     while (rondo_consumers(&producer) == 0) usleep(1000); // The last one to leave takes it away.
//     for (uint64_t id = 0; id < 1000;) {
//       void *slot;
//       int code = rondo_try_claim(&producer, &slot); // Written where it will be read, all zero.
//       if (code == RONDO_OK) {
//         trade *out = (trade *)slot;
//         out->id = id;
//         out->price = 1.5;
//         code = rondo_try_piece(&producer, &out->note, "hello", 5);
//         code = code == RONDO_OK ? rondo_commit(&producer) : (rondo_abort(&producer), code);
//       }
//       if (code == RONDO_OK) id++;
//       else if (code == RONDO_FULL) rondo_wait_writable(&producer, -1);
//       else break; // RONDO_CLOSED, or an error.
//     }
//     rondo_producer_close(&producer);
//     rondo_close(&segment);
//     return 0;
//   }
//
//   int consume(void) {
//     rondo_error error;
//     rondo_segment segment;
//     rondo_consumer consumer;
//     trade in;
//     if (rondo_open(&segment, NULL, "trades", &error) != RONDO_OK ||
//         rondo_consumer_open(&consumer, &segment, 0, SCHEMA, NULL, &error) != RONDO_OK)
//       return fprintf(stderr, "%s: %s\n", rondo_code_name(error.code), error.message), 1;
//     while (rondo_pop(&consumer, &in, -1) == RONDO_OK) { // RONDO_ENDED is not an error.
//       const void *note;
//       uint32_t length;
//       if (rondo_bytes(&consumer, &in.note, &note, &length) == RONDO_OK)
//         printf("%llu %f %.*s\n", (unsigned long long)in.id, in.price, (int)length,
//                (const char *)note);
//     }
//     rondo_consumer_close(&consumer);
//     rondo_close(&segment);
//     return 0;
//   }
//
// Rules that hold everywhere:
//  - A segment, a producer and a consumer are structs of the caller's, filled by their `open` and
//    emptied by their `close`; they stay where they are in between. A segment outlives its
//    producers and consumers.
//  - Each is used by one thread at a time. Producers and consumers of one segment may be used in
//    different threads, but are opened and closed by the thread that uses the segment.
//  - They belong to the process that opened them: a child made by fork opens its own
//    (rondo_attach with the inherited descriptor), and does not close those of its parent.
//  - Functions give RONDO_OK, another value ≥ 0 (full, empty, closed, ended, timeout: no failure),
//    or a negative error. Opening functions write its text to `error`, which may be NULL.
//  - Names that begin with `rr_` are not for use.
#ifndef RONDO_RING_H
#define RONDO_RING_H

#ifndef _GNU_SOURCE
#error "rondo_ring.h needs -D_GNU_SOURCE: memfd_create, F_GET_SEALS and their like are Linux's own"
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifdef __cplusplus
#include <atomic>
typedef std::atomic<uint32_t> rondo_word;
typedef std::atomic<uint64_t> rr_long;
#define RR_ORDER(order) std::memory_order_##order
#else
#include <stdatomic.h>
typedef _Atomic uint32_t rondo_word;
typedef _Atomic uint64_t rr_long;
#define RR_ORDER(order) memory_order_##order
#endif

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Segments are little-endian"
#endif

// ---------------------------------------------------------------------------------------------
// What can come out
// ---------------------------------------------------------------------------------------------

enum {
  RONDO_OK = 0,
  RONDO_FULL = 1,    // no room now, of slots or of slab
  RONDO_EMPTY = 2,   // no message now
  RONDO_CLOSED = 3,  // for producers: the consumer wants no more
  RONDO_ENDED = 4,   // for consumers: drained, and all producers have closed
  RONDO_TIMEOUT = 5, // a wait took as long as it was allowed to

  RONDO_ERR_SYSTEM = -1,            // a system call failed; `system` is its errno
  RONDO_ERR_OPTION_RANGE = -2,      // an option or argument is outside its range
  RONDO_ERR_RING_SEGMENT = -3,      // no segment that can be used
  RONDO_ERR_RING_SCHEMA = -4,       // structs differ; the text names the fields
  RONDO_ERR_RING_ROLE_TAKEN = -5,   // all places of that side have living owners
  RONDO_ERR_RING_PARTICIPANTS = -6, // 64 participants are there already
  RONDO_ERR_RING_POISONED = -7,     // somebody found a lie: see rondo_poison
  RONDO_ERR_RING_PEER_DIED = -8,    // waits: a peer died or left; waiting again is fine
  RONDO_ERR_RING_CLOSED = -9,       // used after its close
  RONDO_ERR_RING_CLAIM = -10,       // claim, piece, commit, abort in an order that cannot be
  RONDO_ERR_RING_MESSAGE_SIZE = -11, // pieces of a message that no empty slab has room for
  RONDO_ERR_RING_NAME = -12,        // no valid name
  RONDO_ERR_RING_EXISTS = -13,      // somebody holds that name
  RONDO_ERR_RING_NOT_FOUND = -14,   // nobody alive holds that name
  RONDO_ERR_RING_DIRECTORY = -15,   // not a directory of the user's with mode 0700
};

// Topologies. §1
enum { RONDO_SPSC = 1, RONDO_MPSC = 2, RONDO_MPMC = 3, RONDO_BROADCAST = 4 };

// What a wait may do, beside a number of microseconds to spin before it sleeps.
#define RONDO_SPIN_DEFAULT 50u
#define RONDO_SPIN_ONLY UINT32_MAX

// An error with its text. `system` is an errno, or 0.
typedef struct rondo_error {
  int code;
  int system;
  char message[500];
} rondo_error;

// A field of type slab:text or slab:bytes. Written by rondo_try_piece, read with rondo_bytes.
typedef struct rondo_piece {
  uint32_t position;
  uint32_t length;
} rondo_piece;

// The schema of rings of variable-length records, and its struct.
#define RONDO_RECORD_SCHEMA                                                                       \
  "rondo-struct 1\nname rondo.Record\nfield type u32 0\nfield payload slab:bytes 4\n"             \
  "size 12 align 4\n"
typedef struct rondo_record {
  uint32_t type;
  rondo_piece payload;
} rondo_record;

// A ring to create. What is 0 is as the comment says.
typedef struct rondo_ring_options {
  const char *schema;  // canonical text, §3; lives as long as the call
  uint32_t topology;   // RONDO_SPSC, …
  bool lossy;          // overwrite the oldest instead of waiting
  uint32_t lanes;      // producers, 1 to 64; 0: 1. SPSC and broadcast have 1
  uint32_t consumers;  // places, 1 to 64; 0: 1. SPSC and MPSC have 1
  uint32_t slots;      // per lane: a power of two up to 2²⁴; 0: 1024
  uint32_t slab_bytes; // per lane: 0, or a power of two from 64 to 2²⁹
} rondo_ring_options;

// A ring of a segment: its geometry as it was checked. To be read only.
typedef struct rondo_ring {
  unsigned char *block;
  uint32_t topology, lossy, lanes, cursors, consumers, slots, stride, slab_bytes;
  uint32_t area, lane_bytes, starts, slab; // where lanes' slots begin; offsets within a lane's
  char *schema;                            // a private copy, ended by a zero
  uint32_t schema_bytes;
  uint64_t fingerprint;
} rondo_ring;

// Who somebody is. §5
typedef struct rr_identity {
  uint32_t pid, tid;
  uint64_t start, space;
  unsigned char boot[16];
} rr_identity;

enum { RR_RINGS = 8, RR_PARTICIPANTS = 64, RR_OWNERS = 64, RR_PATH = 1024 };

// A segment that this process has mapped.
typedef struct rondo_segment {
  unsigned char *base;
  uint32_t bytes;
  uint32_t rings; // 1 to 8
  int descriptor; // close-on-exec; for a child that is to inherit it, clear that flag there
  rondo_ring ring[RR_RINGS];
  char name[64];
  unsigned char id[16];
  rr_identity self;
  int participant;      // index of this process's entry, or -1
  uint32_t live;        // its state word
  char holder[RR_PATH]; // path of this process's holder file, or empty
} rondo_segment;

// How a producer works. NULL, or all zero but `lane`, are the defaults.
typedef struct rondo_producer_options {
  uint32_t publish_every;     // messages published together; 0: 1. At most the slots of the ring
  uint32_t spin_microseconds; // before sleeping; RONDO_SPIN_ONLY never sleeps
  bool sleep_at_once;         // do not spin
  int lane;                   // 1 and more: only lane `lane - 1`; 0: any
} rondo_producer_options;

// How a consumer works. NULL or all zero are the defaults.
typedef struct rondo_consumer_options {
  uint32_t release_every;     // messages that rondo_try_pop releases together; 0: 1
  uint32_t spin_microseconds; // before sleeping; RONDO_SPIN_ONLY never sleeps
  bool sleep_at_once;         // do not spin
} rondo_consumer_options;

// Somebody on the other side, watched while waiting.
typedef struct rr_watch {
  uint32_t word;
  int pidfd;
  bool told; // that this lane is open without an owner
  rr_identity identity;
} rr_watch;

// Where the fields are that lie in the slab, from a schema text.
typedef struct rr_field {
  uint32_t offset, presence, bit; // presence: UINT32_MAX when not optional
  rondo_piece seen;               // as copied last, before it was rewritten
} rr_field;

typedef struct rondo_producer {
  rondo_segment *segment;
  rondo_ring *ring;
  uint32_t lane, mine, size; // its owner word; bytes of the struct
  rondo_word *control;      // §4
  unsigned char *slots, *slab;
  rondo_word *starts;
  uint32_t mask, stride, tail, published, head;
  uint32_t slab_tail, message_slab, slab_free; // behind the last piece; begin of message; free from
  uint32_t intent, slab_intent, publish_every, blocked_head;
  int state;                // RONDO_OK, or what every call gives
  bool claimed, gated, blocked, restart, died, closed;
  uint32_t spin;
  rr_watch watch[RR_OWNERS];
} rondo_producer;

typedef struct rr_lane {
  rondo_word *control, *cursor;
  const unsigned char *slots, *slab;
  uint32_t head, tail, released;
} rr_lane;

typedef struct rondo_consumer {
  rondo_segment *segment;
  rondo_ring *ring;
  uint32_t place, mine, size, current, unreleased, release_every;
  bool copies, asking, died, in_place;
  int state;                // RONDO_OK, or what every call gives
  uint64_t lost;            // messages that were overwritten before this consumer came to them
  uint32_t expected_lanes;  // the ring has not ended before that many lanes were used; 0: 1
  rr_field *fields;
  uint32_t field_count;
  unsigned char *message;   // private copy for rondo_try_read
  unsigned char *pieces;    // private copies of pieces
  size_t pieces_used, pieces_size;
  const unsigned char *slab; // of the message that was read in place last
  uint32_t spin;
  rr_lane lane[RR_OWNERS];
  rr_watch watch[RR_OWNERS];
} rondo_consumer;

// ---------------------------------------------------------------------------------------------
// The functions
// ---------------------------------------------------------------------------------------------

// The name of a code as in the table of errors of the TypeScript side: "ERR_RING_SCHEMA".
static inline const char *rondo_code_name(int code);

// Makes a segment with `count` rings: 1 is a ring, 2 a channel (request, response). With a name it
// is found in `directory`, which is made when it does not exist; NULL is /dev/shm/rondo-<uid>.
// Without a name (NULL) others get it by its descriptor.
static inline int rondo_create(rondo_segment *segment, const char *directory, const char *name,
                               const rondo_ring_options *rings, uint32_t count,
                               rondo_error *error);
// Attaches to the segment of a name that somebody alive holds.
static inline int rondo_open(rondo_segment *segment, const char *directory, const char *name,
                             rondo_error *error);
// Attaches to the segment behind a descriptor, which stays the caller's.
static inline int rondo_attach(rondo_segment *segment, int descriptor, rondo_error *error);
// Lets a segment go; the last one to do so takes it away. What was not closed before is given up
// as if its owner had detached.
static inline void rondo_close(rondo_segment *segment);
// Removes names whose holders are all dead, and what creators left that died. Gives their number.
static inline int rondo_clean(const char *directory, rondo_error *error);
// Clears up after participants that died (§5); gives how many there were.
static inline int rondo_reap(rondo_segment *segment);
// 0, or the code of the lie that was found in a ring (§11).
static inline uint32_t rondo_poison(rondo_segment *segment, uint32_t ring);

// Takes a lane of a ring. `schema` must be that of the ring.
static inline int rondo_producer_open(rondo_producer *producer, rondo_segment *segment,
                                      uint32_t ring, const char *schema,
                                      const rondo_producer_options *options, rondo_error *error);
// The next slot, all zero, to write a message to: RONDO_OK, RONDO_FULL, RONDO_CLOSED or an error.
static inline int rondo_try_claim(rondo_producer *producer, void **slot);
// Copies bytes into the slab and refers to them from a field of the claimed slot. After RONDO_FULL:
// abort, wait, claim again.
static inline int rondo_try_piece(rondo_producer *producer, void *field, const void *bytes,
                                  uint32_t length);
// As rondo_try_piece, for bytes that the caller writes, before the commit.
static inline int rondo_try_reserve(rondo_producer *producer, void *field, uint32_t length,
                                    void **bytes);
// The message in the claimed slot is complete. It is published with `publish_every` others.
static inline int rondo_commit(rondo_producer *producer);
// Gives the claimed slot up.
static inline int rondo_abort(rondo_producer *producer);
// Publishes what was committed, and lets consumers in that ask for it.
static inline int rondo_flush(rondo_producer *producer);
// Pushes a copy of a message without pieces (fields that would refer to some are zero): RONDO_OK,
// RONDO_FULL, RONDO_CLOSED or an error.
static inline int rondo_try_push(rondo_producer *producer, const void *message);
// As rondo_try_push for up to `count` messages, `size` bytes of the schema apart, which it
// publishes at once. Writes to `*pushed` how many; RONDO_OK when at least one.
static inline int rondo_try_push_many(rondo_producer *producer, const void *messages,
                                      uint32_t count, uint32_t *pushed);
// As rondo_try_push, waiting for room up to `timeout_us` microseconds; negative: for ever.
static inline int rondo_push(rondo_producer *producer, const void *message, int64_t timeout_us);
// After RONDO_FULL: publishes, and waits for room. RONDO_OK, RONDO_TIMEOUT, RONDO_CLOSED,
// RONDO_ERR_RING_PEER_DIED (once for each death; waiting again is fine) or an error.
static inline int rondo_wait_writable(rondo_producer *producer, int64_t timeout_us);
// How many consumers have joined; lets in those who ask.
static inline uint32_t rondo_consumers(rondo_producer *producer);
// Publishes, and says that no more will come.
static inline void rondo_producer_close(rondo_producer *producer);
// Publishes, and leaves the lane to a successor.
static inline void rondo_producer_detach(rondo_producer *producer);

// Takes a place. `schema` is that of the ring, or has the first of its fields.
static inline int rondo_consumer_open(rondo_consumer *consumer, rondo_segment *segment,
                                      uint32_t ring, const char *schema,
                                      const rondo_consumer_options *options, rondo_error *error);
// The next message: in place on rings that are neither lossy nor MPMC, where it stays until
// rondo_release or a wait; otherwise a private copy, until the next call. RONDO_OK, RONDO_EMPTY,
// RONDO_ENDED or an error. In place, the peer may still change it: read each field once.
static inline int rondo_try_read(rondo_consumer *consumer, const void **message);
// Lets the producer overwrite all that rondo_try_read gave.
static inline int rondo_release(rondo_consumer *consumer);
// Copies the next message (`size` bytes of the own schema) with its pieces, and releases it.
static inline int rondo_try_pop(rondo_consumer *consumer, void *message);
// As rondo_try_pop for up to `count` messages, `size` bytes apart. Writes to `*popped` how many.
static inline int rondo_try_pop_many(rondo_consumer *consumer, void *messages, uint32_t count,
                                     uint32_t *popped);
// As rondo_try_pop, waiting up to `timeout_us` microseconds; negative: for ever.
static inline int rondo_pop(rondo_consumer *consumer, void *message, int64_t timeout_us);
// The bytes of a piece of a message that was got last. Of a popped message they are a private copy
// that stays until the next call; of one that was read in place they lie in the slab, where a
// hostile peer may change them: copy (rondo_copy_bytes) before parsing.
static inline int rondo_bytes(rondo_consumer *consumer, const void *field, const void **bytes,
                              uint32_t *length);
// Copies a piece: gives its length, or RONDO_ERR_OPTION_RANGE when `capacity` is smaller.
static inline int64_t rondo_copy_bytes(rondo_consumer *consumer, const void *field, void *buffer,
                                       uint32_t capacity);
// Releases, and waits for messages or the end. RONDO_OK (look again: also at the end),
// RONDO_TIMEOUT, RONDO_ERR_RING_PEER_DIED (once for each death; waiting again is fine) or an error.
static inline int rondo_wait_readable(rondo_consumer *consumer, int64_t timeout_us);
// Says that no more is wanted, on SPSC and MPSC rings; on others it gives up the place only.
static inline void rondo_consumer_close(rondo_consumer *consumer);
// Leaves the place to a successor, who goes on behind what was released.
static inline void rondo_consumer_detach(rondo_consumer *consumer);

// ---------------------------------------------------------------------------------------------
// Atomic words. Sequentially consistent unless the name says otherwise: §8 needs that of whatever
// is ordered against a bell.
// ---------------------------------------------------------------------------------------------

static inline uint32_t rr_load(rondo_word *word) {
  return atomic_load_explicit(word, RR_ORDER(seq_cst));
}

static inline uint32_t rr_load_relaxed(rondo_word *word) {
  return atomic_load_explicit(word, RR_ORDER(relaxed));
}

static inline void rr_store(rondo_word *word, uint32_t value) {
  atomic_store_explicit(word, value, RR_ORDER(seq_cst));
}

static inline void rr_store_relaxed(rondo_word *word, uint32_t value) {
  atomic_store_explicit(word, value, RR_ORDER(relaxed));
}

static inline bool rr_cas(rondo_word *word, uint32_t expected, uint32_t value) {
  return atomic_compare_exchange_strong_explicit(word, &expected, value, RR_ORDER(seq_cst),
                                                 RR_ORDER(seq_cst));
}

// A counter with one writer.
static inline void rr_count(rondo_word *word, uint32_t more) {
  rr_store_relaxed(word, rr_load_relaxed(word) + more);
}

#if defined(__SANITIZE_THREAD__)
// The sanitizer knows no fences, but read-modify-writes of one word.
static inline void rr_fence(void) {
  static rondo_word word;
  atomic_fetch_add_explicit(&word, 1u, RR_ORDER(seq_cst));
}
#else
static inline void rr_fence(void) { atomic_thread_fence(RR_ORDER(seq_cst)); }
#endif

static inline void rr_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb");
#endif
}

// Copies from and to memory that somebody else may write at the same time: each word once.
static inline void rr_copy_in(void *to, const unsigned char *from, size_t bytes) {
  size_t at = 0;
  for (; at + 8 <= bytes; at += 8) {
    uint64_t word = atomic_load_explicit((rr_long *)(uintptr_t)(from + at), RR_ORDER(relaxed));
    memcpy((unsigned char *)to + at, &word, 8);
  }
  for (; at < bytes; at++) ((unsigned char *)to)[at] = *(const volatile unsigned char *)(from + at);
}

static inline void rr_copy_out(unsigned char *to, const void *from, size_t bytes) {
  size_t at = 0;
  for (; at + 8 <= bytes; at += 8) {
    uint64_t word;
    memcpy(&word, (const unsigned char *)from + at, 8);
    atomic_store_explicit((rr_long *)(uintptr_t)(to + at), word, RR_ORDER(relaxed));
  }
  for (; at < bytes; at++) *(volatile unsigned char *)(to + at) = ((const unsigned char *)from)[at];
}

static inline void rr_zero(unsigned char *to, size_t bytes) { // A multiple of 8.
  for (size_t at = 0; at < bytes; at += 8)
    atomic_store_explicit((rr_long *)(uintptr_t)(to + at), (uint64_t)0, RR_ORDER(relaxed));
}

static inline rondo_word *rr_word(const unsigned char *base, size_t offset) {
  return (rondo_word *)(uintptr_t)(base + offset);
}

static inline uint64_t rr_up(uint64_t value, uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

static inline bool rr_is_power(uint32_t value) { return value != 0 && (value & (value - 1)) == 0; }

static inline int64_t rr_microseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

// ---------------------------------------------------------------------------------------------
// Errors
// ---------------------------------------------------------------------------------------------

static inline const char *rondo_code_name(int code) {
  static const char *const values[] = {"ok", "full", "empty", "closed", "ended", "timeout"};
  static const char *const errors[] = {
      "ERR_SYSTEM",           "ERR_OPTION_RANGE",      "ERR_RING_SEGMENT",
      "ERR_RING_SCHEMA",      "ERR_RING_ROLE_TAKEN",   "ERR_RING_PARTICIPANTS",
      "ERR_RING_POISONED",    "ERR_RING_PEER_DIED",    "ERR_RING_CLOSED",
      "ERR_RING_CLAIM",       "ERR_RING_MESSAGE_SIZE", "ERR_RING_NAME",
      "ERR_RING_EXISTS",      "ERR_RING_NOT_FOUND",    "ERR_RING_DIRECTORY",
  };
  if (code >= 0 && code <= RONDO_TIMEOUT) return values[code];
  if (code < 0 && code >= RONDO_ERR_RING_DIRECTORY) return errors[-1 - code];
  return "unknown";
}

__attribute__((format(printf, 3, 4))) static inline int rr_fail(rondo_error *error, int code,
                                                                const char *format, ...) {
  int system = errno;
  if (error == NULL) return code;
  error->code = code;
  error->system = code == RONDO_ERR_SYSTEM ? system : 0;
  va_list arguments;
  va_start(arguments, format);
  int used = vsnprintf(error->message, sizeof error->message, format, arguments);
  va_end(arguments);
  size_t at = used < 0 ? 0 : (size_t)used;
  if (code == RONDO_ERR_SYSTEM && at < sizeof error->message)
    snprintf(error->message + at, sizeof error->message - at, ": %s", strerror(system));
  return code;
}

// ---------------------------------------------------------------------------------------------
// Fingerprints: the first 8 bytes of SHA-256 (FIPS 180-4). §3
// ---------------------------------------------------------------------------------------------

static inline uint32_t rr_rotate(uint32_t x, int by) { return x >> by | x << (32 - by); }

static inline void rr_sha_block(uint32_t state[8], const unsigned char *block) {
  static const uint32_t k[64] = {
      0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
      0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
      0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
      0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
      0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
      0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
      0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
      0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
      0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
      0xc67178f2,
  };
  uint32_t w[64], v[8];
  for (int i = 0; i < 16; i++)
    w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
           (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
  for (int i = 16; i < 64; i++)
    w[i] = w[i - 16] + w[i - 7] +
           (rr_rotate(w[i - 15], 7) ^ rr_rotate(w[i - 15], 18) ^ w[i - 15] >> 3) +
           (rr_rotate(w[i - 2], 17) ^ rr_rotate(w[i - 2], 19) ^ w[i - 2] >> 10);
  memcpy(v, state, sizeof v);
  for (int i = 0; i < 64; i++) {
    uint32_t e = v[4], a = v[0];
    uint32_t one = v[7] + (rr_rotate(e, 6) ^ rr_rotate(e, 11) ^ rr_rotate(e, 25)) +
                   ((e & v[5]) ^ (~e & v[6])) + k[i] + w[i];
    uint32_t two = (rr_rotate(a, 2) ^ rr_rotate(a, 13) ^ rr_rotate(a, 22)) +
                   ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
    memmove(v + 1, v, 7 * sizeof v[0]);
    v[4] += one;
    v[0] = one + two;
  }
  for (int i = 0; i < 8; i++) state[i] += v[i];
}

static inline uint64_t rr_fingerprint(const char *text, size_t bytes) {
  uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                       0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  unsigned char last[128] = {0};
  size_t whole = bytes / 64 * 64, rest = bytes - whole, end = rest < 56 ? 64 : 128;
  for (size_t at = 0; at < whole; at += 64)
    rr_sha_block(state, (const unsigned char *)text + at);
  memcpy(last, text + whole, rest);
  last[rest] = 0x80;
  for (size_t i = 0; i < 8; i++) last[end - 1 - i] = (unsigned char)((uint64_t)bytes * 8 >> 8 * i);
  rr_sha_block(state, last);
  if (end == 128) rr_sha_block(state, last + 64);
  return (uint64_t)__builtin_bswap32(state[1]) << 32 | __builtin_bswap32(state[0]);
}

// ---------------------------------------------------------------------------------------------
// Schemas. §3
// ---------------------------------------------------------------------------------------------

// A line of a schema text: where it begins and its length without the line feed.
typedef struct rr_line {
  const char *at;
  size_t bytes;
} rr_line;

static inline bool rr_next_line(const char **text, rr_line *line) {
  if (**text == '\0') return false;
  const char *end = strchr(*text, '\n');
  line->at = *text;
  line->bytes = end ? (size_t)(end - *text) : strlen(*text);
  *text += line->bytes + (end != NULL);
  return true;
}

static inline bool rr_begins(const rr_line *line, const char *prefix) {
  return line->bytes >= strlen(prefix) && memcmp(line->at, prefix, strlen(prefix)) == 0;
}

// The struct's size, or 0 when the text has none.
static inline uint32_t rr_schema_size(const char *text) {
  rr_line line;
  while (rr_next_line(&text, &line))
    if (rr_begins(&line, "size ")) {
      unsigned long size = strtoul(line.at + 5, NULL, 10);
      return size <= 65536 ? (uint32_t)size : 0;
    }
  return 0;
}

// A field line in its parts: name, type, offset.
typedef struct rr_field_line {
  rr_line name, type;
  unsigned long offset;
} rr_field_line;

static inline bool rr_split_field(const rr_line *line, rr_field_line *field) {
  if (!rr_begins(line, "field ")) return false;
  const char *begin = line->at + 6, *end = line->at + line->bytes;
  const char *name_end = (const char *)memchr(begin, ' ', (size_t)(end - begin));
  const char *type_end = end;
  while (type_end > begin && type_end[-1] != ' ') type_end--;
  if (name_end == NULL || type_end - 1 <= name_end || type_end == end) return false;
  field->name.at = begin;
  field->name.bytes = (size_t)(name_end - begin);
  field->type.at = name_end + 1;
  field->type.bytes = (size_t)(type_end - 1 - (name_end + 1));
  field->offset = strtoul(type_end, NULL, 10);
  return true;
}

// Whether a type contains a slab reference somewhere inside.
static inline bool rr_has_slab(const rr_line *type) {
  for (size_t at = 0; at + 5 <= type->bytes; at++)
    if (memcmp(type->at + at, "slab:", 5) == 0 && (at == 0 || type->at[at - 1] == '(' ||
                                                   type->at[at - 1] == ' '))
      return true;
  return false;
}

// Finds the fields of a schema that lie in the slab. The caller frees `*fields`.
static inline int rr_slab_fields(const char *schema, rr_field **fields, uint32_t *count,
                                 rondo_error *error) {
  uint32_t size = rr_schema_size(schema), presence = UINT32_MAX;
  const char *text = schema;
  rr_line line;
  rr_field_line field;
  *fields = NULL;
  *count = 0;
  while (rr_next_line(&text, &line)) {
    if (!rr_split_field(&line, &field)) continue;
    if (rr_begins(&field.type, "presence")) presence = (uint32_t)field.offset;
    if (!rr_has_slab(&field.type)) continue;
    bool optional = rr_begins(&field.type, "optional:");
    rr_line inner = field.type;
    while (optional && inner.bytes > 0 && inner.at[-1] != '(') inner.at++, inner.bytes--;
    // Slab fields inside arrays and structs do not exist.
    if (!rr_begins(&inner, "slab:") || field.offset > 65536 || field.offset + 8 > size ||
        field.offset % 4 != 0 ||
        (optional && (presence > 65536 || presence + 4 > size || presence % 4 != 0))) {
      free(*fields);
      *fields = NULL;
      return rr_fail(error, RONDO_ERR_RING_SCHEMA, "Cannot use the schema: %.*s", (int)line.bytes,
                     line.at);
    }
    rr_field *grown = (rr_field *)realloc(*fields, (*count + 1) * sizeof **fields);
    if (grown == NULL) {
      free(*fields);
      *fields = NULL;
      return rr_fail(error, RONDO_ERR_SYSTEM, "Cannot allocate memory");
    }
    *fields = grown;
    memset(&grown[*count], 0, sizeof *grown);
    grown[*count].offset = (uint32_t)field.offset;
    grown[*count].presence = optional ? presence : UINT32_MAX;
    grown[*count].bit = optional ? (uint32_t)strtoul(field.type.at + 9, NULL, 10) & 31 : 0;
    *count += 1;
  }
  return RONDO_OK;
}

static inline void rr_add_difference(char *to, size_t size, const rr_line *ours,
                                     const rr_line *theirs) {
  size_t used = strlen(to);
  if (used + 1 >= size) return;
  int ours_bytes = ours ? (int)ours->bytes : 4, theirs_bytes = theirs ? (int)theirs->bytes : 4;
  snprintf(to + used, size - used, "%s here `%.*s`, there `%.*s`", used ? ";" : "", ours_bytes,
           ours ? ours->at : "none", theirs_bytes, theirs ? theirs->at : "none");
}

// Compares the text of who attaches with the segment's: field by field, in the message.
static inline int rr_check_schema(const rondo_ring *ring, const char *schema, bool producer,
                                  rondo_error *error) {
  if (rr_fingerprint(schema, strlen(schema)) == ring->fingerprint) return RONDO_OK;
  char text[400] = "";
  const char *ours = schema, *theirs = ring->schema;
  rr_line our, their;
  bool prefix = true;
  for (bool here = true, there = true;;) {
    here = here && rr_next_line(&ours, &our);
    there = there && rr_next_line(&theirs, &their);
    if (!here && !there) break;
    // The size may differ when fields were appended; so may the number of lines.
    bool ours_ended = !here || rr_begins(&our, "size ");
    if (here && there && our.bytes == their.bytes && memcmp(our.at, their.at, our.bytes) == 0)
      continue;
    if (!ours_ended) prefix = false;
    rr_add_difference(text, sizeof text, here ? &our : NULL, there ? &their : NULL);
    if (ours_ended && here) here = false;
  }
  uint32_t size = rr_schema_size(schema);
  if (!producer && prefix && size > 0 && size <= ring->stride) return RONDO_OK;
  return rr_fail(error, RONDO_ERR_RING_SCHEMA, "Cannot attach as %s: the structs differ:%s",
                 producer ? "producer" : "consumer", text);
}

// ---------------------------------------------------------------------------------------------
// Identity, and who is dead. §5
// ---------------------------------------------------------------------------------------------

// Fields 3, 20 and 22 of a stat file. False when there is no such process or thread.
static inline bool rr_read_stat(uint32_t pid, uint32_t tid, char *state, long *threads,
                                uint64_t *start) {
  char path[64], text[1024];
  if (tid == 0) snprintf(path, sizeof path, "/proc/%u/stat", pid);
  else snprintf(path, sizeof path, "/proc/%u/task/%u/stat", pid, tid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t got = read(fd, text, sizeof text - 1);
  close(fd);
  if (got <= 0) return false; // ESRCH: it ended in between.
  text[got] = '\0';
  char *after = strrchr(text, ')'); // The name before it may contain anything.
  unsigned long long ticks = 0;
  if (after == NULL ||
      sscanf(after + 1,
             " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %ld %*s %llu",
             state, threads, &ticks) != 3)
    return false;
  *start = ticks;
  return true;
}

static inline int rr_identify(rr_identity *self, rondo_error *error) {
  char state, text[64] = "";
  long threads;
  struct stat space;
  memset(self, 0, sizeof *self);
  self->pid = (uint32_t)getpid();
  int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  uint32_t digits = 0;
  for (ssize_t at = 0; at < got && digits < 32; at++) {
    const char *hex = "0123456789abcdef", *digit = text[at] ? strchr(hex, text[at]) : NULL;
    if (digit == NULL) continue;
    self->boot[digits / 2] = (unsigned char)(self->boot[digits / 2] << 4 | (digit - hex));
    digits++;
  }
  if (digits != 32 || stat("/proc/self/ns/pid", &space) != 0 ||
      !rr_read_stat(self->pid, 0, &state, &threads, &self->start))
    return rr_fail(error, RONDO_ERR_SYSTEM, "Cannot tell who this process is from /proc");
  self->space = space.st_ino;
  return RONDO_OK;
}

static inline bool rr_is_dead(const rr_identity *self, const rr_identity *peer) {
  char state;
  long threads;
  uint64_t start;
  if (memcmp(self->boot, peer->boot, sizeof peer->boot) != 0) return true;
  if (self->space != peer->space) return false; // Nothing can be said.
  if (!rr_read_stat(peer->pid, peer->tid, &state, &threads, &start)) return true;
  if (start != peer->start) return true;
  return (state == 'Z' || state == 'X') && (peer->tid != 0 || threads <= 1);
}

// ---------------------------------------------------------------------------------------------
// Geometry. §4
// ---------------------------------------------------------------------------------------------

enum {
  RR_BLOCK_CLOSED = 128,
  RR_BLOCK_POISON = 132,
  RR_BLOCK_CONSUMERS_BELL = 256,
  RR_BLOCK_PRODUCERS_BELL = 384,
  RR_BLOCK_LANE_OWNERS = 512,
  RR_BLOCK_PLACE_OWNERS = 768,
  RR_BLOCK_LANES = 1024,
};

// Indices of words of a lane's control, and of a cursor.
enum {
  RR_TAIL = 0,
  RR_INTENT = 1,
  RR_SLAB_TAIL = 2,
  RR_SLAB_INTENT = 3,
  RR_STATE = 4,
  RR_TIMES_FULL = 32,
  RR_ABORTED = 34,
  RR_WAKES = 35,
  RR_SLEEPS = 36,
  RR_FLUSHES = 37,
  RR_HEAD = 0,
  RR_LOST = 1,
  RR_CURSOR_WAKES = 2,
  RR_CURSOR_SLEEPS = 3,
};

enum { RR_LANE_OPEN = 1, RR_LANE_CLOSED = 2, RR_ASKING = 0x10000 };
enum { RR_LIE_TAIL = 1, RR_LIE_HEAD = 2, RR_LIE_PIECE = 3 };

// What a geometry has that no ring can have, or NULL.
static inline const char *rr_geometry_problem(const rondo_ring *ring) {
  bool broadcast = ring->topology == RONDO_BROADCAST;
  uint32_t lanes = ring->topology == RONDO_SPSC || broadcast ? 1 : 64;
  uint32_t places = ring->topology == RONDO_SPSC || ring->topology == RONDO_MPSC ? 1 : 64;
  if (ring->topology < RONDO_SPSC || ring->topology > RONDO_BROADCAST) return "topology";
  if (ring->lanes < 1 || ring->lanes > lanes) return "number of lanes";
  if (ring->consumers < 1 || ring->consumers > places) return "number of consumer places";
  if (ring->cursors != (broadcast ? ring->consumers : 1)) return "number of cursors";
  if (!rr_is_power(ring->slots) || ring->slots > 1u << 24) return "number of slots";
  if (ring->stride < 8 || ring->stride > 65536 || ring->stride % 8 != 0) return "stride";
  if (ring->slab_bytes != 0 &&
      (!rr_is_power(ring->slab_bytes) || ring->slab_bytes < 64 || ring->slab_bytes > 1u << 29))
    return "size of the slab";
  return NULL;
}

// Derives the offsets; gives the bytes of the block.
static inline uint64_t rr_plan(rondo_ring *ring) {
  uint64_t control = 128u * (2 + (uint64_t)ring->cursors);
  uint64_t slots = rr_up((uint64_t)ring->slots * ring->stride, 128);
  uint64_t starts = ring->slab_bytes > 0 ? rr_up(4 * (uint64_t)ring->slots, 128) : 0;
  uint64_t lane = slots + starts + rr_up(ring->slab_bytes, 128);
  uint64_t area = RR_BLOCK_LANES + ring->lanes * control;
  uint64_t bytes = area + ring->lanes * lane;
  if (bytes > 1u << 30) return UINT64_MAX;
  ring->area = (uint32_t)area;
  ring->lane_bytes = (uint32_t)lane;
  ring->starts = (uint32_t)slots;
  ring->slab = (uint32_t)(slots + starts);
  return bytes;
}

static inline rondo_word *rr_control(const rondo_ring *ring, uint32_t lane) {
  return rr_word(ring->block, RR_BLOCK_LANES + (size_t)lane * 128 * (2 + ring->cursors));
}

static inline rondo_word *rr_cursor(const rondo_ring *ring, uint32_t lane, uint32_t cursor) {
  return rr_control(ring, lane) + 64 + 32 * (size_t)cursor;
}

static inline unsigned char *rr_slots(const rondo_ring *ring, uint32_t lane) {
  return ring->block + ring->area + (size_t)lane * ring->lane_bytes;
}

static inline rondo_word *rr_owner(const rondo_ring *ring, uint32_t table, uint32_t index) {
  return rr_word(ring->block, table + 4 * (size_t)index);
}

// ---------------------------------------------------------------------------------------------
// Bells. §8
// ---------------------------------------------------------------------------------------------

static inline long rr_futex(rondo_word *word, int operation, uint32_t value,
                            const struct timespec *timeout) {
  return syscall(SYS_futex, word, operation, value, timeout, NULL, 0);
}

// Whether somebody may be asleep, or asks for attention.
static inline bool rr_is_set(rondo_word *bell) { return (rr_load(bell) & 1) != 0; }

// Says that somebody may be asleep; gives the word to sleep on.
static inline uint32_t rr_set_bell(rondo_word *bell) {
  return atomic_fetch_or_explicit(bell, 1u, RR_ORDER(seq_cst)) | 1u;
}

// Wakes all who sleep; gives how many did. The count in the upper bits tells who is about to sleep
// of this ring, also when another sleeper has set the bit anew since.
static inline long rr_ring_bell(rondo_word *bell) {
  for (uint32_t seen = rr_load(bell); (seen & 1) != 0; seen = rr_load(bell))
    if (rr_cas(bell, seen, seen + 1)) return rr_futex(bell, FUTEX_WAKE, INT_MAX, NULL);
  return 0;
}

static inline rondo_word *rr_consumers_bell(const rondo_ring *ring) {
  return rr_word(ring->block, RR_BLOCK_CONSUMERS_BELL);
}

static inline rondo_word *rr_producers_bell(const rondo_ring *ring) {
  return rr_word(ring->block, RR_BLOCK_PRODUCERS_BELL);
}

static inline void rr_ring_both(const rondo_ring *ring) {
  rr_ring_bell(rr_consumers_bell(ring));
  rr_ring_bell(rr_producers_bell(ring));
}

// Says that a lie was found. §11
static inline int rr_poison(const rondo_ring *ring, uint32_t code) {
  rr_cas(rr_word(ring->block, RR_BLOCK_POISON), 0, code);
  rr_ring_both(ring);
  return RONDO_ERR_RING_POISONED;
}

static inline bool rr_is_poisoned(const rondo_ring *ring) {
  return rr_load(rr_word(ring->block, RR_BLOCK_POISON)) != 0;
}

static inline bool rr_is_closed(const rondo_ring *ring) {
  return rr_load(rr_word(ring->block, RR_BLOCK_CLOSED)) != 0;
}

static inline uint32_t rondo_poison(rondo_segment *segment, uint32_t ring) {
  return ring < segment->rings ? rr_load(rr_word(segment->ring[ring].block, RR_BLOCK_POISON)) : 0;
}

// ---------------------------------------------------------------------------------------------
// Participants and roles. §5, §6
// ---------------------------------------------------------------------------------------------

static inline rondo_word *rr_entry(const rondo_segment *segment, uint32_t index) {
  return rr_word(segment->base, 4096 + 128 * (size_t)index);
}

static inline uint32_t rr_generation(uint32_t state) { return state >> 2 & 0xff; }

static inline uint32_t rr_owner_word(uint32_t index, uint32_t state) {
  return (index + 1) | rr_generation(state) << 8;
}

// Copies the identity in an entry that is live with the state `seen`.
static inline bool rr_read_identity(const rondo_segment *segment, uint32_t index, uint32_t seen,
                                    rr_identity *identity) {
  uint32_t words[12];
  for (uint32_t i = 0; i < 12; i++) words[i] = rr_load_relaxed(rr_entry(segment, index) + i);
  if (rr_load(rr_entry(segment, index)) != seen || (seen & 3) != 2) return false;
  identity->pid = words[1];
  identity->tid = words[2];
  memcpy(&identity->start, words + 4, 8);
  memcpy(&identity->space, words + 6, 8);
  memcpy(identity->boot, words + 8, 16);
  return true;
}

static inline bool rr_entry_is_dead(const rondo_segment *segment, uint32_t index, uint32_t seen) {
  rr_identity identity;
  if ((seen & 3) == 2)
    return rr_read_identity(segment, index, seen, &identity) &&
           rr_is_dead(&segment->self, &identity);
  if ((seen & 3) != 1) return false;
  char state; // Joining: all that is known is the thread.
  long threads;
  uint64_t start;
  return !rr_read_stat(seen >> 10, seen >> 10, &state, &threads, &start) || state == 'Z' ||
         state == 'X';
}

// Frees what a dead participant held, and its entry. Any number of survivors may do it at once.
static inline void rr_clear_up(const rondo_segment *segment, uint32_t index, uint32_t seen) {
  uint32_t named = rr_owner_word(index, seen);
  for (uint32_t r = 0; r < segment->rings; r++)
    for (uint32_t i = 0; i < 2 * RR_OWNERS; i++) {
      rondo_word *owner = rr_owner(&segment->ring[r], RR_BLOCK_LANE_OWNERS, i);
      // Again when it fails: a producer may have let the dead one in at that moment.
      for (uint32_t word = rr_load(owner); (word & 0xffff) == named; word = rr_load(owner))
        if (rr_cas(owner, word, 0)) break;
    }
  rr_cas(rr_entry(segment, index), seen, ((rr_generation(seen) + 1) & 0xff) << 2);
  for (uint32_t r = 0; r < segment->rings; r++) rr_ring_both(&segment->ring[r]);
}

static inline int rondo_reap(rondo_segment *segment) {
  int dead = 0;
  for (uint32_t index = 0; index < RR_PARTICIPANTS; index++) {
    uint32_t seen = rr_load(rr_entry(segment, index));
    if ((seen & 3) == 0 || !rr_entry_is_dead(segment, index, seen)) continue;
    rr_clear_up(segment, index, seen);
    dead++;
  }
  return dead;
}

static inline void rr_write_identity(rondo_segment *segment, rondo_word *entry) {
  uint32_t words[32] = {0};
  const rr_identity *self = &segment->self;
  words[1] = self->pid;
  words[3] = 4; // C
  memcpy(words + 4, &self->start, 8);
  memcpy(words + 6, &self->space, 8);
  memcpy(words + 8, self->boot, 16);
  char label[64] = "";
  int fd = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);
  ssize_t got = fd < 0 ? 0 : read(fd, label, sizeof label - 1);
  if (fd >= 0) close(fd);
  if (got > 0 && label[got - 1] == '\n') label[got - 1] = '\0';
  memcpy(words + 16, label, sizeof label);
  for (uint32_t i = 1; i < 32; i++) rr_store_relaxed(entry + i, words[i]);
}

// Makes this process a participant, once.
static inline int rr_join(rondo_segment *segment, rondo_error *error) {
  if (segment->participant >= 0) return RONDO_OK;
  uint32_t thread = (uint32_t)syscall(SYS_gettid);
  for (int attempt = 0; attempt < 2; attempt++) {
    for (uint32_t index = 0; index < RR_PARTICIPANTS; index++) {
      rondo_word *entry = rr_entry(segment, index);
      uint32_t seen = rr_load(entry);
      if ((seen & 3) != 0) continue;
      uint32_t joining = 1 | rr_generation(seen) << 2 | thread << 10;
      if (!rr_cas(entry, seen, joining)) continue;
      rr_write_identity(segment, entry);
      // Who looks from another pid namespace may have taken this thread for dead meanwhile.
      if (!rr_cas(entry, joining, (joining & ~3u) | 2)) continue;
      segment->participant = (int)index;
      segment->live = (joining & ~3u) | 2;
      return RONDO_OK;
    }
    rondo_reap(segment);
  }
  return rr_fail(error, RONDO_ERR_RING_PARTICIPANTS, "Cannot join: all %d entries are taken",
                 RR_PARTICIPANTS);
}

// Frees owner words that name nobody: dead participants, generations that are over, no entry.
static inline void rr_clear_owners(rondo_segment *segment, const rondo_ring *ring, uint32_t table,
                                   uint32_t count) {
  rondo_reap(segment);
  for (uint32_t i = 0; i < count; i++) {
    uint32_t word = rr_load(rr_owner(ring, table, i)), index = (word & 0xff) - 1;
    if (word == 0) continue;
    if (index >= RR_PARTICIPANTS ||
        rr_generation(rr_load(rr_entry(segment, index))) != (word >> 8 & 0xff))
      rr_cas(rr_owner(ring, table, i), word, 0);
  }
}

// The order in which free lanes are taken: one that a dead producer left open, since the ring does
// not end before; one that was never used; one that was closed. Places have no such order.
static inline uint32_t rr_lane_class(const rondo_ring *ring, uint32_t table, uint32_t index) {
  static const uint32_t classes[] = {1, 0, 2};
  uint32_t state = table == RR_BLOCK_LANE_OWNERS ? rr_load(rr_control(ring, index) + RR_STATE) : 1;
  return state <= 2 ? classes[state] : 2;
}

// Takes a free word of a table of owners; gives its index or an error.
static inline int rr_take_role(rondo_segment *segment, const rondo_ring *ring, uint32_t table,
                               uint32_t count, int wanted, uint32_t mine, rondo_error *error) {
  for (int attempt = 0; attempt < 2; attempt++) {
    for (uint32_t kind = 0; kind < 3; kind++)
      for (uint32_t i = 0; i < count; i++) {
        rondo_word *owner = rr_owner(ring, table, i);
        if ((wanted > 0 && (uint32_t)wanted - 1 != i) || rr_load(owner) != 0) continue;
        if (rr_lane_class(ring, table, i) == kind && rr_cas(owner, 0, mine)) return (int)i;
      }
    rr_clear_owners(segment, ring, table, count);
  }
  uint32_t word = rr_load(rr_owner(ring, table, wanted > 0 ? (uint32_t)wanted - 1 : 0));
  uint32_t index = (word & 0xff) - 1;
  uint32_t pid = index < RR_PARTICIPANTS ? rr_load_relaxed(rr_entry(segment, index) + 1) : 0;
  return rr_fail(error, RONDO_ERR_RING_ROLE_TAKEN,
                 "Cannot be %s: all %u are taken, by process %u%s",
                 table == RR_BLOCK_LANE_OWNERS ? "producer" : "consumer", count, pid,
                 count > 1 ? " and others" : "");
}

// Gives a role up, also when a bit of the word has changed.
static inline void rr_give_up(rondo_word *owner, uint32_t mine) {
  for (uint32_t word = rr_load(owner); (word & 0xffff) == (mine & 0xffff); word = rr_load(owner))
    if (rr_cas(owner, word, 0)) return;
}

static inline void rr_leave(rondo_segment *segment) {
  if (segment->participant < 0) return;
  uint32_t index = (uint32_t)segment->participant, mine = rr_owner_word(index, segment->live);
  for (uint32_t r = 0; r < segment->rings; r++)
    for (uint32_t i = 0; i < 2 * RR_OWNERS; i++)
      rr_give_up(rr_owner(&segment->ring[r], RR_BLOCK_LANE_OWNERS, i), mine);
  rr_cas(rr_entry(segment, index), segment->live,
         ((rr_generation(segment->live) + 1) & 0xff) << 2);
  segment->participant = -1;
}

// ---------------------------------------------------------------------------------------------
// Segments. §2, §12
// ---------------------------------------------------------------------------------------------

enum { RR_SCHEMAS = 4096 + RR_PARTICIPANTS * 128, RR_ENTRIES = 128, RR_UNIT = 4096 };
#define RR_MAGIC "RONDORNG"
#define RR_RING_MAGIC 0x474E4952u
#define RR_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

// Frees what a segment has, in any state of being opened.
static inline void rr_drop(rondo_segment *segment) {
  if (segment->base != NULL) munmap(segment->base, segment->bytes);
  if (segment->descriptor >= 0) close(segment->descriptor);
  for (uint32_t r = 0; r < RR_RINGS; r++) free(segment->ring[r].schema);
  memset(segment, 0, sizeof *segment);
  segment->descriptor = -1;
  segment->participant = -1;
}

static inline int rr_begin(rondo_segment *segment, rondo_error *error) {
  memset(segment, 0, sizeof *segment);
  segment->descriptor = -1;
  segment->participant = -1;
  return rr_identify(&segment->self, error);
}

static inline void rr_put(unsigned char *base, size_t offset, uint32_t value) {
  memcpy(base + offset, &value, 4);
}

static inline uint32_t rr_get(const unsigned char *base, size_t offset) {
  uint32_t value;
  memcpy(&value, base + offset, 4);
  return value;
}

// Fills a ring from what its creator wants.
static inline int rr_shape(rondo_ring *ring, const rondo_ring_options *options,
                           rondo_error *error) {
  if (options->schema == NULL || rr_schema_size(options->schema) == 0 ||
      strlen(options->schema) > 65536)
    return rr_fail(error, RONDO_ERR_RING_SCHEMA, "Cannot create a ring: it has no schema");
  ring->topology = options->topology;
  ring->lossy = options->lossy ? 1 : 0;
  ring->lanes = options->lanes == 0 ? 1 : options->lanes;
  ring->consumers = options->consumers == 0 ? 1 : options->consumers;
  ring->cursors = options->topology == RONDO_BROADCAST ? ring->consumers : 1;
  ring->slots = options->slots == 0 ? 1024 : options->slots;
  ring->slab_bytes = options->slab_bytes;
  ring->stride = (uint32_t)rr_up(rr_schema_size(options->schema), 8);
  const char *problem = rr_geometry_problem(ring);
  if (problem != NULL || rr_plan(ring) == UINT64_MAX)
    return rr_fail(error, RONDO_ERR_OPTION_RANGE, "Cannot create a ring: its %s is out of range",
                   problem ? problem : "size");
  ring->schema = strdup(options->schema);
  if (ring->schema == NULL) return rr_fail(error, RONDO_ERR_SYSTEM, "Cannot allocate memory");
  ring->schema_bytes = (uint32_t)strlen(ring->schema);
  ring->fingerprint = rr_fingerprint(ring->schema, ring->schema_bytes);
  return RONDO_OK;
}

// Where parts of these sizes lie: there is one way only. Gives the bytes of the segment.
static inline uint64_t rr_arrange(const uint32_t *texts, const uint64_t *blocks, uint32_t count,
                                  uint64_t *text_at, uint64_t *block_at) {
  uint64_t at = RR_SCHEMAS;
  for (uint32_t r = 0; r < count; r++) {
    text_at[r] = rr_up(at, 8);
    at = text_at[r] + texts[r];
  }
  for (uint32_t r = 0; r < count; r++) {
    block_at[r] = rr_up(at, RR_UNIT);
    at = block_at[r] + blocks[r];
  }
  return rr_up(at, RR_UNIT);
}

// A number of a file of /proc or /sys, behind a word of it; UINT64_MAX when there is none.
static inline uint64_t rr_number_in(const char *path, const char *word) {
  char text[4096];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  if (got <= 0) return UINT64_MAX;
  text[got] = '\0';
  const char *at = strstr(text, word);
  unsigned long long value;
  return at != NULL && sscanf(at + strlen(word), "%llu", &value) == 1 ? value : UINT64_MAX;
}

// Whether there is memory for a segment: a memfd that is too large does not fail to be allocated,
// but ends some process.
static inline bool rr_has_memory(uint64_t bytes) {
  uint64_t kib = rr_number_in("/proc/meminfo", "MemAvailable:");
  uint64_t most = rr_number_in("/sys/fs/cgroup/memory.max", "");
  uint64_t used = rr_number_in("/sys/fs/cgroup/memory.current", "");
  if (kib != UINT64_MAX && bytes > kib * 1024) return false;
  return most == UINT64_MAX || used == UINT64_MAX || (used < most && bytes <= most - used);
}

// A sealed memfd of a size, mapped. Sealed before it is mapped, and before anyone can see it.
static inline int rr_make_memory(rondo_segment *segment, const char *name, rondo_error *error) {
  char label[80];
  snprintf(label, sizeof label, "rondo-%s", name);
  if (!rr_has_memory(segment->bytes))
    return errno = ENOMEM, rr_fail(error, RONDO_ERR_SYSTEM, "Cannot create a segment of %u bytes",
                                   segment->bytes);
  int fd = memfd_create(label, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return rr_fail(error, RONDO_ERR_SYSTEM, "Cannot create a segment");
  segment->descriptor = fd;
  if (ftruncate(fd, segment->bytes) != 0 || fallocate(fd, 0, 0, segment->bytes) != 0 ||
      fcntl(fd, F_ADD_SEALS, RR_SEALS) != 0)
    return rr_fail(error, RONDO_ERR_SYSTEM, "Cannot create a segment of %u bytes", segment->bytes);
  void *base = mmap(NULL, segment->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (base == MAP_FAILED) return rr_fail(error, RONDO_ERR_SYSTEM, "Cannot map a segment");
  segment->base = (unsigned char *)base;
  return RONDO_OK;
}

static inline void rr_write_ring(rondo_segment *segment, uint32_t index, uint32_t text_at,
                                 uint32_t block_at, uint32_t block_bytes) {
  rondo_ring *ring = &segment->ring[index];
  unsigned char *entry = segment->base + RR_ENTRIES + 64 * (size_t)index;
  rr_put(entry, 0, block_at);
  rr_put(entry, 4, block_bytes);
  rr_put(entry, 8, text_at);
  rr_put(entry, 12, ring->schema_bytes);
  memcpy(entry + 16, &ring->fingerprint, 8);
  memcpy(segment->base + text_at, ring->schema, ring->schema_bytes);
  ring->block = segment->base + block_at;
  const uint32_t geometry[] = {RR_RING_MAGIC, ring->topology, ring->lossy,
                               ring->lanes,   ring->cursors,  ring->consumers,
                               ring->slots,   ring->stride,   ring->slab_bytes};
  memcpy(ring->block, geometry, sizeof geometry);
}

static inline int rr_format(rondo_segment *segment, const char *name,
                            const rondo_ring_options *options, uint32_t count,
                            rondo_error *error) {
  uint32_t texts[RR_RINGS];
  uint64_t blocks[RR_RINGS], text_at[RR_RINGS], block_at[RR_RINGS];
  for (uint32_t r = 0; r < count; r++) {
    int code = rr_shape(&segment->ring[r], &options[r], error);
    if (code != RONDO_OK) return code;
    texts[r] = segment->ring[r].schema_bytes;
    blocks[r] = rr_plan(&segment->ring[r]);
  }
  uint64_t bytes = rr_arrange(texts, blocks, count, text_at, block_at);
  if (bytes > 1u << 30)
    return rr_fail(error, RONDO_ERR_OPTION_RANGE,
                   "Cannot create a segment of %llu bytes: it may have 2^30",
                   (unsigned long long)bytes);
  segment->bytes = (uint32_t)bytes;
  segment->rings = count;
  int code = rr_make_memory(segment, name, error);
  if (code != RONDO_OK) return code;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  uint64_t created = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
  if (syscall(SYS_getrandom, segment->id, sizeof segment->id, 0) != (long)sizeof segment->id)
    return rr_fail(error, RONDO_ERR_SYSTEM, "Cannot get random bytes");
  snprintf(segment->name, sizeof segment->name, "%s", name);
  const uint32_t version = 1;
  rr_put(segment->base, 8, version);
  rr_put(segment->base, 12, segment->bytes);
  memcpy(segment->base + 16, segment->id, 16);
  rr_put(segment->base, 32, count);
  rr_put(segment->base, 36, count == 1 ? 1 : 2);
  rr_put(segment->base, 40, RR_PARTICIPANTS);
  memcpy(segment->base + 48, &created, 8);
  memcpy(segment->base + 64, segment->name, strlen(segment->name));
  for (uint32_t r = 0; r < count; r++)
    rr_write_ring(segment, r, (uint32_t)text_at[r], (uint32_t)block_at[r], (uint32_t)blocks[r]);
  memcpy(segment->base + 4, RR_MAGIC + 4, 4);
  // Publishes all of the above to whoever loads the first word.
  atomic_store_explicit(rr_word(segment->base, 0), rr_get((const unsigned char *)RR_MAGIC, 0),
                        RR_ORDER(release));
  return RONDO_OK;
}

// Checks a private copy of the geometry of a ring, against the bytes that its header says.
static inline const char *rr_check_ring(rondo_ring *ring, uint64_t block_bytes) {
  uint32_t words[9];
  for (uint32_t i = 0; i < 9; i++) words[i] = rr_load_relaxed(rr_word(ring->block, 4 * (size_t)i));
  if (words[0] != RR_RING_MAGIC) return "no ring where its header says";
  if ((words[2] & ~3u) != 0) return "unknown flags";
  if ((words[2] & 2u) != 0) return "a ring for the threads of one process";
  ring->topology = words[1];
  ring->lossy = words[2] & 1;
  ring->lanes = words[3];
  ring->cursors = words[4];
  ring->consumers = words[5];
  ring->slots = words[6];
  ring->stride = words[7];
  ring->slab_bytes = words[8];
  const char *problem = rr_geometry_problem(ring);
  if (problem != NULL) return problem;
  if (rr_plan(ring) != block_bytes) return "another number of bytes than its geometry needs";
  if (ring->stride != rr_up(rr_schema_size(ring->schema), 8))
    return "a stride that is not that of its schema";
  return NULL;
}

// Takes the schema text of a ring; the entry is a private copy.
static inline const char *rr_take_schema(rondo_segment *segment, uint32_t index,
                                         const unsigned char *entry) {
  rondo_ring *ring = &segment->ring[index];
  ring->block = segment->base + rr_get(entry, 0);
  ring->schema_bytes = rr_get(entry, 12);
  memcpy(&ring->fingerprint, entry + 16, 8);
  ring->schema = (char *)calloc(1, (size_t)ring->schema_bytes + 1);
  if (ring->schema == NULL) return "a schema that memory is too small for";
  rr_copy_in(ring->schema, segment->base + rr_get(entry, 8), ring->schema_bytes);
  for (uint32_t i = 0; i < ring->schema_bytes; i++)
    if (ring->schema[i] != '\n' && (ring->schema[i] < ' ' || ring->schema[i] > '~'))
      return "a schema text that is not ASCII";
  if (rr_fingerprint(ring->schema, ring->schema_bytes) != ring->fingerprint)
    return "a schema text with another fingerprint than its header says";
  return NULL;
}

// Checks a private copy of the header; NULL when all is right. No offset in it is believed: there
// is one way only in which parts of these sizes can lie.
static inline const char *rr_check_header(rondo_segment *segment, const unsigned char *header) {
  if (memcmp(header, RR_MAGIC, 8) != 0) return "no magic: its creator may not have finished it";
  if (rr_get(header, 8) != 1) return "another version than 1";
  if (rr_get(header, 12) != segment->bytes) return "another size than its memory";
  uint32_t kind = rr_get(header, 36), count = rr_get(header, 32);
  if (kind < 1 || kind > 2 || count != kind) return "a number of rings that its kind has not";
  if (rr_get(header, 40) != RR_PARTICIPANTS) return "a table of participants of another size";
  if (rr_get(header, 44) != 0) return "something at 44, which must be 0";
  size_t length = strnlen((const char *)header + 64, 64);
  for (size_t at = length; at < 64; at++)
    if (header[64 + at] != 0 || length == 64) return "a name that is not padded with zeros";
  uint32_t texts[RR_RINGS];
  uint64_t blocks[RR_RINGS], text_at[RR_RINGS], block_at[RR_RINGS];
  for (uint32_t r = 0; r < count; r++) {
    const unsigned char *entry = header + RR_ENTRIES + 64 * (size_t)r;
    texts[r] = rr_get(entry, 12);
    blocks[r] = rr_get(entry, 4);
    if (texts[r] < 1 || texts[r] > 65536) return "a schema text of an impossible length";
  }
  if (rr_arrange(texts, blocks, count, text_at, block_at) != segment->bytes)
    return "rings that do not end where it ends";
  segment->rings = count;
  memcpy(segment->id, header + 16, 16);
  memcpy(segment->name, header + 64, 64);
  for (uint32_t r = 0; r < count; r++) {
    const unsigned char *entry = header + RR_ENTRIES + 64 * (size_t)r;
    if (rr_get(entry, 0) != block_at[r] || rr_get(entry, 8) != text_at[r])
      return "a ring that does not lie where it must";
    const char *problem = rr_take_schema(segment, r, entry);
    if (problem == NULL) problem = rr_check_ring(&segment->ring[r], blocks[r]);
    if (problem != NULL) return problem;
  }
  return NULL;
}

// Maps a descriptor, which becomes the segment's, after all that could make touching it fatal was
// refused.
static inline int rr_adopt(rondo_segment *segment, int fd, rondo_error *error) {
  struct stat status;
  segment->descriptor = fd;
  int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & RR_SEALS) != RR_SEALS)
    return rr_fail(error, RONDO_ERR_RING_SEGMENT,
                   "Cannot use the descriptor: it is no memfd that is sealed against resizing");
  // Only now: the size of what cannot be resized any more is the one to rely on.
  if (fstat(fd, &status) != 0 || status.st_size < RR_SCHEMAS + RR_UNIT ||
      status.st_size > 1 << 30 || status.st_size % RR_UNIT != 0)
    return rr_fail(error, RONDO_ERR_RING_SEGMENT,
                   "Cannot use the segment: no segment has %lld bytes",
                   (long long)status.st_size);
  void *base = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (base == MAP_FAILED) return rr_fail(error, RONDO_ERR_SYSTEM, "Cannot map the segment");
  segment->base = (unsigned char *)base;
  segment->bytes = (uint32_t)status.st_size;
  unsigned char header[4096];
  uint32_t first =
      atomic_load_explicit(rr_word(segment->base, 0), RR_ORDER(acquire)); // Partner: rr_format.
  rr_copy_in(header, segment->base, sizeof header);
  rr_put(header, 0, first);
  const char *problem = rr_check_header(segment, header);
  if (problem == NULL) return RONDO_OK;
  return rr_fail(error, RONDO_ERR_RING_SEGMENT, "Cannot use the segment: it has %s", problem);
}

static inline int rondo_attach(rondo_segment *segment, int descriptor, rondo_error *error) {
  int code = rr_begin(segment, error);
  if (code != RONDO_OK) return code;
  int fd = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
  code = fd < 0 ? rr_fail(error, RONDO_ERR_SYSTEM, "Cannot use descriptor %d", descriptor)
                : rr_adopt(segment, fd, error);
  if (code != RONDO_OK) rr_drop(segment);
  return code;
}

// ---------------------------------------------------------------------------------------------
// The directory of names. §12
// ---------------------------------------------------------------------------------------------

// What the name of a holder file says.
typedef struct rr_holder {
  unsigned char id[16];
  uint32_t descriptor;
  rr_identity who;
} rr_holder;

static inline bool rr_parse_hex(const char *text, unsigned char *bytes, size_t count) {
  for (size_t at = 0; at < 2 * count; at++) {
    const char *hex = "0123456789abcdef", *digit = text[at] ? strchr(hex, text[at]) : NULL;
    if (digit == NULL) return false;
    bytes[at / 2] = (unsigned char)(bytes[at / 2] << 4 | (digit - hex));
  }
  return true;
}

static inline void rr_hex(char *to, const unsigned char *bytes, size_t count) {
  for (size_t at = 0; at < count; at++) snprintf(to + 2 * at, 3, "%02x", bytes[at]);
}

static inline bool rr_parse_holder(const char *name, rr_holder *holder) {
  unsigned long long start, space;
  int used = 0;
  memset(holder, 0, sizeof *holder);
  if (strlen(name) < 66 || !rr_parse_hex(name, holder->id, 16)) return false;
  if (sscanf(name + 32, ".%u.%u.%llu.%llu.%n", &holder->who.pid, &holder->descriptor, &start,
             &space, &used) != 4 ||
      used == 0 || strlen(name + 32 + used) != 32)
    return false;
  holder->who.start = start;
  holder->who.space = space;
  return rr_parse_hex(name + 32 + used, holder->who.boot, 16);
}

static inline void rr_holder_name(const rondo_segment *segment, char name[200]) {
  char id[33], boot[33];
  rr_hex(id, segment->id, 16);
  rr_hex(boot, segment->self.boot, 16);
  snprintf(name, 200, "%s.%u.%d.%llu.%llu.%s", id, segment->self.pid, segment->descriptor,
           (unsigned long long)segment->self.start, (unsigned long long)segment->self.space, boot);
}

static inline bool rr_is_name(const char *name) {
  size_t length = strlen(name);
  return length >= 1 && length <= 63 && name[0] != '.' &&
         strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
             length;
}

// Opens the directory of names: it must be the user's alone.
static inline int rr_open_directory(const char *directory, char path[RR_PATH], bool make,
                                    rondo_error *error) {
  struct stat status;
  if (directory == NULL) snprintf(path, RR_PATH, "/dev/shm/rondo-%u", (unsigned)geteuid());
  else if (strlen(directory) + 320 > RR_PATH)
    return rr_fail(error, RONDO_ERR_RING_DIRECTORY,
                   "Cannot use the directory: its path is too long");
  else snprintf(path, RR_PATH, "%s", directory);
  if (make && mkdir(path, 0700) != 0 && errno != EEXIST)
    return rr_fail(error, RONDO_ERR_SYSTEM, "Cannot make %s", path);
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT)
    return rr_fail(error, RONDO_ERR_RING_NOT_FOUND, "Cannot find rings: there is no %s", path);
  if (fd < 0 || fstat(fd, &status) != 0 || status.st_uid != geteuid() ||
      (status.st_mode & 07777) != 0700) {
    if (fd >= 0) close(fd);
    return rr_fail(error, RONDO_ERR_RING_DIRECTORY,
                   "Cannot use %s: it must be a directory of the user's with mode 0700", path);
  }
  return fd;
}

static inline DIR *rr_list(int directory, const char *name) {
  int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *list = fd < 0 ? NULL : fdopendir(fd);
  if (list == NULL && fd >= 0) close(fd);
  return list;
}

// Opens the descriptor of another process. As a path first: what is behind a number that is used
// again might be a pipe or a device, and opening that may have effects. Fails with ENOENT when
// there is no such descriptor, or no file that could be a memfd.
static inline int rr_open_holder(const rr_holder *holder, int flags) {
  char path[64];
  struct stat status;
  snprintf(path, sizeof path, "/proc/%u/fd/%u", holder->who.pid, holder->descriptor);
  int seen = open(path, O_PATH | O_CLOEXEC), fd = -1;
  if (seen < 0) return -1;
  snprintf(path, sizeof path, "/proc/self/fd/%d", seen);
  if (fstat(seen, &status) == 0 && S_ISREG(status.st_mode)) fd = open(path, flags | O_CLOEXEC);
  else errno = ENOENT;
  int why = errno;
  close(seen);
  errno = why;
  return fd;
}

// Whether nobody holds what a file says: its process is dead, or has something else there.
static inline bool rr_is_stale(const rr_identity *self, const rr_holder *holder) {
  unsigned char id[16];
  if (rr_is_dead(self, &holder->who)) return true;
  if (holder->who.space != self->space) return false;
  int fd = rr_open_holder(holder, O_RDONLY);
  if (fd < 0) return errno == ENOENT; // Whatever else it is, it may be held.
  bool same = fcntl(fd, F_GET_SEALS) >= 0 && pread(fd, id, 16, 16) == 16 &&
              memcmp(id, holder->id, 16) == 0;
  close(fd);
  return !same;
}

// Clears up one name, or what a creator left. A `.new.` directory is judged by the holder file in
// it, since that knows the pid namespace; an empty one by its own name.
static inline bool rr_clean_name(const rr_identity *self, int directory, const char *name) {
  DIR *list = rr_list(directory, name);
  if (list == NULL) return false;
  bool fresh = strncmp(name, ".new.", 5) == 0, empty = true;
  for (struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
    rr_holder holder;
    if (!rr_parse_holder(entry->d_name, &holder)) continue;
    empty = false;
    if (rr_is_stale(self, &holder)) unlinkat(dirfd(list), entry->d_name, 0);
  }
  closedir(list);
  rr_identity creator = *self;
  unsigned long long start;
  if (fresh && empty) {
    if (sscanf(name, ".new.%u.%llu.", &creator.pid, &start) != 2) return false;
    creator.start = start;
    if (!rr_is_dead(self, &creator)) return false;
  }
  return unlinkat(directory, name, AT_REMOVEDIR) == 0;
}

static inline int rr_clean_all(const rr_identity *self, int directory) {
  int removed = 0;
  DIR *list = rr_list(directory, ".");
  if (list == NULL) return 0;
  for (struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list))
    if (rr_is_name(entry->d_name) || strncmp(entry->d_name, ".new.", 5) == 0)
      removed += rr_clean_name(self, directory, entry->d_name) ? 1 : 0;
  closedir(list);
  return removed;
}

static inline int rondo_clean(const char *directory, rondo_error *error) {
  char path[RR_PATH];
  rr_identity self;
  int code = rr_identify(&self, error);
  if (code != RONDO_OK) return code;
  int fd = rr_open_directory(directory, path, false, error);
  if (fd == RONDO_ERR_RING_NOT_FOUND) return 0;
  if (fd < 0) return fd;
  int removed = rr_clean_all(&self, fd);
  close(fd);
  return removed;
}

// Makes the holder file of this process below a directory of a name.
static inline int rr_hold(const rondo_segment *segment, int directory, const char *name) {
  char path[400], holder[200];
  rr_holder_name(segment, holder);
  snprintf(path, sizeof path, "%s/%s", name, holder);
  int fd = openat(directory, path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  close(fd);
  return 0;
}

static inline void rr_unhold(const rondo_segment *segment, int directory, const char *name) {
  char path[400], holder[200];
  rr_holder_name(segment, holder);
  snprintf(path, sizeof path, "%s/%s", name, holder);
  unlinkat(directory, path, 0);
  unlinkat(directory, name, AT_REMOVEDIR);
}

static inline void rr_remember_holder(rondo_segment *segment, const char *path, const char *name) {
  char holder[200];
  rr_holder_name(segment, holder);
  if (snprintf(segment->holder, RR_PATH, "%s/%s/%s", path, name, holder) >= RR_PATH)
    segment->holder[0] = '\0';
}

// Shows the segment under its name: a directory with the holder file inside is renamed to it, which
// succeeds onto nothing and onto an empty directory only, so for one creator.
static inline int rr_publish_name(rondo_segment *segment, int directory, const char *name,
                                  rondo_error *error) {
  for (int attempt = 0; attempt < 16; attempt++) {
    unsigned long long random = 0;
    char fresh[100];
    if (syscall(SYS_getrandom, &random, sizeof random, 0) != (long)sizeof random) break;
    snprintf(fresh, sizeof fresh, ".new.%u.%llu.%016llx", segment->self.pid,
             (unsigned long long)segment->self.start, random);
    if (mkdirat(directory, fresh, 0700) != 0)
      return rr_fail(error, RONDO_ERR_SYSTEM, "Cannot make a directory for the ring %s", name);
    // Who clears up in another pid namespace may take the directory away: then once more.
    if (rr_hold(segment, directory, fresh) != 0 && errno != ENOENT)
      return rr_fail(error, RONDO_ERR_SYSTEM, "Cannot make a file for the ring %s", name);
    if (renameat(directory, fresh, directory, name) == 0) return RONDO_OK;
    int why = errno;
    rr_unhold(segment, directory, fresh);
    if (why == ENOENT) continue;
    if (why != ENOTEMPTY && why != EEXIST)
      return errno = why, rr_fail(error, RONDO_ERR_SYSTEM, "Cannot name the ring %s", name);
    if (!rr_clean_name(&segment->self, directory, name) && errno != ENOENT) break;
  }
  return rr_fail(error, RONDO_ERR_RING_EXISTS,
                 "Cannot create the ring %s: somebody holds that name", name);
}

static inline int rondo_create(rondo_segment *segment, const char *directory, const char *name,
                               const rondo_ring_options *rings, uint32_t count,
                               rondo_error *error) {
  char path[RR_PATH];
  int code = rr_begin(segment, error), fd = -1;
  if (code != RONDO_OK) return code;
  if (count < 1 || count > 2)
    return rr_fail(error, RONDO_ERR_OPTION_RANGE, "Cannot create a segment of %u rings: 1 or 2",
                   count);
  if (name != NULL && !rr_is_name(name))
    return rr_fail(error, RONDO_ERR_RING_NAME,
                   "Cannot name a ring %.80s: 1 to 63 of A-Z a-z 0-9 . _ -, no dot first", name);
  if (name != NULL) {
    fd = rr_open_directory(directory, path, true, error);
    if (fd < 0) return fd;
    rr_clean_all(&segment->self, fd);
  }
  code = rr_format(segment, name ? name : "", rings, count, error);
  if (code == RONDO_OK && name != NULL) {
    code = rr_publish_name(segment, fd, name, error);
    if (code == RONDO_OK) rr_remember_holder(segment, path, name);
  }
  if (fd >= 0) close(fd);
  if (code != RONDO_OK) rr_drop(segment);
  return code;
}

// Finds a living holder. With `id`, only one of another segment.
static inline bool rr_find_holder(const rondo_segment *segment, int directory, const char *name,
                                  const unsigned char *id, rr_holder *holder) {
  DIR *list = rr_list(directory, name);
  if (list == NULL) return false;
  bool found = false;
  for (struct dirent *entry = readdir(list); !found && entry != NULL; entry = readdir(list))
    found = rr_parse_holder(entry->d_name, holder) && holder->who.space == segment->self.space &&
            (id == NULL || memcmp(id, holder->id, 16) != 0) &&
            !rr_is_dead(&segment->self, &holder->who);
  closedir(list);
  return found;
}

// One try to attach through each holder in turn: RONDO_EMPTY when it must be started over.
static inline int rr_attach_name(rondo_segment *segment, int directory, const char *name,
                                 rondo_error *error) {
  rr_holder holder;
  int code = rr_fail(error, RONDO_ERR_RING_NOT_FOUND, "Cannot find the ring %s: nobody holds it",
                     name);
  DIR *list = rr_list(directory, name);
  if (list == NULL) return code;
  for (struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
    if (!rr_parse_holder(entry->d_name, &holder) || holder.who.space != segment->self.space ||
        rr_is_dead(&segment->self, &holder.who))
      continue;
    rr_identity self = segment->self;
    int fd = rr_open_holder(&holder, O_RDWR);
    if (fd < 0) continue;
    code = rr_adopt(segment, fd, error);
    if (code == RONDO_OK &&
        (strcmp(segment->name, name) != 0 || memcmp(segment->id, holder.id, 16) != 0))
      code = rr_fail(error, RONDO_ERR_RING_SEGMENT,
                     "Cannot use the ring %s: its holder has another segment", name);
    if (code == RONDO_OK) break;
    rr_drop(segment);
    segment->self = self;
  }
  closedir(list);
  if (code != RONDO_OK) return code;
  rr_holder other;
  if (rr_hold(segment, directory, name) == 0) {
    if (!rr_find_holder(segment, directory, name, segment->id, &other)) return RONDO_OK;
    rr_unhold(segment, directory, name);
  }
  rr_identity self = segment->self;
  rr_drop(segment);
  segment->self = self;
  return RONDO_EMPTY;
}

static inline int rondo_open(rondo_segment *segment, const char *directory, const char *name,
                             rondo_error *error) {
  char path[RR_PATH];
  int code = rr_begin(segment, error);
  if (code != RONDO_OK) return code;
  if (name == NULL || !rr_is_name(name))
    return rr_fail(error, RONDO_ERR_RING_NAME, "Cannot open a ring: its name is not valid");
  int fd = rr_open_directory(directory, path, false, error);
  if (fd < 0) return fd;
  code = RONDO_EMPTY;
  for (int attempt = 0; attempt < 16 && code == RONDO_EMPTY; attempt++)
    code = rr_attach_name(segment, fd, name, error);
  close(fd);
  if (code == RONDO_OK) rr_remember_holder(segment, path, name);
  if (code == RONDO_EMPTY)
    code = rr_fail(error, RONDO_ERR_RING_NOT_FOUND,
                   "Cannot open the ring %s: its holders come and go", name);
  return code;
}

static inline void rondo_close(rondo_segment *segment) {
  if (segment->base == NULL) return;
  rr_leave(segment);
  if (segment->holder[0] != '\0') {
    unlink(segment->holder);
    *strrchr(segment->holder, '/') = '\0';
    rmdir(segment->holder);
  }
  rr_drop(segment);
}

// ---------------------------------------------------------------------------------------------
// Waiting, and learning of deaths
// ---------------------------------------------------------------------------------------------

// µs that a sleep takes at most, and after which deaths are looked for (a little less: timers are
// not exact); spins between two looks at the clock.
enum { RR_SLICE = 50000, RR_LOOK = 45000, RR_SPINS = 32 };

static inline void rr_unwatch(rr_watch *watch) {
  if (watch->pidfd > 0) close(watch->pidfd);
  watch->pidfd = -1;
  watch->word = 0;
}

static inline void rr_unwatch_all(rr_watch *watches) {
  for (uint32_t i = 0; i < RR_OWNERS; i++) rr_unwatch(&watches[i]);
}

// Begins to watch an owner. The pidfd is opened first and the identity compared after, so that it
// is that of this process and no other with the same number.
static inline void rr_watch_owner(const rondo_segment *segment, rr_watch *watch, uint32_t word) {
  uint32_t index = (word & 0xff) - 1;
  if (word == 0 || index >= RR_PARTICIPANTS) return;
  uint32_t state = rr_load(rr_entry(segment, index));
  if (rr_generation(state) != (word >> 8 & 0xff) ||
      !rr_read_identity(segment, index, state, &watch->identity))
    return;
  watch->word = word;
  watch->told = false;
  const rr_identity *who = &watch->identity;
  if (who->tid != 0 || who->space != segment->self.space || who->pid > INT_MAX) return;
  watch->pidfd = (int)syscall(SYS_pidfd_open, who->pid, 0);
  if (watch->pidfd >= 0 && rr_is_dead(&segment->self, who)) {
    close(watch->pidfd);
    watch->pidfd = -1;
  }
}

static inline bool rr_watched_is_dead(const rondo_segment *segment, const rr_watch *watch) {
  if (watch->pidfd < 0) return rr_is_dead(&segment->self, &watch->identity);
  struct pollfd poller = {watch->pidfd, POLLIN, 0};
  return poll(&poller, 1, 0) > 0;
}

// Looks at the owners of the other side; true when one has died, or has left its lane open.
static inline bool rr_look_for_deaths(const rondo_segment *segment, const rondo_ring *ring,
                                      uint32_t table, rr_watch *watches) {
  bool died = false;
  uint32_t count = table == RR_BLOCK_LANE_OWNERS ? ring->lanes : ring->consumers;
  for (uint32_t i = 0; i < count; i++) {
    rr_watch *watch = &watches[i];
    uint32_t word = rr_load(rr_owner(ring, table, i)) & 0xffff;
    if (watch->word != word) { // Another one has it, or nobody: also when someone else cleared up.
      // Who has closed its lane, and is no more, did not die on the way.
      bool ended = table == RR_BLOCK_LANE_OWNERS &&
                   rr_load(rr_control(ring, i) + RR_STATE) == RR_LANE_CLOSED;
      if (watch->word != 0 && !ended && rr_watched_is_dead(segment, watch))
        died = watch->told = true;
      rr_unwatch(watch);
      rr_watch_owner(segment, watch, word);
    }
    if (watch->word != 0 && rr_watched_is_dead(segment, watch)) {
      uint32_t index = (watch->word & 0xff) - 1, state = rr_load(rr_entry(segment, index));
      if (rr_generation(state) == watch->word >> 8) rr_clear_up(segment, index, state);
      rr_unwatch(watch);
      died = watch->told = true;
    }
    if (table != RR_BLOCK_LANE_OWNERS || watch->told || word != 0) continue;
    if (rr_load(rr_control(ring, i) + RR_STATE) == RR_LANE_OPEN) died = watch->told = true;
  }
  return died;
}

// What somebody waits for, and how. `look` gives RONDO_EMPTY as long as there is nothing.
typedef struct rr_waiting {
  rondo_segment *segment;
  const rondo_ring *ring;
  rondo_word *bell, *sleeps;
  uint32_t table; // of owners on the other side
  rr_watch *watches;
  bool *died;
  int (*look)(void *who);
  void *who;
  uint32_t spin;
} rr_waiting;

static inline int rr_spin(const rr_waiting *waiting, int64_t begin, int64_t end) {
  for (;;) {
    for (int i = 0; i < RR_SPINS; i++) {
      int code = waiting->look(waiting->who);
      if (code != RONDO_EMPTY) return code;
      rr_pause();
    }
    int64_t now = rr_microseconds();
    if (now >= end || now - begin >= (int64_t)waiting->spin) return RONDO_EMPTY;
  }
}

static inline int rr_wait(const rr_waiting *waiting, int64_t timeout_us) {
  int code = waiting->look(waiting->who);
  if (code != RONDO_EMPTY) return code;
  int64_t begin = rr_microseconds(), looked = begin;
  int64_t end = timeout_us < 0 ? INT64_MAX : begin + timeout_us;
  bool sleeps = waiting->spin != RONDO_SPIN_ONLY;
  if (sleeps && waiting->spin > 0 && (code = rr_spin(waiting, begin, end)) != RONDO_EMPTY)
    return code;
  for (int64_t now = rr_microseconds();; now = rr_microseconds()) {
    if (*waiting->died) {
      *waiting->died = false;
      return RONDO_ERR_RING_PEER_DIED;
    }
    if (now >= end) return RONDO_TIMEOUT;
    int64_t slice = end - now < RR_SLICE ? end - now : (int64_t)RR_SLICE;
    if (sleeps) {
      uint32_t seen = rr_set_bell(waiting->bell);
      if ((code = waiting->look(waiting->who)) != RONDO_EMPTY) return code;
      struct timespec duration = {0, (long)slice * 1000};
      rr_count(waiting->sleeps, 1);
      rr_futex(waiting->bell, FUTEX_WAIT, seen, &duration);
      code = waiting->look(waiting->who);
    } else {
      code = rr_spin(waiting, now, now + slice);
    }
    if (code != RONDO_EMPTY) return code;
    if ((now = rr_microseconds()) - looked < RR_LOOK) continue;
    looked = now;
    *waiting->died |=
        rr_look_for_deaths(waiting->segment, waiting->ring, waiting->table, waiting->watches);
    if ((code = waiting->look(waiting->who)) != RONDO_EMPTY) return code;
  }
}

static inline uint32_t rr_spin_option(uint32_t spin, bool sleep_at_once) {
  return sleep_at_once ? 0 : spin == 0 ? RONDO_SPIN_DEFAULT : spin;
}

// What producers and consumers check before they take a role.
static inline int rr_prepare(rondo_segment *segment, uint32_t ring, const char *schema,
                             bool producer, rondo_error *error) {
  if (segment->base == NULL)
    return rr_fail(error, RONDO_ERR_RING_CLOSED, "Cannot attach to a segment that was closed");
  if (ring >= segment->rings)
    return rr_fail(error, RONDO_ERR_OPTION_RANGE, "Cannot attach to ring %u: there are %u", ring,
                   segment->rings);
  int code = rr_check_schema(&segment->ring[ring], schema, producer, error);
  if (code != RONDO_OK) return code;
  if (rr_is_poisoned(&segment->ring[ring]))
    return rr_fail(error, RONDO_ERR_RING_POISONED, "Cannot attach to ring %u: it is poisoned (%u)",
                   ring, rondo_poison(segment, ring));
  return rr_join(segment, error);
}

// ---------------------------------------------------------------------------------------------
// Producers. §7, §9, §10
// ---------------------------------------------------------------------------------------------

static inline uint32_t rondo_consumers(rondo_producer *producer) {
  const rondo_ring *ring = producer->ring;
  uint32_t joined = 0;
  for (uint32_t i = 0; i < ring->consumers; i++) {
    rondo_word *owner = rr_owner(ring, RR_BLOCK_PLACE_OWNERS, i);
    uint32_t word = rr_load(owner);
    if (producer->gated && (word & RR_ASKING) != 0) {
      // It gets everything that is published from here on.
      rr_store(rr_cursor(ring, 0, i) + RR_HEAD, producer->published);
      if (rr_cas(owner, word, word & ~(uint32_t)RR_ASKING)) joined++;
    } else if (word != 0) {
      joined++;
    }
  }
  return joined;
}

// The head that room is counted from.
static inline uint32_t rr_head(rondo_producer *p) {
  const rondo_ring *ring = p->ring;
  if (!p->gated) return rr_load(rr_cursor(ring, p->lane, 0) + RR_HEAD);
  uint32_t behind = p->tail - p->published; // Without any consumer, from what was published.
  bool found = false;
  for (uint32_t i = 0; i < ring->consumers; i++) {
    uint32_t word = rr_load(rr_owner(ring, RR_BLOCK_PLACE_OWNERS, i));
    if (word == 0 || (word & RR_ASKING) != 0) continue;
    uint32_t distance = p->tail - rr_load(rr_cursor(ring, 0, i) + RR_HEAD);
    if (distance > ring->slots || (found && distance <= behind)) continue; // A liar's is ignored.
    behind = distance;
    found = true;
  }
  return p->tail - behind;
}

static inline int rr_stop(rondo_producer *p, int code) {
  p->state = code;
  return code;
}

// Looks how far the consumers are: RONDO_OK, or a lie was found.
static inline int rr_look_at_head(rondo_producer *p) {
  uint32_t slots = p->mask + 1, head = rr_head(p);
  if (p->tail - head > slots) return rr_stop(p, rr_poison(p->ring, RR_LIE_HEAD));
  p->head = head;
  if (p->slab == NULL) return RONDO_OK;
  p->slab_free = head == p->tail ? p->message_slab : rr_load_relaxed(p->starts + (head & p->mask));
  if (p->slab_tail - p->slab_free > 2 * p->ring->slab_bytes)
    return rr_stop(p, rr_poison(p->ring, RR_LIE_HEAD));
  return RONDO_OK;
}

// Whether somebody has said that no more is wanted, or that the ring is poisoned.
static inline int rr_look_at_state(rondo_producer *p) {
  if (rr_is_poisoned(p->ring)) return rr_stop(p, RONDO_ERR_RING_POISONED);
  p->closed = p->closed || rr_is_closed(p->ring);
  return p->closed ? RONDO_CLOSED : RONDO_OK;
}

// The consumers' bell was found set: lets in who asks, and wakes who sleeps.
static inline int rr_answer_bell(rondo_producer *p) {
  if (p->gated) rondo_consumers(p);
  if (rr_ring_bell(rr_consumers_bell(p->ring)) > 0) rr_count(p->control + RR_WAKES, 1);
  return rr_look_at_state(p);
}

static inline int rondo_flush(rondo_producer *p) {
  if (p->state != RONDO_OK) return p->state;
  rondo_word *bell = rr_consumers_bell(p->ring);
  if (p->gated && rr_is_set(bell)) rondo_consumers(p);
  if (p->tail == p->published) return RONDO_OK;
  if (p->slab != NULL)
    rr_store_relaxed(p->control + RR_SLAB_TAIL, p->claimed ? p->message_slab : p->slab_tail);
  // Publishes slots, pieces, starts and slabTail. Partner: the consumers' load of tail. The load of
  // the bell comes after it for everybody; partner: rr_wait, which sets the bell, then looks.
  rr_store(p->control + RR_TAIL, p->tail);
  p->published = p->tail;
  rr_count(p->control + RR_FLUSHES, 1);
  int code = rr_is_set(bell) ? rr_answer_bell(p) : RONDO_OK;
  return code == RONDO_CLOSED ? RONDO_OK : code; // What was committed is published all the same.
}

// There seems to be no room: publishes, looks again, and says what is the matter.
static inline int rr_refuse(rondo_producer *p) {
  p->blocked = true;
  p->blocked_head = p->head;
  rr_count(p->control + RR_TIMES_FULL, 1);
  int code = rr_look_at_state(p);
  return code == RONDO_OK ? RONDO_FULL : code;
}

static inline int rr_find_room(rondo_producer *p) {
  int code = rondo_flush(p);
  if (code == RONDO_OK) code = rr_look_at_head(p);
  if (code != RONDO_OK) return code;
  return p->tail - p->head > p->mask ? rr_refuse(p) : RONDO_OK;
}

// Says which slots may be overwritten from now on, before they are. §10
static inline int rr_intend(rondo_producer *p) {
  int code = rr_look_at_state(p);
  if (code != RONDO_OK) return code;
  p->intent = p->tail + p->publish_every;
  rr_store(p->control + RR_INTENT, p->intent);
  rr_fence();
  return RONDO_OK;
}

static inline int rondo_try_claim(rondo_producer *p, void **slot) {
  if (p->state != RONDO_OK) return p->state;
  if (p->claimed) return RONDO_ERR_RING_CLAIM;
  if (p->closed) return RONDO_CLOSED;
  int code = RONDO_OK;
  if (p->ring->lossy) {
    if ((int32_t)(p->intent - p->tail) <= 0) code = rr_intend(p);
  } else if (p->tail - p->head > p->mask) {
    code = rr_find_room(p);
  }
  if (code != RONDO_OK) return code;
  if (p->slab != NULL) {
    if (p->restart && p->head == p->tail)
      p->slab_tail = (uint32_t)rr_up(p->slab_tail, p->ring->slab_bytes);
    p->restart = false;
    p->message_slab = p->slab_tail;
    rr_store_relaxed(p->starts + (p->tail & p->mask), p->slab_tail);
    if (p->head == p->tail) p->slab_free = p->slab_tail;
  }
  unsigned char *place = p->slots + (size_t)(p->tail & p->mask) * p->stride;
  rr_zero(place, p->stride);
  p->claimed = true;
  *slot = place;
  return RONDO_OK;
}

// Where a piece begins: at a multiple of 8, not wrapping.
static inline uint32_t rr_piece_begin(const rondo_producer *p, uint32_t length) {
  uint32_t size = p->ring->slab_bytes, begin = (p->slab_tail + 7) & ~7u;
  return (begin & (size - 1)) + length > size ? (begin | (size - 1)) + 1 : begin;
}

// Nothing of this message is written yet, and it begins elsewhere.
static inline void rr_begin_at(rondo_producer *p, uint32_t position) {
  p->slab_tail = p->message_slab = p->slab_free = position;
  rr_store_relaxed(p->starts + (p->tail & p->mask), position);
}

// Makes room in the slab for a piece, or says why not.
static inline int rr_find_slab(rondo_producer *p, uint32_t length) {
  uint32_t size = p->ring->slab_bytes;
  if (rr_piece_begin(p, length) + length - p->slab_free <= size) return RONDO_OK;
  int code = rondo_flush(p);
  if (code == RONDO_OK) code = rr_look_at_head(p);
  if (code != RONDO_OK) return code;
  if (rr_piece_begin(p, length) + length - p->slab_free <= size) return RONDO_OK;
  if (p->head != p->tail) return rr_refuse(p);
  // Nothing is in flight. What does not fit from the beginning of the slab on never will.
  if ((p->message_slab & (size - 1)) == 0) return RONDO_ERR_RING_MESSAGE_SIZE;
  if (p->slab_tail == p->message_slab) {
    rr_begin_at(p, (p->slab_tail | (size - 1)) + 1);
    return RONDO_OK;
  }
  p->restart = true;
  return rr_refuse(p);
}

// Lossy rings: a message may overwrite all but itself.
static inline int rr_intend_slab(rondo_producer *p, uint32_t length) {
  uint32_t size = p->ring->slab_bytes, begin = rr_piece_begin(p, length), end = begin + length;
  if (p->slab_tail == p->message_slab && end - p->message_slab > size) rr_begin_at(p, begin);
  if (end - p->message_slab > size) return RONDO_ERR_RING_MESSAGE_SIZE;
  if ((int32_t)(end - p->slab_intent) <= 0) return RONDO_OK;
  // A sixteenth ahead: one fence for many small pieces, at the price of losing that much earlier.
  p->slab_intent = begin + (length > size / 16 ? length : size / 16);
  rr_store(p->control + RR_SLAB_INTENT, p->slab_intent);
  rr_fence();
  return RONDO_OK;
}

static inline int rondo_try_reserve(rondo_producer *p, void *field, uint32_t length,
                                    void **bytes) {
  if (p->state != RONDO_OK) return p->state;
  if (!p->claimed) return RONDO_ERR_RING_CLAIM;
  if (length > p->ring->slab_bytes) return RONDO_ERR_RING_MESSAGE_SIZE;
  *bytes = NULL;
  if (p->slab == NULL) return RONDO_OK; // An empty piece of a ring without a slab.
  int code = p->ring->lossy ? rr_intend_slab(p, length) : rr_find_slab(p, length);
  if (code != RONDO_OK) return code;
  rondo_piece piece = {rr_piece_begin(p, length), length};
  p->slab_tail = piece.position + length;
  rr_store_relaxed((rondo_word *)field, piece.position);
  rr_store_relaxed((rondo_word *)field + 1, piece.length);
  *bytes = p->slab + (piece.position & (p->ring->slab_bytes - 1));
  return RONDO_OK;
}

static inline int rondo_try_piece(rondo_producer *p, void *field, const void *bytes,
                                  uint32_t length) {
  void *to = NULL;
  int code = rondo_try_reserve(p, field, length, &to);
  if (code == RONDO_OK && length > 0) rr_copy_out((unsigned char *)to, bytes, length);
  return code;
}

static inline int rondo_commit(rondo_producer *p) {
  if (p->state != RONDO_OK) return p->state;
  if (!p->claimed) return RONDO_ERR_RING_CLAIM;
  p->claimed = false;
  p->tail++;
  return p->tail - p->published >= p->publish_every ? rondo_flush(p) : RONDO_OK;
}

static inline int rondo_abort(rondo_producer *p) {
  if (p->state != RONDO_OK) return p->state;
  if (!p->claimed) return RONDO_ERR_RING_CLAIM;
  p->claimed = false;
  p->slab_tail = p->message_slab;
  rr_count(p->control + RR_ABORTED, 1);
  return RONDO_OK;
}

static inline int rondo_try_push(rondo_producer *p, const void *message) {
  void *slot = NULL;
  int code = rondo_try_claim(p, &slot);
  if (code != RONDO_OK) return code;
  rr_copy_out((unsigned char *)slot, message, p->size);
  return rondo_commit(p);
}

static inline int rondo_try_push_many(rondo_producer *p, const void *messages, uint32_t count,
                                      uint32_t *pushed) {
  const unsigned char *from = (const unsigned char *)messages;
  int code = RONDO_OK;
  *pushed = 0;
  while (*pushed < count) {
    code = rondo_try_push(p, from + (size_t)*pushed * p->size);
    if (code != RONDO_OK) break;
    *pushed += 1;
  }
  int flushed = rondo_flush(p);
  if (flushed != RONDO_OK) return flushed;
  return *pushed > 0 ? RONDO_OK : code;
}

static inline int rr_look_writable(void *who) {
  rondo_producer *p = (rondo_producer *)who;
  int code = rr_look_at_state(p);
  if (code != RONDO_OK) return code;
  if (p->gated && rr_is_set(rr_consumers_bell(p->ring))) rondo_consumers(p);
  if (!p->blocked || p->restart || rr_head(p) != p->blocked_head) return RONDO_OK;
  return RONDO_EMPTY;
}

static inline int rondo_wait_writable(rondo_producer *p, int64_t timeout_us) {
  int code = rondo_flush(p);
  if (code != RONDO_OK) return code;
  rr_waiting waiting = {p->segment,
                        p->ring,
                        rr_producers_bell(p->ring),
                        p->control + RR_SLEEPS,
                        RR_BLOCK_PLACE_OWNERS,
                        p->watch,
                        &p->died,
                        rr_look_writable,
                        p,
                        p->spin};
  code = rr_wait(&waiting, timeout_us);
  if (code == RONDO_OK) p->blocked = false;
  return code;
}

static inline int rondo_push(rondo_producer *p, const void *message, int64_t timeout_us) {
  int64_t end = timeout_us < 0 ? -1 : rr_microseconds() + timeout_us;
  for (;;) {
    int code = rondo_try_push(p, message);
    if (code != RONDO_FULL) return code;
    int64_t left = end < 0 ? -1 : end - rr_microseconds();
    code = rondo_wait_writable(p, end >= 0 && left < 0 ? 0 : left);
    if (code != RONDO_OK) return code;
  }
}

static inline int rondo_producer_open(rondo_producer *p, rondo_segment *segment, uint32_t ring,
                                      const char *schema, const rondo_producer_options *options,
                                      rondo_error *error) {
  static const rondo_producer_options none = {0, 0, false, 0};
  memset(p, 0, sizeof *p);
  p->state = RONDO_ERR_RING_CLOSED;
  if (options == NULL) options = &none;
  int code = rr_prepare(segment, ring, schema, true, error);
  if (code != RONDO_OK) return code;
  rondo_ring *r = &segment->ring[ring];
  if (options->lane < 0 || (uint32_t)options->lane > r->lanes)
    return rr_fail(error, RONDO_ERR_OPTION_RANGE, "Cannot take lane %d: there are %u",
                   options->lane, r->lanes);
  p->mine = rr_owner_word((uint32_t)segment->participant, segment->live);
  code = rr_take_role(segment, r, RR_BLOCK_LANE_OWNERS, r->lanes, options->lane, p->mine, error);
  if (code < 0) return code;
  for (uint32_t i = 0; i < RR_OWNERS; i++) p->watch[i].pidfd = -1;
  p->segment = segment;
  p->ring = r;
  p->lane = (uint32_t)code;
  p->control = rr_control(r, p->lane);
  p->slots = rr_slots(r, p->lane);
  p->starts = rr_word(p->slots, r->starts);
  p->slab = r->slab_bytes > 0 ? p->slots + r->slab : NULL;
  p->mask = r->slots - 1;
  p->stride = r->stride;
  p->size = rr_schema_size(schema);
  p->publish_every = options->publish_every == 0 ? 1 : options->publish_every;
  if (p->publish_every > r->slots) p->publish_every = r->slots;
  p->spin = rr_spin_option(options->spin_microseconds, options->sleep_at_once);
  p->gated = r->topology == RONDO_BROADCAST && !r->lossy;
  // What the predecessor published, however it ended.
  p->tail = p->published = rr_load(p->control + RR_TAIL);
  p->slab_tail = p->message_slab = rr_load(p->control + RR_SLAB_TAIL);
  p->intent = rr_load(p->control + RR_INTENT);
  p->slab_intent = rr_load(p->control + RR_SLAB_INTENT);
  if (r->lossy && p->intent - p->tail > r->slots) {
    p->intent = p->tail + r->slots;
    rr_store(p->control + RR_INTENT, p->intent);
  }
  p->state = RONDO_OK;
  if (p->gated) rondo_consumers(p);
  if (!r->lossy && (code = rr_look_at_head(p)) != RONDO_OK) {
    rr_give_up(rr_owner(r, RR_BLOCK_LANE_OWNERS, p->lane), p->mine);
    return rr_fail(error, code, "Cannot attach to ring %u: a head of it lies", ring);
  }
  rr_store(p->control + RR_STATE, RR_LANE_OPEN);
  rr_ring_bell(rr_consumers_bell(r)); // So that sleepers learn whom to watch.
  return RONDO_OK;
}

static inline void rr_end_producer(rondo_producer *p, bool close_lane) {
  if (p->segment == NULL) return;
  if (p->claimed) rondo_abort(p);
  rondo_flush(p);
  if (p->gated) rondo_consumers(p);
  if (close_lane) rr_store(p->control + RR_STATE, RR_LANE_CLOSED);
  rr_give_up(rr_owner(p->ring, RR_BLOCK_LANE_OWNERS, p->lane), p->mine);
  rr_ring_both(p->ring);
  rr_unwatch_all(p->watch);
  p->segment = NULL;
  p->state = RONDO_ERR_RING_CLOSED;
}

static inline void rondo_producer_close(rondo_producer *p) { rr_end_producer(p, true); }

static inline void rondo_producer_detach(rondo_producer *p) { rr_end_producer(p, false); }

// ---------------------------------------------------------------------------------------------
// Consumers. §7, §9, §10
// ---------------------------------------------------------------------------------------------

static inline int rr_fail_consumer(rondo_consumer *c, int code) {
  c->state = code;
  return code;
}

static inline uint32_t rr_lane_head(const rondo_consumer *c, const rr_lane *lane) {
  bool shared = c->ring->topology == RONDO_MPMC;
  return shared ? rr_load(lane->cursor + RR_HEAD) : lane->head;
}

// Whether all lanes that were used are closed and drained. States are loaded before tails: what was
// published before the close is seen.
static inline bool rr_has_ended(rondo_consumer *c) {
  uint32_t used = 0, closed = 0;
  for (uint32_t i = 0; i < c->ring->lanes; i++) {
    uint32_t state = rr_load(c->lane[i].control + RR_STATE);
    if (state == RR_LANE_OPEN) return false;
    used += state != 0;
    closed += state == RR_LANE_CLOSED;
  }
  if (closed == 0 || used < c->expected_lanes) return false;
  if (c->asking) // Who was not let in before the close never is.
    return rr_load(rr_owner(c->ring, RR_BLOCK_PLACE_OWNERS, c->place)) == (c->mine | RR_ASKING);
  for (uint32_t i = 0; i < c->ring->lanes; i++)
    if (rr_load(c->lane[i].control + RR_TAIL) != rr_lane_head(c, &c->lane[i])) return false;
  return true;
}

// Nothing is there: says why.
static inline int rr_nothing(rondo_consumer *c) {
  if (rr_is_poisoned(c->ring)) return rr_fail_consumer(c, RONDO_ERR_RING_POISONED);
  return rr_has_ended(c) ? RONDO_ENDED : RONDO_EMPTY;
}

// Whether a producer has let this consumer in. §9
static inline int rr_look_admitted(rondo_consumer *c) {
  uint32_t word = rr_load(rr_owner(c->ring, RR_BLOCK_PLACE_OWNERS, c->place));
  if (word == (c->mine | RR_ASKING)) {
    rr_set_bell(rr_consumers_bell(c->ring)); // Whoever rang it in between has cleared it.
    return rr_nothing(c);
  }
  if (word != c->mine) return rr_fail_consumer(c, RONDO_ERR_RING_CLOSED);
  rr_lane *lane = &c->lane[0];
  lane->head = lane->tail = lane->released = rr_load(lane->cursor + RR_HEAD);
  c->asking = false;
  return RONDO_OK;
}

static inline int rondo_release(rondo_consumer *c) {
  if (c->unreleased == 0) return RONDO_OK;
  c->unreleased = 0;
  for (uint32_t i = 0; i < c->ring->lanes; i++) {
    rr_lane *lane = &c->lane[i];
    if (lane->head == lane->released) continue;
    // Publishes that the slots were read. Partner: the producer's load of head. The load of the
    // bell comes after it for everybody; partner: rr_wait.
    rr_store(lane->cursor + RR_HEAD, lane->head);
    lane->released = lane->head;
  }
  rondo_word *bell = rr_producers_bell(c->ring);
  if (rr_is_set(bell) && rr_ring_bell(bell) > 0)
    rr_count(c->lane[0].cursor + RR_CURSOR_WAKES, 1);
  return RONDO_OK;
}

// The next message in place, or NULL; `*code` says why. Lanes take turns: one is left when what was
// known of it is taken.
static inline const unsigned char *rr_next_in_place(rondo_consumer *c, int *code) {
  uint32_t slots = c->ring->slots;
  for (uint32_t n = 0; n < c->ring->lanes; n++) {
    rr_lane *lane = &c->lane[c->current];
    if (lane->head == lane->tail) {
      uint32_t tail = rr_load(lane->control + RR_TAIL);
      if (tail - lane->head > slots) {
        *code = rr_fail_consumer(c, rr_poison(c->ring, RR_LIE_TAIL));
        return NULL;
      }
      lane->tail = tail;
    }
    if (lane->head != lane->tail) {
      const unsigned char *at = lane->slots + (size_t)(lane->head & (slots - 1)) * c->ring->stride;
      lane->head++;
      c->unreleased++;
      c->slab = lane->slab;
      if (lane->head == lane->tail && c->current + 1 < c->ring->lanes) c->current++;
      else if (lane->head == lane->tail) c->current = 0;
      *code = RONDO_OK;
      return at;
    }
    c->current = c->current + 1 < c->ring->lanes ? c->current + 1 : 0;
  }
  *code = rr_nothing(c);
  return NULL;
}

static inline int rr_grow_pieces(rondo_consumer *c, size_t needed) {
  if (needed <= c->pieces_size) return RONDO_OK;
  size_t size = c->pieces_size < 4096 ? 4096 : c->pieces_size;
  while (size < needed) size *= 2;
  unsigned char *grown = (unsigned char *)realloc(c->pieces, size);
  if (grown == NULL) return RONDO_ERR_SYSTEM;
  c->pieces = grown;
  c->pieces_size = size;
  return RONDO_OK;
}

// Copies a slot and its pieces to private memory, and points the copy's fields there. References
// are read from the private copy, so that they stay as they were bounded. RONDO_FULL: the pieces
// have no room behind those of earlier messages. RONDO_ERR_RING_POISONED: a reference lies, or is
// torn.
static inline int rr_copy_message(rondo_consumer *c, const unsigned char *slot,
                                  const unsigned char *slab, unsigned char *to) {
  uint32_t size = c->ring->slab_bytes;
  size_t total = 0;
  rr_copy_in(to, slot, c->size);
  for (uint32_t i = 0; i < c->field_count; i++) {
    rr_field *field = &c->fields[i];
    if (field->presence != UINT32_MAX && (rr_get(to, field->presence) >> field->bit & 1) == 0)
      memset(to + field->offset, 0, 8);
    memcpy(&field->seen, to + field->offset, 8);
    if (field->seen.length == 0) {
      rr_put(to, field->offset, 0); // Where nothing lies may be anywhere.
      continue;
    }
    if (size == 0 || (uint64_t)(field->seen.position & (size - 1)) + field->seen.length > size)
      return RONDO_ERR_RING_POISONED;
    total += rr_up(field->seen.length, 8);
  }
  if (total == 0) return RONDO_OK;
  if (c->pieces_used > 0 && c->pieces_used + total > size) return RONDO_FULL;
  if (rr_grow_pieces(c, c->pieces_used + total) != RONDO_OK) return RONDO_ERR_SYSTEM;
  for (uint32_t i = 0; i < c->field_count; i++) {
    rondo_piece piece = c->fields[i].seen;
    if (piece.length == 0) continue;
    rr_copy_in(c->pieces + c->pieces_used, slab + (piece.position & (size - 1)), piece.length);
    rr_put(to, c->fields[i].offset, (uint32_t)c->pieces_used);
    c->pieces_used += rr_up(piece.length, 8);
  }
  return RONDO_OK;
}

static inline const unsigned char *rr_slot(const rondo_consumer *c, const rr_lane *lane,
                                           uint32_t position) {
  return lane->slots + (size_t)(position & (c->ring->slots - 1)) * c->ring->stride;
}

// MPMC: copies, then takes what was copied if nobody else did.
static inline int rr_take_shared(rondo_consumer *c, rr_lane *lane, unsigned char *to,
                                 uint32_t limit, uint32_t *taken) {
  size_t mark = c->pieces_used;
  for (;;) {
    uint32_t tail = rr_load(lane->control + RR_TAIL), head = rr_load(lane->cursor + RR_HEAD);
    int32_t there = (int32_t)(tail - head);
    if (there <= 0) return RONDO_EMPTY;
    if ((uint32_t)there > c->ring->slots)
      return rr_fail_consumer(c, rr_poison(c->ring, RR_LIE_TAIL));
    uint32_t count = (uint32_t)there < limit ? (uint32_t)there : limit, copied = 0;
    int code = RONDO_OK;
    c->pieces_used = mark;
    for (; copied < count && code == RONDO_OK; copied += code == RONDO_OK)
      code = rr_copy_message(c, rr_slot(c, lane, head + copied), lane->slab,
                             to + (size_t)copied * c->size);
    if (code == RONDO_ERR_SYSTEM) return code;
    bool lied = code == RONDO_ERR_RING_POISONED;
    if (copied == 0 && !lied) return RONDO_FULL;
    if (!rr_cas(lane->cursor + RR_HEAD, head, head + copied + (lied ? 1 : 0))) continue;
    if (lied) return rr_fail_consumer(c, rr_poison(c->ring, RR_LIE_PIECE));
    rondo_word *bell = rr_producers_bell(c->ring);
    if (rr_is_set(bell) && rr_ring_bell(bell) > 0)
      atomic_fetch_add_explicit(lane->cursor + RR_CURSOR_WAKES, 1u, RR_ORDER(relaxed));
    *taken = copied;
    return RONDO_OK;
  }
}

// Lossy rings: moves the head on over what was taken or lost; false when another consumer did.
static inline bool rr_move(rondo_consumer *c, rr_lane *lane, uint32_t from, uint32_t to,
                           uint32_t lost) {
  if (c->ring->topology == RONDO_MPMC) {
    if (!rr_cas(lane->cursor + RR_HEAD, from, to)) return false;
  } else {
    lane->head = lane->released = to;
    rr_store(lane->cursor + RR_HEAD, to);
  }
  if (lost == 0) return true;
  c->lost += lost;
  atomic_fetch_add_explicit(lane->cursor + RR_LOST, lost, RR_ORDER(relaxed));
  return true;
}

// Whether the pieces that were copied last had not been overwritten meanwhile.
static inline bool rr_pieces_are_valid(const rondo_consumer *c, uint32_t slab_intent) {
  for (uint32_t i = 0; i < c->field_count; i++)
    if (c->fields[i].seen.length > 0 &&
        slab_intent - c->fields[i].seen.position > c->ring->slab_bytes)
      return false;
  return true;
}

// Lossy rings: copies one message, then looks whether it was overwritten meanwhile. The head is
// loaded first and the intent last, so that head ≤ tail ≤ intent of an honest producer.
static inline int rr_take_lossy(rondo_consumer *c, rr_lane *lane, unsigned char *to) {
  uint32_t slots = c->ring->slots;
  size_t mark = c->pieces_used;
  for (int tries = 0; tries < 64; tries++) {
    uint32_t head = rr_lane_head(c, lane);
    uint32_t tail = rr_load(lane->control + RR_TAIL);
    uint32_t intent = rr_load(lane->control + RR_INTENT);
    if ((int32_t)(intent - tail) < 0) return rr_fail_consumer(c, rr_poison(c->ring, RR_LIE_TAIL));
    if (intent - head > slots) {
      rr_move(c, lane, head, intent - slots, intent - slots - head);
      continue;
    }
    if ((int32_t)(tail - head) <= 0) return RONDO_EMPTY;
    c->pieces_used = mark;
    int code = rr_copy_message(c, rr_slot(c, lane, head), lane->slab, to);
    if (code == RONDO_FULL || code == RONDO_ERR_SYSTEM) return code;
    rr_fence(); // The copies were made before the intents are loaded again.
    intent = rr_load(lane->control + RR_INTENT);
    uint32_t slab_intent = rr_load(lane->control + RR_SLAB_INTENT);
    if (intent - head > slots) continue; // The next round counts what is lost.
    bool valid = code == RONDO_OK && rr_pieces_are_valid(c, slab_intent);
    if (!rr_move(c, lane, head, head + 1, code == RONDO_OK && !valid ? 1 : 0)) continue;
    if (code != RONDO_OK) return rr_fail_consumer(c, rr_poison(c->ring, RR_LIE_PIECE));
    if (valid) return RONDO_OK;
  }
  c->pieces_used = mark;
  return RONDO_EMPTY;
}

// Copies up to `limit` messages from lanes in turn.
static inline int rr_take(rondo_consumer *c, unsigned char *to, uint32_t limit, uint32_t *taken) {
  *taken = 0;
  for (uint32_t n = 0; n < c->ring->lanes; n++) {
    rr_lane *lane = &c->lane[c->current];
    int code = c->ring->lossy ? rr_take_lossy(c, lane, to)
                              : rr_take_shared(c, lane, to, limit, taken);
    if (code == RONDO_OK && c->ring->lossy) *taken = 1;
    if (code == RONDO_OK || code < 0 || code == RONDO_FULL) {
      // Others have their turn next; while this one is known to have more, it is cheaper to stay.
      if (*taken < limit || c->ring->lossy) c->current = (c->current + 1) % c->ring->lanes;
      return code;
    }
    c->current = (c->current + 1) % c->ring->lanes;
  }
  return rr_nothing(c);
}

// One message, copied with its pieces behind those that are there; released later.
static inline int rr_copy_next(rondo_consumer *c, unsigned char *to) {
  int code;
  const unsigned char *slot = rr_next_in_place(c, &code);
  if (slot == NULL) return code;
  code = rr_copy_message(c, slot, c->slab, to);
  if (code == RONDO_ERR_RING_POISONED)
    return rr_fail_consumer(c, rr_poison(c->ring, RR_LIE_PIECE));
  return code;
}

// Before messages are taken: RONDO_OK when they may be.
static inline int rr_ready(rondo_consumer *c, bool in_place) {
  if (c->state != RONDO_OK) return c->state;
  c->pieces_used = 0;
  c->in_place = in_place;
  return c->asking ? rr_look_admitted(c) : RONDO_OK;
}

static inline int rondo_try_pop_many(rondo_consumer *c, void *messages, uint32_t count,
                                     uint32_t *popped) {
  unsigned char *to = (unsigned char *)messages;
  *popped = 0;
  int code = rr_ready(c, false);
  while (code == RONDO_OK && *popped < count) {
    uint32_t taken = 1;
    unsigned char *next = to + (size_t)*popped * c->size;
    if (c->copies) {
      code = rr_take(c, next, count - *popped, &taken);
    } else {
      rr_lane before = c->lane[c->current];
      uint32_t lane = c->current, unreleased = c->unreleased;
      code = rr_copy_next(c, next);
      if (code == RONDO_FULL) { // It stays where it was.
        c->lane[lane] = before;
        c->current = lane;
        c->unreleased = unreleased;
      }
    }
    if (code == RONDO_OK) *popped += taken;
  }
  if (!c->copies && (c->unreleased >= c->release_every || code != RONDO_OK)) rondo_release(c);
  // An error and the end come again; what was taken counts first.
  return *popped > 0 ? RONDO_OK : code;
}

static inline int rondo_try_pop(rondo_consumer *c, void *message) {
  uint32_t popped;
  return rondo_try_pop_many(c, message, 1, &popped);
}

static inline int rondo_try_read(rondo_consumer *c, const void **message) {
  int code = rr_ready(c, !c->copies);
  *message = NULL;
  if (code != RONDO_OK) return code;
  if (c->copies) {
    uint32_t taken;
    *message = c->message;
    return rr_take(c, c->message, 1, &taken);
  }
  const unsigned char *slot = rr_next_in_place(c, &code);
  if (slot != NULL) *message = slot;
  return code;
}

static inline int rondo_bytes(rondo_consumer *c, const void *field, const void **bytes,
                              uint32_t *length) {
  static const char nothing[1] = "";
  uint32_t size = c->ring->slab_bytes;
  rondo_piece piece;
  *bytes = nothing;
  *length = 0;
  if (!c->in_place) {
    memcpy(&piece, field, sizeof piece);
    if ((uint64_t)piece.position + piece.length > c->pieces_used) return RONDO_ERR_OPTION_RANGE;
    if (piece.length > 0) *bytes = c->pieces + piece.position;
    *length = piece.length;
    return RONDO_OK;
  }
  // Read once: what was bounded is what is used.
  piece.position = rr_load_relaxed((rondo_word *)(uintptr_t)field);
  piece.length = rr_load_relaxed((rondo_word *)(uintptr_t)field + 1);
  if (piece.length == 0) return RONDO_OK;
  if (size == 0 || (uint64_t)(piece.position & (size - 1)) + piece.length > size)
    return rr_fail_consumer(c, rr_poison(c->ring, RR_LIE_PIECE));
  *bytes = c->slab + (piece.position & (size - 1));
  *length = piece.length;
  return RONDO_OK;
}

static inline int64_t rondo_copy_bytes(rondo_consumer *c, const void *field, void *buffer,
                                       uint32_t capacity) {
  const void *bytes;
  uint32_t length;
  int code = rondo_bytes(c, field, &bytes, &length);
  if (code != RONDO_OK) return code;
  if (length > capacity) return RONDO_ERR_OPTION_RANGE;
  if (length > 0) rr_copy_in(buffer, (const unsigned char *)bytes, length);
  return length;
}

static inline int rr_look_readable(void *who) {
  rondo_consumer *c = (rondo_consumer *)who;
  if (c->asking) return rr_look_admitted(c) == RONDO_EMPTY ? RONDO_EMPTY : RONDO_OK;
  for (uint32_t i = 0; i < c->ring->lanes; i++) {
    uint32_t tail = rr_load(c->lane[i].control + RR_TAIL), head = rr_lane_head(c, &c->lane[i]);
    if (c->copies ? (int32_t)(tail - head) > 0 : tail != head) return RONDO_OK;
  }
  int code = rr_nothing(c);
  return code == RONDO_ENDED ? RONDO_OK : code;
}

static inline int rondo_wait_readable(rondo_consumer *c, int64_t timeout_us) {
  if (c->state != RONDO_OK) return c->state;
  rondo_release(c);
  rr_waiting waiting = {c->segment,
                        c->ring,
                        rr_consumers_bell(c->ring),
                        c->lane[0].cursor + RR_CURSOR_SLEEPS,
                        RR_BLOCK_LANE_OWNERS,
                        c->watch,
                        &c->died,
                        rr_look_readable,
                        c,
                        c->spin};
  return rr_wait(&waiting, timeout_us);
}

static inline int rondo_pop(rondo_consumer *c, void *message, int64_t timeout_us) {
  int64_t end = timeout_us < 0 ? -1 : rr_microseconds() + timeout_us;
  for (;;) {
    int code = rondo_try_pop(c, message);
    if (code != RONDO_EMPTY) return code;
    int64_t left = end < 0 ? -1 : end - rr_microseconds();
    code = rondo_wait_readable(c, end >= 0 && left < 0 ? 0 : left);
    if (code != RONDO_OK) return code;
  }
}

static inline void rr_free_consumer(rondo_consumer *c) {
  rr_unwatch_all(c->watch);
  free(c->fields);
  free(c->message);
  free(c->pieces);
  c->fields = NULL;
  c->message = c->pieces = NULL;
  c->segment = NULL;
  c->state = RONDO_ERR_RING_CLOSED;
}

static inline void rr_attach_lanes(rondo_consumer *c) {
  rondo_ring *ring = c->ring;
  uint32_t cursor = ring->topology == RONDO_BROADCAST ? c->place : 0;
  for (uint32_t i = 0; i < ring->lanes; i++) {
    rr_lane *lane = &c->lane[i];
    lane->control = rr_control(ring, i);
    lane->cursor = rr_cursor(ring, i, cursor);
    lane->slots = rr_slots(ring, i);
    lane->slab = lane->slots + ring->slab;
    // What the predecessor had taken and not released comes again.
    lane->head = rr_load(lane->cursor + RR_HEAD);
    if (ring->topology == RONDO_BROADCAST && ring->lossy) {
      lane->head = rr_load(lane->control + RR_TAIL);
      rr_store(lane->cursor + RR_HEAD, lane->head);
    }
    lane->tail = lane->released = lane->head;
  }
}

static inline int rondo_consumer_open(rondo_consumer *c, rondo_segment *segment, uint32_t ring,
                                      const char *schema, const rondo_consumer_options *options,
                                      rondo_error *error) {
  static const rondo_consumer_options none = {0, 0, false};
  memset(c, 0, sizeof *c);
  c->state = RONDO_ERR_RING_CLOSED;
  if (options == NULL) options = &none;
  int code = rr_prepare(segment, ring, schema, false, error);
  if (code != RONDO_OK) return code;
  rondo_ring *r = &segment->ring[ring];
  for (uint32_t i = 0; i < RR_OWNERS; i++) c->watch[i].pidfd = -1;
  c->ring = r;
  c->size = rr_schema_size(schema);
  c->copies = r->lossy || r->topology == RONDO_MPMC;
  c->asking = r->topology == RONDO_BROADCAST && !r->lossy;
  c->release_every = options->release_every == 0 ? 1 : options->release_every;
  c->spin = rr_spin_option(options->spin_microseconds, options->sleep_at_once);
  code = rr_slab_fields(schema, &c->fields, &c->field_count, error);
  if (code != RONDO_OK) return code;
  c->message = (unsigned char *)malloc(rr_up(c->size, 8));
  if (c->message == NULL) code = rr_fail(error, RONDO_ERR_SYSTEM, "Cannot allocate memory");
  c->mine = rr_owner_word((uint32_t)segment->participant, segment->live);
  if (code == RONDO_OK)
    code = rr_take_role(segment, r, RR_BLOCK_PLACE_OWNERS, r->consumers, 0,
                        c->mine | (c->asking ? (uint32_t)RR_ASKING : 0), error);
  if (code < 0) {
    rr_free_consumer(c);
    return code;
  }
  c->place = (uint32_t)code;
  c->segment = segment;
  rr_attach_lanes(c);
  c->state = RONDO_OK;
  rr_ring_bell(rr_producers_bell(r)); // So that sleepers learn whom to watch.
  if (c->asking) rr_set_bell(rr_consumers_bell(r));
  return RONDO_OK;
}

static inline void rr_end_consumer(rondo_consumer *c, bool close_ring) {
  if (c->segment == NULL) return;
  if (!c->copies && c->state == RONDO_OK) rondo_release(c);
  bool alone = c->ring->topology == RONDO_SPSC || c->ring->topology == RONDO_MPSC;
  bool closes = close_ring && alone;
  if (closes) rr_cas(rr_word(c->ring->block, RR_BLOCK_CLOSED), 0, 1);
  rr_give_up(rr_owner(c->ring, RR_BLOCK_PLACE_OWNERS, c->place), c->mine);
  rr_ring_both(c->ring); // On gated rings there may be room now.
  // Makes producers look when they publish next, although nobody sleeps.
  if (closes) rr_set_bell(rr_consumers_bell(c->ring));
  rr_free_consumer(c);
}

static inline void rondo_consumer_close(rondo_consumer *c) { rr_end_consumer(c, true); }

static inline void rondo_consumer_detach(rondo_consumer *c) { rr_end_consumer(c, false); }

#endif // RONDO_RING_H
