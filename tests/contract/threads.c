/* threads.c: counts the threads of this process, and waits for those that are ending. */
#include "threads.h"

#include <dirent.h>
#include <stdint.h>

#include "contract.h"

#define LOOK_MS 2 /* between two looks */

unsigned threads_count(void) {
  DIR *tasks = opendir("/proc/self/task");
  unsigned count = 0;
  if (!tasks) return 0;
  for (const struct dirent *task = readdir(tasks); task; task = readdir(tasks))
    count += task->d_name[0] != '.';
  (void)closedir(tasks);
  return count;
}

void threads_settle(void) {
  const uint64_t end = contract_now_ms() + THREADS_WAIT_MS;
  uint64_t still = contract_now_ms() + THREADS_STILL_MS, now;
  unsigned count = threads_count();
  while (count > 1 && (now = contract_now_ms()) < still && now < end) {
    unsigned left;
    contract_pause_ms(LOOK_MS);
    left = threads_count();
    if (left != count) still = now + THREADS_STILL_MS;
    count = left;
  }
}
