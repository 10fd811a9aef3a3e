// What the files of the addon share. The contract of every function that TypeScript can call is in
// src/native/native.ts; here are the tools that keep it: argument checks, arena bounds, errors.
#ifndef RONDO_H
#define RONDO_H

#include <errno.h>
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RINGS_MAX 16
#define LOOPS_MAX 32

struct Ring;
struct Loop;
struct Rider;
struct StreamSlot;
struct Watch;

// One per environment (the main thread and each worker has its own); used by that thread alone.
typedef struct Env {
  napi_env env;
  uint8_t *base;    // of the arena; NULL until attachArena
  uint64_t size;    // bytes of the arena
  uint64_t *owned;  // bitmap of the descriptors made here and not closed yet
  uint32_t owned_words;
  struct Ring *rings[RINGS_MAX];
  struct Loop *loops[LOOPS_MAX];
  struct Rider *rider;  // while a loop is attached
  struct Watch *watch;  // while one is attached
  napi_async_context context;  // of the calls into TypeScript; lives as long as the Env
  uint32_t loops_open;  // loops and riders that libuv has not closed yet
  bool ending;          // the environment is being torn down
  struct StreamSlot *slots;  // of deflate.c
  uint32_t slot_count;
  uint32_t slot_free;     // index + 1 of the first free one; 0 when there is none
  uint64_t stream_bytes;  // in use by the streams
  napi_async_cleanup_hook_handle hook;
} Env;

// A call from TypeScript. Once `failed` is set an exception is pending; the function returns NULL.
typedef struct Call {
  napi_env napi;
  Env *env;
  napi_value argv[6];
  bool failed;
} Call;

// addon.c: arguments. Each checks the type and sets `failed` with a coded exception.
Call call_begin(napi_env env, napi_callback_info info, size_t argc);
int64_t arg_int(Call *call, int index, int64_t minimum, int64_t maximum);
bool arg_bool(Call *call, int index);
// The address of arena bytes [argv[offset], + length). Alignment is a power of two.
void *arg_range(Call *call, int offset, int64_t length, uint32_t alignment);
napi_value result_int(Call *call, int64_t value);
napi_value throw_bounds(Call *call, const char *what);
napi_value throw_argument(Call *call, const char *what);

static inline uint32_t arg_u32(Call *call, int index) {
  return (uint32_t)arg_int(call, index, 0, UINT32_MAX);
}
static inline int32_t arg_i32(Call *call, int index) {
  return (int32_t)arg_int(call, index, INT32_MIN, INT32_MAX);
}
// A 32-bit word, given as Int32Array or as Uint32Array has it.
static inline uint32_t arg_word(Call *call, int index) {
  return (uint32_t)arg_int(call, index, INT32_MIN, UINT32_MAX);
}
// The result of a system call, as TypeScript gets it.
static inline napi_value result_system(Call *call, int64_t result) {
  return result_int(call, result < 0 ? -errno : result);
}
static inline bool in_arena(const Env *env, uint64_t offset, uint64_t length) {
  return offset <= env->size && length <= env->size - offset;
}

// addon.c: descriptors that die with the environment.
int descriptor_own(Env *env, int fd);
void descriptor_disown(Env *env, int fd);
bool descriptor_owned(const Env *env, int fd);

// loop.c
typedef struct Loop Loop;
typedef struct Rider Rider;
struct LoopSource {
  // Collects what is ready without waiting; returns how many entries wait for TypeScript.
  uint32_t (*collect)(void *source);
  // Its descriptor is readable.
  void (*readable)(void *source);
  // About to sleep: arms the wake-up. Returns true when something is ready after all.
  bool (*arm)(void *source);
  // The loop does not watch it any more: its descriptor may be closed.
  void (*detached)(void *source);
};
int loop_attach(Env *env, int fd, const struct LoopSource *kind, void *source, int32_t *dirty,
                napi_value callback);
bool loop_close(Env *env, uint32_t id);
// Readable when libuv has something to do.
int loop_descriptor(Env *env);

// addon.c: libuv has closed the handles of one loop.
void env_loop_closed(Env *env);

// uring.c
void rings_close(Env *env);

// deflate.c
void streams_close(Env *env);

// Registration, one for each file.
typedef struct Export {
  const char *name;
  napi_callback call;
} Export;
extern const Export arena_exports[], futex_exports[], watch_exports[], process_exports[],
    socket_exports[], epoll_exports[], uring_exports[], loop_exports[], deflate_exports[];

#endif
