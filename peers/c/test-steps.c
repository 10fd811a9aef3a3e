// A peer is killed at each of its writes to shared memory, one run per step, before and after the
// write: `test-steps killstep.so`. What it published is there, nothing else is, the survivor learns
// of it, and a successor goes on. The preloaded library is test/ring/steps/killstep.c.
#include "test.h"

enum { MESSAGES = 5, LIMIT = 20, STEPS_MAX = 4000 };

static const char *self, *library, *trace = "/dev/shm/rondo-steps.trace";
static char trace_path[100];
static uint32_t offsets[STEPS_MAX], runs;
static int64_t spent;

// ---- Victims: this program, run again with the library ----

static void victim_producer(rondo_segment *segment) {
  rondo_producer producer;
  rondo_producer_options options = {.publish_every = 2};
  void *slot;
  if (rondo_producer_open(&producer, segment, 0, TRADE, &options, NULL) != RONDO_OK) exit(2);
  for (uint64_t id = 0; id < MESSAGES; id++) {
    if (id == 2 && (rondo_try_claim(&producer, &slot) != RONDO_OK ||
                    rondo_try_piece(&producer, &((trade *)slot)->note, "aborted", 7) != RONDO_OK ||
                    rondo_abort(&producer) != RONDO_OK))
      exit(3);
    if (push_trade(&producer, id, LIMIT) != RONDO_OK) exit(4);
  }
  rondo_producer_close(&producer);
}

static void victim_consumer(rondo_segment *segment) {
  rondo_consumer consumer;
  trade got;
  if (rondo_consumer_open(&consumer, segment, 0, TRADE, NULL, NULL) != RONDO_OK) exit(2);
  for (int i = 0; i < 3; i++)
    if (rondo_pop(&consumer, &got, -1) != RONDO_OK) exit(3);
  rondo_consumer_detach(&consumer);
}

static int victim(char **arguments) {
  rondo_segment segment;
  rondo_ring_options options = {.schema = TRADE, .topology = RONDO_SPSC, .slots = 4};
  if (strcmp(arguments[2], "creator") == 0) {
    if (rondo_create(&segment, arguments[3], "steps", &options, 1, NULL) != RONDO_OK) return 2;
  } else if (rondo_attach(&segment, atoi(arguments[3]), NULL) != RONDO_OK) {
    return 2;
  } else if (strcmp(arguments[2], "producer") == 0) {
    victim_producer(&segment);
  } else {
    victim_consumer(&segment);
  }
  rondo_close(&segment);
  return 0;
}

// Starts a victim that dies at a step; 0: never.
static pid_t start(const char *role, const char *argument, uint32_t step, bool after) {
  char number[16];
  snprintf(number, sizeof number, "%u", step);
  unlink(trace_path);
  runs++;
  fflush(NULL);
  pid_t pid = fork();
  if (pid != 0) return pid;
  setenv("LD_PRELOAD", library, 1);
  setenv("RONDO_KILL_STEP", number, 1);
  setenv("RONDO_KILL_WHEN", after ? "after" : "before", 1);
  setenv("RONDO_KILL_TRACE", trace_path, 1);
  execl(self, self, "--victim", role, argument, (char *)NULL);
  _exit(9);
}

// Whether it died as it should: at the step, or not at all when it did not come to it.
static bool has_died(int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL; }

// Reads which offsets were written to: all that were done, in order.
static uint32_t read_trace(bool without_last) {
  uint32_t count = 0, step, offset;
  FILE *file = fopen(trace_path, "r");
  if (file == NULL) return 0;
  while (count < STEPS_MAX && fscanf(file, "%u %u", &step, &offset) == 2)
    offsets[count++] = offset;
  fclose(file);
  return without_last && count > 0 ? count - 1 : count;
}

static uint32_t writes_to(rondo_segment *segment, const rondo_word *word, uint32_t count) {
  uint32_t found = 0, at = (uint32_t)((const unsigned char *)word - segment->base);
  for (uint32_t i = 0; i < count; i++) found += offsets[i] == at;
  return found;
}

static void expect_clean(rondo_segment *segment) {
  rondo_reap(segment);
  for (uint32_t i = 0; i < RR_PARTICIPANTS; i++)
    if ((int)i != segment->participant) CHECK((rr_load(rr_entry(segment, i)) & 3) == 0);
}

// Everything that a producer and a consumer of this process still exchange arrives.
static void go_on(rondo_producer *producer, rondo_consumer *consumer, uint64_t id) {
  trade got;
  for (uint64_t end = id + 20; id < end; id++) {
    CHECK_CODE(push_trade(producer, id, LIMIT), RONDO_OK);
    CHECK_CODE(rondo_try_pop(consumer, &got), RONDO_OK);
    CHECK(is_trade(consumer, &got, id, LIMIT));
  }
}

// ---- Producers ----

static uint32_t kill_producer(rondo_ring_options options, uint32_t step, bool after) {
  rondo_segment segment;
  rondo_consumer consumer;
  rondo_producer successor;
  rondo_consumer_options sleeps = {.sleep_at_once = true};
  trade got;
  char descriptor[16];
  int status = 0;
  make_ring(&segment, options);
  CHECK_CODE(rondo_consumer_open(&consumer, &segment, 0, TRADE, &sleeps, NULL), RONDO_OK);
  if (consumer.asking) { // Let in before: whom a victim lets in is a victim's step otherwise.
    CHECK_CODE(rondo_producer_open(&successor, &segment, 0, TRADE, NULL, NULL), RONDO_OK);
    rondo_producer_detach(&successor);
    rr_store(rr_control(&segment.ring[0], 0) + RR_STATE, 0);
  }
  fcntl(segment.descriptor, F_SETFD, 0);
  snprintf(descriptor, sizeof descriptor, "%d", segment.descriptor);
  CHECK(waitpid(start("producer", descriptor, step, after), &status, 0) > 0);
  bool died = has_died(status);
  CHECK(died == (step > 0) && (died || WEXITSTATUS(status) == 0));
  uint32_t done = read_trace(died && !after);
  uint32_t flushes = writes_to(&segment, rr_control(&segment.ring[0], 0) + RR_TAIL, done);
  uint32_t published = flushes * 2 > MESSAGES ? MESSAGES : flushes * 2;
  for (uint64_t id = 0; id < published; id++) {
    CHECK_CODE(rondo_try_pop(&consumer, &got), RONDO_OK);
    CHECK(is_trade(&consumer, &got, id, LIMIT));
  }
  uint32_t state = rr_load(rr_control(&segment.ring[0], 0) + RR_STATE);
  CHECK_CODE(rondo_try_pop(&consumer, &got), state == RR_LANE_CLOSED ? RONDO_ENDED : RONDO_EMPTY);
  // Whose lane is open is missed; who had not taken one, or had closed it, is not. Learning of it
  // takes up to 50 ms, so not all steps wait for it.
  int64_t begin = rr_microseconds();
  if (state == RR_LANE_OPEN && step % 8 == 0) {
    CHECK_CODE(rondo_wait_readable(&consumer, 2000000), RONDO_ERR_RING_PEER_DIED);
    if (rr_microseconds() - begin > spent) spent = rr_microseconds() - begin;
  }
  CHECK_CODE(rondo_producer_open(&successor, &segment, 0, TRADE, NULL, NULL), RONDO_OK);
  go_on(&successor, &consumer, published);
  expect_clean(&segment);
  rondo_producer_close(&successor);
  CHECK_CODE(rondo_try_pop(&consumer, &got), RONDO_ENDED);
  rondo_consumer_close(&consumer);
  rondo_close(&segment);
  return done;
}

// ---- Consumers ----

static uint32_t kill_consumer(rondo_ring_options options, uint32_t step, bool after) {
  rondo_segment segment;
  rondo_producer producer;
  rondo_consumer successor;
  trade got;
  char descriptor[16];
  int status = 0;
  uint64_t sent = 0;
  bool all = options.topology == RONDO_BROADCAST;
  make_ring(&segment, options);
  CHECK_CODE(rondo_producer_open(&producer, &segment, 0, TRADE, NULL, NULL), RONDO_OK);
  fcntl(segment.descriptor, F_SETFD, 0);
  snprintf(descriptor, sizeof descriptor, "%d", segment.descriptor);
  while (!all && sent < MESSAGES) CHECK_CODE(push_trade(&producer, sent++, LIMIT), RONDO_OK);
  pid_t pid = start("consumer", descriptor, step, after);
  rondo_word *head = rr_cursor(&segment.ring[0], 0, 0) + RR_HEAD;
  while (waitpid(pid, &status, WNOHANG) == 0) {
    // On broadcast rings it gets what comes after it has joined; lossy ones are told by their head.
    if (all && sent < MESSAGES && rondo_consumers(&producer) == 1)
      CHECK_CODE(push_trade(&producer, sent++, LIMIT), RONDO_OK);
    else if (all && options.lossy && sent < 1000) push_trade(&producer, sent++, LIMIT);
    usleep(50);
  }
  bool died = has_died(status);
  CHECK(step == 0 ? WEXITSTATUS(status) == 0 : died || WEXITSTATUS(status) == 0);
  uint32_t done = read_trace(died && !after);
  uint32_t taken = all ? 0 : writes_to(&segment, head, done);
  CHECK_CODE(rondo_consumer_open(&successor, &segment, 0, TRADE, NULL, NULL),
             RONDO_OK); // Clears up first when it is refused.
  rondo_consumers(&producer);
  for (uint64_t id = taken; !all && id < sent; id++) {
    CHECK_CODE(rondo_try_pop(&successor, &got), RONDO_OK);
    CHECK(is_trade(&successor, &got, id, LIMIT));
  }
  if (all && !options.lossy) { // The dead one holds nobody up once it is cleared up.
    rondo_reap(&segment);
    CHECK_CODE(rondo_try_pop(&successor, &got), RONDO_EMPTY);
  }
  go_on(&producer, &successor, sent);
  expect_clean(&segment);
  rondo_producer_close(&producer);
  rondo_consumer_close(&successor);
  rondo_close(&segment);
  return done;
}

// ---- Creators ----

static uint32_t kill_creator(rondo_ring_options options, uint32_t step, bool after) {
  char directory[] = "/dev/shm/rondo-test-XXXXXX";
  rondo_segment segment;
  rondo_error error;
  int status = 0;
  (void)options;
  CHECK(mkdtemp(directory) != NULL);
  CHECK(waitpid(start("creator", directory, step, after), &status, 0) > 0);
  CHECK(has_died(status) == (step > 0));
  uint32_t done = read_trace(step > 0 && !after);
  rondo_ring_options again = {.schema = TRADE, .topology = RONDO_SPSC, .slots = 4};
  CHECK_CODE(rondo_open(&segment, directory, "steps", &error), RONDO_ERR_RING_NOT_FOUND);
  CHECK_CODE(rondo_create(&segment, directory, "steps", &again, 1, &error), RONDO_OK);
  rondo_close(&segment);
  CHECK(rmdir(directory) == 0);
  return done;
}

static void kill_at_each(const char *role,
                         uint32_t (*run)(rondo_ring_options options, uint32_t step, bool after),
                         rondo_ring_options options) {
  static const char *const names[] = {"", "spsc", "mpsc", "mpmc", "broadcast"};
  static char name[64];
  snprintf(name, sizeof name, "%s %s%s", role, options.lossy ? "lossy " : "",
           names[options.topology]);
  current = name;
  int before = failed;
  uint32_t steps = run(options, 0, false), first = runs;
  int64_t begin = rr_microseconds();
  for (uint32_t step = 1; step <= steps; step++)
    for (int after = 0; after < 2; after++) run(options, step, after);
  printf("%s: %u steps, %u runs in %.2f s%s\n", name, steps, runs - first,
         (double)(rr_microseconds() - begin) / 1e6, failed > before ? ": failed" : "");
}

int main(int count, char **arguments) {
  if (count == 4 && strcmp(arguments[1], "--victim") == 0) return victim(arguments);
  if (count != 2) return fprintf(stderr, "usage: test-steps killstep.so\n"), 2;
  self = "/proc/self/exe";
  library = arguments[1];
  snprintf(trace_path, sizeof trace_path, "%s.%d", trace, (int)getpid());
  for (uint32_t topology = RONDO_SPSC; topology <= RONDO_BROADCAST; topology++)
    for (int lossy = 0; lossy < 2; lossy++) {
      rondo_ring_options options = {.topology = topology, .lossy = lossy, .slots = 8,
                                    .slab_bytes = 256};
      kill_at_each("producer", kill_producer, options);
      kill_at_each("consumer", kill_consumer, options);
    }
  kill_at_each("creator", kill_creator, (rondo_ring_options){.topology = RONDO_SPSC});
  unlink(trace_path);
  printf("a death was noticed within %.0f ms\n", (double)spent / 1000);
  return finish("test-steps");
}
