/*
 * One generating process: its connections, its event loop, and the memory shared with the parent.
 *
 * An echo server's answer to a repeated message is a periodic stream of bytes, for plain TCP (the
 * payload) and for WebSocket (an unmasked frame) alike. So every received byte is checked by one
 * comparison with a prepared stream, headers, lengths and contents at once. The payload differs
 * between neighbouring connections: an answer to somebody else's message is found. What is not
 * periodic (compressed answers, broadcasts, pings) is read frame by frame; see frames.h.
 */
#ifndef RONDO_BENCH_LOAD_H
#define RONDO_BENCH_LOAD_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "histogram.h"

#define MAX_PROCESSES 16
#define MAX_MESSAGE (16u << 20)
#define MAX_INFLIGHT 1024u

enum phase { PHASE_CONNECT, PHASE_RUN, PHASE_MEASURE, PHASE_DONE };

struct options {
  bool websocket;
  bool text;
  bool idle;
  /* Each message goes to all connections, and the next ones are sent when all have arrived. */
  bool broadcast;
  /* Engine.IO's and Socket.IO's handshakes, and an event around each payload. */
  bool socketio;
  /* The offer of an extension in the handshake, which must be accepted; NULL for none. */
  const char *deflate;
  /* A file of payloads (payload.h) instead of letters; NULL for none. */
  const char *payloads;
  /* What the connections do to the server instead of asking it something; NULL for none. */
  const char *attack;
  struct in_addr host;
  uint16_t port;
  const char *path;
  uint32_t connections;
  uint32_t processes;
  uint32_t size;
  uint32_t inflight;
  /* Messages a second of all processes together; 0 is the closed loop. */
  double rate;
  double warmup;
  double duration;
  double linger;
  uint64_t messages;
  double connect_timeout;
  pid_t server_pid;
};

/* Written by one process, read by the parent; on its own cache lines. */
struct worker_report {
  _Alignas(128) _Atomic uint64_t messages;
  _Atomic bool ready;
  _Atomic bool failed;
  /* Connected, and the server has answered (a byte, or the upgrade). */
  uint64_t established;
  /* Of these: answered at least one message. */
  uint64_t answered;
  /* Connections that the server ended. */
  uint64_t closed;
  uint64_t connect_retries;
  /* Open loop only: messages that were due and not sent because the connection's queue was full. */
  uint64_t skipped;
  uint64_t outstanding;
  /* Messages that came compressed. */
  uint64_t packed;
  /* Pings of the server that were answered. */
  uint64_t pings;
  /* Bytes; counted in attacks only. */
  uint64_t sent;
  uint64_t received;
  struct histogram latency;
};

struct shared {
  _Alignas(128) _Atomic int phase;
  struct worker_report workers[MAX_PROCESSES];
};

/* Runs a generating process to its end. Never returns; exits with 0, or 1 after a message. */
_Noreturn void load_run(const struct options *options, struct shared *shared, uint32_t worker);

/* Monotonic nanoseconds. */
uint64_t now_ns(void);

#endif
