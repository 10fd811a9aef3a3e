// What the test programs share: checks that count, messages, and rings to try them on.
#ifndef RONDO_RING_TEST_H
#define RONDO_RING_TEST_H

#include "rondo_ring.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

static atomic_int passed, failed;
static const char *current = "";

#define CHECK(condition)                                                                          \
  do {                                                                                            \
    if (condition) {                                                                              \
      passed++;                                                                                   \
    } else {                                                                                      \
      failed++;                                                                                   \
      fprintf(stderr, "%s:%d: %s: not true: %s\n", __FILE__, __LINE__, current, #condition);      \
    }                                                                                             \
  } while (0)

#define CHECK_CODE(got, want)                                                                     \
  do {                                                                                            \
    int code_ = (got), want_ = (want);                                                            \
    if (code_ == want_) {                                                                         \
      passed++;                                                                                   \
    } else {                                                                                      \
      failed++;                                                                                   \
      fprintf(stderr, "%s:%d: %s: %s: got %s, not %s\n", __FILE__, __LINE__, current, #got,       \
              rondo_code_name(code_), rondo_code_name(want_));                                    \
    }                                                                                             \
  } while (0)

typedef struct {
  uint64_t id;
  double price;
  rondo_piece note;
} trade;

static const char TRADE[] = "rondo-struct 1\n"
                            "name md.Trade\n"
                            "field id u64 0\n"
                            "field price f64 8\n"
                            "field note slab:text 16\n"
                            "size 24 align 8\n";

// A ring of this process, without a name.
__attribute__((unused)) static void make_ring(rondo_segment *segment, rondo_ring_options options) {
  rondo_error error = {0, 0, ""};
  if (options.schema == NULL) options.schema = TRADE;
  CHECK_CODE(rondo_create(segment, NULL, NULL, &options, 1, &error), RONDO_OK);
  if (segment->base == NULL) {
    fprintf(stderr, "%s\n", error.message);
    exit(1);
  }
}

// Text of a length that follows from the id, and says it.
__attribute__((unused)) static uint32_t note_of(uint64_t id, char *text, uint32_t limit) {
  uint32_t length = (uint32_t)(id * 7 % (limit + 1));
  for (uint32_t i = 0; i < length; i++) text[i] = (char)('a' + (id + i) % 26);
  return length;
}

__attribute__((unused)) static int push_trade(rondo_producer *producer, uint64_t id,
                                              uint32_t limit) {
  void *slot;
  char text[512];
  int code = rondo_try_claim(producer, &slot);
  if (code != RONDO_OK) return code;
  trade *out = slot;
  out->id = id;
  out->price = (double)id / 4;
  uint32_t length = note_of(id, text, limit);
  code = length > 0 ? rondo_try_piece(producer, &out->note, text, length) : RONDO_OK;
  if (code == RONDO_OK) return rondo_commit(producer);
  rondo_abort(producer);
  return code;
}

__attribute__((unused)) static bool is_trade(rondo_consumer *consumer, const trade *got,
                                             uint64_t id, uint32_t limit) {
  char text[512];
  const void *bytes;
  uint32_t length, want = note_of(id, text, limit);
  return got->id == id && got->price == (double)id / 4 &&
         rondo_bytes(consumer, &got->note, &bytes, &length) == RONDO_OK && length == want &&
         memcmp(bytes, text, want) == 0;
}

__attribute__((unused)) static void open_both(rondo_segment *segment, rondo_producer *producer,
                                              rondo_consumer *consumer) {
  rondo_error error;
  CHECK_CODE(rondo_consumer_open(consumer, segment, 0, TRADE, NULL, &error), RONDO_OK);
  CHECK_CODE(rondo_producer_open(producer, segment, 0, TRADE, NULL, &error), RONDO_OK);
}

__attribute__((unused)) static int finish(const char *what) {
  printf("%s: %d passed, %d failed\n", what, (int)passed, (int)failed);
  return failed > 0;
}

#endif
