/* probe.c: the device by itself: the same 4 KiB are written and synced again and again, which is
 * the best that a log in a preallocated file can do. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { PROBES = 200, PROBE_BYTES = 4096 };

void probe_print(const char *dir, bool json) {
  const char *format =
      json ? "{\"probe\": \"%s\", \"p50_us\": %.0f, \"p99_us\": %.0f}\n"
           : "probe: 4 KiB overwritten and synced in %s: p50 %.0f us, p99 %.0f us\n";
  static struct histogram took;
  char path[PATH_BYTES_MAX];
  uint8_t bytes[PROBE_BYTES] = {0};
  int fd;
  memset(&took, 0, sizeof took);
  (void)snprintf(path, sizeof path, "%s/probe-XXXXXX", dir);
  fd = mkstemp(path);
  if (fd < 0) die("%s: %s", path, strerror(errno));
  (void)unlink(path);
  for (int i = 0; i <= PROBES; i++) {
    uint64_t began = now_ns();
    bytes[0] = (uint8_t)i;
    if (pwrite(fd, bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes || fdatasync(fd) != 0)
      die("%s: %s", path, strerror(errno));
    if (i > 0) histogram_add(&took, now_ns() - began); /* the first write made the file longer */
  }
  (void)close(fd);
  (void)printf(format, dir, (double)histogram_quantile(&took, 0.5) / 1e3,
               (double)histogram_quantile(&took, 0.99) / 1e3);
}
