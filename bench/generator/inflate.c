#include "inflate.h"

#include <stdbool.h>

#define LONGEST_CODE 15u
#define LITERALS 288u
#define DISTANCES 32u
#define LENGTH_CODES 19u
#define END_OF_BLOCK 256u

/* What a message lacks of the empty stored block that ended it. */
static const uint8_t tail[] = {0x00, 0x00, 0xff, 0xff};

struct reader {
  const uint8_t *from;
  size_t length;
  size_t at;
  uint32_t held;
  uint32_t count;
  bool failed;
};

/* A canonical code: how many symbols have each length, and the symbols in the order of codes. */
struct code {
  uint16_t counts[LONGEST_CODE + 1];
  uint16_t symbols[LITERALS];
};

struct output {
  uint8_t *to;
  size_t size;
  size_t at;
};

/* A byte of the message, or of the tail that follows it; -1 after both. */
static int next_byte(struct reader *reader) {
  size_t at = reader->at++;
  if (at < reader->length) return reader->from[at];
  at -= reader->length;
  return at < sizeof tail ? tail[at] : -1;
}

static uint32_t bits(struct reader *reader, uint32_t count) {
  while (reader->count < count) {
    int byte = next_byte(reader);
    if (byte < 0) {
      reader->failed = true;
      return 0;
    }
    reader->held |= (uint32_t)byte << reader->count;
    reader->count += 8;
  }
  uint32_t value = reader->held & ((1u << count) - 1u);
  reader->held >>= count;
  reader->count -= count;
  return value;
}

static void build(struct code *code, const uint8_t *lengths, uint32_t symbols) {
  uint16_t next[LONGEST_CODE + 2] = {0};
  for (uint32_t i = 0; i <= LONGEST_CODE; i++) code->counts[i] = 0;
  for (uint32_t i = 0; i < symbols; i++) code->counts[lengths[i]]++;
  code->counts[0] = 0;
  for (uint32_t i = 1; i <= LONGEST_CODE; i++) next[i + 1] = (uint16_t)(next[i] + code->counts[i]);
  for (uint32_t i = 0; i < symbols; i++) {
    if (lengths[i] != 0) code->symbols[next[lengths[i]]++] = (uint16_t)i;
  }
}

/* Codes of one length are consecutive numbers; the first range that holds the value wins. */
static uint32_t symbol(struct reader *reader, const struct code *code) {
  uint32_t value = 0;
  uint32_t first = 0;
  uint32_t index = 0;
  for (uint32_t length = 1; length <= LONGEST_CODE; length++) {
    value = value << 1 | bits(reader, 1);
    uint32_t count = code->counts[length];
    if (value - first < count) return code->symbols[index + (value - first)];
    index += count;
    first = (first + count) << 1;
  }
  reader->failed = true;
  return END_OF_BLOCK;
}

static bool copy_match(struct output *output, size_t distance, size_t length) {
  if (distance > output->at || output->size - output->at < length) return false;
  for (size_t i = 0; i < length; i++, output->at++) {
    output->to[output->at] = output->to[output->at - distance];
  }
  return true;
}

/* Lengths 3 to 258 (RFC 1951, 3.2.5): four codes share a number of extra bits, 285 is 258. */
static uint32_t match_length(struct reader *reader, uint32_t code) {
  if (code < 265) return code - 254;
  if (code == 285) return 258;
  uint32_t extra = (code - 261) >> 2;
  return ((4 + ((code - 261) & 3)) << extra) + 3 + bits(reader, extra);
}

static uint32_t match_distance(struct reader *reader, uint32_t code) {
  if (code < 4) return code + 1;
  uint32_t extra = (code >> 1) - 1;
  return ((2 + (code & 1)) << extra) + 1 + bits(reader, extra);
}

static bool compressed_block(struct reader *reader, struct output *output,
                             const struct code *literals, const struct code *distances) {
  while (!reader->failed) {
    uint32_t value = symbol(reader, literals);
    if (value == END_OF_BLOCK) return !reader->failed;
    if (value < END_OF_BLOCK) {
      if (output->at == output->size) return false;
      output->to[output->at++] = (uint8_t)value;
      continue;
    }
    if (value > 285) return false;
    uint32_t length = match_length(reader, value);
    uint32_t code = symbol(reader, distances);
    if (code > 29) return false;
    if (!copy_match(output, match_distance(reader, code), length)) return false;
  }
  return false;
}

static void fixed_codes(struct code *literals, struct code *distances) {
  uint8_t lengths[LITERALS];
  for (uint32_t i = 0; i < LITERALS; i++) {
    lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
  }
  build(literals, lengths, LITERALS);
  for (uint32_t i = 0; i < DISTANCES; i++) lengths[i] = 5;
  build(distances, lengths, DISTANCES);
}

static bool dynamic_codes(struct reader *reader, struct code *literals, struct code *distances) {
  static const uint8_t order[LENGTH_CODES] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                              11, 4,  12, 3, 13, 2, 14, 1, 15};
  uint8_t lengths[LITERALS + DISTANCES] = {0};
  uint8_t first[LENGTH_CODES] = {0};
  uint32_t literal_count = bits(reader, 5) + 257;
  uint32_t distance_count = bits(reader, 5) + 1;
  uint32_t first_count = bits(reader, 4) + 4;
  if (literal_count > 286) return false;
  for (uint32_t i = 0; i < first_count; i++) first[order[i]] = (uint8_t)bits(reader, 3);
  build(literals, first, LENGTH_CODES);
  for (uint32_t i = 0; i < literal_count + distance_count && !reader->failed;) {
    uint32_t value = symbol(reader, literals);
    if (value < 16) {
      lengths[i++] = (uint8_t)value;
      continue;
    }
    if (value == 16 && i == 0) return false;
    uint8_t repeated = value == 16 ? lengths[i - 1] : 0;
    uint32_t times = value == 16   ? 3 + bits(reader, 2)
                     : value == 17 ? 3 + bits(reader, 3)
                                   : 11 + bits(reader, 7);
    if (i + times > literal_count + distance_count) return false;
    while (times-- > 0) lengths[i++] = repeated;
  }
  build(literals, lengths, literal_count);
  build(distances, lengths + literal_count, distance_count);
  return !reader->failed;
}

static bool stored_block(struct reader *reader, struct output *output) {
  reader->held = 0;
  reader->count = 0;
  uint32_t length = bits(reader, 16);
  uint32_t check = bits(reader, 16);
  if (reader->failed || (length ^ check) != 0xffffu) return false;
  if (output->size - output->at < length) return false;
  for (uint32_t i = 0; i < length; i++) output->to[output->at++] = (uint8_t)bits(reader, 8);
  return !reader->failed;
}

ssize_t inflate_message(uint8_t *to, size_t size, const uint8_t *from, size_t length) {
  struct reader reader = {.from = from, .length = length};
  struct output output = {.to = to, .size = size};
  struct code literals;
  struct code distances;
  bool final = false;
  /* The tail ends the last block: without a final one the message is over when it was read. */
  while (!final && reader.at < length + sizeof tail) {
    final = bits(&reader, 1) == 1;
    uint32_t type = bits(&reader, 2);
    bool good = false;
    if (type == 0) good = stored_block(&reader, &output);
    if (type == 1) fixed_codes(&literals, &distances);
    if (type == 2 && !dynamic_codes(&reader, &literals, &distances)) return -1;
    if (type == 1 || type == 2) good = compressed_block(&reader, &output, &literals, &distances);
    if (!good || reader.failed) return -1;
  }
  return (ssize_t)output.at;
}
