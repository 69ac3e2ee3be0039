/* shim_clock.c: the calls that tell the date, so that a law can have another one. */
#define _GNU_SOURCE
#include "shim_internal.h"

#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static atomic_llong shift_s;

void shim_shift_date(long long seconds) {
  atomic_store(&shift_s, seconds);
}

EXPORTED int clock_gettime(clockid_t clock, struct timespec *now) {
  int result = (int)syscall(SYS_clock_gettime, clock, now);
  bool date = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
  if (result == 0 && date) now->tv_sec += (time_t)atomic_load(&shift_s);
  return result;
}

EXPORTED time_t time(time_t *out) {
  struct timespec now = {0, 0};
  (void)clock_gettime(CLOCK_REALTIME, &now);
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}

EXPORTED int timespec_get(struct timespec *now, int base) {
  return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, now) == 0 ? base : 0;
}

/* The zone is obsolete and never told. */
EXPORTED int gettimeofday(struct timeval *restrict out, void *restrict zone) {
  struct timespec now = {0, 0};
  int result = clock_gettime(CLOCK_REALTIME, &now);
  (void)zone;
  *out = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
  return result;
}
