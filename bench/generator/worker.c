#define _GNU_SOURCE
#include "worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Connections being opened at once: more would overrun a listen queue of the usual length. */
#define CONNECTING_MOST 256u
/* Connections that share a source address; the rest of its ports are left to other programs. */
#define ADDRESS_CONNECTIONS 14000u
#define EVENTS 512
/* Attacks: from the end of a connection until it is made again. */
#define AGAIN_NS 50000000u
/* Socket.IO sends two messages before an event may be sent: Engine.IO's `open`, and `connect`. */
#define GREETINGS 2u

static const uint8_t proof = '.';

uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

void fail(struct load *load, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "generator: ");
  vfprintf(stderr, format, arguments);
  fprintf(stderr, "\n");
  va_end(arguments);
  atomic_store(&load->report->failed, true);
  _exit(1);
}

void watch(struct load *load, struct connection *connection, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = connection};
  if (epoll_ctl(load->epoll, operation, connection->fd, &event) != 0) {
    fail(load, "epoll_ctl: %s", strerror(errno));
  }
}

/* RST instead of FIN: thousands of ports in TIME_WAIT would spoil the next run. */
void end_connection(struct load *load, struct connection *connection) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  close(connection->fd);
  if (connection->state < STATE_OPEN) load->connecting--;
  if (connection->state == STATE_OPEN) load->open--;
  connection->state = STATE_ENDED;
}

void connection_lost(struct load *load, struct connection *connection) {
  bool attack = load->on_open != NULL;
  if (load->report->closed++ == 0 && !attack) {
    fprintf(stderr, "generator: the server ended a connection\n");
  }
  end_connection(load, connection);
  connection->due = now_ns() + AGAIN_NS;
  if (attack) return;
  if (load->open == 0 && load->connecting == 0) fail(load, "no connection is left");
}

/* A connection that was not made: part of an attack, an error otherwise. */
__attribute__((format(printf, 3, 4))) static void not_made(struct load *load,
                                                           struct connection *connection,
                                                           const char *format, ...) {
  if (load->on_open != NULL) {
    connection_lost(load, connection);
    return;
  }
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  fail(load, "%s", text);
}

void open_connection(struct load *load, struct connection *connection) {
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
  if (load->on_open != NULL) load->on_open(load, connection);
}

static void connecting_event(struct load *load, struct connection *connection) {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) {
    if (load->on_open != NULL) {
      connection_lost(load, connection);
      return;
    }
    end_connection(load, connection);
    if (++load->report->connect_retries > 100 + load->count / 10) {
      fail(load, "connections are refused: %s", strerror(error));
    }
    open_connection(load, connection);
    return;
  }
  watch(load, connection, EPOLL_CTL_MOD, EPOLLIN);
  if (load->bare) {
    connection_open(load, connection);
    return;
  }
  if (!load->options->websocket) {
    connection->state = STATE_PROVING;
    if (send(connection->fd, &proof, 1, MSG_NOSIGNAL) != 1) fail(load, "send: %s", strerror(errno));
    return;
  }
  connection->state = STATE_UPGRADING;
  ssize_t sent = send(connection->fd, load->upgrade, load->upgrade_length, MSG_NOSIGNAL);
  if (sent != (ssize_t)load->upgrade_length) {
    not_made(load, connection, "the upgrade could not be sent");
  }
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

/* Takes whole frames of the greeting; what is not complete is looked at again later. */
static void greeting_event(struct load *load, struct connection *connection) {
  uint8_t bytes[512];
  for (;;) {
    ssize_t length = recv(connection->fd, bytes, sizeof bytes, MSG_PEEK);
    if (length < 0 && errno == EAGAIN) return;
    if (length <= 0) fail(load, "the server ended a connection in Socket.IO's handshake");
    size_t head = length >= 2 && bytes[1] == 126 ? 4 : 2;
    if ((size_t)length < head) return;
    size_t frame = head + (head == 4 ? (size_t)bytes[2] << 8 | bytes[3] : bytes[1]);
    if ((size_t)length < frame) return;
    bool right = connection->greetings == 0 ? bytes[head] == '0'
                                            : memcmp(bytes + head, "40", 2) == 0;
    if (!right) fail(load, "Socket.IO's handshake was refused: %.*s", 60, (char *)bytes + head);
    if (recv(connection->fd, bytes, frame, 0) != (ssize_t)frame) fail(load, "recv after a peek");
    if (++connection->greetings == GREETINGS) {
      connection_open(load, connection);
      return;
    }
    uint8_t answer[FRAME_HEAD_MOST + 2];
    size_t size = frame_head(answer, 2, 0x81, true);
    frame_mask(answer + size, (const uint8_t *)"40", 2);
    if (send(connection->fd, answer, size + 2, MSG_NOSIGNAL) != (ssize_t)size + 2) {
      fail(load, "Socket.IO's handshake could not be sent");
    }
  }
}

static void upgrading_event(struct load *load, struct connection *connection) {
  char text[2048];
  /* Looked at first, so that no byte after the answer is taken with it. */
  ssize_t length = recv(connection->fd, text, sizeof text, MSG_PEEK);
  if (length < 0 && errno == EAGAIN) return;
  if (length <= 0) {
    not_made(load, connection, "the server ended a connection instead of upgrading it");
    return;
  }
  ptrdiff_t answer = stream_upgraded(text, (size_t)length, load->options);
  if (answer < 0 || (answer == 0 && length == sizeof text)) {
    not_made(load, connection, "the upgrade was refused: %.*s",
             (int)(length > 400 ? 400 : length), text);
    return;
  }
  if (answer == 0) return;
  if (recv(connection->fd, text, (size_t)answer, 0) != answer) fail(load, "recv after a peek");
  if (!load->options->socketio) {
    connection_open(load, connection);
    return;
  }
  connection->state = STATE_GREETING;
  greeting_event(load, connection);
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
    case STATE_GREETING:
      greeting_event(load, connection);
      break;
    case STATE_OPEN:
      load->event(load, connection, events);
      break;
    default:
      break;
  }
}

void turn(struct load *load, uint64_t timeout) {
  struct epoll_event events[EVENTS];
  struct timespec limit = {.tv_sec = (time_t)(timeout / 1000000000u),
                           .tv_nsec = (long)(timeout % 1000000000u)};
  /* By number: older C libraries have no wrapper, and epoll_wait rounds to milliseconds. */
  int count = (int)syscall(SYS_epoll_pwait2, load->epoll, events, EVENTS, &limit, NULL, 0);
  if (count < 0 && errno != EINTR) fail(load, "epoll_pwait2: %s", strerror(errno));
  load->phase = atomic_load_explicit(&load->shared->phase, memory_order_acquire);
  for (int i = 0; i < count; i++) connection_event(load, events[i].data.ptr, events[i].events);
}

void connect_all(struct load *load) {
  uint64_t deadline = now_ns() + (uint64_t)(load->options->connect_timeout * 1e9);
  while (load->opened < load->count || load->connecting > 0) {
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
