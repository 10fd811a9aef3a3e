#define _GNU_SOURCE
#include "frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "inflate.h"

#define OPCODE_TEXT 1u
#define OPCODE_BINARY 2u
#define OPCODE_CLOSE 8u
#define OPCODE_PING 9u
#define OPCODE_PONG 10u
#define CONTROL_MOST 125u

/* A frame whose head is complete. */
struct frame {
  uint8_t first;
  size_t head;
  uint64_t length;
};

/* Returns whether the head is complete. What a server sends is not masked. */
static bool read_head(struct load *load, struct frame *frame, const uint8_t *bytes, size_t length) {
  if (length < 2) return false;
  uint8_t size = bytes[1];
  if ((size & 0x80) != 0) fail(load, "the server sent a masked frame");
  size_t more = size < 126 ? 0 : size == 126 ? 2 : 8;
  if (length < 2 + more) return false;
  uint64_t value = more == 0 ? size : 0;
  for (size_t i = 0; i < more; i++) value = value << 8 | bytes[2 + i];
  if (value > MAX_MESSAGE + 1024) fail(load, "the server sent a frame that is far too long");
  frame->first = bytes[0];
  frame->head = 2 + more;
  frame->length = value;
  return true;
}

static bool equal(struct bytes wanted, const uint8_t *bytes, size_t length) {
  return wanted.length == length && memcmp(wanted.at, bytes, length) == 0;
}

static void check_plain(struct load *load, const struct connection *connection,
                        const uint8_t *bytes, size_t length) {
  const struct stream *stream = &load->stream;
  uint32_t variant = connection->variant;
  if (load->options->broadcast && length > stream->payload_at) {
    variant = (uint32_t)(bytes[stream->payload_at] - 'A');
  }
  if (variant < VARIANTS && equal(stream->message[variant], bytes, length)) return;
  fail(load, "wrong message: none of %zu bytes that begins so was sent", length);
}

/* Finds out which message a compressed one is, and keeps it as known. */
static void learn(struct load *load, const struct connection *connection, const uint8_t *bytes,
                  size_t length) {
  const struct stream *stream = &load->stream;
  size_t size = stream->message[0].length;
  for (uint32_t i = 1; i < VARIANTS; i++) {
    if (stream->message[i].length > size) size = stream->message[i].length;
  }
  uint8_t *plain = allocate(size);
  ssize_t inflated = inflate_message(plain, size, bytes, length);
  if (inflated < 0) fail(load, "a compressed message of %zu bytes cannot be inflated", length);
  check_plain(load, connection, plain, (size_t)inflated);
  uint32_t variant = load->options->broadcast ? (uint32_t)(plain[stream->payload_at] - 'A')
                                              : connection->variant;
  free(plain);
  struct bytes *known = &load->known[variant];
  free(known->at);
  known->at = allocate(length);
  known->length = length;
  memcpy(known->at, bytes, length);
}

static void check_packed(struct load *load, const struct connection *connection,
                         const uint8_t *bytes, size_t length) {
  if (equal(load->known[connection->variant], bytes, length)) return;
  if (load->options->broadcast) {
    for (uint32_t i = 0; i < VARIANTS; i++) {
      if (equal(load->known[i], bytes, length)) return;
    }
  }
  learn(load, connection, bytes, length);
}

/* Between two messages only: in the middle of one it would tear it apart. */
static void answer_ping(struct load *load, struct connection *connection, const uint8_t *bytes,
                        size_t length) {
  uint8_t frame[FRAME_HEAD_MOST + CONTROL_MOST];
  if (connection->unsent > 0) return;
  if (length > CONTROL_MOST) fail(load, "the server sent a ping that is too long");
  size_t head = frame_head(frame, length, 0x80 | OPCODE_PONG, true);
  frame_mask(frame + head, bytes, length);
  if (send(connection->fd, frame, head + length, MSG_NOSIGNAL) == (ssize_t)(head + length)) {
    load->report->pings++;
  }
}

/* Returns whether it was a message. */
static bool take_frame(struct load *load, struct connection *connection, const struct frame *frame,
                       const uint8_t *payload) {
  uint8_t opcode = frame->first & 0x0f;
  uint8_t wanted = load->options->text ? OPCODE_TEXT : OPCODE_BINARY;
  if ((frame->first & 0x80) == 0) fail(load, "the server sent a message in fragments");
  if (opcode == OPCODE_PING) {
    answer_ping(load, connection, payload, frame->length);
    return false;
  }
  if (opcode == OPCODE_PONG || opcode == OPCODE_CLOSE) return false;
  if (opcode != wanted) fail(load, "the server sent opcode %u, must be %u", opcode, wanted);
  bool packed = (frame->first & 0x40) != 0;
  if (packed && load->options->deflate == NULL) fail(load, "a message came compressed");
  (packed ? check_packed : check_plain)(load, connection, payload, frame->length);
  load->report->packed += packed;
  return true;
}

static void keep(struct connection *connection, const uint8_t *bytes, size_t length) {
  struct bytes *partial = &connection->partial;
  if (partial->length + length > connection->partial_room) {
    size_t room = (partial->length + length) * 2;
    uint8_t *larger = allocate(room);
    if (partial->length > 0) memcpy(larger, partial->at, partial->length);
    free(partial->at);
    partial->at = larger;
    connection->partial_room = room;
  }
  memcpy(partial->at + partial->length, bytes, length);
  partial->length += length;
}

static void forget(struct connection *connection) {
  free(connection->partial.at);
  connection->partial = (struct bytes){0};
  connection->partial_room = 0;
}

/* Completes the frame that was begun; returns how many of the bytes belong to it. */
static size_t complete(struct load *load, struct connection *connection, const uint8_t *bytes,
                       size_t length, uint32_t *messages) {
  struct bytes *partial = &connection->partial;
  struct frame frame;
  size_t taken = 0;
  while (!read_head(load, &frame, partial->at, partial->length)) {
    if (taken == length) return taken;
    keep(connection, bytes + taken++, 1);
  }
  size_t missing = frame.head + frame.length - partial->length;
  size_t more = missing < length - taken ? missing : length - taken;
  if (more > 0) keep(connection, bytes + taken, more);
  if (more == missing) {
    *messages += take_frame(load, connection, &frame, partial->at + frame.head);
    forget(connection);
  }
  return taken + more;
}

uint32_t frames_take(struct load *load, struct connection *connection, const uint8_t *bytes,
                     size_t length) {
  uint32_t messages = 0;
  size_t at = 0;
  if (connection->partial.length > 0) at = complete(load, connection, bytes, length, &messages);
  struct frame frame;
  while (at < length && connection->partial.length == 0) {
    bool whole = read_head(load, &frame, bytes + at, length - at) &&
                 frame.head + frame.length <= length - at;
    if (!whole) {
      keep(connection, bytes + at, length - at);
      break;
    }
    messages += take_frame(load, connection, &frame, bytes + at + frame.head);
    at += frame.head + frame.length;
  }
  return messages;
}
