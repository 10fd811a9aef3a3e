// Rides on libuv's loop: a source (a ring, an epoll instance) is collected before the loop sleeps,
// and a poll handle on the source's descriptor wakes it.
//
// Order in one iteration of libuv: timers, idle, PREPARE, poll for I/O, check, closing. In prepare
// we collect and call TypeScript until nothing waits or ROUNDS are used up; in the latter case an
// idle handle keeps the poll phase from sleeping, so that timers and other I/O have their turn.
// The handles are opaque here (uv_handle_size), so no uv.h is needed; the functions are libuv's
// stable ABI since 1.0 and exported by the node executable.
#include "rondo.h"

#include <stdlib.h>

extern size_t uv_handle_size(int type);
extern void uv_handle_set_data(void *handle, void *data);
extern void *uv_handle_get_data(const void *handle);
extern void uv_close(void *handle, void (*closed)(void *handle));
extern void uv_ref(void *handle);
extern void uv_unref(void *handle);
extern int uv_poll_init(void *loop, void *handle, int fd);
extern int uv_poll_start(void *handle, int events, void (*ready)(void *, int, int));
extern int uv_prepare_init(void *loop, void *handle);
extern int uv_prepare_start(void *handle, void (*prepare)(void *));
extern int uv_idle_init(void *loop, void *handle);
extern int uv_idle_start(void *handle, void (*idle)(void *));
extern int uv_idle_stop(void *handle);

// uv_handle_type in uv.h; the numbers are part of its ABI.
enum { UV_IDLE = 6, UV_POLL = 8, UV_PREPARE = 9 };
enum { UV_READABLE = 1 };

// Calls into TypeScript per iteration of libuv: 8 make the sleep rare under load, and bound how
// long timers wait.
#define ROUNDS 8

struct Loop {
  Env *env;
  const struct LoopSource *kind;
  void *source;
  int32_t *dirty;  // arena word: TypeScript has something to do. Written by TypeScript alone.
  napi_ref callback;
  napi_async_context context;
  void *poll, *prepare, *idle;
  uint32_t handles;  // initialised and not yet closed
  bool closed;
  bool spinning;  // the idle handle is active
};

static void report_exception(Loop *loop) {
  napi_env napi = loop->env->env;
  bool pending = false;
  if (napi_is_exception_pending(napi, &pending) != napi_ok || !pending) return;
  napi_value error;
  if (napi_get_and_clear_last_exception(napi, &error) == napi_ok && !loop->env->ending)
    napi_fatal_exception(napi, error);
}

static void call_back(Loop *loop, napi_value receiver, napi_value function, uint32_t count) {
  napi_env napi = loop->env->env;
  napi_value argument;
  napi_create_uint32(napi, count, &argument);
  napi_call_function(napi, receiver, function, 1, &argument, NULL);
  report_exception(loop);
}

static void on_idle(void *handle) {
  (void)handle;
}

static void set_spinning(Loop *loop, bool spinning) {
  if (loop->closed || loop->spinning == spinning) return;
  loop->spinning = spinning;
  if (spinning)
    uv_idle_start(loop->idle, on_idle);
  else
    uv_idle_stop(loop->idle);
}

// What waits for TypeScript, or -1 when the loop may sleep: then the wake-up is armed.
static int64_t next_work(Loop *loop) {
  do {
    uint32_t count = loop->kind->collect(loop->source);
    if (count > 0 || *loop->dirty) return count;
  } while (loop->kind->arm(loop->source));
  return -1;
}

// Rounds of calling back and collecting. Returns whether more may wait.
static bool run_rounds(Loop *loop, int64_t count) {
  napi_value receiver, function;
  napi_get_global(loop->env->env, &receiver);
  napi_get_reference_value(loop->env->env, loop->callback, &function);
  for (int round = 1; count >= 0; round++) {
    call_back(loop, receiver, function, (uint32_t)count);
    if (loop->closed || loop->env->ending) return false;
    if (round == ROUNDS) return true;
    count = next_work(loop);
  }
  return false;
}

// Ticks and microtasks run once, at the end of the callback scope: opening and closing one costs
// more than a round of a small batch.
static void on_prepare(void *handle) {
  Loop *loop = uv_handle_get_data(handle);
  napi_env napi = loop->env->env;
  if (loop->closed || loop->env->ending) return;
  int64_t count = next_work(loop);
  bool more = false;
  napi_handle_scope handles;
  if (count >= 0 && napi_open_handle_scope(napi, &handles) == napi_ok) {
    napi_callback_scope scope;
    napi_value resource;
    napi_get_global(napi, &resource);
    if (napi_open_callback_scope(napi, resource, loop->context, &scope) == napi_ok) {
      more = run_rounds(loop, count);
      napi_close_callback_scope(napi, scope);
      report_exception(loop);
    }
    napi_close_handle_scope(napi, handles);
  }
  set_spinning(loop, more);
}

static void on_poll(void *handle, int status, int events) {
  (void)status;
  (void)events;
  Loop *loop = uv_handle_get_data(handle);
  if (!loop->closed) loop->kind->readable(loop->source);
}

static void loop_free(Loop *loop) {
  Env *env = loop->env;
  free(loop->poll);
  free(loop->prepare);
  free(loop->idle);
  free(loop);
  env_loop_closed(env);
}

static void on_closed(void *handle) {
  Loop *loop = uv_handle_get_data(handle);
  if (--loop->handles == 0) loop_free(loop);
}

static void *new_handle(Loop *loop, int type) {
  void *handle = calloc(1, uv_handle_size(type));
  if (handle) uv_handle_set_data(handle, loop);
  return handle;
}

// Initialised handles must be closed through libuv; the rest are plain memory.
static int loop_start(Loop *loop, void *uv, int fd) {
  int error = uv_prepare_init(uv, loop->prepare);
  if (error) return error;
  loop->handles += 1;
  uv_idle_init(uv, loop->idle);
  loop->handles += 1;
  uv_unref(loop->prepare);
  uv_unref(loop->idle);
  error = uv_poll_init(uv, loop->poll, fd);
  if (error) return error;
  loop->handles += 1;
  uv_unref(loop->poll);
  error = uv_poll_start(loop->poll, UV_READABLE, on_poll);
  if (!error) error = uv_prepare_start(loop->prepare, on_prepare);
  return error;
}

static void loop_end(Loop *loop) {
  napi_env napi = loop->env->env;
  loop->closed = true;
  if (loop->callback) napi_delete_reference(napi, loop->callback);
  if (loop->context) napi_async_destroy(napi, loop->context);
  uint32_t handles = loop->handles;
  if (handles > 2) uv_close(loop->poll, on_closed);
  if (handles > 1) uv_close(loop->idle, on_closed);
  if (handles > 0)
    uv_close(loop->prepare, on_closed);
  else
    loop_free(loop);
}

int loop_attach(Env *env, int fd, const struct LoopSource *kind, void *source, int32_t *dirty,
                napi_value callback) {
  uint32_t id = 0;
  while (id < LOOPS_MAX && env->loops[id]) id++;
  if (id == LOOPS_MAX) return -ENOBUFS;
  void *uv;
  if (napi_get_uv_event_loop(env->env, (struct uv_loop_s **)&uv) != napi_ok) return -EINVAL;
  Loop *loop = calloc(1, sizeof *loop);
  if (!loop) return -ENOMEM;
  *loop = (Loop){.env = env, .kind = kind, .source = source, .dirty = dirty};
  loop->poll = new_handle(loop, UV_POLL);
  loop->prepare = new_handle(loop, UV_PREPARE);
  loop->idle = new_handle(loop, UV_IDLE);
  napi_value name;
  bool ready = loop->poll && loop->prepare && loop->idle &&
               napi_create_reference(env->env, callback, 1, &loop->callback) == napi_ok &&
               napi_create_string_utf8(env->env, "rondo", NAPI_AUTO_LENGTH, &name) == napi_ok &&
               napi_async_init(env->env, NULL, name, &loop->context) == napi_ok;
  int error = ready ? loop_start(loop, uv, fd) : -ENOMEM;
  env->loops_open += 1;
  if (error) {
    loop_end(loop);
    return error;
  }
  env->loops[id] = loop;
  return (int)id;
}

bool loop_close(Env *env, uint32_t id) {
  if (id >= LOOPS_MAX || !env->loops[id]) return false;
  Loop *loop = env->loops[id];
  env->loops[id] = NULL;
  loop->kind->detached(loop->source);
  loop_end(loop);
  return true;
}

static napi_value loop_reference(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 2);
  uint32_t id = (uint32_t)arg_int(&call, 0, 0, LOOPS_MAX - 1);
  bool alive = arg_bool(&call, 1);
  if (call.failed) return NULL;
  Loop *loop = call.env->loops[id];
  if (!loop) return throw_argument(&call, "there is no such loop handle");
  if (alive)
    uv_ref(loop->poll);
  else
    uv_unref(loop->poll);
  return NULL;
}

static napi_value loop_detach(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 1);
  uint32_t id = (uint32_t)arg_int(&call, 0, 0, LOOPS_MAX - 1);
  if (call.failed) return NULL;
  if (!loop_close(call.env, id)) return throw_argument(&call, "there is no such loop handle");
  return NULL;
}

const Export loop_exports[] = {
    {"loopReference", loop_reference},
    {"loopDetach", loop_detach},
    {NULL, NULL},
};
