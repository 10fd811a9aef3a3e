#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "frames.h"
#include "worker.h"

/* Open loop: messages that may wait for their answer on one connection. */
#define OPEN_LOOP_QUEUE 256u

static void flush(struct load *load, struct connection *connection) {
  const struct stream *stream = &load->stream;
  const uint8_t *bytes = stream->request[connection->variant];
  const size_t whole = stream->request_length[connection->variant];
  bool blocked = false;
  while (connection->unsent > 0 && !blocked) {
    size_t length = whole - connection->request_at;
    if (length > connection->unsent) length = connection->unsent;
    ssize_t sent = send(connection->fd, bytes + connection->request_at, length, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno != EAGAIN) {
        connection_lost(load, connection);
        return;
      }
      blocked = true;
    } else {
      connection->unsent -= (size_t)sent;
      connection->request_at = (connection->request_at + (size_t)sent) % whole;
    }
  }
  /* Only whole messages left: the next write begins at the first prepared one and carries all. */
  if (connection->unsent == 0) connection->request_at = 0;
  if (blocked != connection->writing) {
    connection->writing = blocked;
    watch(load, connection, EPOLL_CTL_MOD, blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }
}

static void queue_messages(struct load *load, struct connection *connection, uint32_t count,
                           uint64_t time) {
  for (uint32_t i = 0; i < count; i++) {
    uint32_t at = (connection->first + connection->outstanding) & load->queue_mask;
    connection->times[at] = time;
    connection->outstanding++;
  }
  connection->unsent += count * load->stream.request_period[connection->variant];
}

static _Noreturn void unexpected(struct load *load, const struct connection *connection,
                                 size_t length) {
  const uint8_t *wanted = load->stream.response[connection->variant] + connection->response_at;
  size_t at = 0;
  while (at < length && load->chunk[at] == wanted[at]) at++;
  size_t period = load->stream.response_period;
  fail(load, "wrong echo: byte %zu of a message of %zu on the wire is 0x%02x, must be 0x%02x",
       (connection->response_at + at) % period, period, load->chunk[at], wanted[at]);
}

static _Noreturn void too_many(struct load *load) {
  fail(load, "the server sent more than it was asked for");
}

/* Takes `length` bytes of the chunk; returns how many messages they complete. */
static uint32_t take(struct load *load, struct connection *connection, size_t length) {
  if (load->framed) {
    return frames_take(load, connection, load->chunk, length);
  }
  const uint8_t *wanted = load->stream.response[connection->variant] + connection->response_at;
  if (memcmp(load->chunk, wanted, length) != 0) unexpected(load, connection, length);
  size_t at = connection->response_at + length;
  size_t period = load->stream.response_period;
  uint32_t complete = (uint32_t)(at / period);
  connection->response_at = at % period;
  uint32_t begun = complete + (connection->response_at > 0);
  if (begun > connection->outstanding) too_many(load);
  return complete;
}

static void completed(struct load *load, struct connection *connection, uint32_t count) {
  uint64_t now = now_ns();
  if (count > connection->outstanding) too_many(load);
  if (load->phase == PHASE_MEASURE) {
    uint32_t i = 0;
    while (i < count) {
      uint64_t time = connection->times[(connection->first + i) & load->queue_mask];
      uint32_t same = 1;
      while (i + same < count &&
             connection->times[(connection->first + i + same) & load->queue_mask] == time) {
        same++;
      }
      histogram_record(&load->report->latency, now > time ? now - time : 0, same);
      i += same;
    }
  }
  connection->first += count;
  connection->outstanding -= count;
  load->messages += count;
  atomic_store_explicit(&load->report->messages, load->messages, memory_order_relaxed);
  if (!connection->answered) {
    connection->answered = true;
    load->report->answered++;
  }
  if (load->interval == 0 && load->phase != PHASE_DONE) {
    queue_messages(load, connection, count, now);
  }
}

/* Broadcast: `count` deliveries on one connection. */
static void delivered(struct load *load, struct connection *connection, uint32_t count) {
  uint64_t now = now_ns();
  if (count > connection->outstanding) too_many(load);
  if (load->phase == PHASE_MEASURE) {
    histogram_record(&load->report->latency, now - load->round, count);
  }
  connection->outstanding -= count;
  load->lacking -= count;
  load->messages += count;
  atomic_store_explicit(&load->report->messages, load->messages, memory_order_relaxed);
  if (!connection->answered) {
    connection->answered = true;
    load->report->answered++;
  }
}

static void open_event(struct load *load, struct connection *connection, uint32_t events) {
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    uint32_t count = 0;
    /* A few chunks at most, so that one fast connection does not hold up the others. */
    for (int turn = 0; turn < 4; turn++) {
      ssize_t length = recv(connection->fd, load->chunk, sizeof load->chunk, 0);
      if (length < 0 && errno == EAGAIN) break;
      if (length <= 0) {
        connection_lost(load, connection);
        return;
      }
      count += take(load, connection, (size_t)length);
      if ((size_t)length < sizeof load->chunk) break;
    }
    if (count > 0) (load->options->broadcast ? delivered : completed)(load, connection, count);
  }
  if (connection->unsent > 0) flush(load, connection);
}

static void run_closed(struct load *load) {
  uint64_t now = now_ns();
  for (uint32_t i = 0; i < load->count; i++) {
    struct connection *connection = &load->connections[i];
    if (connection->state != STATE_OPEN) continue;
    queue_messages(load, connection, load->options->inflight, now);
    flush(load, connection);
  }
  while (load->phase != PHASE_DONE) turn(load, 20000000u);
}

/* One message on each connection, which all connections are owed then. */
static void begin_round(struct load *load) {
  load->round = now_ns();
  load->lacking = (uint64_t)load->open * load->open;
  for (uint32_t i = 0; i < load->count; i++) {
    struct connection *connection = &load->connections[i];
    if (connection->state != STATE_OPEN) fail(load, "a broadcast needs all its connections");
    connection->outstanding = load->open;
    connection->unsent += load->stream.request_period[connection->variant];
  }
  for (uint32_t i = 0; i < load->count; i++) flush(load, &load->connections[i]);
}

static void run_broadcast(struct load *load) {
  while (load->phase != PHASE_DONE) {
    if (load->lacking == 0) begin_round(load);
    turn(load, 20000000u);
  }
}

/* Sends what is due; returns when the next one is. */
static uint64_t send_due(struct load *load) {
  for (;;) {
    uint64_t time = load->start + (uint64_t)((double)load->due * load->interval);
    if (time > now_ns()) return time;
    struct connection *connection = &load->connections[load->due % load->count];
    load->due++;
    if (connection->state != STATE_OPEN || connection->outstanding > load->queue_mask) {
      load->report->skipped++;
      continue;
    }
    queue_messages(load, connection, 1, time);
    flush(load, connection);
  }
}

static void run_open(struct load *load) {
  load->start = now_ns();
  while (load->phase != PHASE_DONE) {
    uint64_t next = send_due(load);
    uint64_t now = now_ns();
    uint64_t wait = next > now ? next - now : 0;
    turn(load, wait < 20000000u ? wait : 20000000u);
  }
}

static void prepare(struct load *load) {
  const struct options *options = load->options;
  uint32_t queue = OPEN_LOOP_QUEUE;
  if (options->rate > 0) {
    load->interval = 1e9 * options->processes / options->rate;
  } else {
    queue = 1;
    while (queue < options->inflight) queue *= 2;
  }
  load->queue_mask = queue - 1;
  load->connections = calloc(load->count, sizeof *load->connections);
  uint64_t *times = calloc((size_t)load->count * queue, sizeof *times);
  load->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (load->connections == NULL || times == NULL || load->epoll < 0) fail(load, "out of memory");
  for (uint32_t i = 0; i < load->count; i++) {
    load->connections[i].variant = (load->first_index + i) % VARIANTS;
    load->connections[i].times = times + (size_t)i * queue;
  }
  stream_prepare(&load->stream, options);
  load->framed = options->websocket && (options->deflate != NULL || options->broadcast ||
                                        options->idle);
  load->event = open_event;
  if (options->attack != NULL) prepare_attack(load);
  load->upgrade_length = stream_upgrade(load->upgrade, sizeof load->upgrade, options);
  if (load->upgrade_length == 0) fail(load, "the path is too long");
}

_Noreturn void load_run(const struct options *options, struct shared *shared, uint32_t worker) {
  static struct load load;
  load.options = options;
  load.shared = shared;
  load.report = &shared->workers[worker];
  uint32_t share = options->connections / options->processes;
  uint32_t rest = options->connections % options->processes;
  load.count = share + (worker < rest);
  load.first_index = worker * share + (worker < rest ? worker : rest);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  /* Open loop: the kernel may otherwise wake us 50 µs late. */
  prctl(PR_SET_TIMERSLACK, 1);
  prepare(&load);
  connect_all(&load);
  atomic_store(&load.report->ready, true);
  /* The server may end a connection while the others are still being made. */
  bool waits = options->attack == NULL;
  while (waits && load.phase == PHASE_CONNECT) turn(&load, 5000000u);
  if (options->attack != NULL) {
    run_attack(&load);
  } else if (options->idle) {
    while (load.phase != PHASE_DONE) turn(&load, 100000000u);
  } else if (options->broadcast) {
    run_broadcast(&load);
  } else if (options->rate > 0) {
    run_open(&load);
  } else {
    run_closed(&load);
  }
  for (uint32_t i = 0; i < load.count; i++) {
    struct connection *connection = &load.connections[i];
    load.report->outstanding += connection->outstanding;
    if (connection->state == STATE_OPEN) end_connection(&load, connection);
  }
  _exit(0);
}
