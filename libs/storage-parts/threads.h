/* threads.h: how a durable storage's threads wait for each other, as a table: POSIX threads in
 * production, turns of a scheduler in virtual time in the simulator.
 *
 * A mutex is unlocked by pthread_mutex_unlock in both. The log's lock is never held during a file
 * operation (L1 of log.h); another mutex may be, so `lock` lets the holder's operation end. */
#ifndef STORAGE_PARTS_THREADS_H
#define STORAGE_PARTS_THREADS_H

#include <pthread.h>
#include <stdbool.h>

struct thread;

struct threads {
  void *ctx; /* handed to each */
  /* Runs `run(arg)` in a thread of its own. 0 or the error's number; *thread is for `join`. */
  int (*start)(void *ctx, struct thread **thread, void *(*run)(void *arg), void *arg);
  /* Waits until the thread has ended, and frees it. */
  void (*join)(void *ctx, struct thread *thread);
  void (*lock)(void *ctx, pthread_mutex_t *mutex);
  /* As pthread_cond_wait, also in that it may return without a signal. */
  void (*wait)(void *ctx, pthread_cond_t *condition, pthread_mutex_t *mutex);
  /* The same, for at most so long. False: the time is over. */
  bool (*wait_ms)(void *ctx, pthread_cond_t *condition, pthread_mutex_t *mutex, unsigned ms);
  void (*signal)(void *ctx, pthread_cond_t *condition);
};

/* Makes a condition, which pthread_cond_destroy ends; waits with a limit follow a clock that nobody
 * sets. */
void threads_init_condition(pthread_cond_t *condition);

extern const struct threads threads_posix;

#endif
