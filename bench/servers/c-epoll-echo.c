/*
 * The reference: a TCP echo server that does nothing else, epoll and two system calls a message.
 * Prints `listening PORT`; ends on SIGTERM or when its standard input ends.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK 65536
#define EVENTS 512

/* What a full socket did not take; while there is some, nothing more is received. */
struct rest {
  uint8_t *bytes;
  size_t length;
};

static int epoll;
static struct rest *rests;
static uint8_t chunk[CHUNK];

static _Noreturn void fail(const char *what) {
  perror(what);
  exit(1);
}

static void watch(int fd, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  if (epoll_ctl(epoll, operation, fd, &event) != 0) fail("epoll_ctl");
}

static void end_connection(int fd) {
  free(rests[fd].bytes);
  rests[fd] = (struct rest){0};
  close(fd);
}

static void accept_all(int listener) {
  int one = 1;
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    watch(fd, EPOLL_CTL_ADD, EPOLLIN);
  }
}

static void keep_rest(int fd, const uint8_t *bytes, size_t length) {
  uint8_t *copy = malloc(length);
  if (copy == NULL) fail("malloc");
  memcpy(copy, bytes, length);
  rests[fd] = (struct rest){copy, length};
  watch(fd, EPOLL_CTL_MOD, EPOLLOUT);
}

static void readable(int fd) {
  ssize_t length = recv(fd, chunk, sizeof chunk, 0);
  if (length < 0 && errno == EAGAIN) return;
  if (length <= 0) {
    end_connection(fd);
    return;
  }
  ssize_t sent = send(fd, chunk, (size_t)length, MSG_NOSIGNAL);
  if (sent < 0 && errno == EAGAIN) sent = 0;
  if (sent < 0) {
    end_connection(fd);
  } else if (sent < length) {
    keep_rest(fd, chunk + sent, (size_t)(length - sent));
  }
}

static void writable(int fd) {
  struct rest *rest = &rests[fd];
  ssize_t sent = send(fd, rest->bytes, rest->length, MSG_NOSIGNAL);
  if (sent < 0) {
    if (errno != EAGAIN) end_connection(fd);
    return;
  }
  rest->length -= (size_t)sent;
  memmove(rest->bytes, rest->bytes + sent, rest->length);
  if (rest->length > 0) return;
  free(rest->bytes);
  rest->bytes = NULL;
  watch(fd, EPOLL_CTL_MOD, EPOLLIN);
}

static int listen_loopback(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t length = sizeof address;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0) fail("bind");
  if (listen(fd, 4096) != 0) fail("listen");
  getsockname(fd, (struct sockaddr *)&address, &length);
  printf("listening %u\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

int main(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  rests = calloc(limit.rlim_cur, sizeof *rests);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  if (rests == NULL || epoll < 0) fail("start");
  int listener = listen_loopback();
  watch(listener, EPOLL_CTL_ADD, EPOLLIN);
  watch(STDIN_FILENO, EPOLL_CTL_ADD, EPOLLIN);
  for (;;) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      if (fd == STDIN_FILENO) return 0;
      if (fd == listener) {
        accept_all(listener);
      } else if (rests[fd].length > 0) {
        writable(fd);
      } else {
        readable(fd);
      }
    }
  }
}
