/* The prepared bytes: what is sent, and what must come back. */
#ifndef RONDO_BENCH_STREAM_H
#define RONDO_BENCH_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "load.h"
#include "payload.h"

#define RECEIVE_CHUNK 65536u
#define FRAME_HEAD_MOST 14u

struct stream {
  /* Of each variant: the bytes of one message on the wire. */
  size_t request_period[VARIANTS];
  /* A whole number of periods: what one write can carry. */
  size_t request_length[VARIANTS];
  uint8_t *request[VARIANTS];
  /* What an echo must hold: the payload, with an envelope where the protocol has one. */
  struct bytes message[VARIANTS];
  /* Where the payload begins in a message; its first byte tells the variant. */
  size_t payload_at;
  /* Plain echo only: the answers of one connection as bytes that repeat. */
  size_t response_period;
  /* A period and a chunk long: any window that starts inside the period can be compared at once. */
  uint8_t *response[VARIANTS];
};

/* Exits when memory is short. */
void stream_prepare(struct stream *stream, const struct options *options);

/* Writes the head of a whole frame, with the mask when it is to be masked; returns its length. */
size_t frame_head(uint8_t *head, size_t size, uint8_t first, bool masked);

/* Copies what is masked by `frame_head`. */
void frame_mask(uint8_t *to, const uint8_t *from, size_t size);

/* The HTTP upgrade request; returns its length. */
size_t stream_upgrade(char *text, size_t size, const struct options *options);

/* Bytes of a complete answer to the upgrade, 0 when more must come, -1 when it is a refusal. */
ptrdiff_t stream_upgraded(const char *text, size_t length, const struct options *options);

#endif
