// Compression for WebSocket messages (RFC 7692) with the zlib that the node executable exports. It
// is found at first use, not linked: the addon needs no header and no second copy of zlib. Where it
// is missing, or its z_stream is another one, the group says so and no stream can be opened.
//
// Streams are used by the environment's thread alone. Their ids carry a generation, so that an id
// is worth nothing after its close. What they allocate is counted, and freed at the end of the
// environment at the latest.
#define _GNU_SOURCE
#include "rondo.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// z_stream of zlib 1.x. zlib itself compares its size with what the init functions are given.
typedef struct {
  const uint8_t *next_in;
  unsigned avail_in;
  unsigned long total_in;
  uint8_t *next_out;
  unsigned avail_out;
  unsigned long total_out;
  const char *msg;
  void *state;
  void *(*zalloc)(void *opaque, unsigned items, unsigned size);
  void (*zfree)(void *opaque, void *address);
  void *opaque;
  int data_type;
  unsigned long adler;
  unsigned long reserved;
} ZStream;

enum { Z_NO_FLUSH = 0, Z_SYNC_FLUSH = 2, Z_OK = 0, Z_STREAM_END = 1, Z_MEM_ERROR = -4 };
enum { Z_BUF_ERROR = -5, Z_DEFLATED = 8 };
// data_type after inflate: between two blocks, and not one bit of the next byte is used.
enum { AT_BOUNDARY = 128, BOUNDARY_BITS = 128 | 64 | 63 };

// What the functions return; src/deflate/contract.ts has the same numbers.
enum { DONE, WANTS_INPUT, WANTS_OUTPUT, BAD_DATA, NO_MEMORY };
// Flags of a call.
enum { RESET = 1, LAST = 2 };

enum { INDEX_BITS = 20, STREAMS_MAX = 1 << INDEX_BITS, GENERATIONS = 1 << 10 };
enum { RECORD_BYTES = 32, TAIL_BYTES = 4, OUTPUT_MIN = 16 };

static const uint8_t TAIL[TAIL_BYTES] = {0x00, 0x00, 0xff, 0xff};

static struct {
  const char *(*version)(void);
  int (*deflate_init)(ZStream *, int level, int method, int bits, int memory, int strategy,
                      const char *version, int size);
  int (*deflate)(ZStream *, int flush);
  int (*deflate_reset)(ZStream *);
  int (*deflate_end)(ZStream *);
  int (*inflate_init)(ZStream *, int bits, const char *version, int size);
  int (*inflate)(ZStream *, int flush);
  int (*inflate_reset)(ZStream *);
  int (*inflate_reset_keep)(ZStream *);
  int (*inflate_end)(ZStream *);
  bool usable;
} zlib;

struct Stream {
  ZStream z;
  Env *env;
  uint64_t limit;  // of env->stream_bytes, for its allocations
  bool inflates;
  bool final_end;             // inflate: the last byte taken ended a block with BFINAL
  uint8_t tail_taken;         // inflate: bytes of TAIL that zlib has been given
  uint8_t held_count;         // deflate: bytes that may be the end of the message's tail
  uint8_t held[TAIL_BYTES];
};

// One place of the table; the generation outlives the stream.
struct StreamSlot {
  struct Stream *stream;
  uint32_t generation;
  uint32_t next_free;  // index + 1; 0 is the end
};

static void find_zlib(void) {
  const struct {
    void *slot;
    const char *name;
  } symbols[] = {
      {&zlib.version, "zlibVersion"},        {&zlib.deflate_init, "deflateInit2_"},
      {&zlib.deflate, "deflate"},            {&zlib.deflate_reset, "deflateReset"},
      {&zlib.deflate_end, "deflateEnd"},     {&zlib.inflate_init, "inflateInit2_"},
      {&zlib.inflate, "inflate"},            {&zlib.inflate_reset, "inflateReset"},
      {&zlib.inflate_end, "inflateEnd"},     {&zlib.inflate_reset_keep, "inflateResetKeep"},
  };
  for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
    void *found = dlsym(RTLD_DEFAULT, symbols[i].name);
    if (!found) return;
    memcpy(symbols[i].slot, &found, sizeof found);
  }
  ZStream trial = {0};
  if (zlib.inflate_init(&trial, -15, zlib.version(), sizeof trial) != Z_OK) return;
  zlib.inflate_end(&trial);
  zlib.usable = true;
}

static bool have_zlib(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, find_zlib);
  return zlib.usable;
}

// The size stands in front of each allocation, at the distance that malloc aligns to.
static void *counted_alloc(void *opaque, unsigned items, unsigned size) {
  struct Stream *stream = opaque;
  Env *env = stream->env;
  size_t bytes = (size_t)items * size + 16;
  if (env->stream_bytes + bytes > stream->limit) return NULL;
  size_t *block = malloc(bytes);
  if (!block) return NULL;
  *block = bytes;
  env->stream_bytes += bytes;
  return (uint8_t *)block + 16;
}

static void counted_free(void *opaque, void *address) {
  struct Stream *stream = opaque;
  size_t *block = (size_t *)((uint8_t *)address - 16);
  stream->env->stream_bytes -= *block;
  free(block);
}

static void stream_free(struct Stream *stream) {
  if (stream->inflates)
    zlib.inflate_end(&stream->z);
  else
    zlib.deflate_end(&stream->z);
  stream->env->stream_bytes -= sizeof *stream;
  free(stream);
}

// Finds a free place, growing the table. False when there is no memory or all are taken.
static bool slot_reserve(Env *env) {
  if (env->slot_free) return true;
  uint32_t old = env->slot_count;
  uint32_t count = old ? old * 2 : 16;
  if (count > STREAMS_MAX) return false;
  struct StreamSlot *grown = realloc(env->slots, count * sizeof *grown);
  if (!grown) return false;
  for (uint32_t i = old; i < count; i++)
    grown[i] = (struct StreamSlot){.next_free = i + 1 < count ? i + 2 : 0};
  env->slots = grown;
  env->slot_count = count;
  env->slot_free = old + 1;
  return true;
}

static napi_value stream_open(Call *call, bool inflates, int level, int bits, int memory,
                              int64_t limit) {
  if (call->failed) return NULL;
  Env *env = call->env;
  if (!have_zlib()) return result_int(call, -ENOSYS);
  if (env->stream_bytes + sizeof(struct Stream) > (uint64_t)limit || !slot_reserve(env))
    return result_int(call, -ENOMEM);
  struct Stream *stream = calloc(1, sizeof *stream);
  if (!stream) return result_int(call, -ENOMEM);
  stream->env = env;
  stream->limit = (uint64_t)limit;
  stream->inflates = inflates;
  stream->z.zalloc = counted_alloc;
  stream->z.zfree = counted_free;
  stream->z.opaque = stream;
  const char *version = zlib.version();
  int size = sizeof stream->z;
  int result = inflates ? zlib.inflate_init(&stream->z, -bits, version, size)
                        : zlib.deflate_init(&stream->z, level, Z_DEFLATED, -bits, memory, 0,
                                            version, size);
  if (result != Z_OK) {
    free(stream);
    return result_int(call, result == Z_MEM_ERROR ? -ENOMEM : -EINVAL);
  }
  env->stream_bytes += sizeof *stream;
  uint32_t index = env->slot_free - 1;
  struct StreamSlot *slot = &env->slots[index];
  env->slot_free = slot->next_free;
  slot->stream = stream;
  return result_int(call, (int64_t)slot->generation << INDEX_BITS | index);
}

static struct StreamSlot *slot_of(Env *env, uint32_t id) {
  uint32_t index = id & (STREAMS_MAX - 1);
  if (index >= env->slot_count) return NULL;
  struct StreamSlot *slot = &env->slots[index];
  return slot->stream && slot->generation == id >> INDEX_BITS ? slot : NULL;
}

static napi_value open_deflate(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 4);
  int level = (int)arg_int(&call, 0, 1, 9);
  int bits = (int)arg_int(&call, 1, 9, 15);
  int memory = (int)arg_int(&call, 2, 1, 9);
  int64_t limit = arg_int(&call, 3, 0, (int64_t)1 << 52);
  return stream_open(&call, false, level, bits, memory, limit);
}

static napi_value open_inflate(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 2);
  int bits = (int)arg_int(&call, 0, 8, 15);
  int64_t limit = arg_int(&call, 1, 0, (int64_t)1 << 52);
  return stream_open(&call, true, 0, bits, 0, limit);
}

static napi_value stream_close(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 1);
  uint32_t id = (uint32_t)arg_int(&call, 0, 0, INT32_MAX);
  if (call.failed) return NULL;
  Env *env = call.env;
  struct StreamSlot *slot = slot_of(env, id);
  if (!slot) return result_int(&call, -EBADF);
  stream_free(slot->stream);
  slot->stream = NULL;
  slot->generation = (slot->generation + 1) % GENERATIONS;
  slot->next_free = env->slot_free;
  env->slot_free = (uint32_t)(slot - env->slots) + 1;
  return result_int(&call, 0);
}

// A call's record, read once: id, flags, source, length, target, capacity. Written are consumed and
// produced.
struct Run {
  struct Stream *stream;
  uint32_t *record;
  uint32_t flags, length, capacity;
  const uint8_t *source;
  uint8_t *target;
};

static bool run_begin(Call *call, struct Run *run, bool inflates) {
  run->record = arg_range(call, 0, RECORD_BYTES, 4);
  if (call->failed) return false;
  uint32_t words[6];
  memcpy(words, run->record, sizeof words);
  Env *env = call->env;
  struct StreamSlot *slot = slot_of(env, words[0]);
  if (!slot || slot->stream->inflates != inflates) {
    throw_argument(call, "the record names no open stream of this kind");
    return false;
  }
  if (!in_arena(env, words[2], words[3]) || !in_arena(env, words[4], words[5])) {
    throw_bounds(call, "the record's source or target is outside it");
    return false;
  }
  run->stream = slot->stream;
  run->flags = words[1];
  run->length = words[3];
  run->capacity = words[5];
  run->source = env->base + words[2];
  run->target = env->base + words[4];
  return true;
}

static napi_value run_end(Call *call, const struct Run *run, uint32_t consumed, uint32_t produced,
                          int status) {
  run->record[6] = consumed;
  run->record[7] = produced;
  return result_int(call, status);
}

// The last four bytes that a flush writes are the tail, which must not be sent. As long as the end
// is not known, the last four bytes written are held back, and begin the next output.
static napi_value run_deflate(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 1);
  struct Run run;
  if (call.failed || !run_begin(&call, &run, false)) return NULL;
  struct Stream *stream = run.stream;
  ZStream *z = &stream->z;
  if (run.flags & RESET) {
    zlib.deflate_reset(z);
    stream->held_count = 0;
  }
  if (run.capacity < OUTPUT_MIN) return run_end(&call, &run, 0, 0, WANTS_OUTPUT);
  memcpy(run.target, stream->held, stream->held_count);
  z->next_in = run.source;
  z->avail_in = run.length;
  z->next_out = run.target + stream->held_count;
  z->avail_out = run.capacity - stream->held_count;
  stream->held_count = 0;
  int result = zlib.deflate(z, run.flags & LAST ? Z_SYNC_FLUSH : Z_NO_FLUSH);
  uint32_t consumed = run.length - z->avail_in;
  uint32_t produced = run.capacity - z->avail_out;
  if (result != Z_OK && result != Z_BUF_ERROR)
    return run_end(&call, &run, consumed, 0, result == Z_MEM_ERROR ? NO_MEMORY : BAD_DATA);
  if (z->avail_out == 0) {
    produced -= TAIL_BYTES;
    memcpy(stream->held, run.target + produced, TAIL_BYTES);
    stream->held_count = TAIL_BYTES;
    return run_end(&call, &run, consumed, produced, WANTS_OUTPUT);
  }
  if (!(run.flags & LAST)) return run_end(&call, &run, consumed, produced, WANTS_INPUT);
  if (produced < TAIL_BYTES || memcmp(run.target + produced - TAIL_BYTES, TAIL, TAIL_BYTES) != 0)
    return run_end(&call, &run, consumed, 0, BAD_DATA);
  return run_end(&call, &run, consumed, produced - TAIL_BYTES, DONE);
}

// Gives zlib what is left of the input that z names. A block with BFINAL ends a stream of zlib's;
// the next begins at the next byte, with the same window (RFC 7692 §7.2.3.4). Returns WANTS_INPUT
// when all is taken, whatever the state is then.
static int inflate_input(struct Stream *stream) {
  ZStream *z = &stream->z;
  for (;;) {
    uint32_t before = z->avail_in;
    int result = zlib.inflate(z, Z_SYNC_FLUSH);
    if (z->avail_in < before) stream->final_end = false;
    if (result == Z_STREAM_END) {
      zlib.inflate_reset_keep(z);
      stream->final_end = true;
      if (z->avail_in > 0) continue;
      return WANTS_INPUT;
    }
    if (result == Z_MEM_ERROR) return NO_MEMORY;
    if (result != Z_OK && result != Z_BUF_ERROR) return BAD_DATA;
    return z->avail_in == 0 ? WANTS_INPUT : WANTS_OUTPUT;
  }
}

// The message's own bytes are taken; now the tail, and the end must be the end of a block.
static int inflate_tail(struct Stream *stream) {
  ZStream *z = &stream->z;
  // What ends with a final block needs no tail; some senders leave out the byte that RFC 7692 adds.
  if (stream->tail_taken == 0 && stream->final_end) return DONE;
  z->next_in = TAIL + stream->tail_taken;
  z->avail_in = (unsigned)(TAIL_BYTES - stream->tail_taken);
  int status = inflate_input(stream);
  stream->tail_taken = (uint8_t)(TAIL_BYTES - z->avail_in);
  if (status != WANTS_INPUT) return status;
  if (stream->final_end || (z->data_type & BOUNDARY_BITS) == AT_BOUNDARY) return DONE;
  return z->avail_out == 0 ? WANTS_OUTPUT : BAD_DATA;
}

static napi_value run_inflate(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 1);
  struct Run run;
  if (call.failed || !run_begin(&call, &run, true)) return NULL;
  struct Stream *stream = run.stream;
  ZStream *z = &stream->z;
  if (run.flags & RESET) {
    zlib.inflate_reset(z);
    stream->final_end = false;
    stream->tail_taken = 0;
  }
  z->next_out = run.target;
  z->avail_out = run.capacity;
  int status = WANTS_INPUT;
  uint32_t consumed = 0;
  if (stream->tail_taken == 0) {
    z->next_in = run.source;
    z->avail_in = run.length;
    status = inflate_input(stream);
    consumed = run.length - z->avail_in;
  }
  if (status == WANTS_INPUT && run.flags & LAST) {
    status = inflate_tail(stream);
    if (status == DONE) {
      stream->tail_taken = 0;
      stream->final_end = false;
    }
  }
  return run_end(&call, &run, consumed, run.capacity - z->avail_out, status);
}

static napi_value zlib_version(napi_env napi, napi_callback_info info) {
  (void)info;
  napi_value result = NULL;
  napi_create_string_utf8(napi, have_zlib() ? zlib.version() : "", NAPI_AUTO_LENGTH, &result);
  return result;
}

static napi_value stream_bytes(napi_env napi, napi_callback_info info) {
  Call call = call_begin(napi, info, 0);
  return result_int(&call, (int64_t)call.env->stream_bytes);
}

void streams_close(Env *env) {
  for (uint32_t i = 0; i < env->slot_count; i++)
    if (env->slots[i].stream) stream_free(env->slots[i].stream);
  free(env->slots);
}

const Export deflate_exports[] = {
    {"zlibVersion", zlib_version},      {"zlibOpenDeflate", open_deflate},
    {"zlibOpenInflate", open_inflate},  {"zlibDeflate", run_deflate},
    {"zlibInflate", run_inflate},       {"zlibClose", stream_close},
    {"zlibBytes", stream_bytes},        {NULL, NULL},
};
