/* descriptors_test.c: a process without a free file descriptor: it is said as what it is. */
#include "wal.h"

#include <stdlib.h>
#include <time.h>

enum { T = TERM_SHORT, PATIENCE_S = 30, MORE_MAX = 2000 };

/* The entry is acknowledged, or waits longer than a device needs and it was said why. */
static bool waits(struct wal *w, struct told *told) {
  time_t began = time(NULL);
  while (!told_yet(told) && time(NULL) < began + PATIENCE_S &&
         (time(NULL) < began + 2 || !wal_warned(w, "open files")))
    (void)nanosleep(&(struct timespec){0, 100000}, NULL);
  return !told_yet(told);
}

/* Takes them once there is a spare, and appends until one entry waits. */
static void fill(struct wal *w, struct model *m, struct told *waiting) {
  wal_await_spare(w);
  wal_take_descriptors(0);
  for (;;) {
    struct step step = step_append(m, T, 15);
    told_init(waiting);
    wal_issue(w, &step, waiting);
    if (waits(w, waiting)) return;
    assert_int_equal(waiting->status, RKV_OK);
    model_step(m, &step);
  }
}

static void says_so(const char *text) {
  if (!strstr(text, "limit of open files") || strstr(text, "full"))
    fail_msg("it does not say what it lacks: %s", text);
}

/* Writes wait, nothing fails, and everything goes on when there are descriptors. */
static void want_of_descriptors_is_waited_for(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  struct told waiting;
  struct step step;
  fill(w, m, &waiting);
  assert_true(wal_warned(w, "out of file descriptors"));
  assert_true(wal_warned(w, "raise the limit of open files"));
  assert_false(wal_warned(w, "device full"));
  assert_int_equal(atomic_load(&w->fatal), RKV_OK);
  wal_give_descriptors();
  assert_int_equal(told_wait(&waiting), RKV_OK);
  step = step_append(m, T, 15);
  model_step(m, &step);
  wal_reopen(w);
  wal_holds(w, m);
  free(m);
}

/* Too much waits: the reason is the descriptors, not the device. */
static void want_of_descriptors_has_a_limit(void **state) {
  struct wal *w = *state;
  struct model *m = model_new(), *ahead = model_new();
  struct told waiting, *more = calloc(MORE_MAX, sizeof *more);
  struct step step;
  size_t n = 0;
  assert_non_null(more);
  w->queue_bytes_max = 1 << 20;
  wal_reopen(w);
  fill(w, m, &waiting);
  *ahead = *m;
  step = step_append(m, T, 15);
  model_step(ahead, &step);
  for (; n < MORE_MAX && atomic_load(&w->fatal) == RKV_OK; n++) {
    step = step_append(ahead, T, 15);
    told_init(&more[n]);
    wal_issue(w, &step, &more[n]);
    model_step(ahead, &step);
  }
  assert_int_equal(atomic_load(&w->fatal), RKV_FULL);
  assert_int_equal(told_wait(&waiting), RKV_FULL);
  for (size_t i = 0; i < n; i++) assert_int_equal(told_wait(&more[i]), RKV_FULL);
  says_so(waiting.text);
  wal_give_descriptors();
  free(ahead);
  free(more);
  free(m);
}

/* Not the first call alone: with any number of descriptors that is too small. */
static void open_says_that_it_lacks_descriptors(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  unsigned left = 0;
  wal_do(w, m, step_append(m, 1, 20));
  wal_do(w, m, step_snapshot(20));
  wal_close(w);
  for (; left < 20; left++) {
    enum rkv_status status;
    wal_take_descriptors(left);
    status = wal_open(w);
    wal_give_descriptors();
    if (status == RKV_OK) break;
    assert_int_equal(status, RKV_FULL);
    says_so(w->error.text);
  }
  assert_in_range(left, 2, 19);
  wal_holds(w, m);
  free(m);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, wal_setup, wal_teardown)

int main(void) {
  const struct CMUnitTest stories[] = {
      STORY(want_of_descriptors_is_waited_for),
      STORY(want_of_descriptors_has_a_limit),
      STORY(open_says_that_it_lacks_descriptors),
  };
  return cmocka_run_group_tests_name("storage-wal without descriptors", stories, NULL, NULL);
}
