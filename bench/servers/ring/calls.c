/*
 * What a library in C offers to be called by an FFI such as koffi: it reads a message of the
 * benchmark, as an engine would.
 */
#include <stdint.h>

typedef struct {
  uint64_t id;
  double price;
  uint32_t quantity;
  uint32_t flags;
  double time;
} bench_tick;

static double total;

/* Does nothing: what the call alone costs. */
void bench_nothing(void) {}

/* Reads every field. */
void bench_take(const bench_tick *tick) {
  total += (double)tick->id + tick->price + tick->quantity + tick->flags + tick->time;
}

/* What was taken until now. */
double bench_total(void) { return total; }
