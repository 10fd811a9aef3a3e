// Tests of rondo_ring.h with threads and processes: `test-processes [threads|processes|speed]`.
// The threads run under a thread sanitizer too.
#include "test.h"

static trade nothing;

// ---- Threads of one process, each with a mapping of its own ----

typedef struct {
  rondo_segment *segment;
  uint64_t count, first, received, lost;
  uint32_t limit, peers;
  atomic_bool *go;
} work;

static void *produce_all(void *argument) {
  work *w = argument;
  rondo_segment segment;
  rondo_producer producer;
  rondo_producer_options options = {.publish_every = 1 + (uint32_t)(w->first % 3)};
  CHECK_CODE(rondo_attach(&segment, w->segment->descriptor, NULL), RONDO_OK);
  CHECK_CODE(rondo_producer_open(&producer, &segment, 0, TRADE, &options, NULL), RONDO_OK);
  while (rondo_consumers(&producer) < w->peers) usleep(100);
  while (!*w->go) usleep(100);
  for (uint64_t id = w->first; id < w->first + w->count; id++)
    for (int code = RONDO_FULL; code == RONDO_FULL;) {
      code = push_trade(&producer, id, w->limit);
      if (code == RONDO_FULL) CHECK_CODE(rondo_wait_writable(&producer, -1), RONDO_OK);
      else if (code != RONDO_OK) CHECK_CODE(code, RONDO_OK);
    }
  rondo_producer_close(&producer);
  rondo_close(&segment);
  return NULL;
}

static void *consume_all(void *argument) {
  work *w = argument;
  rondo_segment segment;
  rondo_consumer consumer;
  trade batch[7];
  uint32_t popped;
  uint64_t next[4] = {0, 0, 0, 0};
  CHECK_CODE(rondo_attach(&segment, w->segment->descriptor, NULL), RONDO_OK);
  CHECK_CODE(rondo_consumer_open(&consumer, &segment, 0, TRADE, NULL, NULL), RONDO_OK);
  consumer.expected_lanes = segment.ring[0].lanes;
  for (int code = RONDO_OK; code == RONDO_OK || code == RONDO_EMPTY;) {
    code = rondo_try_pop_many(&consumer, batch, 7, &popped);
    for (uint32_t i = 0; i < popped; i++) {
      uint64_t lane = batch[i].id / 1000000;
      CHECK(lane < 4 && is_trade(&consumer, &batch[i], batch[i].id, w->limit));
      CHECK(batch[i].id >= next[lane & 3]);
      next[lane & 3] = batch[i].id + 1;
    }
    w->received += popped;
    if (code == RONDO_EMPTY) code = rondo_wait_readable(&consumer, -1);
    else if (code != RONDO_OK) CHECK_CODE(code, RONDO_ENDED);
  }
  w->lost = consumer.lost;
  rondo_consumer_close(&consumer);
  rondo_close(&segment);
  return NULL;
}

// Everything that was sent is received once, by all of broadcast or by one of the others.
static void run_threads(rondo_ring_options options, uint64_t count) {
  rondo_segment segment;
  pthread_t producers[4], consumers[4];
  work sending[4], taking[4];
  atomic_bool go = false;
  uint64_t received = 0, lost = 0;
  make_ring(&segment, options);
  uint32_t lanes = segment.ring[0].lanes, places = segment.ring[0].consumers;
  for (uint32_t i = 0; i < places; i++) {
    taking[i] = (work){.segment = &segment, .limit = 20, .go = &go};
    pthread_create(&consumers[i], NULL, consume_all, &taking[i]);
  }
  for (uint32_t i = 0; i < lanes; i++) {
    sending[i] = (work){.segment = &segment, .count = count, .first = i * UINT64_C(1000000),
                        .limit = 20, .peers = places, .go = &go};
    pthread_create(&producers[i], NULL, produce_all, &sending[i]);
  }
  go = true;
  for (uint32_t i = 0; i < lanes; i++) pthread_join(producers[i], NULL);
  for (uint32_t i = 0; i < places; i++) {
    pthread_join(consumers[i], NULL);
    received += taking[i].received;
    lost += taking[i].lost;
  }
  uint64_t copies = options.topology == RONDO_BROADCAST ? places : 1;
  CHECK(received + lost == count * lanes * copies);
  if (!options.lossy) CHECK(lost == 0);
  rondo_close(&segment);
}

static void test_threads(void) {
  const uint64_t count = 20000;
  for (uint32_t lossy = 0; lossy < 2; lossy++)
    for (uint32_t slots = 1; slots <= 64; slots *= 8) {
      rondo_ring_options options = {.lossy = lossy, .slots = slots, .slab_bytes = 512};
      options.topology = RONDO_SPSC;
      run_threads(options, count);
      options.lanes = 3;
      options.topology = RONDO_MPSC;
      run_threads(options, count / 4);
      options.consumers = 3;
      options.topology = RONDO_MPMC;
      run_threads(options, count / 4);
      options.lanes = 1;
      options.topology = RONDO_BROADCAST;
      run_threads(options, count / 4);
    }
}

// ---- Children ----

// Runs a child of this process with a segment of its own mapping; it ends without cleaning up.
static pid_t spawn(rondo_segment *parent, void (*run)(rondo_segment *segment)) {
  fflush(NULL);
  pid_t pid = fork();
  if (pid != 0) return pid;
  rondo_segment segment;
  if (rondo_attach(&segment, parent->descriptor, NULL) == RONDO_OK) run(&segment);
  _exit(failed > 0);
}

static void reap_child(pid_t pid, int expected) {
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(WIFSIGNALED(status) ? WTERMSIG(status) == expected : WEXITSTATUS(status) == 0);
}

static void produce_and_die(rondo_segment *segment) {
  rondo_producer producer;
  rondo_producer_open(&producer, segment, 0, TRADE, NULL, NULL);
  while (rondo_consumers(&producer) == 0) usleep(100);
  for (uint64_t id = 0; id < 3; id++) push_trade(&producer, id, 20);
  void *slot;
  rondo_try_claim(&producer, &slot);
  memset(slot, 0xff, sizeof(trade));
  kill(getpid(), SIGKILL);
}

static void consume_and_die(rondo_segment *segment) {
  rondo_consumer consumer;
  rondo_consumer_open(&consumer, segment, 0, TRADE, NULL, NULL);
  rondo_pop(&consumer, &nothing, -1);
  kill(getpid(), SIGKILL);
}

static uint32_t participants(rondo_segment *segment) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < RR_PARTICIPANTS; i++) count += (rr_load(rr_entry(segment, i)) & 3) != 0;
  return count;
}

// A producer dies with a message half written. `zombie`: its parent has not been told.
static void test_dead_producer(uint32_t topology, bool zombie) {
  rondo_segment segment;
  rondo_consumer consumer;
  rondo_producer successor;
  trade got;
  make_ring(&segment, (rondo_ring_options){.topology = topology, .slots = 8, .slab_bytes = 256});
  CHECK_CODE(rondo_consumer_open(&consumer, &segment, 0, TRADE, NULL, NULL), RONDO_OK);
  pid_t pid = spawn(&segment, produce_and_die);
  siginfo_t info;
  CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
  if (!zombie) reap_child(pid, SIGKILL);
  for (uint64_t id = 0; id < 3; id++) {
    CHECK_CODE(rondo_pop(&consumer, &got, -1), RONDO_OK);
    CHECK(is_trade(&consumer, &got, id, 20));
  }
  CHECK_CODE(rondo_pop(&consumer, &got, -1), RONDO_ERR_RING_PEER_DIED);
  CHECK_CODE(rondo_wait_readable(&consumer, 60000), RONDO_TIMEOUT); // Told once.
  CHECK(participants(&segment) == 1);
  CHECK_CODE(rondo_producer_open(&successor, &segment, 0, TRADE, NULL, NULL), RONDO_OK);
  for (uint64_t id = 3; id < 20; id++) {
    CHECK_CODE(push_trade(&successor, id, 20), RONDO_OK);
    CHECK_CODE(rondo_try_pop(&consumer, &got), RONDO_OK);
    CHECK(is_trade(&consumer, &got, id, 20));
  }
  rondo_producer_close(&successor);
  CHECK_CODE(rondo_try_pop(&consumer, &got), RONDO_ENDED);
  if (zombie) reap_child(pid, SIGKILL);
  rondo_consumer_close(&consumer);
  rondo_close(&segment);
}

static void test_dead_consumer(uint32_t topology) {
  rondo_segment segment;
  rondo_consumer consumer;
  rondo_producer producer;
  trade got;
  make_ring(&segment, (rondo_ring_options){.topology = topology, .slots = 4, .slab_bytes = 256});
  CHECK_CODE(rondo_producer_open(&producer, &segment, 0, TRADE, NULL, NULL), RONDO_OK);
  pid_t pid = spawn(&segment, consume_and_die);
  while (rondo_consumers(&producer) == 0) usleep(100);
  uint64_t id = 0;
  int code = RONDO_OK;
  while (code == RONDO_OK) {
    code = push_trade(&producer, id, 20);
    if (code == RONDO_OK) id++;
    else if (code == RONDO_FULL) code = rondo_wait_writable(&producer, -1);
    if (topology == RONDO_BROADCAST && id == 50) break; // Whom it held up is gone.
  }
  CHECK(id >= 5);
  CHECK(topology == RONDO_BROADCAST || code == RONDO_ERR_RING_PEER_DIED);
  reap_child(pid, SIGKILL);
  CHECK(rondo_consumers(&producer) == 0 && participants(&segment) == 1);
  CHECK_CODE(rondo_consumer_open(&consumer, &segment, 0, TRADE, NULL, NULL), RONDO_OK);
  rondo_consumers(&producer);
  if (topology == RONDO_BROADCAST) CHECK_CODE(push_trade(&producer, id++, 20), RONDO_OK);
  rondo_producer_close(&producer);
  for (uint64_t due = topology == RONDO_BROADCAST ? id - 1 : id - 4; due < id; due++) {
    CHECK_CODE(rondo_try_pop(&consumer, &got), RONDO_OK);
    CHECK(is_trade(&consumer, &got, due, 20));
  }
  CHECK_CODE(rondo_try_pop(&consumer, &got), RONDO_ENDED);
  rondo_consumer_close(&consumer);
  rondo_close(&segment);
}

static void produce_for_ever(rondo_segment *segment) {
  rondo_producer producer;
  rondo_producer_open(&producer, segment, 0, TRADE, NULL, NULL);
  for (;;) rondo_push(&producer, &nothing, -1);
}

// Stopped is slow, not dead; and neither is who is in another pid namespace.
static void test_stopped_and_strange(void) {
  rondo_segment segment;
  rondo_consumer consumer;
  trade got;
  make_ring(&segment, (rondo_ring_options){.topology = RONDO_SPSC, .slots = 4});
  CHECK_CODE(rondo_consumer_open(&consumer, &segment, 0, TRADE, NULL, NULL), RONDO_OK);
  pid_t pid = spawn(&segment, produce_for_ever);
  CHECK_CODE(rondo_pop(&consumer, &got, -1), RONDO_OK);
  kill(pid, SIGSTOP);
  CHECK(waitpid(pid, NULL, WUNTRACED) == pid);
  while (rondo_try_pop(&consumer, &got) == RONDO_OK) continue;
  CHECK_CODE(rondo_pop(&consumer, &got, 120000), RONDO_TIMEOUT);
  kill(pid, SIGCONT);
  CHECK_CODE(rondo_pop(&consumer, &got, -1), RONDO_OK);
  // Its entry, changed as if it were somebody else: another start, boot, and namespace.
  uint32_t index = (rr_load(rr_owner(&segment.ring[0], RR_BLOCK_LANE_OWNERS, 0)) & 0xff) - 1;
  rondo_word *entry = rr_entry(&segment, index);
  uint32_t state = rr_load(entry);
  CHECK(!rr_entry_is_dead(&segment, index, state));
  for (uint32_t word = 4; word <= 8; word += 2) {
    rr_store(entry + word, rr_load(entry + word) ^ 1);
    CHECK(rr_entry_is_dead(&segment, index, state) == (word != 6));
    rr_store(entry + word, rr_load(entry + word) ^ 1);
  }
  rr_store(entry, 1 | 3 << 2 | (uint32_t)pid << 10); // Joining, of a thread that lives.
  CHECK(!rr_entry_is_dead(&segment, index, rr_load(entry)));
  kill(pid, SIGKILL);
  reap_child(pid, SIGKILL);
  CHECK(rr_entry_is_dead(&segment, index, rr_load(entry)));
  CHECK(rondo_reap(&segment) == 1 && rondo_reap(&segment) == 0);
  rondo_consumer_close(&consumer);
  rondo_close(&segment);
}

static void test_deaths(void) {
  for (uint32_t t = RONDO_SPSC; t <= RONDO_BROADCAST; t++) {
    test_dead_producer(t, false);
    test_dead_producer(t, true);
    test_dead_consumer(t);
  }
  test_stopped_and_strange();
}

// ---- A liar at large ----

static void lie_for_ever(rondo_segment *segment) {
  uint64_t random = 88172645463325252u + (uint64_t)getpid();
  rondo_ring *ring = &segment->ring[0];
  uint32_t words = (ring->area + ring->lanes * ring->lane_bytes) / 4;
  for (;;) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    uint32_t word = (uint32_t)(random >> 32) % words, value = (uint32_t)random;
    if ((random >> 60 & 1) != 0) word = RR_BLOCK_LANES / 4 + word % 96; // Positions.
    if ((random >> 61 & 1) != 0) value %= 64;
    if (word == RR_BLOCK_POISON / 4) value = 0; // So that it goes on.
    rr_store(rr_word(ring->block, 4 * (size_t)word), value);
    if ((random >> 56 & 7) == 0) usleep(1);
  }
}

// Whatever somebody writes into the ring: nobody reads or writes outside it, or hangs.
static void test_liar(void) {
  for (uint32_t t = RONDO_SPSC; t <= RONDO_BROADCAST; t++)
    for (int lossy = 0; lossy < 2; lossy++) {
      rondo_segment segment;
      make_ring(&segment, (rondo_ring_options){.topology = t, .slots = 8, .slab_bytes = 256,
                                               .lossy = lossy});
      pid_t pid = spawn(&segment, lie_for_ever);
      for (int round = 0; round < 150; round++) {
        rondo_producer producer;
        rondo_consumer consumer;
        trade got;
        // Owners are among what is lied about: they may be refused, but not die.
        for (uint32_t i = 0; i < 2 * RR_OWNERS; i++)
          rr_store(rr_owner(&segment.ring[0], RR_BLOCK_LANE_OWNERS, i), 0);
        bool sends = rondo_producer_open(&producer, &segment, 0, TRADE, NULL, NULL) == RONDO_OK;
        bool takes = rondo_consumer_open(&consumer, &segment, 0, TRADE, NULL, NULL) == RONDO_OK;
        for (int i = 0; i < 40; i++) {
          if (sends && push_trade(&producer, (uint64_t)i, 60) == RONDO_FULL)
            rondo_wait_writable(&producer, 0);
          if (!takes) continue;
          const void *at, *bytes;
          uint32_t length;
          if (i % 2 == 0 && rondo_try_pop(&consumer, &got) == RONDO_OK) {
            CHECK_CODE(rondo_bytes(&consumer, &got.note, &bytes, &length), RONDO_OK);
          } else if (rondo_try_read(&consumer, &at) == RONDO_OK) {
            char copy[256];
            rondo_copy_bytes(&consumer, &((const trade *)at)->note, copy, sizeof copy);
            rondo_release(&consumer);
          }
        }
        if (sends) rondo_producer_close(&producer);
        if (takes) rondo_consumer_close(&consumer);
      }
      kill(pid, SIGKILL);
      reap_child(pid, SIGKILL);
      rondo_close(&segment);
    }
}

// ---- Names ----

static int entries(const char *directory) {
  int count = 0;
  DIR *list = opendir(directory);
  for (struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list))
    count += entry->d_name[0] != '.' || strncmp(entry->d_name, ".new.", 5) == 0;
  closedir(list);
  return count;
}

static void test_names(void) {
  char directory[] = "/dev/shm/rondo-test-XXXXXX", path[200];
  rondo_segment one, two, three;
  rondo_error error;
  rondo_ring_options options = {.schema = TRADE, .topology = RONDO_SPSC, .slots = 4};
  rondo_ring_options channel[2] = {options, options};
  CHECK(mkdtemp(directory) != NULL);
  CHECK_CODE(rondo_open(&one, directory, "a", &error), RONDO_ERR_RING_NOT_FOUND);
  CHECK_CODE(rondo_create(&one, directory, "a", channel, 2, &error), RONDO_OK);
  CHECK_CODE(rondo_create(&two, directory, "a", &options, 1, &error), RONDO_ERR_RING_EXISTS);
  CHECK_CODE(rondo_create(&two, directory, "b", &options, 1, &error), RONDO_OK);
  CHECK_CODE(rondo_open(&three, directory, "a", &error), RONDO_OK);
  CHECK(three.rings == 2 && memcmp(three.id, one.id, 16) == 0 && strcmp(three.name, "a") == 0);
  rondo_close(&one); // Another holder has it still.
  CHECK_CODE(rondo_open(&one, directory, "a", &error), RONDO_OK);
  rondo_close(&one);
  rondo_close(&two);
  rondo_close(&three);
  CHECK(entries(directory) == 0);
  CHECK(chmod(directory, 0755) == 0);
  CHECK_CODE(rondo_open(&one, directory, "a", &error), RONDO_ERR_RING_DIRECTORY);
  CHECK(chmod(directory, 0700) == 0);
  // Creators that were killed, before and after they had shown the name.
  for (int i = 0; i < 20; i++) {
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
      if (i % 2 == 0 && rondo_create(&one, directory, "k", &options, 1, NULL) != RONDO_OK) _exit(1);
      rr_begin(&one, NULL);
      snprintf(path, sizeof path, "%s/.new.%u.%llu.1", directory, one.self.pid,
               (unsigned long long)one.self.start);
      if (mkdir(path, 0700) != 0) _exit(1);
      kill(getpid(), SIGKILL);
    }
    reap_child(pid, SIGKILL);
    CHECK_CODE(rondo_open(&two, directory, "k", &error), RONDO_ERR_RING_NOT_FOUND);
  }
  CHECK(entries(directory) > 0);
  CHECK(rondo_clean(directory, &error) > 0);
  CHECK(entries(directory) == 0);
  CHECK_CODE(rondo_create(&one, directory, "k", &options, 1, &error), RONDO_OK);
  rondo_close(&one);
  CHECK(rmdir(directory) == 0);
}

// ---- Speed ----

static const char TICK[] = "rondo-struct 1\nname t.Tick\nfield id u64 0\nfield price f64 8\n"
                           "field quantity u64 16\nfield flags u64 24\nsize 32 align 8\n";
static uint64_t speed_count;
static uint32_t speed_batch;

static void speed_producer(rondo_segment *segment) {
  rondo_producer producer;
  rondo_producer_options options = {.publish_every = speed_batch};
  rondo_producer_open(&producer, segment, 0, TICK, &options, NULL);
  while (rondo_consumers(&producer) == 0) usleep(100);
  for (uint64_t id = 0; id < speed_count;) {
    void *slot;
    int code = rondo_try_claim(&producer, &slot);
    if (code == RONDO_FULL) code = rondo_wait_writable(&producer, -1);
    else if (code == RONDO_OK) {
      uint64_t *out = slot;
      out[0] = id++;
      out[1] = out[2] = out[3] = id;
      code = rondo_commit(&producer);
    }
    if (code != RONDO_OK) break;
  }
  rondo_producer_close(&producer);
}

static void test_speed(void) {
  for (int batched = 0; batched < 2; batched++) {
    rondo_segment segment;
    rondo_consumer consumer;
    speed_batch = batched ? 64 : 1;
    speed_count = batched ? 50000000 : 10000000;
    make_ring(&segment, (rondo_ring_options){.schema = TICK, .topology = RONDO_SPSC,
                                             .slots = 4096});
    CHECK_CODE(rondo_consumer_open(&consumer, &segment, 0, TICK, NULL, NULL), RONDO_OK);
    pid_t pid = spawn(&segment, speed_producer);
    uint64_t received = 0, sum = 0;
    int64_t begin = 0;
    for (int code = RONDO_OK; code == RONDO_OK;) {
      const void *at;
      code = rondo_try_read(&consumer, &at);
      if (code == RONDO_OK) {
        if (received++ == 0) begin = rr_microseconds();
        sum += ((const uint64_t *)at)[0] + ((const uint64_t *)at)[3];
        if (received % speed_batch == 0) rondo_release(&consumer);
      } else if (code == RONDO_EMPTY) {
        code = rondo_wait_readable(&consumer, -1);
      }
    }
    int64_t end = rr_microseconds();
    CHECK(received == speed_count && sum == speed_count * speed_count);
    printf("speed: spsc, 32 bytes, publish every %u: %.1f M messages/s\n", speed_batch,
           (double)received / (double)(end - begin));
    rondo_consumer_close(&consumer);
    reap_child(pid, 0);
    rondo_close(&segment);
  }
}

int main(int count, char **arguments) {
  static const struct {
    const char *name, *group;
    void (*run)(void);
  } tests[] = {
      {"threads", "threads", test_threads}, {"deaths", "processes", test_deaths},
      {"liar", "processes", test_liar},     {"names", "processes", test_names},
      {"speed", "speed", test_speed},
  };
  for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
    bool wanted = count > 1 ? strcmp(arguments[1], tests[i].group) == 0
                            : strcmp(tests[i].group, "speed") != 0;
    current = tests[i].name;
    if (wanted) tests[i].run();
  }
  return finish("test-processes");
}
