// The golden bytes of spec/vectors, read as README.md there says: ./vectors path/to/spec/vectors
#include "test.h"

#include <sys/mman.h>

enum { STRUCTS = 16, TEXT_BYTES = 4096, LINE_BYTES = 1024, ROLES = 26, PIECE_BYTES = 256 };

// vectors.Item
typedef struct {
  uint32_t id, check;
  double value;
  rondo_piece note, data;
} item;

_Static_assert(sizeof(item) == 32 && offsetof(item, note) == 16, "the struct of the traces");

// The structs of structs.txt: name without "vectors.", text.
static struct {
  char name[64], text[TEXT_BYTES];
} structs[STRUCTS];
static size_t struct_count;

static const char *folder, *directory;

__attribute__((noreturn)) static void broken(const char *what) {
  fprintf(stderr, "%s: %s\n", current, what);
  exit(1);
}

static FILE *open_file(const char *name) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "r");
  if (file == NULL) broken(path);
  return file;
}

// The next line without its end; false at the end of the file.
static bool next_line(FILE *file, char line[LINE_BYTES]) {
  if (fgets(line, LINE_BYTES, file) == NULL) return false;
  line[strcspn(line, "\n")] = '\0';
  return true;
}

// What stands behind `word ` in a line, or NULL.
static const char *after(const char *line, const char *word) {
  size_t length = strlen(word);
  return strncmp(line, word, length) == 0 && line[length] == ' ' ? line + length + 1 : NULL;
}

static const char *text_of(const char *name) {
  for (size_t i = 0; i < struct_count; i++)
    if (strcmp(structs[i].name, name) == 0) return structs[i].text;
  broken(name);
}

// ---- Structs ----

static void test_structs(void) {
  char line[LINE_BYTES];
  FILE *file = open_file("structs.txt");
  char *text = NULL;
  while (next_line(file, line)) {
    const char *rest;
    if (strcmp(line, "struct") == 0) {
      if (struct_count == STRUCTS) broken("too many structs");
      text = structs[struct_count++].text;
      continue;
    }
    if ((rest = after(line, "text")) != NULL) {
      size_t used = strlen(text);
      snprintf(text + used, TEXT_BYTES - used, "%s\n", rest);
      if (strncmp(rest, "name ", 5) == 0)
        snprintf(structs[struct_count - 1].name, 64, "%s", rest + 5);
    } else if ((rest = after(line, "fingerprint")) != NULL) {
      CHECK(rr_fingerprint(text, strlen(text)) == strtoull(rest, NULL, 16));
    }
  }
  fclose(file);
  CHECK(struct_count > 0);
}

// ---- Sections with bytes ----

// `TOPOLOGY LOSSY LANES CONSUMERS SLOTS SLAB STRUCT`
static rondo_ring_options shape_of(const char *words) {
  static const char *const names[] = {"", "spsc", "mpsc", "mpmc", "broadcast"};
  char topology[16], name[64];
  uint32_t lossy;
  rondo_ring_options options = {.schema = NULL};
  if (sscanf(words, "%15s %u %u %u %u %u %63s", topology, &lossy, &options.lanes,
             &options.consumers, &options.slots, &options.slab_bytes, name) != 7)
    broken(words);
  for (uint32_t i = 1; i < 5; i++)
    if (strcmp(topology, names[i]) == 0) options.topology = i;
  options.lossy = lossy != 0;
  options.schema = text_of(name);
  return options;
}

// Puts the bytes of an `at` line into `bytes`.
static void put_line(const char *rest, unsigned char *bytes, size_t size) {
  char *hex;
  size_t at = strtoul(rest, &hex, 16);
  for (hex++; hex[0] != '\0' && hex[1] != '\0'; hex += 2, at++) {
    char digits[3] = {hex[0], hex[1], '\0'};
    if (at >= size) broken("bytes behind the end");
    bytes[at] = (unsigned char)strtoul(digits, NULL, 16);
  }
}

// The bytes of a section, from its `bytes` line on: to be freed.
static unsigned char *read_bytes(FILE *file, size_t size) {
  char line[LINE_BYTES];
  const char *rest;
  unsigned char *bytes = calloc(size, 1);
  if (bytes == NULL) broken("no memory");
  while (next_line(file, line) && (rest = after(line, "at")) != NULL) put_line(rest, bytes, size);
  return bytes;
}

// Says where the first difference is.
static void compare(const unsigned char *got, const unsigned char *want, size_t size,
                    const char *name) {
  size_t at = 0;
  while (at < size && got[at] == want[at]) at++;
  if (at < size) fprintf(stderr, "%s differs at %06zx: %02x, not %02x\n", name, at, got[at], want[at]);
  CHECK(at == size);
}

// ---- Segments ----

static void check_segment(const char *name, const rondo_ring_options *rings, uint32_t count,
                          const unsigned char *want, size_t size) {
  rondo_segment segment;
  rondo_error error = {0, 0, ""};
  int code = rondo_create(&segment, directory, name, rings, count, &error);
  CHECK_CODE(code, RONDO_OK);
  if (code != RONDO_OK) broken(error.message);
  CHECK(segment.bytes == size);
  if (segment.bytes == size) {
    unsigned char *got = malloc(size);
    if (got == NULL) broken("no memory");
    memcpy(got, segment.base, size);
    memset(got + 16, 0, 16);
    memset(got + 48, 0, 8);
    memset(got + 4096, 0, 8192);
    compare(got, want, size, name);
    free(got);
  }
  rondo_close(&segment);
}

static void test_segments(void) {
  char line[LINE_BYTES], name[64] = "";
  rondo_ring_options rings[2];
  uint32_t count = 0;
  FILE *file = open_file("segments.txt");
  while (next_line(file, line)) {
    const char *rest;
    if ((rest = after(line, "segment")) != NULL) {
      snprintf(name, sizeof name, "%s", rest);
      count = 0;
    } else if ((rest = after(line, "ring")) != NULL && count < 2) {
      rings[count++] = shape_of(rest);
    } else if ((rest = after(line, "bytes")) != NULL) {
      size_t size = strtoul(rest, NULL, 10);
      unsigned char *want = read_bytes(file, size);
      check_segment(name, rings, count, want, size);
      free(want);
    }
  }
  fclose(file);
}

// ---- Traces ----

// A ring on which a trace is done.
typedef struct {
  rondo_segment segment;
  rondo_producer producer[ROLES];
  rondo_consumer consumer[ROLES];
  bool produces[ROLES], consumes[ROLES];
} replay;

typedef struct {
  item head;
  unsigned char note[PIECE_BYTES], data[PIECE_BYTES];
  uint32_t note_bytes, data_bytes;
} content;

static content content_of(const char *words) {
  content made;
  memset(&made, 0, sizeof made);
  if (sscanf(words, "%u %u %u", &made.head.id, &made.note_bytes, &made.data_bytes) != 3)
    broken(words);
  if (made.note_bytes > PIECE_BYTES || made.data_bytes > PIECE_BYTES) broken(words);
  made.head.check = made.head.id * 0x9E3779B1u;
  made.head.value = made.head.id / 4.0;
  for (uint32_t i = 0; i < made.note_bytes; i++)
    made.note[i] = (unsigned char)(97 + (made.head.id + i) % 26);
  for (uint32_t i = 0; i < made.data_bytes; i++)
    made.data[i] = (unsigned char)(made.head.id + 3 * i);
  return made;
}

// Writes a message into a claimed slot; RONDO_FULL when it does not fit.
static int fill(rondo_producer *producer, const content *made) {
  void *slot;
  int code = rondo_try_claim(producer, &slot);
  if (code != RONDO_OK) return code;
  memcpy(slot, &made->head, offsetof(item, note));
  code = rondo_try_piece(producer, &((item *)slot)->note, made->note, made->note_bytes);
  if (code == RONDO_OK)
    code = rondo_try_piece(producer, &((item *)slot)->data, made->data, made->data_bytes);
  if (code != RONDO_OK) rondo_abort(producer);
  return code;
}

static void check_pop(rondo_consumer *consumer, const char *words) {
  item got;
  content want;
  const void *bytes;
  uint32_t length;
  int code = rondo_try_pop(consumer, &got);
  if (strcmp(words, "empty") == 0 || strcmp(words, "ended") == 0) {
    CHECK_CODE(code, words[1] == 'm' ? RONDO_EMPTY : RONDO_ENDED);
    return;
  }
  CHECK_CODE(code, RONDO_OK);
  if (code != RONDO_OK) return;
  want = content_of(words);
  CHECK(memcmp(&got, &want.head, offsetof(item, note)) == 0);
  CHECK_CODE(rondo_bytes(consumer, &got.note, &bytes, &length), RONDO_OK);
  CHECK(length == want.note_bytes && memcmp(bytes, want.note, length) == 0);
  CHECK_CODE(rondo_bytes(consumer, &got.data, &bytes, &length), RONDO_OK);
  CHECK(length == want.data_bytes && memcmp(bytes, want.data, length) == 0);
}

static void join(replay *run, const char *word, size_t who, const char *words) {
  rondo_error error = {0, 0, ""};
  rondo_producer_options options = {.publish_every = (uint32_t)strtoul(words, NULL, 10)};
  const char *schema = run->segment.ring[0].schema;
  int code;
  if (strcmp(word, "producer") == 0) {
    code = rondo_producer_open(&run->producer[who], &run->segment, 0, schema, &options, &error);
    run->produces[who] = true;
  } else {
    code = rondo_consumer_open(&run->consumer[who], &run->segment, 0, schema, NULL, &error);
    run->consumes[who] = true;
  }
  CHECK_CODE(code, RONDO_OK);
  if (code != RONDO_OK) broken(error.message);
}

static void push(rondo_producer *producer, const char *words) {
  content made = content_of(words);
  int code = fill(producer, &made);
  if (code == RONDO_OK) code = rondo_commit(producer);
  CHECK_CODE(code, strstr(words, "pushed") != NULL ? RONDO_OK : RONDO_FULL);
}

static void operate(replay *run, const char *line) {
  char word[16], name;
  int used = 0;
  if (sscanf(line, "%15s %c%n", word, &name, &used) != 2) broken(line);
  const char *words = line[used] == '\0' ? "" : line + used + 1;
  size_t who = (size_t)(name - 'a');
  rondo_producer *producer = &run->producer[who];
  rondo_consumer *consumer = &run->consumer[who];
  content made;
  if (strcmp(word, "producer") == 0 || strcmp(word, "consumer") == 0) {
    join(run, word, who, words);
  } else if (strcmp(word, "push") == 0) {
    push(producer, words);
  } else if (strcmp(word, "abort") == 0) {
    made = content_of(words);
    CHECK_CODE(fill(producer, &made), RONDO_OK);
    rondo_abort(producer);
  } else if (strcmp(word, "flush") == 0) {
    CHECK_CODE(rondo_flush(producer), RONDO_OK);
  } else if (strcmp(word, "close") == 0) {
    rondo_producer_close(producer);
    run->produces[who] = false;
  } else if (strcmp(word, "detach") == 0) {
    rondo_producer_detach(producer);
    run->produces[who] = false;
  } else if (strcmp(word, "pop") == 0) {
    check_pop(consumer, words);
  } else if (strcmp(word, "lost") == 0) {
    CHECK(consumer->lost == strtoull(words, NULL, 10));
  } else if (strcmp(word, "leave") == 0) {
    rondo_consumer_detach(consumer);
    run->consumes[who] = false;
  } else {
    broken(line);
  }
}

// What README.md says is left out.
static void mask(unsigned char *block, const rondo_ring *ring) {
  memset(block + 256, 0, 768);
  for (uint32_t lane = 0; lane < ring->lanes; lane++) {
    unsigned char *control = block + 1024 + lane * 128 * (2 + ring->cursors);
    unsigned char *starts = block + ring->area + (size_t)lane * ring->lane_bytes + ring->starts;
    if (ring->lossy) {
      memset(control + 4, 0, 4);
      memset(control + 12, 0, 4);
    }
    memset(control + 128, 0, 128);
    for (uint32_t i = 0; i < ring->cursors; i++) memset(control + 256 + 128 * i + 8, 0, 120);
    for (uint32_t i = 0; i < ring->slots; i++) {
      uint32_t start;
      memcpy(&start, starts + 4 * i, 4);
      start = (start + 7) & ~7u;
      memcpy(starts + 4 * i, &start, 4);
    }
  }
}

static void end_trace(replay *run, const char *name, const unsigned char *want, size_t size) {
  const rondo_ring *ring = &run->segment.ring[0];
  unsigned char *got = malloc(size);
  if (got == NULL) broken("no memory");
  memcpy(got, ring->block, size);
  mask(got, ring);
  compare(got, want, size, name);
  free(got);
  for (size_t i = 0; i < ROLES; i++) {
    if (run->produces[i]) rondo_producer_detach(&run->producer[i]);
    if (run->consumes[i]) rondo_consumer_detach(&run->consumer[i]);
    run->produces[i] = run->consumes[i] = false;
  }
  rondo_close(&run->segment);
}

static void test_traces(void) {
  static replay run;
  char line[LINE_BYTES], name[64] = "";
  FILE *file = open_file("traces.txt");
  while (next_line(file, line)) {
    const char *rest;
    unsigned offset, value;
    if (line[0] == '\0') continue;
    if ((rest = after(line, "trace")) != NULL) {
      snprintf(name, sizeof name, "%s", rest);
    } else if ((rest = after(line, "ring")) != NULL) {
      make_ring(&run.segment, shape_of(rest));
    } else if (sscanf(line, "word %u %u", &offset, &value) == 2) {
      memcpy(run.segment.ring[0].block + offset, &value, 4);
    } else if ((rest = after(line, "bytes")) != NULL) {
      size_t size = strtoul(rest, NULL, 10);
      unsigned char *want = read_bytes(file, size);
      end_trace(&run, name, want, size);
      free(want);
    } else {
      int before = failed;
      operate(&run, line);
      if (failed > before) fprintf(stderr, "trace %s: %s\n", name, line);
    }
  }
  fclose(file);
}

int main(int count, char **arguments) {
  char made[] = "/tmp/rondo-vectors-XXXXXX";
  if (count != 2) broken("the folder of the vectors is needed");
  folder = arguments[1];
  directory = mkdtemp(made);
  if (directory == NULL) broken("no temporary directory");
  current = "structs";
  test_structs();
  current = "segments";
  test_segments();
  current = "traces";
  test_traces();
  CHECK(rmdir(directory) == 0);
  return finish("vectors");
}
