/*
 * Log-linear histogram of nanoseconds: exact below 256, then 128 buckets per power of two, so that
 * a bucket's middle is within 0.4 % of every value in it. Recording is two shifts and an increment.
 */
#ifndef RONDO_BENCH_HISTOGRAM_H
#define RONDO_BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_LINEAR 256u
#define HISTOGRAM_STEPS 128u
/* 2^8 to 2^40 ns (18 minutes); anything longer is counted in the last bucket. */
#define HISTOGRAM_BUCKETS (HISTOGRAM_LINEAR + 32u * HISTOGRAM_STEPS)

struct histogram {
  uint64_t counts[HISTOGRAM_BUCKETS];
  uint64_t largest;
};

static inline uint32_t histogram_index(uint64_t value) {
  if (value < HISTOGRAM_LINEAR) return (uint32_t)value;
  uint32_t exponent = 63u - (uint32_t)__builtin_clzll(value);
  uint32_t step = (uint32_t)(value >> (exponent - 7u)) - HISTOGRAM_STEPS;
  uint32_t index = HISTOGRAM_LINEAR + (exponent - 8u) * HISTOGRAM_STEPS + step;
  return index < HISTOGRAM_BUCKETS ? index : HISTOGRAM_BUCKETS - 1u;
}

static inline void histogram_record(struct histogram *histogram, uint64_t value, uint64_t times) {
  histogram->counts[histogram_index(value)] += times;
  if (value > histogram->largest) histogram->largest = value;
}

/* The middle of a bucket, in nanoseconds. */
static inline double histogram_value(uint32_t index) {
  if (index < HISTOGRAM_LINEAR) return (double)index;
  uint32_t exponent = 8u + (index - HISTOGRAM_LINEAR) / HISTOGRAM_STEPS;
  uint64_t step = HISTOGRAM_STEPS + (index - HISTOGRAM_LINEAR) % HISTOGRAM_STEPS;
  uint64_t width = UINT64_C(1) << (exponent - 7u);
  return (double)(step * width) + (double)width / 2.0;
}

static inline void histogram_add(struct histogram *into, const struct histogram *from) {
  for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) into->counts[i] += from->counts[i];
  if (from->largest > into->largest) into->largest = from->largest;
}

static inline uint64_t histogram_total(const struct histogram *histogram) {
  uint64_t total = 0;
  for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) total += histogram->counts[i];
  return total;
}

/* The value that `quantile` (0 to 1) of the recorded ones do not exceed; 0 when there are none. */
static inline double histogram_quantile(const struct histogram *histogram, double quantile) {
  uint64_t total = histogram_total(histogram);
  if (total == 0) return 0.0;
  uint64_t wanted = (uint64_t)((double)total * quantile);
  if (wanted >= total) wanted = total - 1;
  uint64_t seen = 0;
  for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
    seen += histogram->counts[i];
    if (seen > wanted) return histogram_value(i);
  }
  return (double)histogram->largest;
}

#endif
