#define _GNU_SOURCE
#include "stream.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MASK_BYTES 4u
/* Key and answer are the example of RFC 6455, section 1.3: no SHA-1 is needed to check it. */
#define HANDSHAKE_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define HANDSHAKE_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static const uint8_t mask[MASK_BYTES] = {0x9d, 0x37, 0xe2, 0x5b};

static uint8_t *allocate(size_t size) {
  uint8_t *memory = malloc(size);
  if (memory == NULL) {
    fprintf(stderr, "generator: out of memory (%zu bytes)\n", size);
    exit(1);
  }
  return memory;
}

/* Letters only, so that the same payload is a valid text message. */
static void fill_payload(uint8_t *payload, size_t size, uint32_t variant) {
  uint32_t state = 2463534242u + variant * 2654435761u;
  for (size_t i = 0; i < size; i++) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    payload[i] = (uint8_t)('a' + state % 26u);
  }
  /* Short messages of two variants must differ whatever the generator gives. */
  if (size > 0) payload[0] = (uint8_t)('A' + variant);
}

static size_t frame_header(uint8_t *header, size_t size, bool text, bool masked) {
  size_t length;
  header[0] = (uint8_t)(0x80 | (text ? 1 : 2));
  if (size < 126) {
    header[1] = (uint8_t)size;
    length = 2;
  } else if (size < 65536) {
    header[1] = 126;
    header[2] = (uint8_t)(size >> 8);
    header[3] = (uint8_t)size;
    length = 4;
  } else {
    header[1] = 127;
    for (int i = 0; i < 8; i++) header[2 + i] = (uint8_t)((uint64_t)size >> (56 - 8 * i));
    length = 10;
  }
  if (masked) {
    header[1] |= 0x80;
    memcpy(header + length, mask, MASK_BYTES);
    length += MASK_BYTES;
  }
  return length;
}

static void repeat(uint8_t *bytes, size_t period, size_t length) {
  for (size_t i = period; i < length; i++) bytes[i] = bytes[i - period];
}

static void prepare_variant(struct stream *stream, const struct options *options,
                            uint32_t variant) {
  size_t size = options->size;
  uint8_t request_head[16] = {0};
  uint8_t response_head[16] = {0};
  size_t request_head_length = 0;
  size_t response_head_length = 0;
  if (options->websocket) {
    request_head_length = frame_header(request_head, size, options->text, true);
    response_head_length = frame_header(response_head, size, options->text, false);
  }
  stream->request_period = request_head_length + size;
  stream->response_period = response_head_length + size;

  size_t batch = options->rate > 0 ? 1 : options->inflight;
  /* One write carries at most 256 KiB: a socket's send buffer takes no more at once. */
  size_t most = (256u << 10) / stream->request_period;
  if (batch > most) batch = most;
  if (batch < 1) batch = 1;
  stream->request_length = batch * stream->request_period;
  size_t response_length = stream->response_period + RECEIVE_CHUNK;

  uint8_t *request = allocate(stream->request_length);
  uint8_t *response = allocate(response_length);
  memcpy(response, response_head, response_head_length);
  fill_payload(response + response_head_length, size, variant);
  repeat(response, stream->response_period, response_length);
  memcpy(request, request_head, request_head_length);
  for (size_t i = 0; i < size; i++) {
    uint8_t byte = response[response_head_length + i];
    request[request_head_length + i] = options->websocket ? byte ^ mask[i % MASK_BYTES] : byte;
  }
  repeat(request, stream->request_period, stream->request_length);
  stream->request[variant] = request;
  stream->response[variant] = response;
}

void stream_prepare(struct stream *stream, const struct options *options) {
  for (uint32_t variant = 0; variant < VARIANTS; variant++) {
    prepare_variant(stream, options, variant);
  }
}

size_t stream_upgrade(char *text, size_t size, const struct options *options) {
  char host[INET_ADDRSTRLEN];
  inet_ntop(AF_INET, &options->host, host, sizeof host);
  int length = snprintf(text, size,
                        "GET %s HTTP/1.1\r\n"
                        "Host: %s:%u\r\n"
                        "Upgrade: websocket\r\n"
                        "Connection: Upgrade\r\n"
                        "Sec-WebSocket-Key: " HANDSHAKE_KEY "\r\n"
                        "Sec-WebSocket-Version: 13\r\n\r\n",
                        options->path, host, options->port);
  return length < 0 || (size_t)length >= size ? 0 : (size_t)length;
}

ptrdiff_t stream_upgraded(const char *text, size_t length) {
  const char *end = memmem(text, length, "\r\n\r\n", 4);
  if (end == NULL) return 0;
  if (length < 12 || memcmp(text, "HTTP/1.1 101", 12) != 0) return -1;
  static const char name[] = "\r\nsec-websocket-accept:";
  for (const char *line = text; line + sizeof name - 1 < end; line++) {
    if (strncasecmp(line, name, sizeof name - 1) != 0) continue;
    const char *value = line + sizeof name - 1;
    while (*value == ' ') value++;
    size_t left = (size_t)(end - value);
    size_t wanted = sizeof HANDSHAKE_ACCEPT - 1;
    bool equal = left >= wanted && memcmp(value, HANDSHAKE_ACCEPT, wanted) == 0;
    return equal ? end + 4 - text : -1;
  }
  return -1;
}
