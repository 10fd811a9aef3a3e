// Registration, argument checks, descriptors, and the end of an environment.
//
// The end (process exit, worker.terminate() at any moment): the cleanup hook detaches the loops,
// waits until libuv has let go of their handles, then cancels and drains the rings, and only then
// closes the descriptors. The arena outlives all of it: its memory belongs to the isolate, which
// Node disposes of after the hooks.
#include "rondo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Call call_begin(napi_env napi, napi_callback_info info, size_t argc) {
  Call call = {.napi = napi};
  size_t given = 6;
  napi_get_cb_info(napi, info, &given, call.argv, NULL, (void **)&call.env);
  if (given < argc) throw_argument(&call, "too few arguments");
  return call;
}

napi_value throw_argument(Call *call, const char *what) {
  char message[160];
  snprintf(message, sizeof message, "Cannot call the native function: %s", what);
  if (!call->failed) napi_throw_type_error(call->napi, "ERR_NATIVE_ARGUMENT", message);
  call->failed = true;
  return NULL;
}

napi_value throw_bounds(Call *call, const char *what) {
  char message[200];
  snprintf(message, sizeof message, "Cannot use the range: %s, the arena has %llu bytes", what,
           (unsigned long long)call->env->size);
  if (!call->failed) napi_throw_range_error(call->napi, "ERR_NATIVE_BOUNDS", message);
  call->failed = true;
  return NULL;
}

int64_t arg_int(Call *call, int index, int64_t minimum, int64_t maximum) {
  char message[96];
  double number;
  if (call->failed) return minimum;
  if (napi_get_value_double(call->napi, call->argv[index], &number) != napi_ok) {
    snprintf(message, sizeof message, "argument %d must be a number", index + 1);
    throw_argument(call, message);
    return minimum;
  }
  if (!(number >= (double)minimum && number <= (double)maximum) ||
      number != (double)(int64_t)number) {
    snprintf(message, sizeof message, "argument %d must be an integer from %lld to %lld, got %g",
             index + 1, (long long)minimum, (long long)maximum, number);
    throw_argument(call, message);
    return minimum;
  }
  return (int64_t)number;
}

bool arg_bool(Call *call, int index) {
  bool value = false;
  if (call->failed) return false;
  if (napi_get_value_bool(call->napi, call->argv[index], &value) != napi_ok)
    throw_argument(call, "a boolean is missing");
  return value;
}

void *arg_range(Call *call, int index, int64_t length, uint32_t alignment) {
  int64_t offset = arg_int(call, index, 0, UINT32_MAX);
  if (call->failed) return NULL;
  char message[96];
  if (!call->env->base || length < 0 ||
      !in_arena(call->env, (uint64_t)offset, (uint64_t)length)) {
    snprintf(message, sizeof message, "it starts at %lld and has %lld bytes", (long long)offset,
             (long long)length);
    throw_bounds(call, message);
    return NULL;
  }
  if (offset & (alignment - 1)) {
    snprintf(message, sizeof message, "offset %lld is not a multiple of %u", (long long)offset,
             alignment);
    throw_bounds(call, message);
    return NULL;
  }
  return call->env->base + offset;
}

napi_value result_int(Call *call, int64_t value) {
  napi_value result = NULL;
  if (value >= INT32_MIN && value <= INT32_MAX)
    napi_create_int32(call->napi, (int32_t)value, &result);
  else
    napi_create_int64(call->napi, value, &result);
  return result;
}

// A descriptor that cannot be noted would leak at the end of a worker: it is closed instead.
int descriptor_own(Env *env, int fd) {
  if (fd < 0) return fd;
  uint32_t word = (uint32_t)fd / 64;
  if (word >= env->owned_words) {
    uint32_t words = (word + 64) & ~63u;
    uint64_t *grown = realloc(env->owned, words * sizeof *grown);
    if (!grown) {
      close(fd);
      errno = ENOMEM;
      return -1;
    }
    memset(grown + env->owned_words, 0, (words - env->owned_words) * sizeof *grown);
    env->owned = grown;
    env->owned_words = words;
  }
  env->owned[word] |= 1ull << (fd % 64);
  return fd;
}

void descriptor_disown(Env *env, int fd) {
  uint32_t word = (uint32_t)fd / 64;
  if (fd >= 0 && word < env->owned_words) env->owned[word] &= ~(1ull << (fd % 64));
}

bool descriptor_owned(const Env *env, int fd) {
  uint32_t word = (uint32_t)fd / 64;
  return fd >= 0 && word < env->owned_words && (env->owned[word] >> (fd % 64) & 1);
}

// Last step of the end. Runs on the environment's thread, when no libuv handle is left.
static void env_finish(Env *env) {
  rings_close(env);
  streams_close(env);
  for (uint32_t word = 0; word < env->owned_words; word++)
    for (uint64_t bits = env->owned[word]; bits; bits &= bits - 1)
      close((int)(word * 64) + __builtin_ctzll(bits));
  free(env->owned);
  napi_async_cleanup_hook_handle hook = env->hook;
  free(env);
  napi_remove_async_cleanup_hook(hook);
}

void env_loop_closed(Env *env) {
  env->loops_open -= 1;
  if (env->ending && env->loops_open == 0) env_finish(env);
}

static void env_cleanup(napi_async_cleanup_hook_handle hook, void *data) {
  Env *env = data;
  (void)hook;
  env->ending = true;
  if (env->context) napi_async_destroy(env->env, env->context);
  // Held open while the loops are closed, so that the last close callback finds the Env alive.
  env->loops_open += 1;
  for (uint32_t id = 0; id < LOOPS_MAX; id++) loop_close(env, id);
  env_loop_closed(env);
}

static bool export_all(napi_env napi, napi_value exports, Env *env, const Export *list) {
  for (; list->name; list++) {
    napi_value function;
    if (napi_create_function(napi, list->name, NAPI_AUTO_LENGTH, list->call, env, &function) !=
        napi_ok)
      return false;
    if (napi_set_named_property(napi, exports, list->name, function) != napi_ok) return false;
  }
  return true;
}

NAPI_MODULE_INIT() {
  Env *data = calloc(1, sizeof *data);
  if (!data || napi_add_async_cleanup_hook(env, env_cleanup, data, &data->hook) != napi_ok) {
    free(data);
    napi_throw_error(env, "ERR_NATIVE_UNAVAILABLE", "Cannot load the addon: out of memory");
    return NULL;
  }
  data->env = env;
  const Export *groups[] = {arena_exports,  futex_exports, watch_exports,
                            process_exports, socket_exports, epoll_exports,
                            uring_exports,   loop_exports,   deflate_exports};
  for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
    if (!export_all(env, exports, data, groups[i])) return NULL;
  return exports;
}
