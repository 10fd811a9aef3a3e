// A watch by io_uring's FUTEX_WAIT (Linux 6.7): one request for each armed slot on a ring of its
// own, which no address or entry of TypeScript ever enters.
//
// DEFER_TASKRUN: a wake queues work for this thread and writes to the registered eventfd; the
// completion appears when `flush` enters the kernel. The kernel sets SQ_TASKRUN before it writes
// to the eventfd, so whoever takes the eventfd first and looks at the flag afterwards misses
// nothing.
#define _GNU_SOURCE
#include "watch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "uring.h"

enum { OP_ASYNC_CANCEL = 14, OP_FUTEX_WAIT = 51 };
enum { FUTEX2_U32 = 2 };  // not FUTEX2_PRIVATE: the word may lie in a shared segment
enum { SETUP_SINGLE_ISSUER = 1u << 12, SETUP_DEFER_TASKRUN = 1u << 13 };
enum { SETUP_NO_SQARRAY = 1u << 16 };
enum { SQE_CQE_SKIP_SUCCESS = 1u << 6 };
#define OFFSET_RINGS 0
#define OFFSET_SQES 0x10000000
// The submission ring is submitted when it is full. Completions: 256 waits, 256 that were
// disarmed, and cancellations that came too late; they are taken after every enter.
#define SQ_ENTRIES 128u
#define CQ_ENTRIES 1024u
#define CANCELLATION UINT64_MAX  // no ticket: words are aligned

typedef struct WatchRing {
  int fd;
  uint8_t *rings;
  size_t rings_bytes;
  Sqe *sqes;
  _Atomic uint32_t *sq_head, *sq_tail, *sq_flags, *cq_head, *cq_tail;
  const Cqe *cqes;
} WatchRing;

static void reap(Watch *watch) {
  WatchRing *ring = watch->state;
  uint32_t head = atomic_load_explicit(ring->cq_head, memory_order_relaxed);
  uint32_t tail = atomic_load_explicit(ring->cq_tail, memory_order_acquire);
  for (; head != tail; head++) {
    const Cqe *cqe = &ring->cqes[head & (CQ_ENTRIES - 1)];
    if (cqe->user_data == CANCELLATION) continue;
    watch_answer(watch, cqe->user_data, cqe->res == 0);
  }
  atomic_store_explicit(ring->cq_head, head, memory_order_release);
}

// Submits what is written, runs deferred work, and reports. What the kernel did not take stays in
// the ring, for the next time.
static void enter(Watch *watch) {
  WatchRing *ring = watch->state;
  uint32_t pending = atomic_load_explicit(ring->sq_tail, memory_order_relaxed) -
                     atomic_load_explicit(ring->sq_head, memory_order_acquire);
  syscall(SYS_io_uring_enter, ring->fd, pending, 0, ENTER_GETEVENTS, NULL, 0);
  reap(watch);
}

// The next submission entry, or NULL when the kernel takes none now.
static Sqe *next_entry(Watch *watch) {
  WatchRing *ring = watch->state;
  uint32_t tail = atomic_load_explicit(ring->sq_tail, memory_order_relaxed);
  if (tail - atomic_load_explicit(ring->sq_head, memory_order_acquire) == SQ_ENTRIES) {
    enter(watch);
    if (tail - atomic_load_explicit(ring->sq_head, memory_order_acquire) == SQ_ENTRIES)
      return NULL;
  }
  Sqe *sqe = &ring->sqes[tail & (SQ_ENTRIES - 1)];
  memset(sqe, 0, sizeof *sqe);
  sqe->fd = -1;
  return sqe;
}

static void push_entry(WatchRing *ring) {
  uint32_t tail = atomic_load_explicit(ring->sq_tail, memory_order_relaxed);
  atomic_store_explicit(ring->sq_tail, tail + 1, memory_order_release);
}

static bool push_cancel(Watch *watch, uint32_t slot) {
  Sqe *sqe = next_entry(watch);
  if (!sqe) return false;
  sqe->opcode = OP_ASYNC_CANCEL;
  sqe->flags = SQE_CQE_SKIP_SUCCESS;
  sqe->addr = watch->stale_tickets[slot];
  sqe->user_data = CANCELLATION;
  push_entry(watch->state);
  return true;
}

static bool push_wait(Watch *watch, uint32_t slot) {
  Sqe *sqe = next_entry(watch);
  if (!sqe) return false;
  const WatchSlot *armed = &watch->slots[slot];
  sqe->opcode = OP_FUTEX_WAIT;
  sqe->fd = FUTEX2_U32;
  sqe->addr = (uint64_t)(uintptr_t)armed->word;
  sqe->off = armed->expected;
  sqe->addr3 = UINT32_MAX;  // mask: any waker
  sqe->user_data = armed->ticket;
  push_entry(watch->state);
  return true;
}

static void uring_flush(Watch *watch) {
  // Cancellations first: they are about older waits of the same slots.
  SET_EACH(watch->stale, slot) {
    if (!push_cancel(watch, slot)) return;
    set_remove(watch->stale, slot);
  }
  SET_EACH(watch->fresh, slot) {
    if (!push_wait(watch, slot)) return;
    set_remove(watch->fresh, slot);
  }
  enter(watch);
}

static bool uring_ready(Watch *watch) {
  WatchRing *ring = watch->state;
  return (atomic_load_explicit(ring->sq_flags, memory_order_acquire) &
          (SQ_TASKRUN | SQ_CQ_OVERFLOW)) != 0 ||
         atomic_load_explicit(ring->sq_head, memory_order_acquire) !=
             atomic_load_explicit(ring->sq_tail, memory_order_relaxed) ||
         atomic_load_explicit(ring->cq_tail, memory_order_acquire) !=
             atomic_load_explicit(ring->cq_head, memory_order_relaxed);
}

static int uring_prepare(Watch *watch, uint32_t slot) {
  (void)watch;
  (void)slot;
  return 0;
}

// ---- the beginning and the end

static int do_register(const WatchRing *ring, unsigned op, void *arg, unsigned count) {
  return (int)syscall(SYS_io_uring_register, ring->fd, op, arg, count) < 0 ? -errno : 0;
}

static void ring_free(WatchRing *ring) {
  if (ring->sqes) munmap(ring->sqes, SQ_ENTRIES * sizeof(Sqe));
  if (ring->rings) munmap(ring->rings, ring->rings_bytes);
  if (ring->fd >= 0) close(ring->fd);
  free(ring);
}

static bool knows_futexes(const WatchRing *ring) {
  struct {
    uint8_t last, count;
    uint16_t resv;
    uint32_t resv2[3];
    struct {
      uint8_t op, resv;
      uint16_t flags;
      uint32_t resv2;
    } ops[256];
  } probe = {0};
  if (do_register(ring, REGISTER_PROBE, &probe, 256) < 0) return false;
  return probe.count > OP_FUTEX_WAIT && (probe.ops[OP_FUTEX_WAIT].flags & 1) != 0;
}

static int map_rings(WatchRing *ring, const Params *params) {
  int protection = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_POPULATE;
  ring->rings_bytes = params->cq.dropped_or_overflow + CQ_ENTRIES * sizeof(Cqe);
  void *rings = mmap(NULL, ring->rings_bytes, protection, flags, ring->fd, OFFSET_RINGS);
  if (rings == MAP_FAILED) return -errno;
  ring->rings = rings;
  void *sqes = mmap(NULL, SQ_ENTRIES * sizeof(Sqe), protection, flags, ring->fd, OFFSET_SQES);
  if (sqes == MAP_FAILED) return -errno;
  ring->sqes = sqes;
  ring->sq_head = (_Atomic uint32_t *)(ring->rings + params->sq.head);
  ring->sq_tail = (_Atomic uint32_t *)(ring->rings + params->sq.tail);
  ring->sq_flags = (_Atomic uint32_t *)(ring->rings + params->sq.flags);
  ring->cq_head = (_Atomic uint32_t *)(ring->rings + params->cq.head);
  ring->cq_tail = (_Atomic uint32_t *)(ring->rings + params->cq.tail);
  // struct io_cqring_offsets: head tail mask entries overflow cqes flags
  ring->cqes = (const Cqe *)(ring->rings + params->cq.dropped_or_overflow);
  return 0;
}

static int uring_open(Watch *watch) {
  WatchRing *ring = calloc(1, sizeof *ring);
  if (!ring) return -ENOMEM;
  Params params = {.cq_entries = CQ_ENTRIES,
                   .flags = SETUP_CQSIZE | SETUP_TASKRUN_FLAG | SETUP_SINGLE_ISSUER |
                            SETUP_DEFER_TASKRUN | SETUP_NO_SQARRAY};
  ring->fd = (int)syscall(SYS_io_uring_setup, SQ_ENTRIES, &params);
  int error = ring->fd < 0 ? -errno : 0;
  if (error == -EINVAL) error = -ENOSYS;  // a kernel older than these flags
  if (error == 0 && !knows_futexes(ring)) error = -ENOSYS;
  if (error == 0) error = map_rings(ring, &params);
  if (error == 0) error = do_register(ring, REGISTER_EVENTFD, &watch->signal, 1);
  if (error)
    ring_free(ring);
  else
    watch->state = ring;
  return error;
}

// The kernel ends a ring in its own time, and until then a wait of it could swallow a wake: all
// are cancelled here. It touches no watched word, nor memory of ours, afterwards.
static void uring_close_watch(Watch *watch) {
  struct {
    uint64_t addr;
    int32_t fd;
    uint32_t flags;
    int64_t timeout[2];
    uint8_t opcode, pad[7];
    uint64_t pad2[3];
  } cancel = {.fd = -1, .flags = ASYNC_CANCEL_ANY | ASYNC_CANCEL_ALL, .timeout = {0, 100000000}};
  enter(watch);
  do_register(watch->state, REGISTER_SYNC_CANCEL, &cancel, 1);
  enter(watch);
  ring_free(watch->state);
}

const struct WatchBackend watch_uring = {uring_open, uring_prepare, uring_flush, uring_ready,
                                         uring_close_watch};
