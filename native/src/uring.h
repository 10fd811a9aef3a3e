// The parts of io_uring's ABI (linux/io_uring.h) that are used here, and a ring of the addon.
#ifndef RONDO_URING_H
#define RONDO_URING_H

#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "rondo.h"

enum { SETUP_CQSIZE = 1u << 3 };
enum { SETUP_TASKRUN_FLAG = 1u << 9, SETUP_CQE32 = 1u << 11, SETUP_SQE128 = 1u << 10 };
enum { SETUP_NO_MMAP = 1u << 14 };
enum { ENTER_GETEVENTS = 1u, ENTER_EXT_ARG = 1u << 3, ENTER_REGISTERED_RING = 1u << 4 };
enum { SQ_CQ_OVERFLOW = 1u << 1, SQ_TASKRUN = 1u << 2 };
enum { CQ_EVENTFD_DISABLED = 1u };
enum { CQE_F_MORE = 1u << 1, CQE_F_NOTIF = 1u << 3 };
enum { SQE_BUFFER_SELECT = 1u << 5 };
enum {
  REGISTER_EVENTFD = 4,
  REGISTER_PROBE = 8,
  REGISTER_FILES2 = 13,
  REGISTER_RING_FDS = 20,
  UNREGISTER_RING_FDS = 21,
  REGISTER_PBUF_RING = 22,
  REGISTER_SYNC_CANCEL = 24,
};
enum { RSRC_REGISTER_SPARSE = 1u };
enum { ASYNC_CANCEL_ALL = 1u << 0, ASYNC_CANCEL_ANY = 1u << 2 };

typedef struct Offsets {
  uint32_t head, tail, mask, entries, flags, dropped_or_overflow, array_or_cqes, flags_or_resv;
  uint64_t user_addr;
} Offsets;

typedef struct Params {
  uint32_t sq_entries, cq_entries, flags, sq_thread_cpu, sq_thread_idle, features, wq_fd, resv[3];
  Offsets sq, cq;
} Params;
_Static_assert(sizeof(Params) == 120, "struct io_uring_params");

typedef struct Sqe {
  uint8_t opcode, flags;
  uint16_t ioprio;
  int32_t fd;
  uint64_t off;   // or addr2; for URING_CMD the command in the low half
  uint64_t addr;  // for URING_CMD level and option name
  uint32_t len, op_flags;
  uint64_t user_data;
  uint16_t buf_index, personality;
  uint32_t file_index;  // or optlen
  uint64_t addr3, pad;
} Sqe;
_Static_assert(sizeof(Sqe) == 64, "struct io_uring_sqe");

typedef struct Cqe {
  uint64_t user_data;
  int32_t res;
  uint32_t flags;
} Cqe;

typedef struct PbufEntry {
  uint64_t addr;
  uint32_t len;
  uint16_t bid, tail;  // `tail` of entry 0 is the ring's tail
} PbufEntry;

#define BUFFER_GROUPS_MAX 4
#define IOVECS_MAX 4096
#define VECTOR_MAX 64
#define PATH_BYTES_MAX 4096

typedef struct Group {
  PbufEntry *ring;
  uint32_t entries, buffer_size;
  uint64_t buffers;  // arena offset
  uint16_t tail;
} Group;

typedef struct Ring {
  Env *env;
  int fd;
  int enter_fd;           // registered index, or fd
  unsigned enter_flags;   // ENTER_REGISTERED_RING or 0
  int eventfd;            // -1 when not attached
  int32_t loop;           // -1 when not attached
  uint32_t setup_flags;
  _Atomic uint32_t *sq_head, *sq_tail, *sq_flags, *cq_head, *cq_tail, *cq_flags;
  Sqe *sqes;
  Cqe *cqes;
  uint32_t sq_entries, cq_entries;
  uint8_t *memory;        // of the rings; the kernel holds its pages beyond the end of the ring
  size_t memory_bytes, sqes_bytes;
  uint32_t translated;    // submission entries that went through `translate`
  uint32_t seen;          // completion entries counted in `finals`
  uint64_t submitted, finals;
  uint32_t *control;      // arena; see uringControl in src/native/native.ts
  uint32_t returns_max;
  Group groups[BUFFER_GROUPS_MAX];
  struct msghdr *messages;  // one for each submission entry
  struct iovec *iovecs;
  uint32_t iovec_next;
} Ring;

// Words of the control block.
// Upper half of the user data of entries whose result is a descriptor: one that TypeScript has not
// read when the ring ends is closed. src/driver/uring/submissions.ts has the same number.
enum { TAG_DESCRIPTOR = 9 };

enum { CONTROL_RETURNS = 0, CONTROL_ENTERS = 1, CONTROL_OVERFLOWS = 8, CONTROL_IDS = 16 };

// uring-entries.c: turns the offsets of an entry into addresses. 1 done, 0 refused, -1 no room for
// its vector now: submit what is translated first.
int uring_translate(Ring *ring, Sqe *sqe, uint32_t index);

#endif
