// From arena offsets to addresses: the check that every submission entry passes before the kernel
// sees it. Only opcodes whose address fields are known here get through.
#include "uring.h"

#include <string.h>

// What the address fields of an entry are.
typedef enum Shape {
  REFUSED = 0,
  PLAIN,    // no address
  BYTES,    // addr: len bytes
  RECEIVE,  // BYTES, or none with a provided buffer
  MESSAGE,  // addr: {offset, length} pairs, len of them
  TIMESPEC,
  SOCKADDR,  // addr: off bytes
  ACCEPTED,  // none, or addr: room for any address, and off: 4 bytes for its length
  PATH,      // addr: a path that ends in zero
  STATX,     // PATH, and off: 256 bytes
  COMMAND,   // setsockopt; addr3: file_index bytes
} Shape;

// Fields that an opcode uses beyond fd, op_flags and user_data. All others must be zero: a field
// that a newer kernel gives a meaning (an address, say) is not let through unseen.
enum { ADDR = 1, OFF = 2, LEN = 4, INDEX = 8, GROUP = 16, ADDR3 = 32 };

typedef struct Rule {
  uint8_t shape, fields;
  uint8_t flags;     // of IOSQE_FIXED_FILE and IOSQE_BUFFER_SELECT
  uint8_t ioprio;    // bits that may be set
  uint32_t op_flags;
} Rule;

enum { SOCKET_SETSOCKOPT = 3 };
enum { FIXED = 1, SELECT = 32, ANY_FLAGS = 0x7fffffff, NO_SIGNAL_WAIT_ALL = 0x4100 };

static const Rule rules[56] = {
    [0] = {PLAIN, 0, 0, 0, 0},                                          // NOP
    [3] = {PLAIN, 0, 0, 0, 1},                                          // FSYNC
    [6] = {PLAIN, LEN, 0, 0, ANY_FLAGS},                                // POLL_ADD
    [9] = {MESSAGE, ADDR | LEN, FIXED, 0, NO_SIGNAL_WAIT_ALL},          // SENDMSG
    [11] = {TIMESPEC, ADDR | LEN, 0, 0, 0},                             // TIMEOUT
    [13] = {ACCEPTED, ADDR | OFF | INDEX, 0, 0, 0},                     // ACCEPT
    [14] = {PLAIN, ADDR, 0, 0, 0xf},                                    // ASYNC_CANCEL
    [16] = {SOCKADDR, ADDR | OFF, FIXED, 0, 0},                         // CONNECT
    [18] = {PATH, ADDR | LEN, 0, 0, ANY_FLAGS},                         // OPENAT
    [19] = {PLAIN, INDEX, 0, 0, 0},                                     // CLOSE
    [21] = {STATX, ADDR | LEN | OFF, 0, 0, ANY_FLAGS},                  // STATX
    [22] = {BYTES, ADDR | LEN | OFF, 0, 0, 0},                          // READ
    [23] = {BYTES, ADDR | LEN | OFF, 0, 0, 0},                          // WRITE
    [26] = {BYTES, ADDR | LEN, FIXED, 0, NO_SIGNAL_WAIT_ALL},           // SEND
    [27] = {RECEIVE, ADDR | LEN | GROUP, FIXED | SELECT, 2, 0},         // RECV
    [34] = {PLAIN, LEN, FIXED, 0, 0},                                   // SHUTDOWN
    [45] = {PLAIN, OFF | LEN | INDEX, 0, 0, 0},                         // SOCKET
    [46] = {COMMAND, ADDR | OFF | INDEX | ADDR3, FIXED, 0, 0},          // URING_CMD
    [47] = {BYTES, ADDR | LEN, FIXED, 0, NO_SIGNAL_WAIT_ALL},           // SEND_ZC
    [48] = {MESSAGE, ADDR | LEN, FIXED, 0, NO_SIGNAL_WAIT_ALL},         // SENDMSG_ZC
    [55] = {PLAIN, OFF, 0, 0, 0},                                       // FTRUNCATE
};

static bool obeys(const Rule *rule, const Sqe *sqe) {
  uint8_t fields = rule->fields;
  return (sqe->flags & ~rule->flags) == 0 && (sqe->ioprio & ~rule->ioprio) == 0 &&
         (sqe->op_flags & ~rule->op_flags) == 0 && (fields & ADDR || sqe->addr == 0) &&
         (fields & OFF || sqe->off == 0) && (fields & LEN || sqe->len == 0) &&
         (fields & INDEX || sqe->file_index == 0) && (fields & GROUP || sqe->buf_index == 0) &&
         (fields & ADDR3 || sqe->addr3 == 0) && sqe->personality == 0 && sqe->pad == 0;
}

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

// The kernel reads how much room there is when it accepts, which may be later: whatever stands
// there by then, it writes no more than a struct sockaddr_storage.
static bool place_accepted(Ring *ring, Sqe *sqe) {
  if (sqe->addr == 0 && sqe->off == 0) return true;
  if (sqe->addr == 0 || sqe->off == 0 || sqe->off % 4 != 0) return false;
  return place(ring, &sqe->addr, sizeof(struct sockaddr_storage)) && place(ring, &sqe->off, 4);
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
  if (sqe->opcode >= sizeof rules / sizeof *rules) return 0;
  const Rule *rule = &rules[sqe->opcode];
  if (rule->shape == REFUSED || !obeys(rule, sqe)) return 0;
  switch (rule->shape) {
    case PLAIN:
      return 1;
    case BYTES:
      return place(ring, &sqe->addr, sqe->len);
    case RECEIVE:
      if (!(sqe->flags & SQE_BUFFER_SELECT)) return place(ring, &sqe->addr, sqe->len);
      return sqe->addr == 0;
    case MESSAGE:
      return place_message(ring, sqe, index);
    case TIMESPEC:
      return sqe->len == 1 && place(ring, &sqe->addr, 16);
    case SOCKADDR:
      return place(ring, &sqe->addr, sqe->off);
    case ACCEPTED:
      return place_accepted(ring, sqe);
    case PATH:
      return place_path(ring, &sqe->addr);
    case STATX:
      return place_path(ring, &sqe->addr) && place(ring, &sqe->off, 256);
    case COMMAND:
      return sqe->off == SOCKET_SETSOCKOPT && place(ring, &sqe->addr3, sqe->file_index);
    default:
      return 0;
  }
}
