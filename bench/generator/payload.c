#define _GNU_SOURCE
#include "payload.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

uint8_t *allocate(size_t size) {
  uint8_t *memory = malloc(size > 0 ? size : 1);
  if (memory == NULL) {
    fprintf(stderr, "generator: out of memory (%zu bytes)\n", size);
    exit(1);
  }
  return memory;
}

static struct bytes read_bytes(FILE *file, const char *path) {
  uint32_t length;
  struct bytes bytes = {0};
  if (fread(&length, sizeof length, 1, file) == 1) {
    bytes.length = le32toh(length);
    bytes.at = allocate(bytes.length);
    if (fread(bytes.at, 1, bytes.length, file) == bytes.length) return bytes;
  }
  fprintf(stderr, "generator: %s is too short for %u payloads\n", path, VARIANTS);
  exit(1);
}

void payloads_read(struct payloads *payloads, const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    fprintf(stderr, "generator: %s cannot be read\n", path);
    exit(1);
  }
  for (uint32_t variant = 0; variant < VARIANTS; variant++) {
    payloads->plain[variant] = read_bytes(file, path);
    payloads->packed[variant] = read_bytes(file, path);
    if (payloads->plain[variant].length == payloads->plain[0].length) continue;
    fprintf(stderr, "generator: payloads of %s differ in length\n", path);
    exit(1);
  }
  fclose(file);
}

void payloads_fill(struct payloads *payloads, size_t size) {
  for (uint32_t variant = 0; variant < VARIANTS; variant++) {
    struct bytes *plain = &payloads->plain[variant];
    uint32_t state = 2463534242u + variant * 2654435761u;
    plain->at = allocate(size);
    plain->length = size;
    for (size_t i = 0; i < size; i++) {
      state ^= state << 13;
      state ^= state >> 17;
      state ^= state << 5;
      plain->at[i] = (uint8_t)('a' + state % 26u);
    }
    /* Short messages of two variants must differ whatever the generator gives. */
    if (size > 0) plain->at[0] = (uint8_t)('A' + variant);
  }
}
