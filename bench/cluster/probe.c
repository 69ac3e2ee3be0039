/* probe.c: three threads overwrite and sync a file each. */
#include "probe.h"

#include "histogram.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FILES = 3, QUORUM = 2, BYTES = 4096, PATH_BYTES = 4096 };

struct rig {
  int fds[FILES];
  unsigned files; /* files that take part */
  pthread_barrier_t start, end;
  uint64_t took_ns[FILES];
  int failed[FILES]; /* errno of the last failure; 0: none */
};

struct writer {
  struct rig *rig;
  unsigned i;
};

static uint64_t now_ns(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void *write_rounds(void *arg) {
  const struct writer *w = arg;
  struct rig *rig = w->rig;
  uint8_t bytes[BYTES] = {0};
  for (int round = 0; round < PROBE_ROUNDS; round++) {
    uint64_t began;
    (void)pthread_barrier_wait(&rig->start);
    began = now_ns();
    bytes[0] = (uint8_t)round;
    errno = ENOSPC; /* for a short write */
    if (pwrite(rig->fds[w->i], bytes, BYTES, 0) != BYTES || fdatasync(rig->fds[w->i]) != 0)
      rig->failed[w->i] = errno;
    rig->took_ns[w->i] = now_ns() - began;
    (void)pthread_barrier_wait(&rig->end);
  }
  return NULL;
}

static int by_size(const void *a, const void *b) {
  uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
  return left < right ? -1 : left > right;
}

/* The median time until `done` of `files` files are on the device; 0: a write or sync failed
 * (errno). */
static uint64_t measure(struct rig *rig, unsigned files, unsigned done) {
  static struct histogram took;
  pthread_t threads[FILES];
  struct writer writers[FILES];
  unsigned started = 0;
  int failed = 0;
  memset(&took, 0, sizeof took);
  (void)pthread_barrier_init(&rig->start, NULL, files + 1);
  (void)pthread_barrier_init(&rig->end, NULL, files + 1);
  for (; started < files; started++) {
    writers[started] = (struct writer){rig, started};
    if (pthread_create(&threads[started], NULL, write_rounds, &writers[started]) != 0) abort();
  }
  for (int round = 0; round < PROBE_ROUNDS; round++) {
    (void)pthread_barrier_wait(&rig->start);
    (void)pthread_barrier_wait(&rig->end);
    qsort(rig->took_ns, files, sizeof rig->took_ns[0], by_size);
    histogram_add(&took, rig->took_ns[done - 1]);
  }
  for (unsigned i = 0; i < files; i++) {
    (void)pthread_join(threads[i], NULL);
    if (rig->failed[i] != 0) failed = rig->failed[i];
  }
  (void)pthread_barrier_destroy(&rig->start);
  (void)pthread_barrier_destroy(&rig->end);
  errno = failed;
  return failed ? 0 : histogram_quantile(&took, 0.5);
}

/* Makes a file without a name, in its full length. */
static int make_file(const char *dir) {
  char path[PATH_BYTES];
  static const uint8_t zeros[BYTES];
  int fd;
  if (snprintf(path, sizeof path, "%s/probe-XXXXXX", dir) >= (int)sizeof path) return -1;
  fd = mkstemp(path);
  if (fd < 0) return -1;
  (void)unlink(path);
  if (write(fd, zeros, BYTES) == BYTES && fsync(fd) == 0) return fd;
  (void)close(fd);
  return -1;
}

bool probe_run(const char *dir, struct probe *probe) {
  struct rig rig = {.fds = {-1, -1, -1}};
  bool ok = true;
  for (unsigned i = 0; i < FILES && ok; i++) ok = (rig.fds[i] = make_file(dir)) >= 0;
  if (ok) {
    probe->alone_ns = measure(&rig, 1, 1);
    probe->quorum_ns = measure(&rig, FILES, QUORUM);
    ok = probe->alone_ns > 0 && probe->quorum_ns > 0;
  }
  if (!ok) (void)fprintf(stderr, "bench: cannot write in %s: %s\n", dir, strerror(errno));
  for (unsigned i = 0; i < FILES; i++)
    if (rig.fds[i] >= 0) (void)close(rig.fds[i]);
  return ok;
}
