/* The prepared bytes: what is sent, and what must come back. */
#ifndef RONDO_BENCH_STREAM_H
#define RONDO_BENCH_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "load.h"

/* Payloads that differ from each other; a connection uses the one of its number. */
#define VARIANTS 16u
#define RECEIVE_CHUNK 65536u

struct stream {
  /* Bytes of one message on the wire, in each direction. */
  size_t request_period;
  size_t response_period;
  /* `request_length` is a whole number of periods: what one write can carry. */
  size_t request_length;
  uint8_t *request[VARIANTS];
  /* A period and a chunk long: any window that starts inside the period can be compared at once. */
  uint8_t *response[VARIANTS];
};

/* Exits when memory is short. */
void stream_prepare(struct stream *stream, const struct options *options);

/* The HTTP upgrade request; returns its length. */
size_t stream_upgrade(char *text, size_t size, const struct options *options);

/* Bytes of a complete answer to the upgrade, 0 when more must come, -1 when it is a refusal. */
ptrdiff_t stream_upgraded(const char *text, size_t length);

#endif
