/* Raw deflate (RFC 1951), to check what a server compressed. Slow; once per distinct answer. */
#ifndef RONDO_BENCH_INFLATE_H
#define RONDO_BENCH_INFLATE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Inflates one message as permessage-deflate sends it: without the last four bytes of a sync flush,
 * or ended by a final block. Returns the bytes written, or -1 when it is not valid, refers to
 * anything before the message, or is longer than `size`.
 */
ssize_t inflate_message(uint8_t *to, size_t size, const uint8_t *from, size_t length);

#endif
