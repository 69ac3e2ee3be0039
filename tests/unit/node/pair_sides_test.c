/* pair_sides_test.c: who uses a side of a pair (node/pair.h), when a copy counts, purges, and
 * writes that find no memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pair_two.h"

static bool no_memory; /* for malloc */
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size) {
  return no_memory ? NULL : __real_malloc(size);
}

/* ---- who uses a side ---- */

static void a_left_side_waits_for_its_readers(void **state) {
  struct rkv_snapshot_meta meta;
  struct rkv_error error;
  void *before, *reader = NULL, *w;
  (void)state;
  two_begin();
  assert_int_equal(pair_ops.snapshot_open(&two.pair, &reader, &meta, &error), RKV_NOT_FOUND);
  assert_int_equal(two_commit(two_writer()), RKV_OK);
  assert_int_equal(pair_ops.snapshot_open(&two.pair, &before, &meta, &error), RKV_OK);
  two_join();
  assert_int_equal(two_commit(two_writer()), RKV_OK);
  assert_true(two_retire());
  assert_int_equal(pair_ops.snapshot_open(&two.pair, &reader, &meta, &error), RKV_OK);
  assert_int_equal(two.b.readers, 1);
  pair_finish(&two.pair);
  assert_false(pair_released(&two.pair));
  two.told = 0;
  pair_ops.snapshot_close(before);
  assert_int_equal(two.told, 1);
  assert_true(pair_released(&two.pair));
  pair_ops.snapshot_close(reader);
  pair_forget(&two.pair);
  assert_false(pair_released(&two.pair));
  w = two_writer();
  pair_ops.snapshot_abort(w);
  two_end();
}

static void a_dropped_copy_waits_for_its_writer(void **state) {
  void *w;
  (void)state;
  two_begin();
  two_join();
  w = two_writer();
  pair_drop(&two.pair);
  assert_false(pair_released(&two.pair));
  two.told = 0;
  assert_int_equal(two_put(w), RKV_OK); /* the part on the copy is dropped */
  assert_true(pair_released(&two.pair) && two.told == 1);
  assert_int_equal(two_commit(w), RKV_OK);
  two_assert_snapshots(1, 0);
  two_end();
}

/* ---- the copy counts ---- */

/* Its own identity is on its way: the old side is not left before that is durable. */
static void finish(void) {
  two_begin();
  two_join();
  assert_true(two_retire());
  assert_true(two_look().retired);
  two.b.at_once = false;
  pair_finish(&two.pair);
  assert_false(two_look().finished || two_look().failed || pair_released(&two.pair));
  assert_int_equal(two_look().phase, PAIR_RETIRING);
  assert_int_equal(two.b.identity.incarnation, RKV_INCARNATION_UNFINISHED);
}

/* A crash behind the retirement must find current's vote in the copy. */
static void a_vote_on_its_way_to_the_copy_is_awaited(void **state) {
  (void)state;
  two_begin();
  two_join();
  two.b.at_once = false;
  two_vote();
  assert_int_equal(two.done, 0);
  assert_false(two_retire());
  assert_true(fake_end_one(&two.b));
  assert_int_equal(two.done, 1);
  assert_true(two_retire());
  two_end();
}

static void a_copy_counts_once_its_identity_is_durable(void **state) {
  (void)state;
  finish();
  two.told = 0;
  assert_true(fake_end_one(&two.b));
  assert_int_equal(two.told, 1);
  assert_true(two_look().finished && pair_released(&two.pair));
  assert_int_equal(two_look().phase, PAIR_ALONE);
  assert_int_equal(two.b.identity.incarnation, 13);
  two_end();
}

static void a_copy_whose_identity_fails_does_not_count(void **state) {
  (void)state;
  finish();
  two.told = 0;
  two.b.fails_from = 0;
  assert_true(fake_end_one(&two.b));
  assert_int_equal(two.told, 1);
  assert_true(two_look().failed && !two_look().finished && !pair_released(&two.pair));
  assert_int_equal(two_look().phase, PAIR_RETIRING);
  two_end();
}

/* ---- purges ---- */

static void the_copy_is_purged_when_it_has_the_snapshot(void **state) {
  (void)state;
  two_begin();
  two_append(1);
  two_append(2);
  pair_ops.purge(&two.pair, (struct rkv_log_id){1, 1});
  assert_int_equal(two_look().cuts, 0);
  two_begin_copy();
  pair_purge_copy(&two.pair);
  assert_int_equal(two_look().copied, 1);
  pair_ops.purge(&two.pair, (struct rkv_log_id){2, 9});
  assert_int_equal(two_look().cuts, 1);
  assert_int_equal(two_look().last.index, 9);
  assert_int_equal(two.b.given_last.index, 1);
  pair_purge_copy(&two.pair);
  assert_int_equal(two_look().copied, 9);
  assert_true(pair_join(&two.pair, 0));
  two_append(10);
  pair_ops.purge(&two.pair, (struct rkv_log_id){1, 10});
  two_vote();
  assert_int_equal(two.a.purged.index, 10);
  assert_int_equal(two.b.purged.index, 10);
  assert_true(two_retire());
  two_append(11);
  pair_ops.purge(&two.pair, (struct rkv_log_id){1, 11});
  two_vote();
  assert_int_equal(two.a.purged.index, 10);
  assert_int_equal(two.b.purged.index, 11);
  two_end();
}

static void a_truncation_is_counted(void **state) {
  (void)state;
  two_begin();
  two_append(1);
  two_append(2);
  pair_ops.truncate(&two.pair, 2);
  assert_int_equal(two_look().cuts, 0);
  pair_ops.truncate(&two.pair, 1);
  assert_int_equal(two_look().cuts, 1);
  assert_int_equal(two_look().last.index, 1);
  assert_int_equal(two_look().last.term, 0);
  two_end();
}

/* ---- memory ---- */

static void a_move_without_memory_fails(void **state) {
  (void)state;
  two_begin();
  no_memory = true;
  two_begin_copy();
  no_memory = false;
  assert_true(two_look().failed && two_look().error.status == RKV_NO_MEMORY && two.told == 1);
  two_vote();
  assert_int_equal(two.status, RKV_OK);
  assert_false(pair_join(&two.pair, 0));
  pair_drop(&two.pair);
  two_end();
}

/* The copy is out; current gets the write, in order behind those that wait. */
static void a_write_without_memory_costs_the_copy(void **state) {
  (void)state;
  for (int waiting = 0; waiting < 2; waiting++) {
    two_begin();
    two_join();
    two.a.at_once = two.b.at_once = false;
    if (waiting) two_vote();
    no_memory = true;
    two.a.at_once = !waiting;
    two_vote();
    no_memory = false;
    assert_true(two_look().failed && two_look().error.status == RKV_NO_MEMORY);
    assert_int_equal(two_look().given, waiting);
    while (fake_end_one(&two.a)) assert_int_equal(two.status, RKV_OK);
    assert_int_equal(two.done, 1 + waiting);
    two_end();
  }
}

/* One write's memory is kept ready, not two. */
static void a_second_write_without_memory_fails(void **state) {
  (void)state;
  two_begin();
  two_join();
  two.a.at_once = false;
  two_vote();
  no_memory = true;
  two_vote();
  assert_int_equal(two.done, 0);
  two_vote();
  no_memory = false;
  assert_int_equal(two.done, 1);
  assert_int_equal(two.status, RKV_NO_MEMORY);
  two_end();
  assert_int_equal(two.done, 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_left_side_waits_for_its_readers),
      cmocka_unit_test(a_dropped_copy_waits_for_its_writer),
      cmocka_unit_test(a_vote_on_its_way_to_the_copy_is_awaited),
      cmocka_unit_test(a_copy_counts_once_its_identity_is_durable),
      cmocka_unit_test(a_copy_whose_identity_fails_does_not_count),
      cmocka_unit_test(the_copy_is_purged_when_it_has_the_snapshot),
      cmocka_unit_test(a_truncation_is_counted),
      cmocka_unit_test(a_move_without_memory_fails),
      cmocka_unit_test(a_write_without_memory_costs_the_copy),
      cmocka_unit_test(a_second_write_without_memory_fails),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
