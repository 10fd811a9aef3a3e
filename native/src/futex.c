// Sleeping and waking: futex(2) on arena words, eventfd(2).
#define _GNU_SOURCE
#include "rondo.h"

#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint64_t nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// Not FUTEX_PRIVATE: the word may lie in a segment that other processes share. The deadline is
// absolute, so that a signal does not make the wait longer.
static napi_value futex_wait_blocking(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 3);
  void *word = arg_range(&call, 0, 4, 4);
  uint32_t expected = arg_word(&call, 1);
  int64_t timeout_ms = arg_int(&call, 2, -1, INT32_MAX);
  if (call.failed) return NULL;
  struct timespec deadline;
  if (timeout_ms >= 0) {
    uint64_t end = nanoseconds() + (uint64_t)timeout_ms * 1000000u;
    deadline = (struct timespec){(time_t)(end / 1000000000u), (long)(end % 1000000000u)};
  }
  long result;
  do {
    result = syscall(SYS_futex, word, FUTEX_WAIT_BITSET, expected,
                     timeout_ms < 0 ? NULL : &deadline, NULL, FUTEX_BITSET_MATCH_ANY);
  } while (result < 0 && errno == EINTR);
  return result_system(&call, result);
}

static napi_value futex_wake(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 2);
  void *word = arg_range(&call, 0, 4, 4);
  int32_t count = (int32_t)arg_int(&call, 1, 0, INT32_MAX);
  if (call.failed) return NULL;
  return result_system(&call, syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0));
}

static napi_value eventfd_create(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 0);
  return result_system(&call, descriptor_own(call.env, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)));
}

static napi_value eventfd_signal_(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 1);
  int fd = arg_i32(&call, 0);
  if (call.failed) return NULL;
  return result_system(&call, eventfd_write(fd, 1));
}

static napi_value eventfd_take(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 1);
  int fd = arg_i32(&call, 0);
  if (call.failed) return NULL;
  eventfd_t value;
  return result_system(&call, eventfd_read(fd, &value) < 0 ? -1 : (int64_t)(value & INT32_MAX));
}

const Export futex_exports[] = {
    {"futexWaitBlocking", futex_wait_blocking},
    {"futexWake", futex_wake},
    {"eventfdCreate", eventfd_create},
    {"eventfdSignal", eventfd_signal_},
    {"eventfdTake", eventfd_take},
    {NULL, NULL},
};
