// Rides on libuv's loop. Each source (a ring, an epoll instance) has a poll handle on its
// descriptor that wakes the loop; one rider for the whole environment collects all sources before
// the loop sleeps.
//
// Order in one iteration of libuv: timers, idle, PREPARE, poll for I/O, check, closing. In prepare
// the rider goes round the sources, collecting and calling TypeScript, until a whole round finds
// nothing, or ROUNDS are used up; in the latter case an idle handle keeps the poll phase from
// sleeping, so that timers and other I/O have their turn. One rider for all, because TypeScript of
// one source may give work to another. Promise continuations run when the callback scope closes,
// and may give work too: only a round that begins after that may put the loop to sleep.
//
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
extern int uv_backend_fd(const void *loop);
extern int uv_backend_timeout(const void *loop);
extern int uv_loop_alive(const void *loop);
extern void uv_update_time(void *loop);

// uv_handle_type in uv.h; the numbers are part of its ABI.
enum { UV_IDLE = 6, UV_POLL = 8, UV_PREPARE = 9 };
enum { UV_READABLE = 1 };

// Rounds per iteration of libuv: 8 make the sleep rare under load, and bound how long timers wait.
#define ROUNDS 8

struct Loop {
  Env *env;
  const struct LoopSource *kind;
  void *source;
  int32_t *dirty;  // arena word: TypeScript has something to do. Written by TypeScript alone.
  napi_ref callback;
  void *poll;
  bool closed;
};

struct Rider {
  Env *env;
  void *prepare, *idle;
  uint32_t handles;  // initialised and not yet closed
  uint32_t loops;    // that ride with it
  bool closed;
  bool spinning;  // the idle handle is active
};

static void report_exception(Env *env) {
  napi_env napi = env->env;
  bool pending = false;
  if (napi_is_exception_pending(napi, &pending) != napi_ok || !pending) return;
  napi_value error;
  if (napi_get_and_clear_last_exception(napi, &error) == napi_ok && !env->ending)
    napi_fatal_exception(napi, error);
}

static void call_back(Loop *loop, uint32_t count) {
  napi_env napi = loop->env->env;
  napi_value receiver, function, argument;
  napi_get_global(napi, &receiver);
  napi_get_reference_value(napi, loop->callback, &function);
  napi_create_uint32(napi, count, &argument);
  napi_call_function(napi, receiver, function, 1, &argument, NULL);
  report_exception(loop->env);
}

// One callback scope serves all calls until it is closed: opening and closing one costs more than
// the work of a small batch.
typedef struct Scope {
  napi_handle_scope handles;
  napi_callback_scope callbacks;
  bool open;
} Scope;

static bool scope_open(Rider *rider, Scope *scope) {
  if (scope->open) return true;
  napi_env napi = rider->env->env;
  napi_value resource;
  if (napi_open_handle_scope(napi, &scope->handles) != napi_ok) return false;
  napi_get_global(napi, &resource);
  if (napi_open_callback_scope(napi, resource, rider->env->context, &scope->callbacks) == napi_ok)
    return scope->open = true;
  napi_close_handle_scope(napi, scope->handles);
  return false;
}

// Ticks and microtasks run here. Returns whether there was a scope.
static bool scope_close(Rider *rider, Scope *scope) {
  if (!scope->open) return false;
  scope->open = false;
  napi_close_callback_scope(rider->env->env, scope->callbacks);
  report_exception(rider->env);
  napi_close_handle_scope(rider->env->env, scope->handles);
  return true;
}

// Collects every source once and calls back those that have something.
static bool ride_round(Rider *rider, Scope *scope) {
  Env *env = rider->env;
  bool worked = false;
  for (uint32_t id = 0; id < LOOPS_MAX && !env->ending; id++) {
    Loop *loop = env->loops[id];
    if (!loop) continue;
    uint32_t count = loop->kind->collect(loop->source);
    if (count == 0 && !*loop->dirty) continue;
    if (!scope_open(rider, scope)) return false;
    call_back(loop, count);
    worked = true;
  }
  return worked;
}

// Returns true when something became ready after all.
static bool arm_all(Env *env) {
  bool ready = false;
  for (uint32_t id = 0; id < LOOPS_MAX; id++)
    if (env->loops[id] && env->loops[id]->kind->arm(env->loops[id]->source)) ready = true;
  return ready;
}

static void on_idle(void *handle) {
  (void)handle;
}

static void set_spinning(Rider *rider, bool spinning) {
  if (rider->closed || rider->spinning == spinning) return;
  rider->spinning = spinning;
  if (spinning)
    uv_idle_start(rider->idle, on_idle);
  else
    uv_idle_stop(rider->idle);
}

static void on_prepare(void *handle) {
  Rider *rider = uv_handle_get_data(handle);
  Scope scope = {.open = false};
  bool more = true;
  for (int round = 0; round < ROUNDS && more && !rider->env->ending; round++) {
    if (ride_round(rider, &scope)) continue;
    if (scope_close(rider, &scope)) continue;
    more = arm_all(rider->env);
  }
  scope_close(rider, &scope);
  set_spinning(rider, more);
}

static void on_poll(void *handle, int status, int events) {
  (void)status;
  (void)events;
  Loop *loop = uv_handle_get_data(handle);
  if (!loop->closed) loop->kind->readable(loop->source);
}

static void *new_handle(void *data, int type) {
  void *handle = calloc(1, uv_handle_size(type));
  if (handle) uv_handle_set_data(handle, data);
  return handle;
}

// ---- the rider

static void rider_free(Rider *rider) {
  Env *env = rider->env;
  free(rider->prepare);
  free(rider->idle);
  free(rider);
  env_loop_closed(env);
}

static void on_rider_closed(void *handle) {
  Rider *rider = uv_handle_get_data(handle);
  if (--rider->handles == 0) rider_free(rider);
}

static void rider_close(Rider *rider) {
  rider->closed = true;
  if (rider->env->rider == rider) rider->env->rider = NULL;
  if (rider->handles == 0) {
    rider_free(rider);
    return;
  }
  uv_close(rider->idle, on_rider_closed);
  uv_close(rider->prepare, on_rider_closed);
}

static int rider_start(Rider *rider, void *uv) {
  Env *env = rider->env;
  napi_value name;
  rider->prepare = new_handle(rider, UV_PREPARE);
  rider->idle = new_handle(rider, UV_IDLE);
  if (!rider->prepare || !rider->idle) return -ENOMEM;
  if (!env->context &&
      (napi_create_string_utf8(env->env, "rondo", NAPI_AUTO_LENGTH, &name) != napi_ok ||
       napi_async_init(env->env, NULL, name, &env->context) != napi_ok))
    return -ENOMEM;
  uv_prepare_init(uv, rider->prepare);
  uv_idle_init(uv, rider->idle);
  rider->handles = 2;
  uv_unref(rider->prepare);
  uv_unref(rider->idle);
  return uv_prepare_start(rider->prepare, on_prepare);
}

static int rider_get(Env *env, void *uv) {
  if (env->rider) return 0;
  Rider *rider = calloc(1, sizeof *rider);
  if (!rider) return -ENOMEM;
  rider->env = env;
  env->loops_open += 1;
  int error = rider_start(rider, uv);
  if (error)
    rider_close(rider);
  else
    env->rider = rider;
  return error;
}

// ---- the loops

static void on_loop_closed(void *handle) {
  Loop *loop = uv_handle_get_data(handle);
  Env *env = loop->env;
  free(loop->poll);
  free(loop);
  env_loop_closed(env);
}

static int loop_start(Loop *loop, void *uv, int fd, napi_value callback) {
  loop->poll = new_handle(loop, UV_POLL);
  if (!loop->poll || napi_create_reference(loop->env->env, callback, 1, &loop->callback) != napi_ok)
    return -ENOMEM;
  int error = uv_poll_init(uv, loop->poll, fd);
  if (error) return error;
  uv_unref(loop->poll);
  error = uv_poll_start(loop->poll, UV_READABLE, on_poll);
  if (error) {
    loop->closed = true;
    loop->env->loops_open += 1;
    uv_close(loop->poll, on_loop_closed);
  }
  return error;
}

int loop_attach(Env *env, int fd, const struct LoopSource *kind, void *source, int32_t *dirty,
                napi_value callback) {
  uint32_t id = 0;
  while (id < LOOPS_MAX && env->loops[id]) id++;
  if (id == LOOPS_MAX) return -ENOBUFS;
  struct uv_loop_s *uv;
  if (napi_get_uv_event_loop(env->env, &uv) != napi_ok) return -EINVAL;
  int error = rider_get(env, uv);
  if (error) return error;
  Loop *loop = calloc(1, sizeof *loop);
  if (!loop) return -ENOMEM;
  *loop = (Loop){.env = env, .kind = kind, .source = source, .dirty = dirty};
  error = loop_start(loop, uv, fd, callback);
  if (error) {
    if (loop->callback) napi_delete_reference(env->env, loop->callback);
    if (!loop->closed) {
      free(loop->poll);
      free(loop);
    }
    if (env->rider->loops == 0) rider_close(env->rider);
    return error;
  }
  env->loops_open += 1;
  env->loops[id] = loop;
  env->rider->loops += 1;
  // Attached by a callback, it may have missed this iteration's prepare.
  set_spinning(env->rider, true);
  return (int)id;
}

bool loop_close(Env *env, uint32_t id) {
  if (id >= LOOPS_MAX || !env->loops[id]) return false;
  Loop *loop = env->loops[id];
  env->loops[id] = NULL;
  loop->closed = true;
  napi_delete_reference(env->env, loop->callback);
  uv_close(loop->poll, on_loop_closed);
  loop->kind->detached(loop->source);
  if (--env->rider->loops == 0) rider_close(env->rider);
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

int loop_descriptor(Env *env) {
  struct uv_loop_s *uv;
  return napi_get_uv_event_loop(env->env, &uv) == napi_ok ? uv_backend_fd(uv) : -1;
}

static napi_value loop_descriptor_(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 0);
  return result_int(&call, loop_descriptor(call.env));
}

// The rider spins when a source may have something: a caller with the only source knows better.
static napi_value loop_timeout(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 1);
  uint32_t own = (uint32_t)arg_int(&call, 0, 0, LOOPS_MAX - 1);
  if (call.failed) return NULL;
  Env *env = call.env;
  struct uv_loop_s *uv;
  if (!env->loops[own] || napi_get_uv_event_loop(env->env, &uv) != napi_ok)
    return throw_argument(&call, "there is no such loop handle");
  for (uint32_t id = 0; id < LOOPS_MAX; id++)
    if (id != own && env->loops[id] && *env->loops[id]->dirty) return result_int(&call, 0);
  Rider *rider = env->rider;
  bool spinning = rider->spinning;
  if (rider->loops == 1) set_spinning(rider, false);
  uv_update_time(uv);
  int timeout = uv_loop_alive(uv) ? uv_backend_timeout(uv) : -1;
  set_spinning(rider, spinning);
  return result_int(&call, timeout);
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
    {"loopDescriptor", loop_descriptor_},
    {"loopTimeout", loop_timeout},
    {"loopDetach", loop_detach},
    {NULL, NULL},
};
