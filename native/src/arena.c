// The arena's memory: what is mapped where, anonymous files and their seals, descriptor limits.
#define _GNU_SOURCE
#include "rondo.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096u
#define BYTES_MAX ((int64_t)1 << 32)
#define ALLOCATE_STEP ((int64_t)4 << 20)

static napi_value attach_arena(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 1);
  if (call.failed) return NULL;
  napi_typedarray_type type;
  size_t length;
  void *data;
  if (napi_get_typedarray_info(napi, call.argv[0], &type, &length, &data, NULL, NULL) != napi_ok ||
      type != napi_uint8_array)
    return throw_argument(&call, "argument 1 must be a Uint8Array over the whole arena");
  if ((uintptr_t)data % PAGE != 0)
    return throw_argument(&call, "the arena must start at a page: use a WebAssembly.Memory");
  Env *env = call.env;
  if (env->base && (env->base != data || env->size != length))
    return throw_argument(&call, "this thread has attached another arena already");
  env->base = data;
  env->size = length;
  return NULL;
}

static napi_value map_anonymous(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 2);
  int64_t length = arg_int(&call, 1, 1, BYTES_MAX);
  void *at = arg_range(&call, 0, length, PAGE);
  if (call.failed) return NULL;
  if (length % PAGE) return throw_bounds(&call, "its length is not a whole number of pages");
  void *got = mmap(at, (size_t)length, PROT_READ | PROT_WRITE,
                   MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return result_system(&call, got == MAP_FAILED ? -1 : 0);
}

static napi_value map_file(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 5);
  int64_t length = arg_int(&call, 1, 1, BYTES_MAX);
  void *at = arg_range(&call, 0, length, PAGE);
  int fd = arg_i32(&call, 2);
  int64_t position = arg_int(&call, 3, 0, (int64_t)1 << 52);
  bool writable = arg_bool(&call, 4);
  if (call.failed) return NULL;
  if (length % PAGE) return throw_bounds(&call, "its length is not a whole number of pages");
  void *got = mmap(at, (size_t)length, PROT_READ | (writable ? PROT_WRITE : 0),
                   MAP_FIXED | MAP_SHARED, fd, position);
  return result_system(&call, got == MAP_FAILED ? -1 : 0);
}

static napi_value release_pages(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 2);
  int64_t length = arg_int(&call, 1, 1, BYTES_MAX);
  void *at = arg_range(&call, 0, length, PAGE);
  if (call.failed) return NULL;
  return result_system(&call, madvise(at, (size_t)length, MADV_DONTNEED));
}

static napi_value memfd_create_(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 1);
  if (call.failed) return NULL;
  char name[128];
  size_t length;
  if (napi_get_value_string_utf8(napi, call.argv[0], name, sizeof name, &length) != napi_ok)
    return throw_argument(&call, "argument 1 must be a string");
  int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  return result_system(&call, descriptor_own(call.env, fd));
}

static napi_value file_truncate(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 2);
  int fd = arg_i32(&call, 0);
  int64_t size = arg_int(&call, 1, 0, (int64_t)1 << 52);
  if (call.failed) return NULL;
  return result_system(&call, ftruncate(fd, size));
}

// In steps, because a signal makes fallocate undo the whole of what it was asked for: a profiler's
// would keep a large one from ever being done. No more than an arena can hold: a memfd has no limit
// of its own, and what is too much for the machine ends in the killing of some process.
static napi_value file_allocate(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 2);
  int fd = arg_i32(&call, 0);
  int64_t size = arg_int(&call, 1, 1, BYTES_MAX);
  if (call.failed) return NULL;
  for (int64_t at = 0; at < size;) {
    int64_t step = size - at < ALLOCATE_STEP ? size - at : ALLOCATE_STEP;
    if (fallocate(fd, 0, at, step) == 0)
      at += step;
    else if (errno != EINTR)
      return result_system(&call, -1);
  }
  return result_int(&call, 0);
}

static napi_value file_size(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 1);
  int fd = arg_i32(&call, 0);
  if (call.failed) return NULL;
  struct stat found;
  return result_system(&call, fstat(fd, &found) < 0 ? -1 : found.st_size);
}

static napi_value file_seals(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 1);
  int fd = arg_i32(&call, 0);
  if (call.failed) return NULL;
  return result_system(&call, fcntl(fd, F_GET_SEALS));
}

static napi_value add_seals(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 2);
  int fd = arg_i32(&call, 0);
  int seals = arg_i32(&call, 1);
  if (call.failed) return NULL;
  return result_system(&call, fcntl(fd, F_ADD_SEALS, seals));
}

static napi_value close_descriptor(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 1);
  int fd = arg_i32(&call, 0);
  if (call.failed) return NULL;
  descriptor_disown(call.env, fd);
  return result_system(&call, close(fd));
}

static napi_value own_descriptor(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 1);
  int fd = (int)arg_int(&call, 0, 0, INT32_MAX);
  if (call.failed) return NULL;
  return result_system(&call, descriptor_own(call.env, fd));
}

static napi_value descriptor_limit(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 1);
  int which = (int)arg_int(&call, 0, 0, 1);
  if (call.failed) return NULL;
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return result_system(&call, -1);
  rlim_t value = which ? limit.rlim_max : limit.rlim_cur;
  return result_int(&call, value > INT32_MAX ? INT32_MAX : (int64_t)value);
}

static napi_value set_descriptor_limit(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 1);
  int64_t soft = arg_int(&call, 0, 0, INT32_MAX);
  if (call.failed) return NULL;
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return result_system(&call, -1);
  limit.rlim_cur = (rlim_t)soft;
  return result_system(&call, setrlimit(RLIMIT_NOFILE, &limit));
}

const Export arena_exports[] = {
    {"attachArena", attach_arena},
    {"mapAnonymous", map_anonymous},
    {"mapFile", map_file},
    {"releasePages", release_pages},
    {"memfdCreate", memfd_create_},
    {"fileTruncate", file_truncate},
    {"fileAllocate", file_allocate},
    {"fileSize", file_size},
    {"fileSeals", file_seals},
    {"addSeals", add_seals},
    {"closeDescriptor", close_descriptor},
    {"ownDescriptor", own_descriptor},
    {"descriptorLimit", descriptor_limit},
    {"setDescriptorLimit", set_descriptor_limit},
    {NULL, NULL},
};
