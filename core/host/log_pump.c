/* log_pump.c: copies the log from the node's pipe to its reader, however slow the reader is. */
#define _GNU_SOURCE /* pipe2, F_SETPIPE_SZ, pthread_timedjoin_np */
#include "log_pump.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHUNK_BYTES 16384
#define LAST_WORDS_NS 500000000L

static void write_all(int fd, const char *bytes, size_t len) {
  while (len > 0) {
    ssize_t wrote = write(fd, bytes, len);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return; /* the log is the place to report it, and it cannot be written */
    bytes += wrote;
    len -= (size_t)wrote;
  }
}

static void *run_pump(void *arg) {
  const struct log_pump *pump = arg;
  char bytes[CHUNK_BYTES];
  for (;;) {
    ssize_t got = read(pump->out, bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return NULL;
    write_all(pump->to, bytes, (size_t)got);
  }
}

enum rkv_status log_pump_open(struct log_pump *pump, int to, struct rkv_error *error) {
  int ends[2], failed;
  if (pipe2(ends, O_CLOEXEC) != 0)
    return rkv_fail(error, RKV_FULL, "no pipe for the log: %s", strerror(errno));
  /* if it fails, the pipe has the system's default size */
  (void)fcntl(ends[1], F_SETPIPE_SZ, LOG_PUMP_BYTES);
  *pump = (struct log_pump){.in = ends[1], .out = ends[0], .to = to};
  failed = fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0 ? 0 : errno;
  if (!failed) failed = pthread_create(&pump->thread, NULL, run_pump, pump);
  assert(failed || fcntl(pump->in, F_GETFL) & O_NONBLOCK); /* (P1) */
  if (!failed) return RKV_OK;
  (void)close(ends[0]);
  (void)close(ends[1]);
  return rkv_fail(error, RKV_FULL, "no thread for the log: %s", strerror(failed));
}

bool log_pump_close(struct log_pump *pump) {
  struct timespec until;
  (void)close(pump->in);
  (void)clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += LAST_WORDS_NS;
  until.tv_sec += until.tv_nsec / 1000000000L;
  until.tv_nsec %= 1000000000L;
  if (pthread_timedjoin_np(pump->thread, NULL, &until) != 0) return false;
  (void)close(pump->out);
  return true;
}

bool log_pump_say(int fd, const char *text, size_t len) {
  struct pollfd room = {.fd = fd, .events = POLLOUT};
  if (len > PIPE_BUF || poll(&room, 1, 0) != 1 || !(room.revents & POLLOUT)) return false;
  return write(fd, text, len) == (ssize_t)len;
}
