/**
 * The parts of io_uring's ABI that are used here. Source: include/uapi/linux/io_uring.h and
 * io_uring_setup(2), io_uring_enter(2) of liburing; facts, not code.
 */

/** io_uring_params.flags */
export const Setup = {
  CQSIZE: 0x8,
  CLAMP: 0x10,
  SUBMIT_ALL: 0x80,
  COOP_TASKRUN: 0x100,
  TASKRUN_FLAG: 0x200,
  SINGLE_ISSUER: 0x1000,
  DEFER_TASKRUN: 0x2000,
  NO_MMAP: 0x4000,
  NO_SQARRAY: 0x10000,
} as const;

/** Byte offsets in struct io_uring_params (120 bytes). */
export const Params = {
  SQ_ENTRIES: 0,
  CQ_ENTRIES: 4,
  FLAGS: 8,
  FEATURES: 20,
  SQ_HEAD: 40,
  SQ_TAIL: 44,
  SQ_FLAGS: 56,
  SQ_ARRAY: 64,
  CQ_HEAD: 80,
  CQ_TAIL: 84,
  CQ_CQES: 100,
  BYTES: 120,
} as const;

/** sqe.opcode */
export const Opcode = {
  NOP: 0,
  FSYNC: 3,
  POLL_ADD: 6,
  SENDMSG: 9,
  TIMEOUT: 11,
  ACCEPT: 13,
  ASYNC_CANCEL: 14,
  CONNECT: 16,
  OPENAT: 18,
  CLOSE: 19,
  STATX: 21,
  READ: 22,
  WRITE: 23,
  SEND: 26,
  RECV: 27,
  SHUTDOWN: 34,
  SOCKET: 45,
  URING_CMD: 46,
  SEND_ZC: 47,
  SENDMSG_ZC: 48,
  FTRUNCATE: 55,
} as const;

/** sqe.flags */
export const SqeFlag = { FIXED_FILE: 0x1, BUFFER_SELECT: 0x20 } as const;

/** cqe.flags; the buffer id is in the upper 16 bits. */
export const CqeFlag = { BUFFER: 0x1, MORE: 0x2, NOTIF: 0x8 } as const;

/** sqe.ioprio of receive. */
export const Multishot = { RECV: 0x2 } as const;

/** sqe.op_flags of ASYNC_CANCEL. */
export const Cancel = { ALL: 0x1, FD: 0x2, FD_FIXED: 0x8 } as const;

/** Direct descriptors: "choose a free slot". */
export const FILE_INDEX_ALLOC = 0xffffffff;

/** sqe.len of POLL_ADD: stays armed. */
export const POLL_ADD_MULTI = 1;

/** sqe.op_flags of FSYNC. */
export const FSYNC_DATASYNC = 1;

/** URING_CMD on a socket (Linux 6.7): setsockopt(2). */
export const SOCKET_URING_OP_SETSOCKOPT = 3;

export const MSG_NOSIGNAL = 0x4000;
export const MSG_WAITALL = 0x100;
export const AT_FDCWD = -100;
export const AT_EMPTY_PATH = 0x1000;
export const STATX_BASIC_STATS = 0x7ff;
/** Bytes of struct statx. */
export const STATX_BYTES = 256;
export const POLLIN = 1;
export const SOCK_STREAM = 1;
export const SHUT_WR = 1;

/** socket(7) */
export const SockOpt = { SOL_SOCKET: 1, SO_LINGER: 13 } as const;
