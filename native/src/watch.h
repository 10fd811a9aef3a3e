// A watch: arena words whose change, or a wake, the event loop is told of. See watch.c.
#ifndef RONDO_WATCH_H
#define RONDO_WATCH_H

#include <stdatomic.h>

#include "rondo.h"

#define WATCH_SLOTS 256
#define SET_WORDS (WATCH_SLOTS / 64)

// One arming of a slot: arena offset << 32 | generation << 8 | slot. A late answer is told from one
// that counts by its generation; an answer is late by less than one turn of the loop, in which no
// slot is armed 2^24 times.
typedef uint64_t Ticket;

typedef struct WatchSlot {
  _Atomic uint32_t *word;
  uint32_t expected;
  bool armed;
  Ticket ticket;
} WatchSlot;

// Used by its environment's thread alone. What other threads see lies in the backend's state.
typedef struct Watch {
  Env *env;
  const struct WatchBackend *backend;
  void *state;     // the backend's
  int signal;      // eventfd: the loop is to wake up
  uint32_t *fired_out;  // arena: where TypeScript reads the numbers of the slots
  uint64_t fresh[SET_WORDS];  // armed, the backend does not know yet
  uint64_t stale[SET_WORDS];  // disarmed, the backend does not know yet
  uint64_t fired[SET_WORDS];  // to be reported by the collect that is running
  Ticket stale_tickets[WATCH_SLOTS];
  WatchSlot slots[WATCH_SLOTS];
} Watch;

struct WatchBackend {
  // Makes `state`; `signal` is there. 0 or -errno.
  int (*open)(Watch *watch);
  // Before a slot is armed: what it will need. 0 or -errno.
  int (*prepare)(Watch *watch, uint32_t slot);
  // Takes over `stale` and `fresh` (clearing the bits), and reports with watch_answer.
  void (*flush)(Watch *watch);
  // Whether a flush would report something.
  bool (*ready)(Watch *watch);
  // No slot is armed any more. Afterwards nothing waits and nothing writes to `signal`; wakes that
  // came in between are passed on. Frees `state`.
  void (*close)(Watch *watch);
};
extern const struct WatchBackend watch_uring, watch_threads;

// A backend's answer: the wait ended, by a wake or because the word differs. It fires when that
// arming still counts; otherwise a wake is passed on to another sleeper on the word.
void watch_answer(Watch *watch, Ticket ticket, bool woken);

static inline bool set_any(const uint64_t *set) {
  return (set[0] | set[1] | set[2] | set[3]) != 0;
}
static inline void set_add(uint64_t *set, uint32_t slot) {
  set[slot / 64] |= 1ull << (slot % 64);
}
static inline void set_remove(uint64_t *set, uint32_t slot) {
  set[slot / 64] &= ~(1ull << (slot % 64));
}
static inline bool set_has(const uint64_t *set, uint32_t slot) {
  return (set[slot / 64] >> (slot % 64) & 1) != 0;
}
// Calls `body` with `slot` for each member; the body may remove it.
#define SET_EACH(set, slot)                                                        \
  for (uint32_t word_ = 0; word_ < SET_WORDS; word_++)                             \
    for (uint64_t bits_ = (set)[word_]; bits_; bits_ &= bits_ - 1)                 \
      for (uint32_t slot = word_ * 64 + (uint32_t)__builtin_ctzll(bits_), once_ = 1; once_; \
           once_ = 0)

#endif
