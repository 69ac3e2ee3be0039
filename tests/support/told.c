/* told.c: see told.h. One lock is enough for all: who waits is the test alone. */
#include "told.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

enum { PATIENCE_S = 30 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;

static void tell(struct rkv_completion *self, enum rkv_status status,
                 const struct rkv_error *error) {
  struct told *told = (struct told *)self;
  (void)pthread_mutex_lock(&lock);
  told->status = status;
  told->has_error = error != NULL;
  told->times++;
  if (error) memcpy(told->text, error->text, sizeof told->text);
  (void)pthread_cond_broadcast(&more);
  (void)pthread_mutex_unlock(&lock);
}

void told_init(struct told *told) {
  *told = (struct told){.completion = {.done = tell}, .status = RKV_BROKEN};
}

void told_await(struct told *told, int times) {
  struct timespec until = {time(NULL) + PATIENCE_S, 0};
  (void)pthread_mutex_lock(&lock);
  while (told->times < times && pthread_cond_timedwait(&more, &lock, &until) == 0) continue;
  (void)pthread_mutex_unlock(&lock);
  assert_int_equal(told->times, times);
}

enum rkv_status told_wait(struct told *told) {
  told_await(told, 1);
  return told->status;
}

bool told_yet(struct told *told) {
  bool yet;
  (void)pthread_mutex_lock(&lock);
  yet = told->times > 0;
  (void)pthread_mutex_unlock(&lock);
  return yet;
}
