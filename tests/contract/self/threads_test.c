/* threads_test.c: what ends before a law's leaks are looked for, and what is not waited for. */
#include "threads.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "contract.h"

enum { THREADS = 8, STEP_MS = 20 };

/* The n-th ends after n steps. */
static void *end_later(void *arg) {
  contract_pause_ms((unsigned)(uintptr_t)arg * STEP_MS);
  return NULL;
}

/* The program's own threads: the thread sanitizer begins one of its own with the first thread that
 * is made. */
static unsigned own_count(void) {
  pthread_t first;
  assert_int_equal(pthread_create(&first, NULL, end_later, NULL), 0);
  assert_int_equal(pthread_join(first, NULL), 0);
  threads_settle();
  return threads_count();
}

/* Nobody joins them: whoever looks behind it sees none. */
static void threads_that_end_are_waited_for(void **state) {
  pthread_attr_t detached;
  const unsigned own = own_count();
  (void)state;
  assert_int_equal(pthread_attr_init(&detached), 0);
  assert_int_equal(pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED), 0);
  for (uintptr_t i = 1; i <= THREADS; i++) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, &detached, end_later, (void *)i), 0);
  }
  (void)pthread_attr_destroy(&detached);
  assert_true(threads_count() > own);
  threads_settle();
  assert_int_equal(threads_count(), own);
}

static void *stay(void *arg) {
  char byte;
  ssize_t got = read(*(const int *)arg, &byte, 1); /* returns once the other end is closed */
  (void)got;
  return NULL;
}

/* One that stays costs little time, for a plugin may have such. */
static void threads_that_stay_are_not(void **state) {
  const unsigned own = own_count();
  const uint64_t began = contract_now_ms();
  pthread_t thread;
  int pipe_fds[2];
  (void)state;
  assert_int_equal(pipe(pipe_fds), 0);
  assert_int_equal(pthread_create(&thread, NULL, stay, &pipe_fds[0]), 0);
  threads_settle();
  assert_int_equal(threads_count(), own + 1);
  assert_true(contract_now_ms() - began < THREADS_WAIT_MS);
  (void)close(pipe_fds[1]);
  assert_int_equal(pthread_join(thread, NULL), 0);
  (void)close(pipe_fds[0]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(threads_that_end_are_waited_for),
      cmocka_unit_test(threads_that_stay_are_not),
  };
  return cmocka_run_group_tests_name("contract: threads", tests, NULL, NULL);
}
