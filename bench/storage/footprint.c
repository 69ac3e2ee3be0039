/* footprint.c: what a storage takes up, in memory and on its device. */
#define _GNU_SOURCE /* nftw */
#include "bench.h"

#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FILES_MAX = 16, BLOCK_BYTES = 512, LOOK_MS = 100, LOOKS_SAME = 10, LOOKS_MAX = 100 };

struct memory footprint_memory(void) {
  struct memory memory = {0, 0};
  char line[256];
  uint64_t kib;
  FILE *file = fopen("/proc/self/status", "r");
  if (!file) return memory;
  while (fgets(line, sizeof line, file)) {
    if (sscanf(line, "RssAnon: %" SCNu64, &kib) == 1) memory.own += kib * 1024;
    if (sscanf(line, "RssFile: %" SCNu64, &kib) == 1) memory.mapped += kib * 1024;
    if (sscanf(line, "RssShmem: %" SCNu64, &kib) == 1) memory.mapped += kib * 1024;
  }
  (void)fclose(file);
  return memory;
}

static uint64_t footprint_sum; /* nftw has no argument for its function */

/* A file that the storage removes meanwhile is no failure. */
static int add_one(const char *path, const struct stat *info, int what, struct FTW *at) {
  (void)path, (void)at;
  if (what == FTW_F) footprint_sum += (uint64_t)info->st_blocks * BLOCK_BYTES;
  return 0;
}

uint64_t footprint_disk(const char *dir) {
  footprint_sum = 0;
  (void)nftw(dir, add_one, FILES_MAX, FTW_PHYS);
  return footprint_sum;
}

uint64_t footprint_disk_settled(const char *dir) {
  const struct timespec pause = {0, LOOK_MS * 1000000L};
  uint64_t last = footprint_disk(dir);
  for (unsigned look = 0, same = 0; look < LOOKS_MAX && same < LOOKS_SAME; look++) {
    uint64_t now;
    (void)nanosleep(&pause, NULL);
    now = footprint_disk(dir);
    same = now == last ? same + 1 : 0;
    last = now;
  }
  return last;
}

static int forget_one(const char *path, const struct stat *info, int what, struct FTW *at) {
  int fd;
  (void)info, (void)at;
  if (what != FTW_F) return 0;
  fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  (void)fdatasync(fd); /* only pages that are on the device can be dropped */
  (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  (void)close(fd);
  return 0;
}

void footprint_forget(const char *dir) {
  (void)nftw(dir, forget_one, FILES_MAX, FTW_PHYS);
}
