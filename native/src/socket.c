// Sockets, all of them non-blocking and close-on-exec, and batches of calls on them.
#define _GNU_SOURCE
#include "rondo.h"

#include <sys/socket.h>
#include <sys/uio.h>

#define VECTOR_MAX 64
#define BATCH_MAX 65536

static napi_value socket_create(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 1);
  int family = arg_i32(&call, 0);
  if (call.failed) return NULL;
  int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  return result_system(&call, descriptor_own(call.env, fd));
}

static napi_value socket_bind(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 3);
  int fd = arg_i32(&call, 0);
  socklen_t length = (socklen_t)arg_int(&call, 2, 2, 128);
  struct sockaddr *address = arg_range(&call, 1, length, 4);
  if (call.failed) return NULL;
  return result_system(&call, bind(fd, address, length));
}

static napi_value socket_listen(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 2);
  int fd = arg_i32(&call, 0);
  int backlog = (int)arg_int(&call, 1, 0, INT32_MAX);
  if (call.failed) return NULL;
  return result_system(&call, listen(fd, backlog));
}

static napi_value socket_connect(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 3);
  int fd = arg_i32(&call, 0);
  socklen_t length = (socklen_t)arg_int(&call, 2, 2, 128);
  struct sockaddr *address = arg_range(&call, 1, length, 4);
  if (call.failed) return NULL;
  return result_system(&call, connect(fd, address, length));
}

typedef int (*AddressCall)(int, struct sockaddr *restrict, socklen_t *restrict);

static napi_value address_of(napi_env napi, napi_callback_info info, AddressCall which) {
  Call call = call_begin(napi, info, 3);
  int fd = arg_i32(&call, 0);
  socklen_t length = (socklen_t)arg_int(&call, 2, 2, 128);
  struct sockaddr *address = arg_range(&call, 1, length, 4);
  if (call.failed) return NULL;
  return result_system(&call, which(fd, address, &length) < 0 ? -1 : (int64_t)length);
}

static napi_value socket_address(napi_env napi, napi_callback_info info) {
  return address_of(napi, info, getsockname);
}

static napi_value socket_peer(napi_env napi, napi_callback_info info) {
  return address_of(napi, info, getpeername);
}

static napi_value socket_shutdown(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 2);
  int fd = arg_i32(&call, 0);
  int how = (int)arg_int(&call, 1, 0, 2);
  if (call.failed) return NULL;
  return result_system(&call, shutdown(fd, how));
}

static napi_value socket_set_option(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 4);
  int fd = arg_i32(&call, 0);
  int level = arg_i32(&call, 1);
  int name = arg_i32(&call, 2);
  int value = arg_i32(&call, 3);
  if (call.failed) return NULL;
  return result_system(&call, setsockopt(fd, level, name, &value, sizeof value));
}

static napi_value socket_get_option(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 3);
  int fd = arg_i32(&call, 0);
  int level = arg_i32(&call, 1);
  int name = arg_i32(&call, 2);
  if (call.failed) return NULL;
  int value = 0;
  socklen_t length = sizeof value;
  return result_system(&call, getsockopt(fd, level, name, &value, &length) < 0 ? -1 : value);
}

static napi_value socket_set_linger(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 2);
  int fd = arg_i32(&call, 0);
  int seconds = (int)arg_int(&call, 1, 0, 65535);
  if (call.failed) return NULL;
  struct linger linger = {.l_onoff = 1, .l_linger = seconds};
  return result_system(&call, setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
}

enum { BATCH_RECEIVE = 1, BATCH_SEND = 2, BATCH_SEND_VECTOR = 3, BATCH_ACCEPT = 4 };

// One record of socketBatch; see src/native/native.ts.
typedef struct Record {
  uint32_t op;
  int32_t fd;
  uint32_t offset;
  uint32_t length;
  int32_t result;
  uint32_t caller[3];
} Record;

static int64_t send_vector(Env *env, const Record *record) {
  struct iovec parts[VECTOR_MAX];
  uint32_t count = record->length;
  if (count > VECTOR_MAX || !in_arena(env, record->offset, count * 8ull)) return -EFAULT;
  const uint32_t *pairs = (const uint32_t *)(env->base + record->offset);
  for (uint32_t i = 0; i < count; i++) {
    if (!in_arena(env, pairs[i * 2], pairs[i * 2 + 1])) return -EFAULT;
    parts[i].iov_base = env->base + pairs[i * 2];
    parts[i].iov_len = pairs[i * 2 + 1];
  }
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
  int64_t sent = sendmsg(record->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent < 0 ? -errno : sent;
}

// The peer's address goes to the record's memory where it names some.
static int64_t accept_record(Env *env, const Record *record) {
  struct sockaddr *address = NULL;
  socklen_t length = record->length;
  if (length > 0) {
    if (!in_arena(env, record->offset, length)) return -EFAULT;
    address = (struct sockaddr *)(env->base + record->offset);
  }
  int fd = accept4(record->fd, address, address ? &length : NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  int owned = descriptor_own(env, fd);
  return owned < 0 ? -errno : owned;
}

static int64_t run_record(Env *env, const Record *record) {
  int64_t result;
  switch (record->op) {
    case BATCH_RECEIVE:
      if (!in_arena(env, record->offset, record->length)) return -EFAULT;
      result = recv(record->fd, env->base + record->offset, record->length, MSG_DONTWAIT);
      break;
    case BATCH_SEND:
      if (!in_arena(env, record->offset, record->length)) return -EFAULT;
      result = send(record->fd, env->base + record->offset, record->length,
                    MSG_NOSIGNAL | MSG_DONTWAIT);
      break;
    case BATCH_SEND_VECTOR:
      return send_vector(env, record);
    case BATCH_ACCEPT:
      return accept_record(env, record);
    default:
      return -EINVAL;
  }
  return result < 0 ? -errno : result;
}

static napi_value socket_batch(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 2);
  int64_t count = arg_int(&call, 1, 0, BATCH_MAX);
  Record *records = arg_range(&call, 0, count * (int64_t)sizeof(Record), 4);
  if (call.failed) return NULL;
  for (int64_t i = 0; i < count; i++)
    records[i].result = (int32_t)run_record(call.env, &records[i]);
  return NULL;
}

const Export socket_exports[] = {
    {"socketCreate", socket_create},
    {"socketBind", socket_bind},
    {"socketListen", socket_listen},
    {"socketConnect", socket_connect},
    {"socketAddress", socket_address},
    {"socketPeer", socket_peer},
    {"socketShutdown", socket_shutdown},
    {"socketSetOption", socket_set_option},
    {"socketGetOption", socket_get_option},
    {"socketSetLinger", socket_set_linger},
    {"socketBatch", socket_batch},
    {NULL, NULL},
};
