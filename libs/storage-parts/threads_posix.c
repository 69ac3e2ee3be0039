/* threads_posix.c: a storage's threads as the C library makes them and lets them wait. */
#include "threads.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

enum { MS_OF_S = 1000, NS_OF_MS = 1000000, NS_OF_S = 1000000000 };

struct thread {
  pthread_t id;
};

static int start(void *ctx, struct thread **thread, void *(*run)(void *arg), void *arg) {
  struct thread *t = malloc(sizeof *t);
  int error = t ? pthread_create(&t->id, NULL, run, arg) : ENOMEM;
  (void)ctx;
  if (error != 0) {
    free(t);
    t = NULL;
  }
  *thread = t;
  return error;
}

static void join(void *ctx, struct thread *thread) {
  (void)ctx;
  (void)pthread_join(thread->id, NULL);
  free(thread);
}

void threads_init_condition(pthread_cond_t *condition) {
  pthread_condattr_t attributes;
  (void)pthread_condattr_init(&attributes);
  (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  (void)pthread_cond_init(condition, &attributes);
  (void)pthread_condattr_destroy(&attributes);
}

static void lock(void *ctx, pthread_mutex_t *mutex) {
  (void)ctx;
  (void)pthread_mutex_lock(mutex);
}

static void wait(void *ctx, pthread_cond_t *condition, pthread_mutex_t *mutex) {
  (void)ctx;
  (void)pthread_cond_wait(condition, mutex);
}

static bool wait_ms(void *ctx, pthread_cond_t *condition, pthread_mutex_t *mutex, unsigned ms) {
  struct timespec until;
  (void)ctx;
  (void)clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += (time_t)(ms / MS_OF_S);
  until.tv_nsec += (long)(ms % MS_OF_S) * NS_OF_MS;
  until.tv_sec += until.tv_nsec / NS_OF_S;
  until.tv_nsec %= NS_OF_S;
  return pthread_cond_timedwait(condition, mutex, &until) == 0;
}

static void signal_one(void *ctx, pthread_cond_t *condition) {
  (void)ctx;
  (void)pthread_cond_signal(condition);
}

const struct threads threads_posix = {
    .start = start,
    .join = join,
    .lock = lock,
    .wait = wait,
    .wait_ms = wait_ms,
    .signal = signal_one,
};
