// Unit tests of rondo_ring.h: one process, no other threads. `test-processes.c` has the rest.
#include "test.h"

static const uint32_t TOPOLOGIES[] = {RONDO_SPSC, RONDO_MPSC, RONDO_MPMC, RONDO_BROADCAST};
#define EACH_TOPOLOGY(t) (uint32_t t = RONDO_SPSC; t <= RONDO_BROADCAST; t++)

// ---- Texts ----

static void test_fingerprints(void) {
  CHECK(rr_fingerprint("abc", 3) == 0xeacf018fbf1678ba);
  CHECK(rr_fingerprint("", 0) == 0x141cfc9842c4b0e3);
  char text[200];
  memset(text, 'a', sizeof text);
  CHECK(rr_fingerprint(text, 55) == 0xd92d0cd3f890439f);
  CHECK(rr_fingerprint(text, 56) == 0x48096faca43954b3);
  CHECK(rr_fingerprint(text, 64) == 0x6dcbe07afe54e0ff);
  CHECK(rr_fingerprint(text, 200) == 0x87f95d8fd908a9c2);
}

static void test_names_of_codes(void) {
  CHECK(strcmp(rondo_code_name(RONDO_ERR_SYSTEM), "ERR_SYSTEM") == 0);
  CHECK(strcmp(rondo_code_name(RONDO_ERR_RING_POISONED), "ERR_RING_POISONED") == 0);
  CHECK(strcmp(rondo_code_name(RONDO_ERR_RING_DIRECTORY), "ERR_RING_DIRECTORY") == 0);
  CHECK(strcmp(rondo_code_name(RONDO_TIMEOUT), "timeout") == 0);
  CHECK(strcmp(rondo_code_name(-99), "unknown") == 0);
}

static void test_schemas(void) {
  static const char longer[] = "rondo-struct 1\nname md.Trade\nfield id u64 0\nfield price f64 8\n"
                               "field note slab:text 16\nfield extra u64 24\nsize 32 align 8\n";
  static const char other[] = "rondo-struct 1\nname md.Trade\nfield id u64 0\nfield price f32 8\n"
                              "field note slab:text 16\nsize 24 align 8\n";
  rondo_segment segment;
  rondo_producer producer;
  rondo_consumer consumer;
  rondo_error error;
  make_ring(&segment, (rondo_ring_options){.schema = longer, .topology = RONDO_SPSC, .slots = 4,
                                           .slab_bytes = 256});
  CHECK_CODE(rondo_producer_open(&producer, &segment, 0, TRADE, NULL, &error),
             RONDO_ERR_RING_SCHEMA);
  CHECK(strstr(error.message, "there `field extra u64 24`") != NULL);
  CHECK_CODE(rondo_consumer_open(&consumer, &segment, 0, other, NULL, &error),
             RONDO_ERR_RING_SCHEMA);
  CHECK(strstr(error.message, "here `field price f32 8`, there `field price f64 8`") != NULL);
  CHECK_CODE(rondo_try_push(&producer, "x"), RONDO_ERR_RING_CLOSED);
  // Who knows the first fields only takes the stride from the ring.
  CHECK_CODE(rondo_consumer_open(&consumer, &segment, 0, TRADE, NULL, &error), RONDO_OK);
  CHECK_CODE(rondo_producer_open(&producer, &segment, 0, longer, NULL, &error), RONDO_OK);
  for (uint64_t id = 0; id < 10; id++) {
    trade got;
    CHECK_CODE(push_trade(&producer, id, 20), RONDO_OK);
    CHECK_CODE(rondo_try_pop(&consumer, &got), RONDO_OK);
    CHECK(is_trade(&consumer, &got, id, 20));
  }
  rondo_producer_close(&producer);
  rondo_consumer_close(&consumer);
  rondo_close(&segment);
}

static void test_optional_pieces(void) {
  static const char schema[] = "rondo-struct 1\nname t.Optional\nfield _present presence 0\n"
                               "field note optional:0(slab:text) 4\nsize 12 align 4\n";
  struct {
    uint32_t present;
    rondo_piece note;
  } *out, got;
  rondo_segment segment;
  rondo_producer producer;
  rondo_consumer consumer;
  void *slot;
  make_ring(&segment, (rondo_ring_options){.schema = schema, .topology = RONDO_SPSC, .slots = 4,
                                           .slab_bytes = 64});
  CHECK_CODE(rondo_consumer_open(&consumer, &segment, 0, schema, NULL, NULL), RONDO_OK);
  CHECK_CODE(rondo_producer_open(&producer, &segment, 0, schema, NULL, NULL), RONDO_OK);
  CHECK_CODE(rondo_try_claim(&producer, &slot), RONDO_OK);
  out = slot;
  out->note = (rondo_piece){12345, 67890}; // Of a field that is not there, whatever lies there.
  CHECK_CODE(rondo_commit(&producer), RONDO_OK);
  CHECK_CODE(rondo_try_pop(&consumer, &got), RONDO_OK);
  CHECK(got.present == 0 && got.note.length == 0);
  rondo_producer_close(&producer);
  rondo_consumer_close(&consumer);
  rondo_close(&segment);
}

static void test_geometries(void) {
  rondo_segment segment;
  rondo_error error;
  const rondo_ring_options wrong[] = {
      {.topology = 0},
      {.topology = 5},
      {.topology = RONDO_SPSC, .lanes = 2},
      {.topology = RONDO_SPSC, .consumers = 2},
      {.topology = RONDO_MPSC, .lanes = 65},
      {.topology = RONDO_MPSC, .consumers = 2},
      {.topology = RONDO_MPMC, .consumers = 65},
      {.topology = RONDO_BROADCAST, .lanes = 2},
      {.topology = RONDO_SPSC, .slots = 3},
      {.topology = RONDO_SPSC, .slots = 1u << 25},
      {.topology = RONDO_SPSC, .slab_bytes = 32},
      {.topology = RONDO_SPSC, .slab_bytes = 96},
      {.topology = RONDO_SPSC, .slab_bytes = 1u << 30},
      {.topology = RONDO_MPSC, .lanes = 64, .slab_bytes = 1u << 29},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    rondo_ring_options options = wrong[i];
    options.schema = TRADE;
    CHECK_CODE(rondo_create(&segment, NULL, NULL, &options, 1, &error), RONDO_ERR_OPTION_RANGE);
  }
  CHECK_CODE(rondo_create(&segment, NULL, "../x", &wrong[2], 1, &error), RONDO_ERR_RING_NAME);
  CHECK_CODE(rondo_create(&segment, NULL, ".x", &wrong[2], 1, &error), RONDO_ERR_RING_NAME);
  CHECK_CODE(rondo_create(&segment, NULL, NULL, &wrong[2], 1, &error), RONDO_ERR_RING_SCHEMA);
}

// ---- Messages ----

// Positions before which everything wraps.
static void start_at(rondo_segment *segment, uint32_t position, uint32_t slab) {
  rondo_ring *ring = &segment->ring[0];
  for (uint32_t lane = 0; lane < ring->lanes; lane++) {
    rondo_word *control = rr_control(ring, lane);
    rr_store(control + RR_TAIL, position);
    rr_store(control + RR_INTENT, position);
    rr_store(control + RR_SLAB_TAIL, slab);
    rr_store(control + RR_SLAB_INTENT, slab);
    for (uint32_t i = 0; i < ring->cursors; i++)
      rr_store(rr_cursor(ring, lane, i) + RR_HEAD, position);
  }
}

// Pushes and pops in bursts of up to `burst`; everything arrives, in order.
static void exchange(rondo_ring_options options, uint32_t position, uint32_t slab, uint32_t count,
                     uint32_t burst) {
  rondo_segment segment;
  rondo_producer producer;
  rondo_consumer consumer;
  uint32_t limit = options.slab_bytes / 4 > 200 ? 200 : options.slab_bytes / 4;
  make_ring(&segment, options);
  start_at(&segment, position, slab);
  open_both(&segment, &producer, &consumer);
  rondo_consumers(&producer);
  uint64_t sent = 0, got = 0;
  while (got < count) {
    for (uint32_t i = 0; i < burst && sent < count; i++) {
      int code = push_trade(&producer, sent, limit);
      if (code == RONDO_FULL) break;
      CHECK_CODE(code, RONDO_OK);
      sent++;
    }
    for (;;) {
      trade in;
      int code = rondo_try_pop(&consumer, &in);
      if (code == RONDO_EMPTY) break;
      CHECK_CODE(code, RONDO_OK);
      if (code != RONDO_OK) exit(finish("test"));
      CHECK(is_trade(&consumer, &in, got, limit));
      got++;
    }
  }
  rondo_producer_close(&producer);
  trade none;
  CHECK_CODE(rondo_try_pop(&consumer, &none), RONDO_ENDED);
  CHECK(consumer.lost == 0);
  rondo_consumer_close(&consumer);
  rondo_close(&segment);
}

static void test_messages(void) {
  const uint32_t positions[] = {0, 7, UINT32_MAX - 2, UINT32_MAX - 40};
  for EACH_TOPOLOGY (t)
    for (int lossy = 0; lossy < 2; lossy++)
      for (int p = 0; p < 4; p++)
        for (uint32_t slots = 1; slots <= 16; slots *= 4) {
          rondo_ring_options options = {.topology = t, .lossy = lossy, .slots = slots};
          // Bursts fit lossy rings: what is overwritten is another test's.
          exchange(options, positions[p], 0, 100, slots);
          options.slab_bytes = 64;
          exchange(options, positions[p], positions[p] * 8, 100, lossy ? 1 : slots);
          options.slab_bytes = 1024;
          exchange(options, positions[p], UINT32_MAX - 99, 100, lossy ? 1 : slots);
        }
}

static void test_batches(void) {
  for EACH_TOPOLOGY (t) {
    rondo_segment segment;
    rondo_producer producer;
    rondo_consumer consumer;
    trade out[20], in[20];
    uint32_t count;
    memset(out, 0, sizeof out);
    make_ring(&segment, (rondo_ring_options){.topology = t, .slots = 16});
    open_both(&segment, &producer, &consumer);
    rondo_consumers(&producer);
    for (uint64_t i = 0; i < 20; i++) out[i] = (trade){.id = i, .price = 1.5};
    CHECK_CODE(rondo_try_push_many(&producer, out, 20, &count), RONDO_OK);
    CHECK(count == 16);
    CHECK_CODE(rondo_try_push_many(&producer, out + 16, 4, &count), RONDO_FULL);
    CHECK(count == 0);
    CHECK_CODE(rondo_try_pop_many(&consumer, in, 5, &count), RONDO_OK);
    CHECK(count == 5 && memcmp(in, out, 5 * sizeof *in) == 0);
    CHECK_CODE(rondo_try_push_many(&producer, out + 16, 4, &count), RONDO_OK);
    CHECK(count == 4);
    CHECK_CODE(rondo_try_pop_many(&consumer, in, 20, &count), RONDO_OK);
    CHECK(count == 15 && memcmp(in, out + 5, 15 * sizeof *in) == 0);
    CHECK_CODE(rondo_try_pop_many(&consumer, in, 20, &count), RONDO_EMPTY);
    rondo_producer_close(&producer);
    CHECK_CODE(rondo_try_pop_many(&consumer, in, 20, &count), RONDO_ENDED);
    rondo_consumer_close(&consumer);
    rondo_close(&segment);
  }
}

static void test_publishing_and_aborting(void) {
  rondo_segment segment;
  rondo_producer producer;
  rondo_consumer consumer;
  rondo_producer_options options = {.publish_every = 3};
  trade got;
  void *slot, *again;
  make_ring(&segment, (rondo_ring_options){.topology = RONDO_SPSC, .slots = 8, .slab_bytes = 256});
  CHECK_CODE(rondo_consumer_open(&consumer, &segment, 0, TRADE, NULL, NULL), RONDO_OK);
  CHECK_CODE(rondo_producer_open(&producer, &segment, 0, TRADE, &options, NULL), RONDO_OK);
  CHECK_CODE(rondo_commit(&producer), RONDO_ERR_RING_CLAIM);
  CHECK_CODE(rondo_abort(&producer), RONDO_ERR_RING_CLAIM);
  CHECK_CODE(push_trade(&producer, 0, 20), RONDO_OK);
  CHECK_CODE(push_trade(&producer, 1, 20), RONDO_OK);
  CHECK_CODE(rondo_try_pop(&consumer, &got), RONDO_EMPTY);
  CHECK_CODE(push_trade(&producer, 2, 20), RONDO_OK);
  for (uint64_t id = 0; id < 3; id++) {
    CHECK_CODE(rondo_try_pop(&consumer, &got), RONDO_OK);
    CHECK(is_trade(&consumer, &got, id, 20));
  }
  // An aborted message was never there, nor its pieces.
  uint32_t slab = producer.slab_tail;
  CHECK_CODE(rondo_try_claim(&producer, &slot), RONDO_OK);
  CHECK_CODE(rondo_try_claim(&producer, &again), RONDO_ERR_RING_CLAIM);
  CHECK_CODE(rondo_try_piece(&producer, &((trade *)slot)->note, "gone", 4), RONDO_OK);
  ((trade *)slot)->id = 99;
  CHECK_CODE(rondo_abort(&producer), RONDO_OK);
  CHECK(producer.slab_tail == slab);
  CHECK_CODE(rondo_try_claim(&producer, &again), RONDO_OK);
  CHECK(again == slot && ((trade *)again)->id == 0 && ((trade *)again)->note.length == 0);
  CHECK_CODE(rondo_abort(&producer), RONDO_OK);
  CHECK(rr_load(producer.control + RR_ABORTED) == 2);
  CHECK_CODE(push_trade(&producer, 3, 20), RONDO_OK);
  CHECK_CODE(rondo_flush(&producer), RONDO_OK);
  CHECK_CODE(rondo_try_pop(&consumer, &got), RONDO_OK);
  CHECK(is_trade(&consumer, &got, 3, 20));
  rondo_producer_close(&producer);
  rondo_consumer_close(&consumer);
  rondo_close(&segment);
}

static void test_reading_in_place(void) {
  rondo_segment segment;
  rondo_producer producer;
  rondo_consumer consumer;
  const void *at;
  make_ring(&segment, (rondo_ring_options){.topology = RONDO_SPSC, .slots = 4, .slab_bytes = 256});
  open_both(&segment, &producer, &consumer);
  for (uint64_t id = 0; id < 4; id++) CHECK_CODE(push_trade(&producer, id, 20), RONDO_OK);
  for (uint64_t id = 0; id < 3; id++) {
    CHECK_CODE(rondo_try_read(&consumer, &at), RONDO_OK);
    CHECK(is_trade(&consumer, at, id, 20));
    CHECK((const unsigned char *)at > segment.base);
  }
  CHECK_CODE(push_trade(&producer, 4, 20), RONDO_FULL);
  CHECK_CODE(rondo_release(&consumer), RONDO_OK);
  CHECK_CODE(push_trade(&producer, 4, 20), RONDO_OK);
  // What was taken and not released comes again for the successor.
  CHECK_CODE(rondo_try_read(&consumer, &at), RONDO_OK);
  consumer.lane[0].head = consumer.lane[0].released;
  rondo_consumer_detach(&consumer);
  CHECK_CODE(rondo_consumer_open(&consumer, &segment, 0, TRADE, NULL, NULL), RONDO_OK);
  char text[8];
  CHECK_CODE(rondo_try_read(&consumer, &at), RONDO_OK);
  CHECK(is_trade(&consumer, at, 3, 20));
  CHECK(rondo_copy_bytes(&consumer, &((const trade *)at)->note, text, 8) == 0 ||
        ((const trade *)at)->note.length > 0);
  rondo_consumer_close(&consumer);
  CHECK_CODE(push_trade(&producer, 5, 20), RONDO_OK); // Found out when it is published.
  CHECK_CODE(push_trade(&producer, 6, 20), RONDO_CLOSED);
  rondo_producer_close(&producer);
  rondo_close(&segment);
}

// ---- The slab ----

static void test_slab_limits(void) {
  rondo_segment segment;
  rondo_producer producer;
  rondo_consumer consumer;
  static const char text[512] = "x";
  void *slot;
  trade got;
  make_ring(&segment, (rondo_ring_options){.topology = RONDO_SPSC, .slots = 8, .slab_bytes = 64});
  open_both(&segment, &producer, &consumer);
  for (uint32_t length = 64; length > 0; length--) { // From all positions, into an empty ring.
    CHECK_CODE(rondo_try_claim(&producer, &slot), RONDO_OK);
    CHECK_CODE(rondo_try_piece(&producer, &((trade *)slot)->note, text, length), RONDO_OK);
    CHECK_CODE(rondo_commit(&producer), RONDO_OK);
    CHECK_CODE(rondo_try_pop(&consumer, &got), RONDO_OK);
    CHECK(got.note.length == length);
  }
  CHECK_CODE(rondo_try_claim(&producer, &slot), RONDO_OK);
  CHECK_CODE(rondo_try_piece(&producer, &((trade *)slot)->note, text, 65),
             RONDO_ERR_RING_MESSAGE_SIZE);
  CHECK_CODE(rondo_abort(&producer), RONDO_OK);
  // Two pieces that fit only from the beginning of the slab on: refused once, then they fit.
  int tries = 0, code = RONDO_FULL;
  for (; tries < 3 && code != RONDO_OK; tries++) {
    CHECK_CODE(rondo_try_claim(&producer, &slot), RONDO_OK);
    code = rondo_try_piece(&producer, &((trade *)slot)->note, text, 8);
    if (code == RONDO_OK) code = rondo_try_piece(&producer, &((trade *)slot)->note, text, 56);
    if (code == RONDO_OK) break;
    CHECK_CODE(code, RONDO_FULL);
    CHECK_CODE(rondo_abort(&producer), RONDO_OK);
    CHECK_CODE(rondo_wait_writable(&producer, 0), RONDO_OK);
  }
  CHECK_CODE(code, RONDO_OK);
  CHECK_CODE(rondo_try_piece(&producer, &((trade *)slot)->note, text, 1),
             RONDO_ERR_RING_MESSAGE_SIZE);
  CHECK_CODE(rondo_abort(&producer), RONDO_OK);
  rondo_producer_close(&producer);
  rondo_consumer_close(&consumer);
  rondo_close(&segment);
}

// ---- Roles ----

static void test_roles(void) {
  rondo_segment segment;
  rondo_producer one, two, three;
  rondo_consumer consumer, other;
  rondo_error error;
  make_ring(&segment, (rondo_ring_options){.topology = RONDO_MPSC, .slots = 4, .lanes = 2});
  CHECK_CODE(rondo_producer_open(&one, &segment, 0, TRADE, NULL, NULL), RONDO_OK);
  CHECK_CODE(rondo_producer_open(&two, &segment, 0, TRADE, NULL, NULL), RONDO_OK);
  CHECK(one.lane == 0 && two.lane == 1);
  CHECK_CODE(rondo_producer_open(&three, &segment, 0, TRADE, NULL, &error),
             RONDO_ERR_RING_ROLE_TAKEN);
  CHECK(strstr(error.message, "all 2 are taken") != NULL);
  CHECK_CODE(rondo_producer_open(&three, &segment, 1, TRADE, NULL, &error),
             RONDO_ERR_OPTION_RANGE);
  rondo_producer_close(&one);
  rondo_producer_detach(&two);
  // The lane that was left open comes first: the ring does not end before.
  CHECK_CODE(rondo_consumer_open(&consumer, &segment, 0, TRADE, NULL, NULL), RONDO_OK);
  CHECK_CODE(rondo_consumer_open(&other, &segment, 0, TRADE, NULL, NULL),
             RONDO_ERR_RING_ROLE_TAKEN);
  trade got;
  CHECK_CODE(rondo_try_pop(&consumer, &got), RONDO_EMPTY);
  CHECK_CODE(rondo_producer_open(&three, &segment, 0, TRADE, NULL, NULL), RONDO_OK);
  CHECK(three.lane == 1);
  CHECK_CODE(push_trade(&three, 0, 0), RONDO_OK);
  rondo_producer_close(&three);
  CHECK_CODE(rondo_try_pop(&consumer, &got), RONDO_OK);
  CHECK_CODE(rondo_try_pop(&consumer, &got), RONDO_ENDED);
  CHECK_CODE(rondo_wait_readable(&consumer, -1), RONDO_OK);
  CHECK_CODE(rondo_pop(&consumer, &got, -1), RONDO_ENDED);
  rondo_consumer_close(&consumer);
  CHECK_CODE(rondo_try_pop(&consumer, &got), RONDO_ERR_RING_CLOSED);
  rondo_close(&segment);
  rondo_close(&segment);
}

// Owner words that name a generation that is over are freed by who is refused because of them.
static void test_stale_owners(void) {
  rondo_segment segment;
  rondo_producer producer;
  make_ring(&segment, (rondo_ring_options){.topology = RONDO_SPSC, .slots = 4});
  rr_store(rr_owner(&segment.ring[0], RR_BLOCK_LANE_OWNERS, 0), rr_owner_word(9, 5 << 2));
  CHECK_CODE(rondo_producer_open(&producer, &segment, 0, TRADE, NULL, NULL), RONDO_OK);
  rondo_producer_close(&producer);
  rr_store(rr_owner(&segment.ring[0], RR_BLOCK_LANE_OWNERS, 0), 0xff); // There is no such entry.
  CHECK_CODE(rondo_producer_open(&producer, &segment, 0, TRADE, NULL, NULL), RONDO_OK);
  rondo_producer_close(&producer);
  rondo_close(&segment);
}

// ---- Broadcast and lossy rings ----

static void test_gated_broadcast(void) {
  rondo_segment segment;
  rondo_producer producer;
  rondo_consumer one, two;
  trade got;
  make_ring(&segment, (rondo_ring_options){.topology = RONDO_BROADCAST, .slots = 4,
                                           .consumers = 2, .slab_bytes = 256});
  CHECK_CODE(rondo_producer_open(&producer, &segment, 0, TRADE, NULL, NULL), RONDO_OK);
  for (uint64_t id = 0; id < 20; id++) CHECK_CODE(push_trade(&producer, id, 20), RONDO_OK);
  CHECK_CODE(rondo_consumer_open(&one, &segment, 0, TRADE, NULL, NULL), RONDO_OK);
  CHECK_CODE(rondo_try_pop(&one, &got), RONDO_EMPTY);
  CHECK(one.asking);
  CHECK_CODE(push_trade(&producer, 20, 20), RONDO_OK); // Let in before this is published.
  CHECK_CODE(rondo_try_pop(&one, &got), RONDO_OK);
  CHECK(is_trade(&one, &got, 20, 20) && !one.asking);
  CHECK_CODE(rondo_consumer_open(&two, &segment, 0, TRADE, NULL, NULL), RONDO_OK);
  CHECK(rondo_consumers(&producer) == 2);
  for (uint64_t id = 21; id < 25; id++) CHECK_CODE(push_trade(&producer, id, 20), RONDO_OK);
  for (uint64_t id = 21; id < 25; id++) {
    CHECK_CODE(rondo_try_pop(&one, &got), RONDO_OK);
    CHECK(is_trade(&one, &got, id, 20));
  }
  CHECK_CODE(push_trade(&producer, 25, 20), RONDO_FULL); // The slowest counts.
  CHECK_CODE(rondo_try_pop(&two, &got), RONDO_OK);
  CHECK(is_trade(&two, &got, 21, 20));
  CHECK_CODE(push_trade(&producer, 25, 20), RONDO_OK);
  CHECK_CODE(push_trade(&producer, 26, 20), RONDO_FULL);
  rondo_consumer_close(&two); // Who goes does not hold anybody up.
  CHECK_CODE(push_trade(&producer, 26, 20), RONDO_OK);
  // A head that cannot be is ignored; an asking consumer when the ring ends ends too.
  rr_store(rr_cursor(&segment.ring[0], 0, 1) + RR_HEAD, 12345678);
  rr_store(rr_owner(&segment.ring[0], RR_BLOCK_PLACE_OWNERS, 1), one.mine);
  CHECK_CODE(push_trade(&producer, 27, 20), RONDO_OK);
  rr_store(rr_owner(&segment.ring[0], RR_BLOCK_PLACE_OWNERS, 1), 0);
  rondo_producer_close(&producer);
  CHECK_CODE(rondo_consumer_open(&two, &segment, 0, TRADE, NULL, NULL), RONDO_OK);
  CHECK_CODE(rondo_try_pop(&two, &got), RONDO_ENDED);
  for (uint64_t id = 25; id < 28; id++) {
    CHECK_CODE(rondo_try_pop(&one, &got), RONDO_OK);
    CHECK(is_trade(&one, &got, id, 20));
  }
  CHECK_CODE(rondo_try_pop(&one, &got), RONDO_ENDED);
  rondo_consumer_close(&one);
  rondo_consumer_close(&two);
  rondo_close(&segment);
}

static void test_lossy(void) {
  for (uint32_t i = 0; i < 4; i++)
    for (uint32_t every = 1; every <= 4; every++) {
      rondo_segment segment;
      rondo_producer producer;
      rondo_consumer consumer;
      rondo_producer_options options = {.publish_every = every};
      trade got;
      make_ring(&segment, (rondo_ring_options){.topology = TOPOLOGIES[i], .slots = 8, .lossy = true,
                                               .slab_bytes = 256});
      start_at(&segment, UINT32_MAX - 20, UINT32_MAX - 50);
      CHECK_CODE(rondo_consumer_open(&consumer, &segment, 0, TRADE, NULL, NULL), RONDO_OK);
      CHECK_CODE(rondo_producer_open(&producer, &segment, 0, TRADE, &options, NULL), RONDO_OK);
      for (uint64_t id = 0; id < 100; id++) CHECK_CODE(push_trade(&producer, id, 20), RONDO_OK);
      rondo_flush(&producer);
      uint64_t next = 0, received = 0;
      while (rondo_try_pop(&consumer, &got) == RONDO_OK) {
        CHECK(got.id >= next && is_trade(&consumer, &got, got.id, 20));
        next = got.id + 1;
        received++;
      }
      CHECK(received >= 3 && received <= 8 && next == 100);
      CHECK(consumer.lost + received == 100);
      CHECK(rr_load(consumer.lane[0].cursor + RR_LOST) == consumer.lost);
      rondo_producer_close(&producer);
      CHECK_CODE(rondo_try_pop(&consumer, &got), RONDO_ENDED);
      rondo_consumer_close(&consumer);
      rondo_close(&segment);
    }
}

// ---- Lies ----

static void expect_poison(rondo_segment *segment, uint32_t code) {
  CHECK(rondo_poison(segment, 0) == code);
  rr_store(rr_word(segment->ring[0].block, RR_BLOCK_POISON), 0);
}

static void test_lies(void) {
  for EACH_TOPOLOGY (t) {
    rondo_segment segment;
    rondo_producer producer;
    rondo_consumer consumer;
    trade got;
    make_ring(&segment, (rondo_ring_options){.topology = t, .slots = 4, .slab_bytes = 64});
    open_both(&segment, &producer, &consumer);
    rondo_consumers(&producer);
    CHECK_CODE(rondo_try_pop(&consumer, &got), RONDO_EMPTY);
    rr_store(producer.control + RR_TAIL, 5);
    CHECK_CODE(rondo_try_pop(&consumer, &got), RONDO_ERR_RING_POISONED);
    CHECK_CODE(rondo_try_pop(&consumer, &got), RONDO_ERR_RING_POISONED);
    expect_poison(&segment, RR_LIE_TAIL);
    rr_store(producer.control + RR_TAIL, 0);
    consumer.state = RONDO_OK;
    // A reference that reaches behind the end.
    void *slot;
    CHECK_CODE(rondo_try_claim(&producer, &slot), RONDO_OK);
    ((trade *)slot)->note = (rondo_piece){60, 5};
    CHECK_CODE(rondo_commit(&producer), RONDO_OK);
    CHECK_CODE(rondo_try_pop(&consumer, &got), RONDO_ERR_RING_POISONED);
    expect_poison(&segment, RR_LIE_PIECE);
    rondo_release(&consumer);
    // A head that is ahead of the tail. On gated broadcast rings it is ignored.
    rr_store(rr_cursor(&segment.ring[0], 0, 0) + RR_HEAD, 2);
    int code = RONDO_OK;
    for (int i = 0; i < 9 && code == RONDO_OK; i++) code = push_trade(&producer, 0, 0);
    if (t == RONDO_BROADCAST) CHECK(code == RONDO_OK || code == RONDO_FULL);
    else CHECK(code == RONDO_FULL || code == RONDO_ERR_RING_POISONED);
    rr_store(rr_cursor(&segment.ring[0], 0, 0) + RR_HEAD, 1000);
    producer.head = producer.tail - 4;
    code = push_trade(&producer, 0, 0);
    CHECK_CODE(code, t == RONDO_BROADCAST ? RONDO_OK : RONDO_ERR_RING_POISONED);
    if (t != RONDO_BROADCAST) expect_poison(&segment, RR_LIE_HEAD);
    rondo_close(&segment);
    rr_free_consumer(&consumer);
  }
}

// Every byte that is read when attaching, changed in two ways: refused, or of no consequence.
static void test_every_header_byte(void) {
  rondo_segment segment, other;
  rondo_error error;
  make_ring(&segment, (rondo_ring_options){.topology = RONDO_MPMC, .lanes = 2, .consumers = 3,
                                           .slots = 8, .slab_bytes = 256});
  uint32_t block = (uint32_t)(segment.ring[0].block - segment.base), refused = 0;
  for (uint32_t at = 0; at < block + 1024; at++) {
    if (at == 4096) at = RR_SCHEMAS; // Participants are not read.
    for (int way = 0; way < 2; way++) {
      unsigned char was = segment.base[at];
      segment.base[at] = (unsigned char)(was ^ (way == 0 ? 0xff : 1));
      int code = rondo_attach(&other, segment.descriptor, &error);
      segment.base[at] = was;
      if (code == RONDO_OK) {
        const rondo_ring *one = &segment.ring[0], *two = &other.ring[0];
        CHECK(one->lanes == two->lanes && one->slots == two->slots);
        CHECK(one->stride == two->stride && one->slab_bytes == two->slab_bytes);
        CHECK(other.bytes == segment.bytes && two->block - other.base == block);
        rondo_close(&other);
      } else {
        CHECK_CODE(code, RONDO_ERR_RING_SEGMENT);
        refused++;
      }
    }
  }
  CHECK(refused > 300);
  rondo_close(&segment);
  CHECK_CODE(rondo_attach(&other, 0, &error), RONDO_ERR_RING_SEGMENT);
  int fd = memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  CHECK(ftruncate(fd, 20480) == 0);
  CHECK_CODE(rondo_attach(&other, fd, &error), RONDO_ERR_RING_SEGMENT);
  CHECK(fcntl(fd, F_ADD_SEALS, RR_SEALS) == 0);
  CHECK_CODE(rondo_attach(&other, fd, &error), RONDO_ERR_RING_SEGMENT);
  close(fd);
}

int main(void) {
  static const struct {
    const char *name;
    void (*run)(void);
  } tests[] = {
      {"fingerprints", test_fingerprints},
      {"names of codes", test_names_of_codes},
      {"schemas", test_schemas},
      {"optional pieces", test_optional_pieces},
      {"geometries", test_geometries},
      {"messages", test_messages},
      {"batches", test_batches},
      {"publishing and aborting", test_publishing_and_aborting},
      {"reading in place", test_reading_in_place},
      {"slab limits", test_slab_limits},
      {"roles", test_roles},
      {"stale owners", test_stale_owners},
      {"gated broadcast", test_gated_broadcast},
      {"lossy", test_lossy},
      {"lies", test_lies},
      {"every header byte", test_every_header_byte},
  };
  for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
    current = tests[i].name;
    tests[i].run();
  }
  return finish("test");
}
