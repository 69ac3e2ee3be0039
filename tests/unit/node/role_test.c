/* role_test.c: the role of the runner (core/node/kernel/role.h): one thread at a time is inside,
 * and no kick is lost, whichever thread has the role. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <node/kernel/role.h>

#include <pthread.h>

enum { THREADS = 4, KICKS = 20000 };

struct work {
  struct role role;
  atomic_uint waiting; /* what was handed in and not done */
  atomic_uint inside;
  unsigned done;  /* the runner's: not atomic, (K1) and (K2) make it safe */
  unsigned times; /* run was entered */
};

static void run(void *ctx) {
  struct work *w = ctx;
  assert_int_equal(atomic_fetch_add(&w->inside, 1), 0); /* (K1) */
  w->times++;
  w->done += atomic_exchange(&w->waiting, 0);
  atomic_fetch_sub(&w->inside, 1);
}

static void *kick_often(void *arg) {
  struct work *w = arg;
  for (unsigned i = 0; i < KICKS; i++) {
    atomic_fetch_add(&w->waiting, 1);
    role_kick(&w->role);
  }
  return NULL;
}

static void nothing_is_left_behind(void **state) {
  struct work w = {.done = 0};
  pthread_t threads[THREADS];
  (void)state;
  role_init(&w.role, run, &w);
  for (unsigned i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, kick_often, &w), 0);
  for (unsigned i = 0; i < THREADS; i++) (void)pthread_join(threads[i], NULL);
  assert_true(role_is_idle(&w.role));
  assert_int_equal(w.waiting, 0); /* (K2): the last kick's work was seen */
  assert_int_equal(w.done, THREADS * KICKS);
}

/* What runs may kick: it is run again afterwards, not inside itself. */
static void again(void *ctx) {
  struct work *w = ctx;
  assert_int_equal(atomic_fetch_add(&w->inside, 1), 0);
  if (++w->times < 3) role_kick(&w->role);
  atomic_fetch_sub(&w->inside, 1);
}

static void a_kick_from_inside_runs_once_more(void **state) {
  struct work w = {.done = 0};
  (void)state;
  role_init(&w.role, again, &w);
  role_kick(&w.role);
  assert_int_equal(w.times, 3);
  assert_true(role_is_idle(&w.role));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_is_left_behind),
      cmocka_unit_test(a_kick_from_inside_runs_once_more),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
