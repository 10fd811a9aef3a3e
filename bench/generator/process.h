/* What /proc says about a running process: CPU time, memory, descriptors. */
#ifndef RONDO_BENCH_PROCESS_H
#define RONDO_BENCH_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

struct process_usage {
  /* Time on a CPU of all threads, from the scheduler's own clock. */
  uint64_t run_ns;
  /* Time its threads were ready to run and had to wait: what others took from it. */
  uint64_t wait_ns;
  /* Clock ticks (1/100 s); used only as the ratio between user and system. */
  uint64_t user_ticks;
  uint64_t system_ticks;
  uint64_t resident_bytes;
};

/* Returns 0, or -1 when the process is gone or cannot be read. */
int process_read(pid_t pid, struct process_usage *usage);

/* Open descriptors of the process, or -1. */
int64_t process_descriptors(pid_t pid);

#endif
