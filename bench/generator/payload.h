/*
 * Payloads that the harness prepared: of each variant the plain bytes and what they are when
 * compressed (raw deflate without the empty block at its end, RFC 7692 section 7.2.1).
 */
#ifndef RONDO_BENCH_PAYLOAD_H
#define RONDO_BENCH_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

/* Payloads that differ from each other; a connection uses the one of its number. */
#define VARIANTS 16u

struct bytes {
  uint8_t *at;
  size_t length;
};

struct payloads {
  struct bytes plain[VARIANTS];
  struct bytes packed[VARIANTS];
};

/* Memory of `size` bytes; exits when there is none. */
uint8_t *allocate(size_t size);

/*
 * Reads a file of `VARIANTS` times: u32 length, plain bytes, u32 length, packed bytes, all
 * little-endian. Exits with a message when it cannot.
 */
void payloads_read(struct payloads *payloads, const char *path);

/* Letters only, so that the same payload is a valid text message. */
void payloads_fill(struct payloads *payloads, size_t size);

#endif
