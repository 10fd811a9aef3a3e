/*
 * Round trips of two processes that sleep on futexes and do nothing else: what no ring that lets
 * both sides sleep can be faster than.
 *
 *     futex-trips COUNT CPU-OF-ONE CPU-OF-OTHER
 *
 * A negative processor pins nothing. Prints one line of JSON, times in nanoseconds.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Round trips before the first one that counts. */
#define WARMUP 1000

/* One word for each direction, a line of its own each: the number of messages sent. */
typedef struct {
  _Alignas(128) _Atomic uint32_t request;
  _Alignas(128) _Atomic uint32_t answer;
} words;

static void pin(int processor) {
  if (processor < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  sched_setaffinity(0, sizeof set, &set);
}

/* Without FUTEX_PRIVATE_FLAG: the words are shared between processes. */
static void send_one(_Atomic uint32_t *word, uint32_t number) {
  atomic_store(word, number);
  syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static void await_one(_Atomic uint32_t *word, uint32_t number) {
  while (atomic_load(word) != number)
    syscall(SYS_futex, word, FUTEX_WAIT, number - 1, NULL, NULL, 0);
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int by_size(const void *left, const void *right) {
  const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
  return (a > b) - (a < b);
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  const uint32_t count = (uint32_t)strtoul(argv[1], NULL, 10);
  uint64_t *times = calloc(count, sizeof *times);
  words *shared =
      mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (count == 0 || times == NULL || shared == MAP_FAILED) return 1;
  const pid_t child = fork();
  if (child < 0) return 1;
  if (child == 0) {
    pin(atoi(argv[3]));
    for (uint32_t number = 1; number <= WARMUP + count; number++) {
      await_one(&shared->request, number);
      send_one(&shared->answer, number);
    }
    _exit(0);
  }
  pin(atoi(argv[2]));
  uint64_t total = 0;
  for (uint32_t number = 1; number <= WARMUP + count; number++) {
    const uint64_t start = now();
    send_one(&shared->request, number);
    await_one(&shared->answer, number);
    if (number <= WARMUP) continue;
    total += times[number - WARMUP - 1] = now() - start;
  }
  waitpid(child, NULL, 0);
  qsort(times, count, sizeof *times, by_size);
  printf("{\"count\":%u,\"nanoseconds\":%llu,\"p50\":%llu,\"p90\":%llu,\"p99\":%llu}\n", count,
         (unsigned long long)total, (unsigned long long)times[(count - 1) / 2],
         (unsigned long long)times[(uint64_t)(count - 1) * 9 / 10],
         (unsigned long long)times[(uint64_t)(count - 1) * 99 / 100]);
  return 0;
}
