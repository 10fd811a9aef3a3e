// The conformance program of spec/conformance.md, over rondo_ring.h.
#include "rondo_ring.h"

#include <inttypes.h>
#include <sched.h>

static const char SCHEMA[] = "rondo-struct 1\n"
                             "name conformance.Message\n"
                             "field producer u32 0\n"
                             "field sequence u32 4\n"
                             "field value f64 8\n"
                             "field big u64 16\n"
                             "field side enum:u8(buy,sell) 24\n"
                             "field tags flags:u8(a,b,c) 25\n"
                             "field symbol text[8] 26\n"
                             "field small i16 34\n"
                             "field pair array[2](f32) 36\n"
                             "field note slab:text 44\n"
                             "field data slab:bytes 52\n"
                             "size 64 align 8\n";

typedef struct {
  uint32_t producer, sequence;
  double value;
  uint64_t big;
  uint8_t side, tags;
  char symbol[8];
  int16_t small;
  float pair[2];
  rondo_piece note, data;
} message;

_Static_assert(sizeof(message) == 64, "size");
_Static_assert(offsetof(message, symbol) == 26 && offsetof(message, small) == 34, "offsets");
_Static_assert(offsetof(message, note) == 44 && offsetof(message, data) == 52, "offsets");

enum { NOTE_BYTES = 32, DATA_BYTES = 96, BATCH_MAX = 4096, OPEN_SECONDS = 10 };

typedef struct {
  const char *directory, *name, *role;
  int descriptor;
  uint32_t ring, count, id, batch, peers, creates;
  bool sleep;
  rondo_ring_options create[2];
} settings;

__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fflush(stdout);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  exit(1);
}

static void check(int code, const char *what) {
  if (code != RONDO_OK) fail("%s: %s", what, rondo_code_name(code));
}

// ---- The message ----

static uint32_t mix(uint32_t h) {
  h ^= h >> 16;
  h *= 0x85EBCA6Bu;
  h ^= h >> 13;
  h *= 0xC2B2AE35u;
  return h ^ h >> 16;
}

// The message of a producer and sequence, with the bytes of its pieces.
static void make(message *out, uint32_t producer, uint32_t sequence, char note[NOTE_BYTES],
                 unsigned char data[DATA_BYTES]) {
  uint32_t x = mix(producer * 0x9E3779B1u + sequence), used = 0;
  memset(out, 0, sizeof *out);
  out->producer = producer;
  out->sequence = sequence;
  out->value = (x >> 8) / 256.0;
  out->big = (uint64_t)x * 4294967291u + sequence;
  out->side = x & 1;
  out->tags = x >> 1 & 7;
  char symbol[16];
  snprintf(symbol, sizeof symbol, "%u", x % 10000000u);
  memcpy(out->symbol, symbol, strlen(symbol));
  out->small = (int16_t)(x & 0xffff);
  out->pair[0] = (float)(x & 255);
  out->pair[1] = 0 - (float)(x >> 8 & 255) / 2; // Not −0.
  for (uint32_t i = 0; i < x % 5; i++, used += 2) memcpy(note + used, "\xc3\xa9", 2);
  out->note.length = used + (uint32_t)snprintf(note + used, NOTE_BYTES - used, "%u", sequence);
  out->data.length = x % 97;
  for (uint32_t i = 0; i < out->data.length; i++) data[i] = (unsigned char)(x + i);
}

// Compares a message that came with what it must be; pieces are compared with their copies.
static void verify(rondo_consumer *consumer, const message *got) {
  message want;
  char note[NOTE_BYTES];
  unsigned char data[DATA_BYTES];
  const void *bytes;
  uint32_t length;
  make(&want, got->producer, got->sequence, note, data);
  if (memcmp(got, &want, offsetof(message, note)) != 0 || memcmp(&got->data + 1, &want.data + 1, 4))
    fail("message %u of producer %u has wrong bytes", got->sequence, got->producer);
  if (rondo_bytes(consumer, &got->note, &bytes, &length) != RONDO_OK ||
      length != want.note.length || memcmp(bytes, note, length) != 0)
    fail("message %u of producer %u has a wrong note", got->sequence, got->producer);
  if (rondo_bytes(consumer, &got->data, &bytes, &length) != RONDO_OK ||
      length != want.data.length || memcmp(bytes, data, length) != 0)
    fail("message %u of producer %u has wrong data", got->sequence, got->producer);
}

// ---- Producing ----

static int try_send(rondo_producer *producer, uint32_t id, uint32_t sequence) {
  message made, *out;
  void *slot;
  char note[NOTE_BYTES];
  unsigned char data[DATA_BYTES];
  int code = rondo_try_claim(producer, &slot);
  if (code != RONDO_OK) return code;
  make(&made, id, sequence, note, data);
  out = (message *)slot;
  memcpy(out, &made, offsetof(message, note));
  code = rondo_try_piece(producer, &out->note, note, made.note.length);
  if (code == RONDO_OK) code = rondo_try_piece(producer, &out->data, data, made.data.length);
  if (code == RONDO_OK) return rondo_commit(producer);
  rondo_abort(producer);
  return code;
}

// Sends, waiting for room; counts how often there was none.
static void send_message(rondo_producer *producer, uint32_t id, uint32_t sequence,
                         uint64_t *full) {
  for (;;) {
    int code = try_send(producer, id, sequence);
    if (code == RONDO_OK) return;
    if (code != RONDO_FULL) fail("push %u: %s", sequence, rondo_code_name(code));
    ++*full;
    code = rondo_wait_writable(producer, -1);
    if (code != RONDO_OK) fail("wait for room for %u: %s", sequence, rondo_code_name(code));
  }
}

static void open_producer(rondo_producer *producer, rondo_segment *segment, uint32_t ring,
                          const settings *set) {
  rondo_error error;
  rondo_producer_options options = {.publish_every = set->batch,
                                    .spin_microseconds = RONDO_SPIN_ONLY,
                                    .sleep_at_once = set->sleep};
  if (rondo_producer_open(producer, segment, ring, SCHEMA, &options, &error) != RONDO_OK)
    fail("%s: %s", rondo_code_name(error.code), error.message);
}

static void open_consumer(rondo_consumer *consumer, rondo_segment *segment, uint32_t ring,
                          const settings *set) {
  rondo_error error;
  rondo_consumer_options options = {.release_every = set->batch,
                                    .spin_microseconds = RONDO_SPIN_ONLY,
                                    .sleep_at_once = set->sleep};
  if (rondo_consumer_open(consumer, segment, ring, SCHEMA, &options, &error) != RONDO_OK)
    fail("%s: %s", rondo_code_name(error.code), error.message);
}

static void run_producer(rondo_segment *segment, const settings *set) {
  rondo_producer producer;
  uint64_t full = 0;
  open_producer(&producer, segment, set->ring, set);
  while (rondo_consumers(&producer) < set->peers) usleep(1000);
  for (uint32_t sequence = 0; sequence < set->count; sequence++)
    send_message(&producer, set->id, sequence, &full);
  check(rondo_flush(&producer), "publish");
  rondo_producer_close(&producer);
  printf("sent %u full %" PRIu64 "\n", set->count, full);
}

// ---- Consuming ----

// The next sequence that is expected of each producer, by its number.
typedef struct {
  uint32_t *next, size;
} sequences;

static void verify_sequence(sequences *seen, const message *got, bool exact) {
  if (got->producer >= 1u << 16) fail("a message of producer %u", got->producer);
  if (got->producer >= seen->size) {
    uint32_t size = got->producer + 64;
    seen->next = realloc(seen->next, size * sizeof *seen->next);
    if (seen->next == NULL) fail("no memory");
    memset(seen->next + seen->size, 0, (size - seen->size) * sizeof *seen->next);
    seen->size = size;
  }
  uint32_t *next = &seen->next[got->producer];
  if (exact ? got->sequence != *next : got->sequence < *next)
    fail("message %u of producer %u came when %u was due", got->sequence, got->producer, *next);
  *next = got->sequence + 1;
}

static void run_consumer(rondo_segment *segment, const settings *set) {
  static message batch[BATCH_MAX];
  rondo_consumer consumer;
  sequences seen = {NULL, 0};
  uint64_t received = 0;
  open_consumer(&consumer, segment, set->ring, set);
  consumer.expected_lanes = set->peers;
  const rondo_ring *ring = &segment->ring[set->ring];
  bool exact = !ring->lossy && ring->topology != RONDO_MPMC;
  int code = RONDO_OK;
  while (code == RONDO_OK) {
    uint32_t got = 0;
    if (consumer.copies || set->batch > 1) {
      code = rondo_try_pop_many(&consumer, batch, set->batch, &got);
      for (uint32_t i = 0; i < got; i++) {
        verify(&consumer, &batch[i]);
        verify_sequence(&seen, &batch[i], exact);
      }
    } else { // In place, where it is allowed.
      const void *at;
      code = rondo_try_read(&consumer, &at);
      if (code == RONDO_OK) {
        message copy;
        memcpy(&copy, at, sizeof copy);
        verify(&consumer, at);
        verify_sequence(&seen, &copy, exact);
        got = 1;
        rondo_release(&consumer);
      }
    }
    received += got;
    if (code == RONDO_EMPTY) code = rondo_wait_readable(&consumer, -1);
  }
  printf("received %" PRIu64 " lost %" PRIu64 "\n", received, consumer.lost);
  if (code != RONDO_ENDED) fail("after %" PRIu64 " messages: %s", received, rondo_code_name(code));
  free(seen.next);
  rondo_consumer_close(&consumer);
}

// ---- Asking and answering ----

static void run_client(rondo_segment *segment, const settings *set) {
  rondo_producer producer;
  rondo_consumer consumer;
  message answer;
  uint64_t full = 0;
  settings each = *set;
  each.batch = 1;
  if (segment->rings != 2) fail("a client needs a channel");
  open_consumer(&consumer, segment, 1, &each);
  open_producer(&producer, segment, 0, &each);
  for (uint32_t sequence = 0; sequence < set->count; sequence++) {
    send_message(&producer, set->id, sequence, &full);
    check(rondo_pop(&consumer, &answer, -1), "wait for an answer");
    verify(&consumer, &answer);
    if (answer.producer != set->id || answer.sequence != sequence)
      fail("answer %u came when %u was due", answer.sequence, sequence);
  }
  rondo_producer_close(&producer);
  rondo_consumer_detach(&consumer);
  printf("answered %u\n", set->count);
}

static void run_server(rondo_segment *segment, const settings *set) {
  rondo_producer producer;
  rondo_consumer consumer;
  message request;
  uint64_t full = 0, served = 0;
  settings each = *set;
  each.batch = 1;
  int code;
  if (segment->rings != 2) fail("a server needs a channel");
  open_consumer(&consumer, segment, 0, &each);
  open_producer(&producer, segment, 1, &each);
  while ((code = rondo_pop(&consumer, &request, -1)) == RONDO_OK) {
    verify(&consumer, &request);
    send_message(&producer, request.producer, request.sequence, &full);
    served++;
  }
  if (code != RONDO_ENDED) fail("after %" PRIu64 " requests: %s", served, rondo_code_name(code));
  rondo_producer_close(&producer);
  rondo_consumer_close(&consumer);
  printf("served %" PRIu64 "\n", served);
}

// ---- The command line ----

static uint32_t number(const char *flag, const char *text) {
  char *end;
  unsigned long value = strtoul(text, &end, 10);
  if (*text == '\0' || *end != '\0' || value > UINT32_MAX) fail("%s %s is no number", flag, text);
  return (uint32_t)value;
}

static rondo_ring_options geometry(const char *text) {
  static const char *const names[] = {"", "spsc", "mpsc", "mpmc", "broadcast"};
  char name[16];
  uint32_t lossy;
  rondo_ring_options options = {.schema = SCHEMA};
  if (sscanf(text, "%15[a-z],%u,%u,%u,%u,%u", name, &lossy, &options.lanes, &options.consumers,
             &options.slots, &options.slab_bytes) != 6)
    fail("--create %s: TOPOLOGY,LOSSY,LANES,CONSUMERS,SLOTS,SLAB", text);
  for (uint32_t i = 1; i < 5; i++)
    if (strcmp(name, names[i]) == 0) options.topology = i;
  if (options.topology == 0) fail("--create %s: no topology", text);
  options.lossy = lossy != 0;
  return options;
}

static settings parse(int count, char **arguments) {
  settings set = {.descriptor = -1, .batch = 1, .count = 1000};
  for (int i = 1; i < count; i += 2) {
    const char *flag = arguments[i], *value = arguments[i + 1];
    if (value == NULL) fail("%s needs a value", flag);
    if (strcmp(flag, "--directory") == 0) set.directory = value;
    else if (strcmp(flag, "--name") == 0) set.name = value;
    else if (strcmp(flag, "--role") == 0) set.role = value;
    else if (strcmp(flag, "--descriptor") == 0) set.descriptor = (int)number(flag, value);
    else if (strcmp(flag, "--ring") == 0) set.ring = number(flag, value);
    else if (strcmp(flag, "--count") == 0) set.count = number(flag, value);
    else if (strcmp(flag, "--id") == 0) set.id = number(flag, value);
    else if (strcmp(flag, "--batch") == 0) set.batch = number(flag, value);
    else if (strcmp(flag, "--peers") == 0) set.peers = number(flag, value);
    else if (strcmp(flag, "--wait") == 0 && strcmp(value, "sleep") == 0) set.sleep = true;
    else if (strcmp(flag, "--wait") == 0 && strcmp(value, "spin") == 0) set.sleep = false;
    else if (strcmp(flag, "--create") == 0 && set.creates < 2)
      set.create[set.creates++] = geometry(value);
    else fail("%s %s is not known", flag, value);
  }
  if (set.role == NULL || (set.name == NULL && set.descriptor < 0))
    fail("--role and --name or --descriptor are needed");
  if (set.batch < 1 || set.batch > BATCH_MAX) fail("--batch is 1 to %d", BATCH_MAX);
  return set;
}

static void attach(rondo_segment *segment, const settings *set) {
  rondo_error error;
  int code;
  if (set->creates > 0) {
    code = rondo_create(segment, set->directory, set->name, set->create, set->creates, &error);
  } else if (set->descriptor >= 0) {
    code = rondo_attach(segment, set->descriptor, &error);
  } else {
    int64_t end = rr_microseconds() + OPEN_SECONDS * INT64_C(1000000);
    while ((code = rondo_open(segment, set->directory, set->name, &error)) != RONDO_OK) {
      if (code != RONDO_ERR_RING_NOT_FOUND || rr_microseconds() > end) break;
      usleep(5000);
    }
  }
  if (code != RONDO_OK) fail("%s: %s", rondo_code_name(code), error.message);
}

int main(int count, char **arguments) {
  settings set = parse(count, arguments);
  rondo_segment segment;
  attach(&segment, &set);
  if (strcmp(set.role, "producer") == 0) run_producer(&segment, &set);
  else if (strcmp(set.role, "consumer") == 0) run_consumer(&segment, &set);
  else if (strcmp(set.role, "client") == 0) run_client(&segment, &set);
  else if (strcmp(set.role, "server") == 0) run_server(&segment, &set);
  else fail("--role %s is not known", set.role);
  rondo_close(&segment);
  return 0;
}
