// Kills a process with SIGKILL at its k-th write to shared memory. A library to preload:
//
//   gcc -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -shared -fPIC killstep.c -o killstep.so
//   RONDO_KILL_STEP=17 LD_PRELOAD=./killstep.so program …
//
// | variable            | meaning                                                              |
// |---------------------|----------------------------------------------------------------------|
// | `RONDO_KILL_STEP`   | the write at which the process dies, from 1 on; 0: count only        |
// | `RONDO_KILL_WHEN`   | `before` that write (default), or `after` it                         |
// | `RONDO_KILL_COUNT`  | a file that always holds the number of writes so far, in decimal     |
// | `RONDO_KILL_TRACE`  | a file that gets a line `step offset` for each write                 |
// | `RONDO_KILL_ARM`    | the mapping from which on writes count, from 1 on (default 1), or    |
// |                     | `call`: from rondo_killstep_arm() on                                 |
//
// Without RONDO_KILL_STEP it does nothing. How it works: mmap is interposed. Mappings that are
// shared, writable, and of a memfd sealed against shrinking, which is what ring segments are,
// become read-only. Each store faults; the handler counts it and, if it is the one, ends the
// process. Otherwise it makes the page writable, lets the processor run that one instruction (trap
// flag), and makes the page read-only again. So it needs to know nothing about the program:
// compiled code, code that V8 made, and an interpreter all fault alike. Creating and joining a
// segment are writes like others.
//
// What to know:
//  - x86-64 Linux. A step is an instruction that stores, whatever its width; an exchange or
//    compare-and-swap is one, also when it fails. Of `rep movs` and `rep stos` each iteration is
//    one.
//  - While one thread makes its step, stores of other threads to the same page are not seen: steps
//    are told apart with certainty in programs of which one thread writes. The steps of threads
//    themselves come one after the other.
//  - A system call that is to write into a segment, such as read(2), fails with EFAULT.
//  - Signals that are not faults wait until the step is over. Handlers for SIGSEGV and SIGTRAP that
//    the program has, or sets later, get all faults elsewhere (V8 has one for WebAssembly).
//  - A forked child counts on from where its parent was, on its own, but in the same files.
//  - With a sanitizer, mmap and the signals are the sanitizer's: it does not work there.
#ifndef __x86_64__
#error "killstep needs x86-64: the trap flag, and the error code of a page fault"
#endif

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <dlfcn.h>

enum { RANGES_MAX = 64, PAGES_MAX = 4, PAGE = 4096, COUNTER_BYTES = 21, TRACE_FD_MIN = 700 };
#define TRAP_FLAG 0x100
#define FAULT_IS_WRITE 2

// A mapping: addresses, and where in the file it begins.
typedef struct {
  uintptr_t start, end;
  uint64_t offset;
} range;

// The step that this thread is making. Initial-exec: reading it in a handler allocates nothing.
typedef struct {
  int pages;
  uintptr_t page[PAGES_MAX];
  uint64_t mask;
  bool last, was_trapping;
} step;

static __thread step mine __attribute__((tls_model("initial-exec")));

static range ranges[RANGES_MAX];
static int range_count, mappings;
static bool enabled, armed, installed, kill_after;
static uint64_t kill_step;
static int arm_at = 1, trace = -1;
static char *counter;
static atomic_uint_fast64_t steps;
static atomic_flag ranges_lock = ATOMIC_FLAG_INIT, step_lock = ATOMIC_FLAG_INIT;
static struct sigaction former[2]; // Of SIGSEGV and SIGTRAP.

static void lock(atomic_flag *flag) {
  while (atomic_flag_test_and_set_explicit(flag, memory_order_acquire)) __builtin_ia32_pause();
}

static void unlock(atomic_flag *flag) { atomic_flag_clear_explicit(flag, memory_order_release); }

// Holds the table of ranges, with all signals blocked: no handler may wait for this thread.
static uint64_t hold_ranges(void) {
  uint64_t all = ~UINT64_C(0), before = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
  lock(&ranges_lock);
  return before;
}

static void let_ranges_go(uint64_t before) {
  unlock(&ranges_lock);
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
}

static void protect(uintptr_t at, size_t bytes, int protection) {
  syscall(SYS_mprotect, at, bytes, protection);
}

static void die(void) {
  syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
  for (;;) syscall(SYS_pause);
}

// ---- What is told outside ----

static int decimal(char *to, uint64_t value) {
  char digits[20];
  int count = 0;
  do digits[count++] = (char)('0' + value % 10);
  while ((value /= 10) > 0);
  for (int i = 0; i < count; i++) to[i] = digits[count - 1 - i];
  return count;
}

// The file is mapped: what was stored is there however the process ends.
static void tell(uint64_t number, uint64_t offset) {
  char text[48];
  int used = decimal(text, number);
  if (counter != NULL) {
    memset(counter, ' ', COUNTER_BYTES - 1 - (size_t)used);
    memcpy(counter + COUNTER_BYTES - 1 - used, text, (size_t)used);
  }
  if (trace < 0) return;
  text[used++] = ' ';
  used += decimal(text + used, offset);
  text[used++] = '\n';
  if (write(trace, text, (size_t)used) < 0) trace = -1;
}

// ---- Steps ----

// Hands a signal that is not ours to the handler that was there before.
static void pass_on(int signal_number, siginfo_t *info, void *context) {
  struct sigaction *before = &former[signal_number == SIGTRAP];
  if ((before->sa_flags & SA_SIGINFO) != 0) {
    before->sa_sigaction(signal_number, info, context);
  } else if (before->sa_handler == SIG_DFL) {
    // Faults again, or is raised again, with nobody to handle it.
    struct {
      void (*handler)(int);
      unsigned long flags;
      void (*restorer)(void);
      uint64_t mask;
    } normal = {SIG_DFL, 0, NULL, 0};
    syscall(SYS_rt_sigaction, signal_number, &normal, NULL, sizeof normal.mask);
    if (info->si_code <= 0) syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), signal_number);
  } else if (before->sa_handler != SIG_IGN) {
    before->sa_handler(signal_number);
  }
}

static bool find(uintptr_t address, uint64_t *offset) {
  uint64_t before = hold_ranges();
  bool found = false;
  for (int i = 0; i < range_count && !found; i++) {
    found = address >= ranges[i].start && address < ranges[i].end;
    if (found) *offset = ranges[i].offset + (address - ranges[i].start);
  }
  let_ranges_go(before);
  return found;
}

static void open_page(uintptr_t address) {
  uintptr_t page = address & ~(uintptr_t)(PAGE - 1);
  if (mine.pages == PAGES_MAX) return;
  mine.page[mine.pages++] = page;
  protect(page, PAGE, PROT_READ | PROT_WRITE);
}

static void on_fault(int signal_number, siginfo_t *info, void *context) {
  ucontext_t *machine = context;
  greg_t *registers = machine->uc_mcontext.gregs;
  int error = errno;
  uint64_t offset;
  uintptr_t address = (uintptr_t)info->si_addr;
  if (info->si_code != SEGV_ACCERR || (registers[REG_ERR] & FAULT_IS_WRITE) == 0 || !armed ||
      !find(address, &offset)) {
    errno = error;
    pass_on(signal_number, info, context);
    return;
  }
  if (mine.pages > 0) { // The same instruction, across the end of a page.
    open_page(address);
    errno = error;
    return;
  }
  lock(&step_lock);
  uint64_t number = atomic_fetch_add(&steps, 1) + 1;
  tell(number, offset);
  mine.last = number == kill_step;
  if (mine.last && !kill_after) die();
  open_page(address);
  // Only this instruction runs before the page is read-only again: no signal comes in between,
  // except for faults, which cannot wait.
  const uint64_t faults = UINT64_C(1) << (SIGSEGV - 1) | UINT64_C(1) << (SIGTRAP - 1) |
                          UINT64_C(1) << (SIGBUS - 1) | UINT64_C(1) << (SIGILL - 1) |
                          UINT64_C(1) << (SIGFPE - 1);
  const uint64_t blocked = ~faults;
  memcpy(&mine.mask, &machine->uc_sigmask, sizeof mine.mask);
  memcpy(&machine->uc_sigmask, &blocked, sizeof blocked);
  mine.was_trapping = (registers[REG_EFL] & TRAP_FLAG) != 0;
  registers[REG_EFL] |= TRAP_FLAG;
  errno = error;
}

static void on_trap(int signal_number, siginfo_t *info, void *context) {
  ucontext_t *machine = context;
  int error = errno;
  if (mine.pages == 0) {
    pass_on(signal_number, info, context);
    errno = error;
    return;
  }
  if (mine.last) die();
  while (mine.pages > 0) protect(mine.page[--mine.pages], PAGE, PROT_READ);
  unlock(&step_lock);
  memcpy(&machine->uc_sigmask, &mine.mask, sizeof mine.mask);
  if (!mine.was_trapping) machine->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
  errno = error;
}

// ---- Handlers of the program, set before or after ours ----

static int real_sigaction(int number, const struct sigaction *action, struct sigaction *before) {
  static int (*real)(int, const struct sigaction *, struct sigaction *);
  if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "sigaction");
  return real(number, action, before);
}

static void install(void) {
  if (installed) return;
  struct sigaction fault = {.sa_flags = SA_SIGINFO | SA_ONSTACK}, trap = fault;
  fault.sa_sigaction = on_fault;
  trap.sa_sigaction = on_trap;
  // A handler that came in between, and wrote to a segment, would wait for the lock of its thread.
  sigfillset(&fault.sa_mask);
  sigfillset(&trap.sa_mask);
  real_sigaction(SIGTRAP, &trap, &former[1]);
  real_sigaction(SIGSEGV, &fault, &former[0]);
  installed = true;
}

int sigaction(int number, const struct sigaction *action, struct sigaction *before) {
  if (!installed || (number != SIGSEGV && number != SIGTRAP))
    return real_sigaction(number, action, before);
  struct sigaction *kept = &former[number == SIGTRAP];
  struct sigaction was = *kept;
  if (action != NULL) *kept = *action;
  if (before != NULL) *before = was;
  return 0;
}

void (*signal(int number, void (*handler)(int)))(int) {
  struct sigaction action = {.sa_flags = SA_RESTART}, before;
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  return sigaction(number, &action, &before) == 0 ? before.sa_handler : SIG_ERR;
}

// ---- Mappings ----

// Takes addresses out of the table: something else lies there now.
static void forget(uintptr_t start, uintptr_t end) {
  uint64_t before = hold_ranges();
  for (int i = 0; i < range_count; i++) {
    range *each = &ranges[i];
    if (end <= each->start || start >= each->end) continue;
    range left = {each->start, start, each->offset};
    range right = {end, each->end, each->offset + (end - each->start)};
    bool keeps_left = left.start < left.end, keeps_right = right.start < right.end;
    if (keeps_left) *each = left;
    else if (keeps_right) *each = right;
    else *each = ranges[--range_count], i--;
    if (keeps_left && keeps_right && range_count < RANGES_MAX) ranges[range_count++] = right;
  }
  let_ranges_go(before);
}

void rondo_killstep_arm(void);
uint64_t rondo_killstep_count(void);

// Writes count from here on. For programs that run with RONDO_KILL_ARM=call.
void rondo_killstep_arm(void) {
  if (!enabled || armed) return;
  install();
  uint64_t before = hold_ranges();
  armed = true;
  for (int i = 0; i < range_count; i++)
    protect(ranges[i].start, ranges[i].end - ranges[i].start, PROT_READ);
  let_ranges_go(before);
}

// The writes that were counted so far.
uint64_t rondo_killstep_count(void) { return atomic_load(&steps); }

static bool is_segment(int protection, int flags, int fd) {
  int kind = flags & MAP_TYPE;
  if ((protection & PROT_WRITE) == 0 || fd < 0) return false;
  if (kind != MAP_SHARED && kind != MAP_SHARED_VALIDATE) return false;
  int error = errno, seals = fcntl(fd, F_GET_SEALS);
  errno = error;
  return seals >= 0 && (seals & F_SEAL_SHRINK) != 0;
}

static void watch(uintptr_t start, size_t bytes, uint64_t offset) {
  range added = {start, start + (bytes + PAGE - 1) / PAGE * PAGE, offset};
  uint64_t before = hold_ranges();
  bool added_it = range_count < RANGES_MAX;
  if (added_it) ranges[range_count++] = added;
  mappings++;
  let_ranges_go(before);
  if (!added_it) abort();
  if (armed) protect(added.start, added.end - added.start, PROT_READ);
  else if (mappings == arm_at) rondo_killstep_arm();
}

void *mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset) {
  void *at = (void *)syscall(SYS_mmap, address, bytes, protection, flags, fd, offset);
  if (!enabled || at == MAP_FAILED) return at;
  if ((flags & MAP_FIXED) != 0)
    forget((uintptr_t)at, (uintptr_t)at + (bytes + PAGE - 1) / PAGE * PAGE);
  if (is_segment(protection, flags, fd)) watch((uintptr_t)at, bytes, (uint64_t)offset);
  return at;
}

void *mmap64(void *address, size_t bytes, int protection, int flags, int fd, off_t offset) {
  return mmap(address, bytes, protection, flags, fd, offset);
}

int munmap(void *address, size_t bytes) {
  if (enabled) forget((uintptr_t)address, (uintptr_t)address + (bytes + PAGE - 1) / PAGE * PAGE);
  return (int)syscall(SYS_munmap, address, bytes);
}

// ---- Beginning ----

static void open_counter(const char *path) {
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, COUNTER_BYTES) != 0) abort();
  void *at = (void *)syscall(SYS_mmap, NULL, COUNTER_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                             0);
  close(fd);
  if (at == MAP_FAILED) abort();
  counter = at;
  memset(counter, ' ', COUNTER_BYTES - 2);
  memcpy(counter + COUNTER_BYTES - 2, "0\n", 2);
}

__attribute__((constructor)) static void begin(void) {
  const char *number = getenv("RONDO_KILL_STEP"), *when = getenv("RONDO_KILL_WHEN");
  const char *count = getenv("RONDO_KILL_COUNT"), *lines = getenv("RONDO_KILL_TRACE");
  const char *arm = getenv("RONDO_KILL_ARM");
  if (number == NULL) return;
  kill_step = strtoull(number, NULL, 10);
  kill_after = when != NULL && strcmp(when, "after") == 0;
  if (arm != NULL) arm_at = strcmp(arm, "call") == 0 ? -1 : atoi(arm);
  if (count != NULL) open_counter(count);
  if (lines != NULL) {
    int fd = open(lines, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) abort();
    trace = fcntl(fd, F_DUPFD_CLOEXEC, TRACE_FD_MIN); // Where no program expects its own.
    if (trace < 0) trace = fd;
    else close(fd);
  }
  enabled = true;
}
