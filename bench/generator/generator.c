/*
 * Load generator: TCP or WebSocket; echo in a closed or an open loop, broadcast, idle connections,
 * attacks.
 *
 * The parent forks the generating processes, opens and closes the measured window, and reads the
 * server's CPU time at its two ends, next to the counters of messages, so that both speak of the
 * same span. It prints one line of JSON. A wrong byte in an echo ends the run with exit code 1.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "load.h"
#include "options.h"
#include "process.h"

/* What is known at one moment; the difference of two is the window. */
struct moment {
  uint64_t time;
  uint64_t messages;
  uint64_t generator_ns;
  struct process_usage server;
};

static struct shared *shared;
static pid_t children[MAX_PROCESSES];
static struct options options;

static _Noreturn void stop(const char *message) {
  if (message != NULL) fprintf(stderr, "generator: %s\n", message);
  for (uint32_t i = 0; i < options.processes; i++) {
    if (children[i] > 0) kill(children[i], SIGKILL);
  }
  exit(1);
}

static void raise_descriptor_limit(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  uint64_t needed = options.connections / options.processes + 16;
  if (needed > limit.rlim_cur) {
    fprintf(stderr,
            "generator: %" PRIu64 " descriptors are needed per process, the limit is %" PRIu64
            "; use more --processes\n",
            needed, (uint64_t)limit.rlim_cur);
    exit(2);
  }
}

static void start_children(void) {
  for (uint32_t i = 0; i < options.processes; i++) {
    pid_t pid = fork();
    if (pid < 0) stop("fork failed");
    if (pid == 0) load_run(&options, shared, i);
    children[i] = pid;
  }
}

static void check_children(void) {
  for (uint32_t i = 0; i < options.processes; i++) {
    if (atomic_load(&shared->workers[i].failed)) stop(NULL);
    if (waitpid(children[i], NULL, WNOHANG) == children[i]) {
      children[i] = 0;
      stop("a generating process died");
    }
  }
}

static void nap(uint64_t nanoseconds) {
  struct timespec time = {.tv_sec = (time_t)(nanoseconds / 1000000000u),
                          .tv_nsec = (long)(nanoseconds % 1000000000u)};
  nanosleep(&time, NULL);
}

static void wait_ready(void) {
  for (;;) {
    uint32_t ready = 0;
    for (uint32_t i = 0; i < options.processes; i++) {
      ready += atomic_load(&shared->workers[i].ready);
    }
    if (ready == options.processes) return;
    check_children();
    nap(2000000);
  }
}

static void wait_seconds(double seconds) {
  uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);
  for (uint64_t now = now_ns(); now < end; now = now_ns()) {
    uint64_t left = end - now;
    nap(left < 50000000u ? left : 50000000u);
    check_children();
  }
}

static uint64_t count_messages(void) {
  uint64_t messages = 0;
  for (uint32_t i = 0; i < options.processes; i++) {
    messages += atomic_load(&shared->workers[i].messages);
  }
  return messages;
}

/* The measured window: so many messages if that was asked, at the longest its duration. */
static void wait_window(const struct moment *begin) {
  if (options.messages == 0) {
    wait_seconds(options.duration);
    return;
  }
  uint64_t end = begin->time + (uint64_t)(options.duration * 1e9);
  while (now_ns() < end && count_messages() - begin->messages < options.messages) {
    wait_seconds(0.01);
  }
}

static struct moment take_moment(void) {
  struct moment moment = {0};
  for (uint32_t i = 0; i < options.processes; i++) {
    struct process_usage child;
    if (process_read(children[i], &child) == 0) moment.generator_ns += child.run_ns;
  }
  if (options.server_pid != 0 && process_read(options.server_pid, &moment.server) != 0) {
    stop("the server's process cannot be read");
  }
  moment.messages = count_messages();
  moment.time = now_ns();
  return moment;
}

static void end_children(void) {
  atomic_store(&shared->phase, PHASE_DONE);
  for (uint32_t i = 0; i < options.processes; i++) {
    int status;
    waitpid(children[i], &status, 0);
    children[i] = 0;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) stop(NULL);
  }
}

static void print_connections(void) {
  uint64_t established = 0;
  uint64_t answered = 0;
  uint64_t closed = 0;
  uint64_t retries = 0;
  for (uint32_t i = 0; i < options.processes; i++) {
    const struct worker_report *report = &shared->workers[i];
    established += report->established;
    answered += report->answered;
    closed += report->closed;
    retries += report->connect_retries;
  }
  printf("\"connections\":{\"wanted\":%u,\"established\":%" PRIu64 ",\"answered\":%" PRIu64
         ",\"closed\":%" PRIu64 ",\"retries\":%" PRIu64 "}",
         options.connections, established, answered, closed, retries);
}

static void print_server(const struct moment *begin, const struct moment *end, uint64_t messages,
                         uint64_t resident_before, int64_t descriptors) {
  if (options.server_pid == 0) return;
  double run = (double)(end->server.run_ns - begin->server.run_ns);
  double user = (double)(end->server.user_ticks - begin->server.user_ticks);
  double system = (double)(end->server.system_ticks - begin->server.system_ticks);
  double share = user + system > 0 ? user / (user + system) : 0;
  double each = messages > 0 ? run / (double)messages : 0;
  printf(",\"cpu_ns\":{\"total\":%.1f,\"user\":%.1f,\"system\":%.1f}", each, each * share,
         each * (1 - share));
  double wait = (double)(end->server.wait_ns - begin->server.wait_ns);
  double window = (double)(end->time - begin->time);
  printf(",\"server\":{\"busy\":%.3f,\"waiting\":%.3f,\"rss_before\":%" PRIu64
         ",\"rss_after\":%" PRIu64 ",\"descriptors\":%" PRId64 "}",
         run / window, wait / window, resident_before, end->server.resident_bytes, descriptors);
}

static void print_latency(const struct histogram *latency) {
  printf(",\"latency_us\":{\"p50\":%.2f,\"p99\":%.2f,\"p999\":%.2f,\"max\":%.2f,\"count\":%" PRIu64
         "}",
         histogram_quantile(latency, 0.5) / 1e3, histogram_quantile(latency, 0.99) / 1e3,
         histogram_quantile(latency, 0.999) / 1e3, (double)latency->largest / 1e3,
         histogram_total(latency));
}

/* Tells a reader of the output that the window begins or ends now. */
static void print_mark(const char *name, const struct moment *moment) {
  printf("{\"window\":\"%s\",\"messages\":%" PRIu64 "}\n", name, moment->messages);
  fflush(stdout);
}

static void measure(uint64_t resident_before) {
  atomic_store(&shared->phase, PHASE_RUN);
  wait_seconds(options.warmup);
  struct moment begin = take_moment();
  atomic_store(&shared->phase, PHASE_MEASURE);
  print_mark("begin", &begin);
  wait_window(&begin);
  struct moment end = take_moment();
  print_mark("end", &end);
  /* With --linger the load goes on, unmeasured, while the reader of the mark asks the server. */
  wait_seconds(options.linger);
  int64_t descriptors = options.server_pid != 0 ? process_descriptors(options.server_pid) : -1;
  end_children();

  static struct histogram latency;
  uint64_t skipped = 0;
  uint64_t outstanding = 0;
  uint64_t packed = 0;
  for (uint32_t i = 0; i < options.processes; i++) {
    packed += shared->workers[i].packed;
    histogram_add(&latency, &shared->workers[i].latency);
    skipped += shared->workers[i].skipped;
    outstanding += shared->workers[i].outstanding;
  }
  uint64_t messages = end.messages - begin.messages;
  double seconds = (double)(end.time - begin.time) / 1e9;
  printf("{\"mode\":\"%s\",\"size\":%u,\"inflight\":%u,\"intended_rate\":%.0f,",
         options.websocket ? "websocket" : "tcp", options.size, options.inflight, options.rate);
  print_connections();
  printf(",\"seconds\":%.4f,\"messages\":%" PRIu64 ",\"rate\":%.1f", seconds, messages,
         (double)messages / seconds);
  print_server(&begin, &end, messages, resident_before, descriptors);
  print_latency(&latency);
  printf(",\"skipped\":%" PRIu64 ",\"outstanding\":%" PRIu64 ",\"packed\":%" PRIu64
         ",\"generator_busy\":%.3f}\n",
         skipped, outstanding, packed,
         (double)(end.generator_ns - begin.generator_ns) / 1e9 / seconds);
}

static void hold(void) {
  char ignored[64];
  printf("{\"ready\":true,");
  print_connections();
  printf("}\n");
  fflush(stdout);
  for (;;) {
    ssize_t length = read(STDIN_FILENO, ignored, sizeof ignored);
    if (length == 0 || (length < 0 && errno != EINTR)) break;
  }
  end_children();
  uint64_t pings = 0;
  uint64_t sent = 0;
  uint64_t received = 0;
  for (uint32_t i = 0; i < options.processes; i++) {
    pings += shared->workers[i].pings;
    sent += shared->workers[i].sent;
    received += shared->workers[i].received;
  }
  printf("{");
  print_connections();
  printf(",\"pings\":%" PRIu64 ",\"sent\":%" PRIu64 ",\"received\":%" PRIu64 "}\n", pings, sent,
         received);
}

int main(int count, char **arguments) {
  options_parse(&options, count, arguments);
  raise_descriptor_limit();
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) stop("mmap failed");
  struct process_usage before = {0};
  if (options.server_pid != 0 && process_read(options.server_pid, &before) != 0) {
    stop("the server's process cannot be read");
  }
  start_children();
  wait_ready();
  if (options.idle || options.attack != NULL) {
    hold();
  } else {
    measure(before.resident_bytes);
  }
  return 0;
}
