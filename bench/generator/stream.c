#define _GNU_SOURCE
#include "stream.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MASK_BYTES 4u
/* The first byte of a frame: FIN, and RSV1 for what is compressed (RFC 7692, section 6). */
#define FIN 0x80u
#define COMPRESSED 0x40u
/* Key and answer are the example of RFC 6455, section 1.3: no SHA-1 is needed to check it. */
#define HANDSHAKE_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define HANDSHAKE_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
/* An event of Socket.IO: a message of Engine.IO (4), an event (2), a JSON array. */
#define EVENT_BEGIN "42[\"m\",\""
#define EVENT_END "\"]"

static const uint8_t mask[MASK_BYTES] = {0x9d, 0x37, 0xe2, 0x5b};

size_t frame_head(uint8_t *head, size_t size, uint8_t first, bool masked) {
  size_t length;
  head[0] = first;
  if (size < 126) {
    head[1] = (uint8_t)size;
    length = 2;
  } else if (size < 65536) {
    head[1] = 126;
    head[2] = (uint8_t)(size >> 8);
    head[3] = (uint8_t)size;
    length = 4;
  } else {
    head[1] = 127;
    for (int i = 0; i < 8; i++) head[2 + i] = (uint8_t)((uint64_t)size >> (56 - 8 * i));
    length = 10;
  }
  if (masked) {
    head[1] |= 0x80;
    memcpy(head + length, mask, MASK_BYTES);
    length += MASK_BYTES;
  }
  return length;
}

void frame_mask(uint8_t *to, const uint8_t *from, size_t size) {
  for (size_t i = 0; i < size; i++) to[i] = from[i] ^ mask[i % MASK_BYTES];
}

static void repeat(uint8_t *bytes, size_t period, size_t length) {
  for (size_t i = period; i < length; i++) bytes[i] = bytes[i - period];
}

static struct bytes enveloped(struct bytes payload, const struct options *options) {
  if (!options->socketio) return payload;
  size_t begin = sizeof EVENT_BEGIN - 1;
  size_t end = sizeof EVENT_END - 1;
  struct bytes message = {.length = begin + payload.length + end};
  message.at = allocate(message.length);
  memcpy(message.at, EVENT_BEGIN, begin);
  memcpy(message.at + begin, payload.at, payload.length);
  memcpy(message.at + begin + payload.length, EVENT_END, end);
  return message;
}

static void prepare_request(struct stream *stream, const struct options *options, uint32_t variant,
                            struct bytes sent) {
  uint8_t head[FRAME_HEAD_MOST];
  size_t head_length = 0;
  if (options->websocket) {
    uint8_t compressed = options->deflate != NULL ? COMPRESSED : 0;
    uint8_t first = (uint8_t)(FIN | compressed | (options->text ? 1 : 2));
    head_length = frame_head(head, sent.length, first, true);
  }
  size_t period = head_length + sent.length;
  size_t batch = options->rate > 0 || options->broadcast ? 1 : options->inflight;
  /* One write carries at most 256 KiB: a socket's send buffer takes no more at once. */
  size_t most = (256u << 10) / period;
  if (batch > most) batch = most;
  if (batch < 1) batch = 1;
  uint8_t *request = allocate(batch * period);
  memcpy(request, head, head_length);
  if (options->websocket) {
    frame_mask(request + head_length, sent.at, sent.length);
  } else {
    memcpy(request, sent.at, sent.length);
  }
  repeat(request, period, batch * period);
  stream->request_period[variant] = period;
  stream->request_length[variant] = batch * period;
  stream->request[variant] = request;
}

static void prepare_response(struct stream *stream, const struct options *options,
                             uint32_t variant) {
  struct bytes message = stream->message[variant];
  uint8_t head[FRAME_HEAD_MOST];
  uint8_t first = (uint8_t)(FIN | (options->text ? 1 : 2));
  size_t head_length =
      options->websocket ? frame_head(head, message.length, first, false) : 0;
  size_t period = head_length + message.length;
  uint8_t *response = allocate(period + RECEIVE_CHUNK);
  memcpy(response, head, head_length);
  memcpy(response + head_length, message.at, message.length);
  repeat(response, period, period + RECEIVE_CHUNK);
  stream->response_period = period;
  stream->response[variant] = response;
}

void stream_prepare(struct stream *stream, const struct options *options) {
  struct payloads payloads = {0};
  if (options->payloads != NULL) {
    payloads_read(&payloads, options->payloads);
  } else {
    payloads_fill(&payloads, options->size);
  }
  stream->payload_at = options->socketio ? sizeof EVENT_BEGIN - 1 : 0;
  for (uint32_t variant = 0; variant < VARIANTS; variant++) {
    stream->message[variant] = enveloped(payloads.plain[variant], options);
    bool packed = options->deflate != NULL;
    prepare_request(stream, options, variant,
                    packed ? payloads.packed[variant] : stream->message[variant]);
    if (!packed && !options->broadcast) prepare_response(stream, options, variant);
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
                        "Sec-WebSocket-Version: 13\r\n"
                        "%s%s%s\r\n",
                        options->path, host, options->port,
                        options->deflate != NULL ? "Sec-WebSocket-Extensions: " : "",
                        options->deflate != NULL ? options->deflate : "",
                        options->deflate != NULL ? "\r\n" : "");
  return length < 0 || (size_t)length >= size ? 0 : (size_t)length;
}

/* The value of a header, given as "\r\nname:", or NULL when it is not there before `end`. */
static const char *header(const char *text, const char *end, const char *name) {
  size_t length = strlen(name);
  for (const char *line = text; line + length < end; line++) {
    if (strncasecmp(line, name, length) != 0) continue;
    const char *value = line + length;
    while (*value == ' ') value++;
    return value;
  }
  return NULL;
}

static bool begins(const char *value, const char *end, const char *wanted) {
  size_t length = strlen(wanted);
  return value != NULL && (size_t)(end - value) >= length && memcmp(value, wanted, length) == 0;
}

ptrdiff_t stream_upgraded(const char *text, size_t length, const struct options *options) {
  const char *end = memmem(text, length, "\r\n\r\n", 4);
  if (end == NULL) return 0;
  if (length < 12 || memcmp(text, "HTTP/1.1 101", 12) != 0) return -1;
  const char *accept = header(text, end, "\r\nsec-websocket-accept:");
  if (!begins(accept, end, HANDSHAKE_ACCEPT)) return -1;
  const char *extensions = header(text, end, "\r\nsec-websocket-extensions:");
  if (options->deflate != NULL && !begins(extensions, end, "permessage-deflate")) return -1;
  return end + 4 - text;
}
