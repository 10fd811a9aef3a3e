/*
 * Connections that do harm instead of asking: each attack is bytes, how they are written, and what
 * is done when the server ends the connection (it is made again). It runs at the lowest priority,
 * so that on the same core it takes only what is left by a generator that measures.
 *
 * A peer that vanishes without a word cannot be had on one machine: loopback answers for a closed
 * socket with RST. `vanish` is the nearest, a reset in the middle of a message.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "worker.h"

#define MILLISECOND 1000000u
#define WRITE_MOST 65536u
#define NEVER UINT64_MAX

#define FIN 0x80u
#define COMPRESSED 0x40u
#define CONTINUATION 0u
#define TEXT 1u
#define BINARY 2u
#define PING 9u

struct attack {
  const char *name;
  /* Bytes of one write; 0 writes as much as the socket takes. */
  size_t piece;
  /* Between two writes on a connection; 0 writes whenever the socket can take something. */
  uint32_t pause_ms;
  /* Before the upgrade, instead of it. */
  bool bare;
  /* Never reads. */
  bool deaf;
  /* Resets the connection after its first write and the pause. */
  bool vanish;
  /* Appends what is sent once (`lead`) and again and again after it (`body`). */
  void (*make)(const struct load *load);
};

static struct bytes lead;
static struct bytes body;
static const struct attack *attack;
static uint64_t next_look;

static void append(struct bytes *bytes, const void *more, size_t length) {
  uint8_t *at = realloc(bytes->at, bytes->length + length);
  if (at == NULL) abort();
  memcpy(at + bytes->length, more, length);
  bytes->at = at;
  bytes->length += length;
}

static void append_frame(struct bytes *bytes, uint8_t first, const uint8_t *payload, size_t size) {
  uint8_t *frame = allocate(FRAME_HEAD_MOST + size);
  size_t head = frame_head(frame, size, first, true);
  frame_mask(frame + head, payload, size);
  append(bytes, frame, head + size);
  free(frame);
}

static void append_many(uint8_t first, const void *payload, size_t size) {
  while (body.length < WRITE_MOST) append_frame(&body, first, payload, size);
}

static const uint8_t letters[1024] = {[0 ... 1023] = 'a'};

static void make_nothing(const struct load *load) { (void)load; }

static void make_slow_head(const struct load *load) {
  (void)load;
  static const char begin[] = "GET /echo HTTP/1.1\r\nHost: a\r\n";
  static const char header[] = "X-More: something that never ends\r\n";
  append(&lead, begin, sizeof begin - 1);
  append(&body, header, sizeof header - 1);
}

/* One header of any length: the field has no end. */
static void make_big_head(const struct load *load) {
  (void)load;
  static const char begin[] = "GET /echo HTTP/1.1\r\nHost: a\r\nX-Long: ";
  append(&lead, begin, sizeof begin - 1);
  while (body.length < WRITE_MOST) append(&body, letters, sizeof letters);
}

static void make_tiny_frames(const struct load *load) {
  (void)load;
  append_many(FIN | BINARY, letters, 1);
}

/* Messages of 10,000 fragments of a byte. */
static void make_tiny_fragments(const struct load *load) {
  (void)load;
  append_frame(&body, BINARY, letters, 1);
  for (int i = 0; i < 9998; i++) append_frame(&body, CONTINUATION, letters, 1);
  append_frame(&body, FIN | CONTINUATION, letters, 1);
}

static void make_messages(const struct load *load) {
  (void)load;
  append_many(FIN | BINARY, letters, 125);
}

static void make_large_messages(const struct load *load) {
  (void)load;
  append_many(FIN | BINARY, letters, sizeof letters);
}

static void make_pings(const struct load *load) {
  (void)load;
  append_many(FIN | PING, letters, 125);
}

static void make_garbage(const struct load *load) {
  (void)load;
  uint32_t state = 2463534242u;
  uint8_t bytes[4096];
  for (size_t i = 0; i < sizeof bytes; i++) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    bytes[i] = (uint8_t)state;
  }
  append(&body, bytes, sizeof bytes);
}

/* Valid for a kilobyte, then a byte that UTF-8 does not have. */
static void make_utf8(const struct load *load) {
  (void)load;
  uint8_t text[sizeof letters];
  memcpy(text, letters, sizeof text);
  text[sizeof text - 1] = 0xff;
  append_frame(&body, FIN | TEXT, text, sizeof text);
}

/* The first packed payload, whatever it becomes when inflated. */
static void make_bomb(const struct load *load) {
  struct payloads payloads;
  if (load->options->payloads == NULL) fail((struct load *)load, "bomb needs --payloads");
  payloads_read(&payloads, load->options->payloads);
  append_frame(&body, FIN | COMPRESSED | BINARY, payloads.packed[0].at, payloads.packed[0].length);
}

static void make_half_message(const struct load *load) {
  (void)load;
  append_frame(&lead, FIN | BINARY, letters, sizeof letters);
  lead.length /= 2;
}

static const struct attack attacks[] = {
    {.name = "silent", .bare = true, .make = make_nothing},
    {.name = "slow-head", .bare = true, .piece = 1, .pause_ms = 1000, .make = make_slow_head},
    {.name = "big-head", .bare = true, .make = make_big_head},
    {.name = "tiny-frames", .make = make_tiny_frames},
    {.name = "tiny-fragments", .make = make_tiny_fragments},
    {.name = "tiny-segments", .piece = 1, .make = make_messages},
    {.name = "pings", .make = make_pings},
    {.name = "garbage", .make = make_garbage},
    {.name = "utf8", .make = make_utf8},
    {.name = "bomb", .make = make_bomb},
    {.name = "deaf", .deaf = true, .make = make_large_messages},
    {.name = "vanish", .vanish = true, .pause_ms = 100, .make = make_half_message},
};

static bool has_more(const struct connection *connection) {
  return body.length > 0 || connection->request_at < lead.length;
}

static void write_piece(struct load *load, struct connection *connection) {
  size_t most = attack->piece > 0 ? attack->piece : WRITE_MOST;
  size_t at = connection->request_at;
  const struct bytes *from = &lead;
  if (at >= lead.length) {
    from = &body;
    at = (at - lead.length) % body.length;
  }
  size_t length = from->length - at < most ? from->length - at : most;
  ssize_t sent = send(connection->fd, from->at + at, length, MSG_NOSIGNAL);
  if (sent < 0 && errno == EAGAIN) return;
  if (sent < 0) {
    connection_lost(load, connection);
    return;
  }
  connection->request_at += (size_t)sent;
  load->report->sent += (uint64_t)sent;
}

/* Whether it writes when the socket can take something, and not by the clock. */
static bool floods(const struct connection *connection) {
  return attack->pause_ms == 0 && has_more(connection);
}

static void attack_open(struct load *load, struct connection *connection) {
  uint32_t events = attack->deaf ? 0 : EPOLLIN;
  connection->request_at = 0;
  connection->due = attack->pause_ms > 0 ? now_ns() : NEVER;
  watch(load, connection, EPOLL_CTL_MOD, events | (floods(connection) ? EPOLLOUT : 0));
}

static void attack_event(struct load *load, struct connection *connection, uint32_t events) {
  if (!attack->deaf && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    ssize_t length = recv(connection->fd, load->chunk, sizeof load->chunk, 0);
    if (length == 0 || (length < 0 && errno != EAGAIN)) {
      connection_lost(load, connection);
      return;
    }
    if (length > 0) load->report->received += (uint64_t)length;
  } else if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
    connection_lost(load, connection);
    return;
  }
  if ((events & EPOLLOUT) != 0 && floods(connection)) write_piece(load, connection);
}

/* What is to be done by the clock: writes with a pause, resets, and connections to make again. */
static void act(struct load *load, struct connection *connection, uint64_t now) {
  if (connection->state == STATE_ENDED) {
    connection->due = NEVER;
    open_connection(load, connection);
  } else if (connection->state == STATE_OPEN) {
    if (attack->vanish && !has_more(connection)) {
      end_connection(load, connection);
      connection->due = now;
      return;
    }
    connection->due = now + (uint64_t)attack->pause_ms * MILLISECOND;
    if (has_more(connection)) write_piece(load, connection);
  }
}

void prepare_attack(struct load *load) {
  for (size_t i = 0; i < sizeof attacks / sizeof attacks[0]; i++) {
    if (strcmp(attacks[i].name, load->options->attack) == 0) attack = &attacks[i];
  }
  if (attack == NULL) fail(load, "there is no attack %s", load->options->attack);
  attack->make(load);
  load->bare = attack->bare;
  load->event = attack_event;
  load->on_open = attack_open;
  setpriority(PRIO_PROCESS, 0, 19);
}

void run_attack(struct load *load) {
  while (load->phase != PHASE_DONE) {
    uint64_t now = now_ns();
    if (now >= next_look) {
      next_look = now + MILLISECOND;
      for (uint32_t i = 0; i < load->count; i++) {
        if (load->connections[i].due <= now) act(load, &load->connections[i], now);
      }
    }
    turn(load, MILLISECOND);
  }
}
