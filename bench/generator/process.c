#define _GNU_SOURCE
#include "process.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int read_file(const char *path, char *text, size_t size) {
  FILE *file = fopen(path, "r");
  if (file == NULL) return -1;
  size_t length = fread(text, 1, size - 1, file);
  fclose(file);
  text[length] = '\0';
  return length > 0 ? 0 : -1;
}

/*
 * The sum over /proc/PID/task: /proc/PID/schedstat itself speaks of the main thread only.
 * io_uring's kernel workers are threads of the process and are counted.
 */
static int read_run_time(pid_t pid, struct process_usage *usage) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
  DIR *tasks = opendir(path);
  if (tasks == NULL) return -1;
  usage->run_ns = 0;
  usage->wait_ns = 0;
  for (struct dirent *entry = readdir(tasks); entry != NULL; entry = readdir(tasks)) {
    if (entry->d_name[0] == '.') continue;
    char file[384];
    char text[128];
    uint64_t run;
    uint64_t wait;
    snprintf(file, sizeof file, "%s/%s/schedstat", path, entry->d_name);
    if (read_file(file, text, sizeof text) != 0) continue;
    if (sscanf(text, "%" SCNu64 " %" SCNu64, &run, &wait) != 2) continue;
    usage->run_ns += run;
    usage->wait_ns += wait;
  }
  closedir(tasks);
  return 0;
}

static int read_ticks(pid_t pid, struct process_usage *usage) {
  char path[64];
  char text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  if (read_file(path, text, sizeof text) != 0) return -1;
  /* The command's name may hold spaces and parentheses: fields are counted from the last ')'. */
  const char *fields = strrchr(text, ')');
  if (fields == NULL) return -1;
  int found = sscanf(fields + 1,
                     " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64,
                     &usage->user_ticks, &usage->system_ticks);
  return found == 2 ? 0 : -1;
}

static int read_resident(pid_t pid, uint64_t *bytes) {
  char path[64];
  char text[128];
  uint64_t pages;
  snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
  if (read_file(path, text, sizeof text) != 0) return -1;
  if (sscanf(text, "%*u %" SCNu64, &pages) != 1) return -1;
  *bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
  return 0;
}

int process_read(pid_t pid, struct process_usage *usage) {
  if (read_run_time(pid, usage) != 0) return -1;
  if (read_ticks(pid, usage) != 0) return -1;
  return read_resident(pid, &usage->resident_bytes);
}

int64_t process_descriptors(pid_t pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
  DIR *descriptors = opendir(path);
  if (descriptors == NULL) return -1;
  int64_t count = 0;
  for (struct dirent *entry = readdir(descriptors); entry != NULL; entry = readdir(descriptors)) {
    if (entry->d_name[0] != '.') count++;
  }
  closedir(descriptors);
  return count;
}
