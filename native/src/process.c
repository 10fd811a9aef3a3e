// Who runs here, and whether another process still does.
#define _GNU_SOURCE
#include "rondo.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

static napi_value thread_id(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 0);
  return result_system(&call, syscall(SYS_gettid));
}

static napi_value process_open(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 1);
  int pid = (int)arg_int(&call, 0, 1, INT32_MAX);
  if (call.failed) return NULL;
  return result_system(&call, descriptor_own(call.env, (int)syscall(SYS_pidfd_open, pid, 0)));
}

// A pidfd is readable when the last thread has ended, whether somebody has waited for it or not.
// A signal that is pending interrupts even a poll that does not wait.
static napi_value process_ended(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 1);
  int fd = (int)arg_int(&call, 0, 0, INT32_MAX);
  if (call.failed) return NULL;
  struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
  int ready;
  do ready = poll(&poll_fd, 1, 0);
  while (ready < 0 && errno == EINTR);
  if (ready > 0 && (poll_fd.revents & POLLNVAL)) return result_int(&call, -EBADF);
  return result_system(&call, ready);
}

const Export process_exports[] = {
    {"threadId", thread_id},
    {"processOpen", process_open},
    {"processEnded", process_ended},
    {NULL, NULL},
};
