// Sleeping and waking: futex(2) on arena words, and pipes that wake an event loop.
#define _GNU_SOURCE
#include "rondo.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <stdatomic.h>
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

// A pipe and not an eventfd: the kernel does not signal an eventfd from inside of a write to
// another one, so that a ring which polls the second one does not wake the loop by its first
// (docs/decisions/0021-wakes-are-pipes.md).
static napi_value wake_pipe(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 1);
  int32_t *ends = arg_range(&call, 0, 8, 4);
  if (call.failed) return NULL;
  int made[2];
  if (pipe2(made, O_NONBLOCK | O_CLOEXEC) < 0) return result_system(&call, -1);
  // What cannot be owned has been closed.
  int reading = descriptor_own(call.env, made[0]);
  int writing = descriptor_own(call.env, made[1]);
  if (reading < 0 || writing < 0) {
    int kept = reading < 0 ? writing : reading;
    descriptor_disown(call.env, kept);
    if (kept >= 0) close(kept);
    return result_int(&call, -ENOMEM);
  }
  ends[0] = reading;
  ends[1] = writing;
  return result_int(&call, 0);
}

static int wake_write(int fd) {
  // A full pipe wakes as well as one with a byte more.
  return write(fd, "", 1) < 0 && errno != EAGAIN ? -errno : 0;
}

static napi_value wake_signal(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 2);
  _Atomic int32_t *word = arg_range(&call, 0, 4, 4);
  int fd = arg_i32(&call, 1);
  if (call.failed) return NULL;
  if (atomic_exchange(word, 1) == 1) return result_int(&call, 0);
  return result_int(&call, wake_write(fd));
}

static napi_value wake_pipe_write(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 1);
  int fd = arg_i32(&call, 0);
  if (call.failed) return NULL;
  return result_int(&call, wake_write(fd));
}

static napi_value wake_take(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 1);
  int fd = arg_i32(&call, 0);
  if (call.failed) return NULL;
  char bytes[64];
  return result_system(&call, read(fd, bytes, sizeof bytes));
}

const Export futex_exports[] = {
    {"futexWaitBlocking", futex_wait_blocking},
    {"futexWake", futex_wake},
    {"wakePipe", wake_pipe},
    {"wakeSignal", wake_signal},
    {"wakePipeWrite", wake_pipe_write},
    {"wakeTake", wake_take},
    {NULL, NULL},
};
