/* pair_snapshots_test.c: snapshots of a pair (node/pair.h) go where writes go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pair_two.h"

static void a_snapshot_goes_where_writes_go(void **state) {
  void *w;
  (void)state;
  two_begin();
  assert_int_equal(two_commit(two_writer()), RKV_OK);
  two_assert_snapshots(1, 0);
  two_begin_copy();
  assert_int_equal(two_commit(two_writer()), RKV_OK);
  two_assert_snapshots(2, 0);
  assert_true(pair_join(&two.pair, 2));
  w = two_writer();
  assert_int_equal(two_put(w), RKV_OK);
  assert_int_equal(two_commit(w), RKV_OK);
  two_assert_snapshots(3, 1);
  pair_ops.snapshot_abort(two_writer());
  two_assert_snapshots(3, 1);
  assert_true(two_retire());
  assert_int_equal(two_commit(two_writer()), RKV_OK);
  two_assert_snapshots(3, 2);
  assert_int_equal(two_look().snapshots, 4);
  two_end();
}

static void a_copy_that_takes_no_snapshot_is_out(void **state) {
  (void)state;
  for (int step = 0; step < 3; step++) {
    void *w;
    two_begin();
    two_join();
    two.b.refuse_begin = step == 0;
    two.b.refuse_write = step == 1;
    two.b.refuse_commit = step == 2;
    w = two_writer();
    assert_non_null(w);
    assert_int_equal(two_put(w), RKV_OK);
    assert_int_equal(two_commit(w), RKV_OK);
    two_assert_snapshots(1, 0);
    assert_true(two_look().failed && two_look().error.status == RKV_NO_SPACE);
    assert_false(two_retire());
    pair_drop(&two.pair);
    assert_true(pair_released(&two.pair));
    two_end();
  }
}

static void a_current_that_takes_none_is_the_callers(void **state) {
  (void)state;
  for (int step = 0; step < 3; step++) {
    void *w;
    two_begin();
    two_join();
    two.a.refuse_begin = step == 0;
    two.a.refuse_write = step == 1;
    two.a.refuse_commit = step == 2;
    w = two_writer();
    assert_int_equal(w == NULL, step == 0);
    if (w) assert_int_equal(two_put(w), step == 1 ? RKV_NO_SPACE : RKV_OK);
    if (step == 1) pair_ops.snapshot_abort(w);
    if (step == 2) assert_int_equal(two_commit(w), RKV_NO_SPACE);
    two_assert_snapshots(0, 0);
    assert_false(two_look().failed);
    two_end();
  }
}

/* Nothing follows the retirement on the old side, and its writer does not hold it up. */
static void a_writer_outlives_the_retirement(void **state) {
  void *w;
  (void)state;
  two_begin();
  two_join();
  w = two_writer();
  assert_int_equal(two_put(w), RKV_OK);
  assert_true(two_retire());
  two.a.refuse_write = two.a.refuse_commit = true;
  assert_int_equal(two_put(w), RKV_OK);
  pair_finish(&two.pair);
  assert_true(two_look().finished && pair_released(&two.pair));
  assert_int_equal(two_commit(w), RKV_OK);
  two_assert_snapshots(0, 1);
  two_end();
}

static void a_refusal_after_the_retirement_is_the_callers(void **state) {
  void *w;
  (void)state;
  two_begin();
  two_join();
  w = two_writer();
  assert_true(two_retire());
  two.b.refuse_commit = true;
  assert_int_equal(two_commit(w), RKV_NO_SPACE);
  two_assert_snapshots(0, 0);
  two_end();
}

static void try_to_retire(void *ctx) {
  (void)ctx;
  assert_false(two_retire());
}

static void no_retirement_in_the_middle_of_a_commit(void **state) {
  (void)state;
  two_begin();
  two_join();
  two.a.in_commit = two.b.in_commit = try_to_retire;
  assert_int_equal(two_commit(two_writer()), RKV_OK);
  two_assert_snapshots(1, 1);
  assert_true(two_retire());
  two_end();
}

static void no_join_without_the_newest_snapshot(void **state) {
  void *w;
  (void)state;
  two_begin();
  two_begin_copy();
  w = two_writer();
  assert_false(pair_join(&two.pair, 0));
  assert_int_equal(two_commit(w), RKV_OK);
  assert_false(pair_join(&two.pair, 0));
  assert_true(pair_join(&two.pair, 1));
  two_end();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_snapshot_goes_where_writes_go),
      cmocka_unit_test(a_copy_that_takes_no_snapshot_is_out),
      cmocka_unit_test(a_current_that_takes_none_is_the_callers),
      cmocka_unit_test(a_writer_outlives_the_retirement),
      cmocka_unit_test(a_refusal_after_the_retirement_is_the_callers),
      cmocka_unit_test(no_retirement_in_the_middle_of_a_commit),
      cmocka_unit_test(no_join_without_the_newest_snapshot),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
