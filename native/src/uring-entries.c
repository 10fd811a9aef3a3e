// From arena offsets to addresses: the check that every submission entry passes before the kernel
// sees it. Only opcodes whose address fields are known here get through.
#include "uring.h"

#include <string.h>

// What an opcode's address fields are. `bytes`: addr with len bytes.
typedef enum Shape {
  REFUSED = 0,
  PLAIN,    // no address; addr and off are values or unused
  NO_ADDR,  // addr and off must be zero
  BYTES,
  RECEIVE,  // BYTES, or none with a provided buffer
  MESSAGE,  // addr: {offset, length} pairs, len of them
  TIMESPEC,
  SOCKADDR,  // addr with off bytes
  PATH,      // addr: a path that ends in zero
  STATX,     // PATH, and off: 256 bytes
  COMMAND,   // addr3 with file_index bytes
} Shape;

static const uint8_t shapes[64] = {
    [0] = PLAIN /* NOP */,        [3] = PLAIN /* FSYNC */,      [6] = PLAIN /* POLL_ADD */,
    [9] = MESSAGE /* SENDMSG */,  [11] = TIMESPEC /* TIMEOUT */, [12] = PLAIN /* TIMEOUT_REMOVE */,
    [13] = NO_ADDR /* ACCEPT */,  [14] = PLAIN /* ASYNC_CANCEL */, [16] = SOCKADDR /* CONNECT */,
    [18] = PATH /* OPENAT */,     [19] = PLAIN /* CLOSE */,     [21] = STATX /* STATX */,
    [22] = BYTES /* READ */,      [23] = BYTES /* WRITE */,     [26] = BYTES /* SEND */,
    [27] = RECEIVE /* RECV */,    [34] = PLAIN /* SHUTDOWN */,  [40] = PLAIN /* MSG_RING */,
    [45] = PLAIN /* SOCKET */,    [46] = COMMAND /* URING_CMD */, [47] = BYTES /* SEND_ZC */,
    [48] = MESSAGE /* SENDMSG_ZC */,
};

static bool place(Ring *ring, uint64_t *field, uint64_t length) {
  if (!in_arena(ring->env, *field, length)) return false;
  *field = (uint64_t)(uintptr_t)(ring->env->base + *field);
  return true;
}

static bool place_path(Ring *ring, uint64_t *field) {
  if (*field >= ring->env->size) return false;
  uint64_t room = ring->env->size - *field;
  if (room > PATH_BYTES_MAX) room = PATH_BYTES_MAX;
  if (!memchr(ring->env->base + *field, 0, room)) return false;
  return place(ring, field, 1);
}

static int place_message(Ring *ring, Sqe *sqe, uint32_t index) {
  uint32_t count = sqe->len;
  if (count == 0 || count > VECTOR_MAX || !in_arena(ring->env, sqe->addr, count * 8ull)) return 0;
  if (ring->iovec_next + count > IOVECS_MAX) return -1;
  const uint32_t *pairs = (const uint32_t *)(ring->env->base + sqe->addr);
  struct iovec *iovecs = ring->iovecs + ring->iovec_next;
  for (uint32_t i = 0; i < count; i++) {
    if (!in_arena(ring->env, pairs[i * 2], pairs[i * 2 + 1])) return 0;
    iovecs[i].iov_base = ring->env->base + pairs[i * 2];
    iovecs[i].iov_len = pairs[i * 2 + 1];
  }
  ring->iovec_next += count;
  ring->messages[index] = (struct msghdr){.msg_iov = iovecs, .msg_iovlen = count};
  sqe->addr = (uint64_t)(uintptr_t)&ring->messages[index];
  sqe->len = 1;
  return 1;
}

int uring_translate(Ring *ring, Sqe *sqe, uint32_t index) {
  switch (sqe->opcode < sizeof shapes ? shapes[sqe->opcode] : REFUSED) {
    case PLAIN:
      return 1;
    case NO_ADDR:
      return sqe->addr == 0 && sqe->off == 0;
    case BYTES:
      return place(ring, &sqe->addr, sqe->len);
    case RECEIVE:
      if (!(sqe->flags & SQE_BUFFER_SELECT)) return place(ring, &sqe->addr, sqe->len);
      return sqe->addr == 0;
    case MESSAGE:
      return place_message(ring, sqe, index);
    case TIMESPEC:
      return place(ring, &sqe->addr, 16);
    case SOCKADDR:
      return place(ring, &sqe->addr, sqe->off);
    case PATH:
      return place_path(ring, &sqe->addr);
    case STATX:
      return place_path(ring, &sqe->addr) && place(ring, &sqe->off, 256);
    case COMMAND:
      return place(ring, &sqe->addr3, sqe->file_index);
    default:
      return 0;
  }
}
