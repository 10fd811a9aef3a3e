// A watch by threads that sleep in futex_waitv(2) (Linux 5.16): where io_uring is not allowed.
//
// A lane is one thread for 127 slots, started when the first of them is armed, plus a word of its
// own (the doorbell) by which the environment's thread tells it of changes. It sleeps on all of
// them at once, so nothing runs while nothing happens.
//
// The lane's mutex guards everything that both threads touch. futex_waitv tells of one word that
// was woken, the one with the highest index, and does not say whether others were: the lane answers
// for all below that one, so that none is lost. A slot may thus fire without cause.
#define _GNU_SOURCE
#include "watch.h"

#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#define FUTEX2_U32 2u       // FUTEX_32 of linux/futex.h
#define FUTEX2_PRIVATE 128u
#define LANE_SLOTS 127u  // futex_waitv takes 128 words, one is the doorbell
#define LANES ((WATCH_SLOTS + LANE_SLOTS - 1) / LANE_SLOTS)
#define STACK_BYTES (256 * 1024)

// struct futex_waitv of linux/futex.h.
typedef struct Waitv {
  uint64_t value, address;
  uint32_t flags, reserved;
} Waitv;

typedef struct Entry {
  _Atomic uint32_t *word;  // NULL when there is nothing to wait for
  uint32_t expected;
  Ticket ticket;
} Entry;

typedef struct Answer {
  Ticket ticket;
  bool woken;
} Answer;

typedef struct Lane {
  int signal;  // eventfd of the watch
  pthread_t thread;
  pthread_mutex_t mutex;
  _Atomic uint32_t doorbell;      // changes with every change that the lane must see
  _Atomic uint32_t answer_count;  // written under the mutex, read by the other thread without
  bool asleep, ending;
  bool answered;  // since the eventfd was last written
  Entry entries[LANE_SLOTS];
  Answer answers[2 * LANE_SLOTS];  // of slots that are armed, and of slots that were disarmed
} Lane;

typedef struct Lanes {
  Lane *lanes[LANES];  // NULL until used
} Lanes;

// ---- the lane's thread

// What a lane sleeps on: as its entries were when it looked.
typedef struct Sleep {
  Waitv waits[LANE_SLOTS + 1];  // the doorbell first
  Ticket tickets[LANE_SLOTS + 1];
  uint32_t places[LANE_SLOTS + 1];
  uint32_t count;
} Sleep;

static void sleep_on(Sleep *sleep, Lane *lane) {
  sleep->waits[0] = (Waitv){lane->doorbell, (uintptr_t)&lane->doorbell,
                            FUTEX2_U32 | FUTEX2_PRIVATE, 0};
  sleep->count = 1;
  for (uint32_t place = 0; place < LANE_SLOTS; place++) {
    const Entry *entry = &lane->entries[place];
    if (!entry->word) continue;
    uint32_t i = sleep->count++;
    sleep->waits[i] = (Waitv){entry->expected, (uintptr_t)entry->word, FUTEX2_U32, 0};
    sleep->tickets[i] = entry->ticket;
    sleep->places[i] = place;
  }
}

// There is room: between two flushes a lane answers at most once for each slot of before and after
// the first of them.
static void answer(Lane *lane, Ticket ticket, bool woken) {
  uint32_t count = atomic_load_explicit(&lane->answer_count, memory_order_relaxed);
  if (count == 2 * LANE_SLOTS) abort();
  lane->answers[count] = (Answer){ticket, woken};
  atomic_store_explicit(&lane->answer_count, count + 1, memory_order_release);
  lane->answered = true;
}

// Waits 1 to `last` may have been woken. Who is not in its entry any more answers too: its wake is
// somebody else's then.
static void answer_woken(Lane *lane, const Sleep *sleep, uint32_t last) {
  for (uint32_t i = 1; i <= last; i++) {
    Entry *entry = &lane->entries[sleep->places[i]];
    if (entry->word && entry->ticket == sleep->tickets[i]) entry->word = NULL;
    answer(lane, sleep->tickets[i], true);
  }
}

static void answer_changed(Lane *lane) {
  for (uint32_t place = 0; place < LANE_SLOTS; place++) {
    Entry *entry = &lane->entries[place];
    if (!entry->word) continue;
    if (atomic_load_explicit(entry->word, memory_order_acquire) == entry->expected) continue;
    entry->word = NULL;
    answer(lane, entry->ticket, false);
  }
}

static void *lane_run(void *data) {
  Lane *lane = data;
  Sleep sleep;
  pthread_mutex_lock(&lane->mutex);
  while (!lane->ending) {
    sleep_on(&sleep, lane);
    lane->asleep = true;
    pthread_mutex_unlock(&lane->mutex);
    long woken = syscall(SYS_futex_waitv, sleep.waits, sleep.count, 0, NULL, 0);
    int error = woken < 0 ? errno : 0;
    pthread_mutex_lock(&lane->mutex);
    lane->asleep = false;
    // Anything but these (no memory, say): the owners look for themselves.
    if (error != 0 && error != EAGAIN && error != EINTR) woken = sleep.count - 1;
    if (woken > 0) answer_woken(lane, &sleep, (uint32_t)woken);
    answer_changed(lane);
    if (lane->answered) eventfd_write(lane->signal, 1);
    lane->answered = false;
  }
  pthread_mutex_unlock(&lane->mutex);
  return NULL;
}

// ---- the environment's thread

static void ring_doorbell(Lane *lane) {
  syscall(SYS_futex, &lane->doorbell, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
}

// Signals are for the threads that know what to do with them.
static int lane_start(Lane *lane) {
  pthread_attr_t attributes;
  sigset_t all, before;
  sigfillset(&all);
  if (pthread_attr_init(&attributes) != 0) return -ENOMEM;
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = pthread_create(&lane->thread, &attributes, lane_run, lane);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  if (error == 0) pthread_setname_np(lane->thread, "rondo-watch");
  return -error;
}

static int threads_prepare(Watch *watch, uint32_t slot) {
  Lanes *lanes = watch->state;
  if (lanes->lanes[slot / LANE_SLOTS]) return 0;
  Lane *lane = calloc(1, sizeof *lane);
  if (!lane) return -ENOMEM;
  lane->signal = watch->signal;
  pthread_mutex_init(&lane->mutex, NULL);
  int error = lane_start(lane);
  if (error) {
    pthread_mutex_destroy(&lane->mutex);
    free(lane);
    return error;
  }
  lanes->lanes[slot / LANE_SLOTS] = lane;
  return 0;
}

// Moves the bits of this lane's slots from `set` to its entries. Returns whether there were any.
static bool take_over(Watch *watch, Lane *lane, uint32_t first, uint64_t *set, bool armed) {
  bool any = false;
  SET_EACH(set, slot) {
    if (slot < first || slot >= first + LANE_SLOTS) continue;
    set_remove(set, slot);
    Entry *entry = &lane->entries[slot - first];
    const WatchSlot *from = &watch->slots[slot];
    if (armed)
      *entry = (Entry){from->word, from->expected, from->ticket};
    else if (entry->ticket == watch->stale_tickets[slot])
      entry->word = NULL;
    any = true;
  }
  return any;
}

static void take_answers(Watch *watch, Lane *lane) {
  uint32_t count = atomic_load_explicit(&lane->answer_count, memory_order_relaxed);
  for (uint32_t i = 0; i < count; i++)
    watch_answer(watch, lane->answers[i].ticket, lane->answers[i].woken);
  atomic_store_explicit(&lane->answer_count, 0, memory_order_relaxed);
}

static void threads_flush(Watch *watch) {
  Lanes *lanes = watch->state;
  for (uint32_t i = 0; i < LANES; i++) {
    Lane *lane = lanes->lanes[i];
    if (!lane) continue;
    pthread_mutex_lock(&lane->mutex);
    take_answers(watch, lane);
    bool changed = take_over(watch, lane, i * LANE_SLOTS, watch->stale, false);
    changed |= take_over(watch, lane, i * LANE_SLOTS, watch->fresh, true);
    if (changed) atomic_fetch_add(&lane->doorbell, 1);
    bool ring = changed && lane->asleep;
    pthread_mutex_unlock(&lane->mutex);
    if (ring) ring_doorbell(lane);
  }
}

static bool threads_ready(Watch *watch) {
  Lanes *lanes = watch->state;
  for (uint32_t i = 0; i < LANES; i++)
    if (lanes->lanes[i] &&
        atomic_load_explicit(&lanes->lanes[i]->answer_count, memory_order_acquire) > 0)
      return true;
  return false;
}

static int threads_open(Watch *watch) {
  // Refused for its count when the kernel knows the call at all, and is allowed to say so.
  if (syscall(SYS_futex_waitv, NULL, 0, 0, NULL, 0) < 0 && errno != EINVAL) return -errno;
  watch->state = calloc(1, sizeof(Lanes));
  return watch->state ? 0 : -ENOMEM;
}

static void threads_close(Watch *watch) {
  Lanes *lanes = watch->state;
  for (uint32_t i = 0; i < LANES; i++) {
    Lane *lane = lanes->lanes[i];
    if (!lane) continue;
    pthread_mutex_lock(&lane->mutex);
    lane->ending = true;
    atomic_fetch_add(&lane->doorbell, 1);
    pthread_mutex_unlock(&lane->mutex);
    ring_doorbell(lane);
    pthread_join(lane->thread, NULL);
    take_answers(watch, lane);
    pthread_mutex_destroy(&lane->mutex);
    free(lane);
  }
  free(lanes);
}

const struct WatchBackend watch_threads = {threads_open, threads_prepare, threads_flush,
                                           threads_ready, threads_close};
