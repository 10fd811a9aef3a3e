#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "stream.h"

/* Connections being opened at once: more would overrun a listen queue of the usual length. */
#define CONNECTING_MOST 256u
/* Connections that share a source address; the rest of its ports are left to other programs. */
#define ADDRESS_CONNECTIONS 14000u
#define EVENTS 512
/* Open loop: messages that may wait for their answer on one connection. */
#define OPEN_LOOP_QUEUE 256u

/* A TCP connection is proved with one byte: the kernel connects what the server never accepts. */
enum state {
  STATE_NEW,
  STATE_CONNECTING,
  STATE_PROVING,
  STATE_UPGRADING,
  STATE_OPEN,
  STATE_ENDED
};

struct connection {
  int fd;
  uint8_t state;
  bool writing;
  bool answered;
  uint32_t variant;
  /* Messages sent, or about to be, and not yet answered: the length of the queue of times. */
  uint32_t outstanding;
  uint32_t first;
  size_t unsent;
  size_t request_at;
  size_t response_at;
  /* Sent (closed loop) or intended (open loop) times of the outstanding messages, oldest first. */
  uint64_t *times;
};

static const uint8_t proof = '.';

struct load {
  const struct options *options;
  struct shared *shared;
  struct worker_report *report;
  struct stream stream;
  struct connection *connections;
  uint32_t count;
  uint32_t first_index;
  uint32_t opened;
  uint32_t connecting;
  uint32_t open;
  uint32_t queue_mask;
  int epoll;
  int phase;
  uint64_t messages;
  /* Open loop: the next message's number, and when the first was due. */
  uint64_t due;
  uint64_t start;
  double interval;
  char upgrade[1024];
  size_t upgrade_length;
  uint8_t chunk[RECEIVE_CHUNK];
};

uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

__attribute__((format(printf, 2, 3))) static _Noreturn void fail(struct load *load,
                                                                 const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "generator: ");
  vfprintf(stderr, format, arguments);
  fprintf(stderr, "\n");
  va_end(arguments);
  atomic_store(&load->report->failed, true);
  _exit(1);
}

static void watch(struct load *load, struct connection *connection, int operation,
                  uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = connection};
  if (epoll_ctl(load->epoll, operation, connection->fd, &event) != 0) {
    fail(load, "epoll_ctl: %s", strerror(errno));
  }
}

/* RST instead of FIN: thousands of ports in TIME_WAIT would spoil the next run. */
static void end_connection(struct load *load, struct connection *connection) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  close(connection->fd);
  if (connection->state < STATE_OPEN) load->connecting--;
  connection->state = STATE_ENDED;
}

static void connection_lost(struct load *load, struct connection *connection) {
  if (load->report->closed++ == 0) {
    fprintf(stderr, "generator: the server ended a connection\n");
  }
  end_connection(load, connection);
  load->open--;
  if (load->open == 0 && load->connecting == 0) fail(load, "no connection is left");
}

static void open_connection(struct load *load, struct connection *connection) {
  const struct options *options = load->options;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) fail(load, "socket: %s (connection %u)", strerror(errno), load->opened);
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if ((ntohl(options->host.s_addr) >> 24) == 127) {
    uint32_t index = load->first_index + (uint32_t)(connection - load->connections);
    struct sockaddr_in source = {.sin_family = AF_INET};
    source.sin_addr.s_addr = htonl(0x7f00000bu + index / ADDRESS_CONNECTIONS);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&source, sizeof source) != 0) {
      fail(load, "bind: %s", strerror(errno));
    }
  }
  struct sockaddr_in target = {.sin_family = AF_INET, .sin_port = htons(options->port)};
  target.sin_addr = options->host;
  if (connect(fd, (struct sockaddr *)&target, sizeof target) != 0 && errno != EINPROGRESS) {
    fail(load, "connect: %s (connection %u)", strerror(errno), load->opened);
  }
  connection->fd = fd;
  connection->state = STATE_CONNECTING;
  load->connecting++;
  watch(load, connection, EPOLL_CTL_ADD, EPOLLOUT);
}

static void connection_open(struct load *load, struct connection *connection) {
  connection->state = STATE_OPEN;
  load->connecting--;
  load->report->established++;
  load->open++;
}

static void connecting_event(struct load *load, struct connection *connection) {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) {
    end_connection(load, connection);
    if (++load->report->connect_retries > 100 + load->count / 10) {
      fail(load, "connections are refused: %s", strerror(error));
    }
    open_connection(load, connection);
    return;
  }
  watch(load, connection, EPOLL_CTL_MOD, EPOLLIN);
  if (!load->options->websocket) {
    connection->state = STATE_PROVING;
    if (send(connection->fd, &proof, 1, MSG_NOSIGNAL) != 1) fail(load, "send: %s", strerror(errno));
    return;
  }
  connection->state = STATE_UPGRADING;
  ssize_t sent = send(connection->fd, load->upgrade, load->upgrade_length, MSG_NOSIGNAL);
  if (sent != (ssize_t)load->upgrade_length) fail(load, "the upgrade could not be sent");
}

static void proving_event(struct load *load, struct connection *connection) {
  uint8_t byte = 0;
  ssize_t length = recv(connection->fd, &byte, 1, 0);
  if (length < 0 && errno == EAGAIN) return;
  if (length == 1 && byte == proof) {
    connection_open(load, connection);
    return;
  }
  if (length == 1) fail(load, "wrong echo: 0x%02x, must be 0x%02x", byte, proof);
  /* Accepted and ended at once: what a server does that has no descriptor left. */
  load->report->closed++;
  end_connection(load, connection);
}

static void upgrading_event(struct load *load, struct connection *connection) {
  char text[2048];
  /* Looked at first, so that no byte after the answer is taken with it. */
  ssize_t length = recv(connection->fd, text, sizeof text, MSG_PEEK);
  if (length < 0 && errno == EAGAIN) return;
  if (length <= 0) fail(load, "the server ended a connection instead of upgrading it");
  ptrdiff_t answer = stream_upgraded(text, (size_t)length);
  if (answer < 0 || (answer == 0 && length == sizeof text)) {
    fail(load, "the upgrade was refused: %.*s", (int)(length > 200 ? 200 : length), text);
  }
  if (answer == 0) return;
  if (recv(connection->fd, text, (size_t)answer, 0) != answer) fail(load, "recv after a peek");
  connection_open(load, connection);
}

static void flush(struct load *load, struct connection *connection) {
  const struct stream *stream = &load->stream;
  const uint8_t *bytes = stream->request[connection->variant];
  bool blocked = false;
  while (connection->unsent > 0 && !blocked) {
    size_t length = stream->request_length - connection->request_at;
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
      connection->request_at = (connection->request_at + (size_t)sent) % stream->request_length;
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
  connection->unsent += count * load->stream.request_period;
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

/* Takes `length` bytes of the chunk; returns how many messages they complete. */
static uint32_t take(struct load *load, struct connection *connection, size_t length) {
  const uint8_t *wanted = load->stream.response[connection->variant] + connection->response_at;
  if (memcmp(load->chunk, wanted, length) != 0) unexpected(load, connection, length);
  size_t at = connection->response_at + length;
  size_t period = load->stream.response_period;
  uint32_t complete = (uint32_t)(at / period);
  connection->response_at = at % period;
  uint32_t begun = complete + (connection->response_at > 0);
  if (begun > connection->outstanding) fail(load, "the server sent more than it was asked for");
  return complete;
}

static void completed(struct load *load, struct connection *connection, uint32_t count) {
  uint64_t now = now_ns();
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
    if (count > 0) completed(load, connection, count);
  }
  if (connection->unsent > 0) flush(load, connection);
}

static void connection_event(struct load *load, struct connection *connection, uint32_t events) {
  switch (connection->state) {
    case STATE_CONNECTING:
      connecting_event(load, connection);
      break;
    case STATE_PROVING:
      proving_event(load, connection);
      break;
    case STATE_UPGRADING:
      upgrading_event(load, connection);
      break;
    case STATE_OPEN:
      open_event(load, connection, events);
      break;
    default:
      break;
  }
}

/* Waits at most `timeout` ns, handles what happened, and looks at the phase. */
static void turn(struct load *load, uint64_t timeout) {
  struct epoll_event events[EVENTS];
  struct timespec limit = {.tv_sec = (time_t)(timeout / 1000000000u),
                           .tv_nsec = (long)(timeout % 1000000000u)};
  /* By number: older C libraries have no wrapper, and epoll_wait rounds to milliseconds. */
  int count = (int)syscall(SYS_epoll_pwait2, load->epoll, events, EVENTS, &limit, NULL, 0);
  if (count < 0 && errno != EINTR) fail(load, "epoll_pwait2: %s", strerror(errno));
  load->phase = atomic_load_explicit(&load->shared->phase, memory_order_acquire);
  for (int i = 0; i < count; i++) connection_event(load, events[i].data.ptr, events[i].events);
}

static void connect_all(struct load *load) {
  uint64_t deadline = now_ns() + (uint64_t)(load->options->connect_timeout * 1e9);
  while (load->report->established + load->report->closed < load->count) {
    while (load->opened < load->count && load->connecting < CONNECTING_MOST) {
      open_connection(load, &load->connections[load->opened]);
      load->opened++;
    }
    turn(load, 100000000u);
    if (now_ns() > deadline) break;
  }
  for (uint32_t i = 0; i < load->opened; i++) {
    struct connection *connection = &load->connections[i];
    bool begun = connection->state > STATE_NEW && connection->state < STATE_OPEN;
    if (begun) end_connection(load, connection);
  }
  if (load->report->established == 0) fail(load, "no connection could be made");
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
  while (load.phase == PHASE_CONNECT) turn(&load, 5000000u);
  if (options->idle) {
    while (load.phase != PHASE_DONE) turn(&load, 100000000u);
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
