/*
 * A Node-API addon as one writes it to hand messages over: it takes an object and reads its fields,
 * or makes one.
 */
#include <node_api.h>
#include <stddef.h>

static const char *const NAMES[] = {"id", "price", "quantity", "flags", "time"};
enum { FIELDS = sizeof NAMES / sizeof *NAMES };

static double total;
static double made;

/* Does nothing: what the call alone costs. */
static napi_value nothing(napi_env env, napi_callback_info info) {
  (void)env;
  (void)info;
  return NULL;
}

/* Reads every field of the object. */
static napi_value take(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value object, field;
  napi_get_cb_info(env, info, &count, &object, NULL, NULL);
  for (int i = 0; i < FIELDS; i++) {
    double value = 0;
    napi_get_named_property(env, object, NAMES[i], &field);
    napi_get_value_double(env, field, &value);
    total += value;
  }
  return NULL;
}

/* Makes an object with every field. */
static napi_value give(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value object, field;
  napi_create_object(env, &object);
  made += 1;
  for (int i = 0; i < FIELDS; i++) {
    napi_create_double(env, made + i * 0.5, &field);
    napi_set_named_property(env, object, NAMES[i], field);
  }
  return object;
}

static napi_value total_taken(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value value;
  napi_create_double(env, total, &value);
  return value;
}

NAPI_MODULE_INIT() {
  const struct {
    const char *name;
    napi_callback call;
  } functions[] = {{"nothing", nothing}, {"take", take}, {"give", give}, {"total", total_taken}};
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    napi_value function;
    napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].call, NULL,
                         &function);
    napi_set_named_property(env, exports, functions[i].name, function);
  }
  return exports;
}
