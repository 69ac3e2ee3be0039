/* linear_test.c: the linearizability checker knows good histories from bad ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "linear.h"

enum { STATES = 100000 };

static void add(struct history *h, bool write, uint64_t value, uint64_t invoked,
                uint64_t returned) {
  (void)history_add(h,
                    (struct history_op){
                        .invoked = invoked, .returned = returned, .write = write, .value = value});
}

static enum history_result check(struct history *h) {
  uint32_t key;
  enum history_result result = history_check(h, STATES, &key);
  history_free(h);
  return result;
}

/* One after the other: every read gives the last write. */
static void sequential_histories(void **state) {
  (void)state;
  struct history good = {0}, stale = {0}, never = {0};
  add(&good, false, 0, 1, 2);
  add(&good, true, 7, 3, 4);
  add(&good, false, 7, 5, 6);
  assert_int_equal(check(&good), HISTORY_LINEARIZABLE);
  add(&stale, true, 7, 1, 2);
  add(&stale, true, 8, 3, 4);
  add(&stale, false, 7, 5, 6);
  assert_int_equal(check(&stale), HISTORY_BROKEN);
  add(&never, false, 9, 1, 2);
  assert_int_equal(check(&never), HISTORY_BROKEN);
}

/* Overlapping operations may take effect in either order, but one order for all. */
static void concurrent_histories(void **state) {
  (void)state;
  struct history good = {0}, torn = {0};
  add(&good, true, 1, 1, 10);
  add(&good, true, 2, 2, 9);
  add(&good, false, 2, 11, 12);
  add(&good, false, 2, 13, 14);
  assert_int_equal(check(&good), HISTORY_LINEARIZABLE);
  add(&torn, true, 1, 1, 10);
  add(&torn, true, 2, 2, 9);
  add(&torn, false, 2, 11, 12);
  add(&torn, false, 1, 13, 14);
  assert_int_equal(check(&torn), HISTORY_BROKEN);
}

/* A read during a write may see it or not; once it was seen it stays seen. */
static void a_value_once_seen_stays(void **state) {
  (void)state;
  struct history good = {0}, flicker = {0};
  add(&good, true, 1, 1, 20);
  add(&good, false, 0, 2, 3);
  add(&good, false, 1, 4, 5);
  assert_int_equal(check(&good), HISTORY_LINEARIZABLE);
  add(&flicker, true, 1, 1, 20);
  add(&flicker, false, 1, 2, 3);
  add(&flicker, false, 0, 4, 5);
  assert_int_equal(check(&flicker), HISTORY_BROKEN);
}

/* A write of unknown outcome may take effect late, once, or never, but not before it began. */
static void writes_of_unknown_outcome(void **state) {
  (void)state;
  struct history late = {0}, never = {0}, early = {0}, twice = {0};
  add(&late, true, 1, 1, HISTORY_OPEN);
  add(&late, true, 2, 2, 3);
  add(&late, false, 2, 4, 5);
  add(&late, false, 1, 6, 7);
  assert_int_equal(check(&late), HISTORY_LINEARIZABLE);
  add(&never, true, 1, 1, HISTORY_OPEN);
  add(&never, false, 0, 2, 3);
  assert_int_equal(check(&never), HISTORY_LINEARIZABLE);
  add(&early, false, 1, 1, 2);
  add(&early, true, 1, 3, HISTORY_OPEN);
  assert_int_equal(check(&early), HISTORY_BROKEN);
  add(&twice, true, 1, 1, HISTORY_OPEN);
  add(&twice, true, 2, 2, 3);
  add(&twice, false, 1, 4, 5);
  add(&twice, true, 3, 6, 7);
  add(&twice, false, 1, 8, 9);
  assert_int_equal(check(&twice), HISTORY_BROKEN);
}

/* Keys do not mix, and the broken one is named. */
static void keys_are_apart(void **state) {
  (void)state;
  struct history h = {0};
  uint32_t key;
  (void)history_add(&h, (struct history_op){1, 2, 0, true, 5});
  (void)history_add(&h, (struct history_op){3, 4, 1, false, 5});
  assert_int_equal(history_check(&h, STATES, &key), HISTORY_BROKEN);
  assert_int_equal(key, 1);
  history_free(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sequential_histories),    cmocka_unit_test(concurrent_histories),
      cmocka_unit_test(a_value_once_seen_stays), cmocka_unit_test(writes_of_unknown_outcome),
      cmocka_unit_test(keys_are_apart),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
