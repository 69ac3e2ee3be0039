/* proc.c: reads /proc/PID. */
#include "proc.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Fields 14 and 15 of /proc/PID/stat: user and system time in clock ticks. They are scaled to the
 * scheduler's own sum of run times, also of threads that ended. */
uint64_t proc_cpu_ns(pid_t pid) {
  char path[64], line[1024], *behind_name;
  uint64_t user = 0, system = 0;
  FILE *file;
  (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  file = fopen(path, "r");
  if (!file) return 0;
  behind_name = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
  (void)fclose(file);
  if (!behind_name ||
      sscanf(behind_name + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64,
             &user, &system) != 2)
    return 0;
  return (user + system) * (1000000000ULL / (uint64_t)sysconf(_SC_CLK_TCK));
}

uint64_t proc_rss_kib(pid_t pid) {
  char path[64], line[256];
  uint64_t kib = 0;
  FILE *file;
  (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
  file = fopen(path, "r");
  if (!file) return 0;
  while (fgets(line, sizeof line, file))
    if (sscanf(line, "VmRSS: %" SCNu64, &kib) == 1) break;
  (void)fclose(file);
  return kib;
}
