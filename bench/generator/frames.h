/*
 * Answers read frame by frame: where they do not repeat (compressed, broadcast) or where the server
 * says something of its own (pings). Every message is compared with what was sent. A compressed one
 * is inflated when it is seen for the first time; later ones must be equal to it, so a server must
 * agree to compress without context takeover.
 */
#ifndef RONDO_BENCH_FRAMES_H
#define RONDO_BENCH_FRAMES_H

#include "worker.h"

/* Takes bytes that came; returns how many messages they complete. Answers pings. */
uint32_t frames_take(struct load *load, struct connection *connection, const uint8_t *bytes,
                     size_t length);

#endif
