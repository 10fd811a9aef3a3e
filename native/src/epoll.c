// epoll(7): readiness events written into the arena as {data, events} pairs.
#define _GNU_SOURCE
#include "rondo.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

#define EVENTS_MAX 1024

static napi_value epoll_create_(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 0);
  return result_system(&call, descriptor_own(call.env, epoll_create1(EPOLL_CLOEXEC)));
}

static napi_value epoll_control(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 5);
  int epfd = arg_i32(&call, 0);
  int op = arg_i32(&call, 1);
  int fd = arg_i32(&call, 2);
  struct epoll_event event = {.events = arg_u32(&call, 3)};
  event.data.u64 = arg_u32(&call, 4);
  if (call.failed) return NULL;
  return result_system(&call, epoll_ctl(epfd, op, fd, &event));
}

static int poll_into(int epfd, uint32_t *pairs, int capacity) {
  struct epoll_event events[EVENTS_MAX];
  int count = epoll_wait(epfd, events, capacity < EVENTS_MAX ? capacity : EVENTS_MAX, 0);
  for (int i = 0; i < count; i++) {
    pairs[i * 2] = events[i].data.u32;
    pairs[i * 2 + 1] = events[i].events;
  }
  return count;
}

static napi_value epoll_poll(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 3);
  int epfd = arg_i32(&call, 0);
  int capacity = (int)arg_int(&call, 2, 1, EVENTS_MAX);
  uint32_t *pairs = arg_range(&call, 1, capacity * 8, 4);
  if (call.failed) return NULL;
  return result_system(&call, poll_into(epfd, pairs, capacity));
}

static napi_value epoll_sleep_blocking(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 2);
  int epfd = arg_i32(&call, 0);
  int64_t microseconds = arg_int(&call, 1, -1, INT32_MAX * 1000ll);
  if (call.failed) return NULL;
  struct pollfd watched[] = {{.fd = epfd, .events = POLLIN},
                             {.fd = loop_descriptor(call.env), .events = POLLIN}};
  struct timespec limit = {microseconds / 1000000, (microseconds % 1000000) * 1000};
  return result_system(&call, ppoll(watched, 2, microseconds < 0 ? NULL : &limit, NULL));
}

typedef struct Watch {
  int epfd;
  int capacity;
  uint32_t *pairs;
} Watch;

static uint32_t watch_collect(void *source) {
  Watch *watch = source;
  int count = poll_into(watch->epfd, watch->pairs, watch->capacity);
  return count < 0 ? 0 : (uint32_t)count;
}

// Every prepare collects: nothing to remember.
static void watch_readable(void *source) {
  (void)source;
}

// The outer epoll sees the inner one readable while an event waits: nothing to arm.
static bool watch_arm(void *source) {
  (void)source;
  return false;
}

static const struct LoopSource watch_source = {watch_collect, watch_readable, watch_arm, free};

static napi_value epoll_attach(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 5);
  int epfd = arg_i32(&call, 0);
  int capacity = (int)arg_int(&call, 2, 1, EVENTS_MAX);
  uint32_t *pairs = arg_range(&call, 1, capacity * 8, 4);
  int32_t *dirty = arg_range(&call, 3, 4, 4);
  if (call.failed) return NULL;
  Watch *watch = malloc(sizeof *watch);
  if (!watch) return result_int(&call, -ENOMEM);
  *watch = (Watch){epfd, capacity, pairs};
  int id = loop_attach(call.env, epfd, &watch_source, watch, dirty, call.argv[4]);
  if (id < 0) free(watch);
  return result_int(&call, id);
}

const Export epoll_exports[] = {
    {"epollCreate", epoll_create_},
    {"epollControl", epoll_control},
    {"epollPoll", epoll_poll},
    {"epollSleepBlocking", epoll_sleep_blocking},
    {"epollAttach", epoll_attach},
    {NULL, NULL},
};
