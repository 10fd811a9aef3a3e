// io_uring(7) by raw system calls, with constants of our own (Debian 12's headers are of 6.1).
//
// The rings lie in the arena (IORING_SETUP_NO_MMAP), and TypeScript reads and writes them in
// place. It never sees an address: where an entry wants one it writes an arena offset, and
// `uring_translate` checks it against the arena and puts the address there, once, on the way to the
// kernel. An entry that fails the check, or whose opcode is not known here, gets an opcode that no
// kernel has and completes with -EINVAL.
//
// Life: setup → (attach) → close. Close cancels all, runs the kernel's work until every operation
// has completed (`submitted` against `finals`), and only then closes the descriptor: afterwards
// the kernel does not touch the arena any more.
#define _GNU_SOURCE
#include "uring.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int enter(Ring *ring, unsigned submit, unsigned wait, unsigned flags, void *arg, size_t n) {
  if (ring->control) ring->control[CONTROL_ENTERS] += 1;
  return (int)syscall(SYS_io_uring_enter, ring->enter_fd, submit, wait,
                      flags | ring->enter_flags, arg, n);
}

// struct io_uring_rsrc_update, as REGISTER_RING_FDS uses it.
struct RegisteredRing {
  uint32_t offset, resv;
  uint64_t data;
};

static int do_register(Ring *ring, unsigned op, void *arg, unsigned count) {
  return (int)syscall(SYS_io_uring_register, ring->fd, op, arg, count);
}

static Ring *arg_ring(Call *call) {
  uint32_t id = (uint32_t)arg_int(call, 0, 0, RINGS_MAX - 1);
  if (call->failed) return NULL;
  if (!call->env->rings[id]) throw_argument(call, "there is no such ring");
  return call->env->rings[id];
}

static void give_back(Ring *ring) {
  if (!ring->control || ring->control[CONTROL_RETURNS] == 0) return;
  Group *group = &ring->groups[0];
  uint32_t count = ring->control[CONTROL_RETURNS];
  if (count > ring->returns_max) count = ring->returns_max;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t buffer = ring->control[CONTROL_IDS + i];
    if (buffer >= group->entries) continue;
    PbufEntry *entry = &group->ring[group->tail & (group->entries - 1)];
    entry->addr = (uint64_t)(uintptr_t)(ring->env->base + group->buffers +
                                        (uint64_t)buffer * group->buffer_size);
    entry->len = group->buffer_size;
    entry->bid = (uint16_t)buffer;
    group->tail += 1;
  }
  ring->control[CONTROL_RETURNS] = 0;
  // Publishes the entries above to the kernel.
  atomic_store_explicit((_Atomic uint16_t *)&group->ring[0].tail, group->tail,
                        memory_order_release);
}

// Counts the operations that ended, for `ring_drain`. TypeScript consumes the same entries.
static void count_finals(Ring *ring) {
  uint32_t tail = atomic_load_explicit(ring->cq_tail, memory_order_acquire);
  for (; ring->seen != tail; ring->seen++)
    if (!(ring->cqes[ring->seen & (ring->cq_entries - 1)].flags & CQE_F_MORE)) ring->finals += 1;
}

static uint32_t waiting(Ring *ring) {
  return atomic_load_explicit(ring->cq_tail, memory_order_acquire) -
         atomic_load_explicit(ring->cq_head, memory_order_relaxed);
}

static bool has_work(Ring *ring) {
  uint32_t flags = atomic_load_explicit(ring->sq_flags, memory_order_acquire);
  return (flags & (SQ_TASKRUN | SQ_CQ_OVERFLOW)) != 0;
}

// Submits everything that TypeScript has written; runs deferred work when there is some, or always
// with `force`. With `wait` > 0 it sleeps for that many completions.
static int flush(Ring *ring, bool force, unsigned wait, void *arg, size_t arg_size) {
  give_back(ring);
  uint32_t before = atomic_load_explicit(ring->sq_flags, memory_order_relaxed);
  if (ring->control && (before & SQ_CQ_OVERFLOW)) ring->control[CONTROL_OVERFLOWS] += 1;
  int total = 0;
  uint32_t tail = atomic_load_explicit(ring->sq_tail, memory_order_relaxed);
  for (;;) {
    // Vectors are the kernel's until it has consumed the entries that name them.
    if (ring->translated == atomic_load_explicit(ring->sq_head, memory_order_acquire))
      ring->iovec_next = 0;
    while (ring->translated != tail) {
      uint32_t index = ring->translated & (ring->sq_entries - 1);
      int state = uring_translate(ring, &ring->sqes[index], index);
      if (state < 0) break;
      if (state == 0) ring->sqes[index].opcode = 255;
      ring->translated += 1;
    }
    // Entries that an earlier, interrupted call left behind count as well.
    uint32_t pending = ring->translated - atomic_load_explicit(ring->sq_head, memory_order_acquire);
    bool last = ring->translated == tail;
    if (pending == 0 && !force && wait == 0 && !has_work(ring)) break;
    unsigned flags = ENTER_GETEVENTS | (last && wait && arg ? ENTER_EXT_ARG : 0);
    int result = enter(ring, pending, last ? wait : 0, flags, last && wait ? arg : NULL,
                       last && wait ? arg_size : 0);
    if (result < 0) {
      // EBUSY, EAGAIN: completions must be taken first; EINTR, ETIME: nothing is lost.
      int error = errno;
      count_finals(ring);
      return total > 0 ? total : -error;
    }
    ring->submitted += (uint32_t)result;
    total += result;
    count_finals(ring);
    if (last) break;
    if (result == 0) break;
  }
  count_finals(ring);
  return total;
}

// ---- the event loop

static uint32_t ring_collect(void *source) {
  Ring *ring = source;
  atomic_store_explicit(ring->cq_flags, CQ_EVENTFD_DISABLED, memory_order_relaxed);
  flush(ring, !(ring->setup_flags & SETUP_TASKRUN_FLAG), 0, NULL, 0);
  return waiting(ring);
}

static void ring_readable(void *source) {
  eventfd_t value;
  eventfd_read(((Ring *)source)->eventfd, &value);
}

// The kernel sets SQ_TASKRUN and then looks at the flag that we clear; we clear it and then look
// at SQ_TASKRUN. The fence makes at least one of us see the other.
static bool ring_arm(void *source) {
  Ring *ring = source;
  atomic_store_explicit(ring->cq_flags, 0, memory_order_relaxed);
  atomic_thread_fence(memory_order_seq_cst);
  return has_work(ring) || waiting(ring) > 0;
}

static void ring_detached(void *source) {
  Ring *ring = source;
  ring->loop = -1;
}

static const struct LoopSource ring_source = {ring_collect, ring_readable, ring_arm,
                                              ring_detached};

// ---- the end

// Takes what TypeScript has not read, and makes room. It may have read a part of its last batch
// without having said so: a descriptor that it has noted is closed with the others of the thread.
static void discard_completions(Ring *ring) {
  uint32_t tail = atomic_load_explicit(ring->cq_tail, memory_order_acquire);
  uint32_t head = atomic_load_explicit(ring->cq_head, memory_order_relaxed);
  for (; head != tail; head++) {
    const Cqe *cqe = &ring->cqes[head & (ring->cq_entries - 1)];
    if (cqe->user_data >> 32 == TAG_DESCRIPTOR && cqe->res >= 0 &&
        !descriptor_owned(ring->env, cqe->res))
      close(cqe->res);
  }
  atomic_store_explicit(ring->cq_head, head, memory_order_release);
}

// Cancels everything and waits until the kernel has let go. Bounded: a request that cannot be
// cancelled (a disk that hangs) is left after 5 s; the descriptor is then kept open, since closing
// it would let the kernel write later.
static bool ring_drain(Ring *ring) {
  struct {
    uint64_t addr;
    int32_t fd;
    uint32_t flags;
    int64_t timeout[2];
    uint8_t opcode, pad[7];
    uint64_t pad2[3];
  } cancel = {.fd = -1, .flags = ASYNC_CANCEL_ANY | ASYNC_CANCEL_ALL, .timeout = {0, 100000000}};
  struct timespec tick = {0, 10000000};
  struct {
    uint64_t sigmask;
    uint32_t sigmask_size, min_wait;
    uint64_t timespec;
  } arg = {.timespec = (uint64_t)(uintptr_t)&tick};
  for (int round = 0; round < 500; round++) {
    count_finals(ring);
    discard_completions(ring);
    if (ring->finals >= ring->submitted) return true;
    do_register(ring, REGISTER_SYNC_CANCEL, &cancel, 1);
    enter(ring, 0, 1, ENTER_GETEVENTS | ENTER_EXT_ARG, &arg, sizeof arg);
    count_finals(ring);
  }
  discard_completions(ring);
  return ring->finals >= ring->submitted;
}

static int ring_close(Env *env, uint32_t id) {
  Ring *ring = env->rings[id];
  if (!ring) return -EBADF;
  env->rings[id] = NULL;
  if (ring->loop >= 0) loop_close(env, (uint32_t)ring->loop);
  bool drained = ring_drain(ring);
  if (ring->eventfd >= 0) {
    descriptor_disown(env, ring->eventfd);
    close(ring->eventfd);
  }
  if (drained) {
    // The registered reference would keep the ring, its files and its memory alive.
    struct RegisteredRing registered = {.offset = (uint32_t)ring->enter_fd};
    if (ring->enter_flags) do_register(ring, UNREGISTER_RING_FDS, &registered, 1);
    close(ring->fd);
    // The kernel ends a ring in its own time, and writes to the pages that it holds until then (the
    // tail of the completions, for one). They become its alone: the arena gets fresh ones.
    madvise(ring->memory, ring->memory_bytes, MADV_DONTNEED);
    madvise(ring->sqes, ring->sqes_bytes, MADV_DONTNEED);
    free(ring->messages);
    free(ring->iovecs);
  }
  free(ring);
  return drained ? 0 : -EBUSY;
}

void rings_close(Env *env) {
  for (uint32_t id = 0; id < RINGS_MAX; id++) ring_close(env, id);
}

// ---- exports

// Bytes that the kernel will use for both rings: the head and flag words fit into 64 bytes.
static uint64_t ring_bytes(uint32_t sq_entries, uint32_t cq_entries, uint32_t flags) {
  uint64_t cqe = flags & SETUP_CQE32 ? 32 : 16;
  return 192 + cq_entries * cqe + sq_entries * 4ull;
}

static uint32_t round_up(uint32_t entries) {
  uint32_t power = 1;
  while (power < entries) power <<= 1;
  return power;
}

static void ring_addresses(Ring *ring, const Params *params, uint8_t *memory, Sqe *sqes) {
  ring->sq_head = (_Atomic uint32_t *)(memory + params->sq.head);
  ring->sq_tail = (_Atomic uint32_t *)(memory + params->sq.tail);
  ring->sq_flags = (_Atomic uint32_t *)(memory + params->sq.flags);
  ring->cq_head = (_Atomic uint32_t *)(memory + params->cq.head);
  ring->cq_tail = (_Atomic uint32_t *)(memory + params->cq.tail);
  // struct io_cqring_offsets: head tail mask entries overflow cqes flags
  ring->cqes = (Cqe *)(memory + params->cq.dropped_or_overflow);
  ring->cq_flags = (_Atomic uint32_t *)(memory + params->cq.array_or_cqes);
  ring->sqes = sqes;
  ring->sq_entries = params->sq_entries;
  ring->cq_entries = params->cq_entries;
}

static napi_value uring_setup(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 6);
  uint32_t entries = (uint32_t)arg_int(&call, 0, 1, 32768);
  Params *params = arg_range(&call, 1, sizeof(Params), 8);
  int64_t ring_length = arg_int(&call, 3, 4096, UINT32_MAX) & ~4095ll;
  uint8_t *memory = arg_range(&call, 2, ring_length, 4096);
  int64_t sqes_length = arg_int(&call, 5, 4096, UINT32_MAX) & ~4095ll;
  Sqe *sqes = arg_range(&call, 4, sqes_length, 4096);
  if (call.failed) return NULL;
  uint32_t flags = params->flags;
  if (!(flags & SETUP_NO_MMAP) || (flags & (SETUP_SQE128 | SETUP_CQE32)) ||
      ((flags & SETUP_CQSIZE) && params->cq_entries > 65536))
    return result_int(&call, -EINVAL);
  uint32_t sq = round_up(entries);
  uint32_t cq = flags & SETUP_CQSIZE ? round_up(params->cq_entries) : 2 * sq;
  if (ring_bytes(sq, cq, flags) > (uint64_t)ring_length || sq * 64ull > (uint64_t)sqes_length)
    return throw_bounds(&call, "the memory for the rings is too small");
  Env *env = call.env;
  uint32_t id = 0;
  while (id < RINGS_MAX && env->rings[id]) id++;
  if (id == RINGS_MAX) return result_int(&call, -ENOBUFS);
  params->cq.user_addr = (uint64_t)(uintptr_t)memory;
  params->sq.user_addr = (uint64_t)(uintptr_t)sqes;
  int fd = (int)syscall(SYS_io_uring_setup, entries, params);
  int error = errno;
  params->cq.user_addr = 0;
  params->sq.user_addr = 0;
  if (fd < 0) return result_int(&call, -error);
  Ring *ring = calloc(1, sizeof *ring);
  struct msghdr *messages = calloc(params->sq_entries, sizeof *messages);
  struct iovec *iovecs = calloc(IOVECS_MAX, sizeof *iovecs);
  if (!ring || !messages || !iovecs) {
    close(fd);
    free(ring);
    free(messages);
    free(iovecs);
    return result_int(&call, -ENOMEM);
  }
  *ring = (Ring){.env = env, .fd = fd, .enter_fd = fd, .eventfd = -1, .loop = -1,
                 .setup_flags = flags, .messages = messages, .iovecs = iovecs};
  ring_addresses(ring, params, memory, sqes);
  ring->memory = memory;
  ring->memory_bytes = (size_t)ring_length;
  ring->sqes_bytes = (size_t)sqes_length;
  struct RegisteredRing registered = {.offset = UINT32_MAX, .data = (uint32_t)fd};
  if (do_register(ring, REGISTER_RING_FDS, &registered, 1) == 1) {
    ring->enter_fd = (int)registered.offset;
    ring->enter_flags = ENTER_REGISTERED_RING;
  }
  env->rings[id] = ring;
  return result_int(&call, id);
}

static napi_value uring_register_files(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 2);
  Ring *ring = arg_ring(&call);
  uint32_t count = (uint32_t)arg_int(&call, 1, 1, 1 << 20);
  if (call.failed) return NULL;
  struct {
    uint32_t count, flags;
    uint64_t resv, data, tags;
  } files = {.count = count, .flags = RSRC_REGISTER_SPARSE};
  return result_system(&call, do_register(ring, REGISTER_FILES2, &files, sizeof files));
}

static napi_value uring_probe(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 2);
  Ring *ring = arg_ring(&call);
  uint8_t *known = arg_range(&call, 1, 256, 1);
  if (call.failed) return NULL;
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
  memset(known, 0, 256);
  if (do_register(ring, REGISTER_PROBE, &probe, 256) < 0) return result_system(&call, -1);
  for (uint32_t i = 0; i < probe.count; i++) known[probe.ops[i].op] = probe.ops[i].flags & 1;
  return result_int(&call, probe.last);
}

static napi_value uring_register_buffers(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 6);
  Ring *ring = arg_ring(&call);
  uint32_t group = (uint32_t)arg_int(&call, 1, 0, BUFFER_GROUPS_MAX - 1);
  uint32_t entries = (uint32_t)arg_int(&call, 3, 1, 32768);
  PbufEntry *memory = arg_range(&call, 2, entries * 16ll, 4096);
  int64_t size = arg_int(&call, 5, 1, UINT32_MAX);
  uint8_t *buffers = arg_range(&call, 4, size * entries, 1);
  if (call.failed) return NULL;
  if (entries & (entries - 1)) return result_int(&call, -EINVAL);
  struct {
    uint64_t ring;
    uint32_t entries;
    uint16_t group, flags;
    uint64_t resv[3];
  } registration = {.ring = (uint64_t)(uintptr_t)memory, .entries = entries,
                    .group = (uint16_t)group};
  memset(memory, 0, entries * 16ull);
  if (do_register(ring, REGISTER_PBUF_RING, &registration, 1) < 0)
    return result_system(&call, -1);
  Group *added = &ring->groups[group];
  *added = (Group){memory, entries, (uint32_t)size, (uint64_t)(buffers - call.env->base), 0};
  for (uint32_t i = 0; i < entries; i++) {
    memory[i].addr = (uint64_t)(uintptr_t)(buffers + (uint64_t)i * (uint64_t)size);
    memory[i].len = (uint32_t)size;
    memory[i].bid = (uint16_t)i;
  }
  added->tail = (uint16_t)entries;
  atomic_store_explicit((_Atomic uint16_t *)&memory[0].tail, added->tail, memory_order_release);
  return result_int(&call, 0);
}

static napi_value uring_control(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 2);
  Ring *ring = arg_ring(&call);
  if (call.failed) return NULL;
  uint32_t room = ring->groups[0].entries;
  uint32_t *control = arg_range(&call, 1, (CONTROL_IDS + room) * 4ll, 4);
  if (call.failed) return NULL;
  ring->control = control;
  ring->returns_max = room;
  return result_int(&call, 0);
}

static napi_value uring_flush(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 1);
  Ring *ring = arg_ring(&call);
  if (call.failed) return NULL;
  return result_int(&call, flush(ring, !(ring->setup_flags & SETUP_TASKRUN_FLAG), 0, NULL, 0));
}

static napi_value uring_flush_blocking(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 3);
  Ring *ring = arg_ring(&call);
  uint32_t minimum = (uint32_t)arg_int(&call, 1, 1, 65536);
  int64_t microseconds = arg_int(&call, 2, -1, INT32_MAX * 1000ll);
  if (call.failed) return NULL;
  // What completes meanwhile is for the caller: the event loop needs not hear of it.
  atomic_store_explicit(ring->cq_flags, CQ_EVENTFD_DISABLED, memory_order_relaxed);
  struct timespec limit = {microseconds / 1000000, (microseconds % 1000000) * 1000};
  struct {
    uint64_t sigmask;
    uint32_t sigmask_size, min_wait;
    uint64_t timespec;
  } arg = {.timespec = (uint64_t)(uintptr_t)&limit};
  if (microseconds < 0) return result_int(&call, flush(ring, true, minimum, NULL, 0));
  return result_int(&call, flush(ring, true, minimum, &arg, sizeof arg));
}

static napi_value uring_attach(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 3);
  Ring *ring = arg_ring(&call);
  int32_t *dirty = arg_range(&call, 1, 4, 4);
  if (call.failed) return NULL;
  if (ring->loop >= 0) return result_int(&call, -EALREADY);
  if (ring->eventfd < 0) {
    int fd = descriptor_own(call.env, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (fd < 0) return result_system(&call, -1);
    ring->eventfd = fd;
    if (do_register(ring, REGISTER_EVENTFD, &ring->eventfd, 1) < 0) {
      int error = errno;
      descriptor_disown(call.env, fd);
      close(fd);
      ring->eventfd = -1;
      return result_int(&call, -error);
    }
  }
  int id = loop_attach(call.env, ring->eventfd, &ring_source, ring, dirty, call.argv[2]);
  if (id >= 0) ring->loop = id;
  return result_int(&call, id);
}

static napi_value uring_close(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 1);
  uint32_t id = (uint32_t)arg_int(&call, 0, 0, RINGS_MAX - 1);
  if (call.failed) return NULL;
  return result_int(&call, ring_close(call.env, id));
}

const Export uring_exports[] = {
    {"uringSetup", uring_setup},
    {"uringRegisterFiles", uring_register_files},
    {"uringProbe", uring_probe},
    {"uringRegisterBuffers", uring_register_buffers},
    {"uringControl", uring_control},
    {"uringFlush", uring_flush},
    {"uringFlushBlocking", uring_flush_blocking},
    {"uringAttach", uring_attach},
    {"uringClose", uring_close},
    {NULL, NULL},
};
