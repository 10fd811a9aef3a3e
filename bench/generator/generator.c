/*
 * Load generator for echo servers: TCP or WebSocket, closed loop or open loop, or idle connections.
 *
 * The parent forks the generating processes, opens and closes the measured window, and reads the
 * server's CPU time at its two ends, next to the counters of messages, so that both speak of the
 * same span. It prints one line of JSON. A wrong byte in an echo ends the run with exit code 1.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
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
static struct options options = {
    .path = "/echo",
    .connections = 64,
    .processes = 1,
    .size = 32,
    .inflight = 1,
    .warmup = 0.5,
    .duration = 2.0,
    .connect_timeout = 30.0,
};

static const char usage[] =
    "usage: generator --port N [options]\n"
    "  --mode tcp|websocket  protocol of the echo server (tcp)\n"
    "  --host ADDRESS        IPv4 address of the server (127.0.0.1)\n"
    "  --path PATH           path of the WebSocket upgrade (/echo)\n"
    "  --text                WebSocket text messages instead of binary ones\n"
    "  --connections N       connections of all processes together (64)\n"
    "  --processes N         generating processes, 1 to 16 (1)\n"
    "  --size BYTES          payload of a message, 1 to 16777216 (32)\n"
    "  --inflight N          closed loop: messages in flight per connection, 1 to 1024 (1)\n"
    "  --rate N              open loop: messages a second, at fixed intended times\n"
    "  --warmup SECONDS      before the measured window (0.5)\n"
    "  --duration SECONDS    the measured window (2)\n"
    "  --messages N          end the window after N messages, at the latest after --duration\n"
    "  --linger SECONDS      go on after the window, unmeasured (0)\n"
    "  --connect-timeout S   go on with what is connected after this time (30)\n"
    "  --idle                connect, print ready, hold until the end of standard input\n"
    "  --server-pid PID      process whose CPU time, memory and descriptors are reported\n";

static _Noreturn void stop(const char *message) {
  if (message != NULL) fprintf(stderr, "generator: %s\n", message);
  for (uint32_t i = 0; i < options.processes; i++) {
    if (children[i] > 0) kill(children[i], SIGKILL);
  }
  exit(1);
}

static double number(const char *text, double least, double most) {
  char *end;
  double value = strtod(text, &end);
  if (end == text || *end != '\0' || !(value >= least && value <= most)) {
    fprintf(stderr, "generator: %s is not a number from %.10g to %.10g\n", text, least, most);
    exit(2);
  }
  return value;
}

static bool set_option(int option, const char *value) {
  switch (option) {
    case 'm':
      options.websocket = strcmp(value, "websocket") == 0;
      return options.websocket || strcmp(value, "tcp") == 0;
    case 'h':
      return inet_pton(AF_INET, value, &options.host) == 1;
    case 'p':
      options.port = (uint16_t)number(value, 1, 65535);
      return true;
    case 'a':
      options.path = value;
      return value[0] == '/';
    case 't':
      options.text = true;
      return true;
    case 'c':
      options.connections = (uint32_t)number(value, 1, 250000);
      return true;
    case 'n':
      options.processes = (uint32_t)number(value, 1, MAX_PROCESSES);
      return true;
    case 's':
      options.size = (uint32_t)number(value, 1, MAX_MESSAGE);
      return true;
    case 'w':
      options.inflight = (uint32_t)number(value, 1, MAX_INFLIGHT);
      return true;
    case 'r':
      options.rate = number(value, 1, 1e8);
      return true;
    case 'u':
      options.warmup = number(value, 0, 3600);
      return true;
    case 'd':
      options.duration = number(value, 0.01, 3600);
      return true;
    case 'M':
      options.messages = (uint64_t)number(value, 1, 1e12);
      return true;
    case 'l':
      options.linger = number(value, 0, 3600);
      return true;
    case 'o':
      options.connect_timeout = number(value, 0.1, 3600);
      return true;
    case 'i':
      options.idle = true;
      return true;
    case 'S':
      options.server_pid = (pid_t)number(value, 1, 1 << 30);
      return true;
    default:
      return false;
  }
}

static void parse(int count, char **arguments) {
  static const struct option names[] = {
      {"mode", required_argument, NULL, 'm'},       {"host", required_argument, NULL, 'h'},
      {"port", required_argument, NULL, 'p'},       {"path", required_argument, NULL, 'a'},
      {"text", no_argument, NULL, 't'},             {"connections", required_argument, NULL, 'c'},
      {"processes", required_argument, NULL, 'n'},  {"size", required_argument, NULL, 's'},
      {"inflight", required_argument, NULL, 'w'},   {"rate", required_argument, NULL, 'r'},
      {"warmup", required_argument, NULL, 'u'},     {"duration", required_argument, NULL, 'd'},
      {"messages", required_argument, NULL, 'M'},
      {"linger", required_argument, NULL, 'l'},
      {"connect-timeout", required_argument, NULL, 'o'},
      {"idle", no_argument, NULL, 'i'},             {"server-pid", required_argument, NULL, 'S'},
      {NULL, 0, NULL, 0}};
  options.host.s_addr = htonl(INADDR_LOOPBACK);
  int option;
  while ((option = getopt_long(count, arguments, "", names, NULL)) != -1) {
    if (!set_option(option, optarg)) {
      fputs(usage, stderr);
      exit(2);
    }
  }
  if (options.port == 0 || optind != count || options.processes > options.connections) {
    fputs(usage, stderr);
    exit(2);
  }
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
  for (uint32_t i = 0; i < options.processes; i++) {
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
  printf(",\"skipped\":%" PRIu64 ",\"outstanding\":%" PRIu64 ",\"generator_busy\":%.3f}\n", skipped,
         outstanding, (double)(end.generator_ns - begin.generator_ns) / 1e9 / seconds);
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
}

int main(int count, char **arguments) {
  parse(count, arguments);
  raise_descriptor_limit();
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) stop("mmap failed");
  struct process_usage before = {0};
  if (options.server_pid != 0 && process_read(options.server_pid, &before) != 0) {
    stop("the server's process cannot be read");
  }
  start_children();
  wait_ready();
  if (options.idle) {
    hold();
  } else {
    measure(before.resident_bytes);
  }
  return 0;
}
