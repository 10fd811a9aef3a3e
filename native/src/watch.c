// Futex waits that end in the event loop, without a thread for each.
//
// A thread has one watch with 256 slots. Arming a slot is a note here; the rider (loop.c) collects
// before the loop sleeps, and only then the backend is told of all that was armed and disarmed
// since, in one system call: io_uring (watch-uring.c), or threads in futex_waitv (watch-threads.c).
//
// Invariants:
//  1. A slot fires once for an arming, and only inside `collect`, which calls TypeScript next:
//     between a slot's firing and the callback no TypeScript runs.
//  2. A wake that comes too late (its slot was disarmed, or the watch closed) is passed on to
//     another sleeper on the word: who wakes only some of the sleepers never wakes nobody.
//  3. Nothing here writes to a watched word, and after close nothing waits on one.
#define _GNU_SOURCE
#include "watch.h"

#include <linux/futex.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

static void fire(Watch *watch, uint32_t slot) {
  watch->slots[slot].armed = false;
  set_add(watch->fired, slot);
}

void watch_answer(Watch *watch, Ticket ticket, bool woken) {
  WatchSlot *slot = &watch->slots[ticket & 0xff];
  if (slot->armed && slot->ticket == ticket)
    fire(watch, ticket & 0xff);
  else if (woken)
    syscall(SYS_futex, watch->env->base + (ticket >> 32), FUTEX_WAKE, 1, NULL, NULL, 0);
}

// ---- the event loop

// A word that differs already costs no system call.
static void fire_changed(Watch *watch) {
  SET_EACH(watch->fresh, slot) {
    WatchSlot *fresh = &watch->slots[slot];
    if (atomic_load_explicit(fresh->word, memory_order_acquire) == fresh->expected) continue;
    set_remove(watch->fresh, slot);
    fire(watch, slot);
  }
}

static uint32_t watch_collect(void *source) {
  Watch *watch = source;
  if (set_any(watch->fresh)) fire_changed(watch);
  if (set_any(watch->fresh) || set_any(watch->stale) || watch->backend->ready(watch))
    watch->backend->flush(watch);
  if (!set_any(watch->fired)) return 0;
  uint32_t count = 0;
  SET_EACH(watch->fired, slot) watch->fired_out[count++] = slot;
  for (uint32_t word = 0; word < SET_WORDS; word++) watch->fired[word] = 0;
  return count;
}

static void watch_readable(void *source) {
  eventfd_t value;
  eventfd_read(((Watch *)source)->signal, &value);
}

// The eventfd stays on: what comes after the last flush has written to it.
static bool watch_arm(void *source) {
  Watch *watch = source;
  return set_any(watch->fresh) || set_any(watch->stale) || watch->backend->ready(watch);
}

static void watch_close(Watch *watch) {
  for (uint32_t slot = 0; slot < WATCH_SLOTS; slot++) watch->slots[slot].armed = false;
  watch->backend->close(watch);
  close(watch->signal);
  watch->env->watch = NULL;
  free(watch);
}

static void watch_detached(void *source) {
  watch_close(source);
}

static const struct LoopSource watch_source = {watch_collect, watch_readable, watch_arm,
                                               watch_detached};

// ---- exports

static int watch_open(Env *env, const struct WatchBackend *backend, uint32_t *fired) {
  Watch *watch = calloc(1, sizeof *watch);
  if (!watch) return -ENOMEM;
  *watch = (Watch){.env = env, .backend = backend, .fired_out = fired};
  watch->signal = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  int error = watch->signal < 0 ? -errno : backend->open(watch);
  if (error == 0) {
    env->watch = watch;
    return 0;
  }
  if (watch->signal >= 0) close(watch->signal);
  free(watch);
  return error;
}

static napi_value futex_watch_attach(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 4);
  int64_t backend = arg_int(&call, 0, 1, 2);
  uint32_t *fired = arg_range(&call, 1, WATCH_SLOTS * 4, 4);
  int32_t *dirty = arg_range(&call, 2, 4, 4);
  napi_valuetype type = napi_undefined;
  if (!call.failed) napi_typeof(napi, call.argv[3], &type);
  if (!call.failed && type != napi_function)
    throw_argument(&call, "argument 4 must be a function");
  if (call.failed) return NULL;
  if (call.env->watch) return result_int(&call, -EALREADY);
  int error = watch_open(call.env, backend == 1 ? &watch_uring : &watch_threads, fired);
  if (error) return result_int(&call, error);
  Watch *watch = call.env->watch;
  int id = loop_attach(call.env, watch->signal, &watch_source, watch, dirty, call.argv[3]);
  if (id < 0) watch_close(watch);
  return result_int(&call, id);
}

static napi_value futex_watch_arm(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 3);
  uint32_t slot = (uint32_t)arg_int(&call, 0, 0, WATCH_SLOTS - 1);
  void *word = arg_range(&call, 1, 4, 4);
  uint32_t expected = arg_word(&call, 2);
  if (call.failed) return NULL;
  Watch *watch = call.env->watch;
  if (!watch) return result_int(&call, -EBADF);
  WatchSlot *armed = &watch->slots[slot];
  if (armed->armed) return result_int(&call, -EBUSY);
  int error = watch->backend->prepare(watch, slot);
  if (error) return result_int(&call, error);
  uint64_t offset = (uint64_t)((uint8_t *)word - call.env->base);
  uint64_t generation = (armed->ticket + 0x100) & 0xffffff00;
  *armed = (WatchSlot){word, expected, true, offset << 32 | generation | slot};
  set_add(watch->fresh, slot);
  return result_int(&call, 0);
}

static napi_value futex_watch_disarm(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 1);
  uint32_t slot = (uint32_t)arg_int(&call, 0, 0, WATCH_SLOTS - 1);
  if (call.failed) return NULL;
  Watch *watch = call.env->watch;
  if (!watch) return result_int(&call, -EBADF);
  WatchSlot *armed = &watch->slots[slot];
  if (!armed->armed) return result_int(&call, -ENOENT);
  armed->armed = false;
  if (set_has(watch->fresh, slot)) {
    set_remove(watch->fresh, slot);
  } else {
    watch->stale_tickets[slot] = armed->ticket;
    set_add(watch->stale, slot);
  }
  return result_int(&call, 0);
}

const Export watch_exports[] = {
    {"futexWatchAttach", futex_watch_attach},
    {"futexWatchArm", futex_watch_arm},
    {"futexWatchDisarm", futex_watch_disarm},
    {NULL, NULL},
};
