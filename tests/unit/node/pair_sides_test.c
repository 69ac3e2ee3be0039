/* pair_sides_test.c: what a pair (node/pair.h) does beside writes: snapshots, purges, who uses a
 * side, and a write that finds no memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <node/pair.h>

#include "pair_fake.h"

#define TO "storage-x, dir=/x"

static struct {
  struct pair pair;
  struct fake a, b;
  unsigned told, done;
  enum rkv_status status; /* of the last write that ended */
} t;

static bool no_memory; /* for malloc */
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size) {
  return no_memory ? NULL : __real_malloc(size);
}

static void changed(void *ctx) {
  (void)ctx;
  t.told++;
}

static void on_done(struct rkv_completion *self, enum rkv_status status,
                    const struct rkv_error *error) {
  (void)self, (void)error;
  t.done++;
  t.status = status;
}
static struct rkv_completion done = {on_done};

static struct pair_look look(void) {
  struct pair_look l;
  pair_look(&t.pair, &l);
  return l;
}

/* ---- acts ---- */

static void begin(void) {
  struct rkv_storage_state state;
  struct rkv_error error;
  fake_init(&t.a);
  fake_init(&t.b);
  t.a.identity = (struct rkv_identity){{7, 1}, 13, true};
  t.a.at_once = t.b.at_once = true;
  t.told = t.done = 0;
  pair_init(&t.pair, &fake_ops, &t.a);
  assert_int_equal(pair_ops.load(&t.pair, &state, &error), RKV_OK);
}

static void end(void) {
  fake_close(&t.a);
  fake_close(&t.b);
  pair_destroy(&t.pair);
}

static void begin_copy(void) {
  pair_begin(&t.pair, (struct pair_side){&fake_ops, &t.b}, (struct pair_watch){changed, NULL});
}

static void join(void) {
  begin_copy();
  assert_true(pair_join(&t.pair, look().snapshots));
  assert_true(look().whole);
}

static bool retire(void) {
  return pair_retire(&t.pair, look().last, TO);
}

static void vote(void) {
  pair_ops.save_vote(&t.pair, (struct rkv_vote){1, 1, false}, &done);
}

static void append(rkv_index index) {
  pair_ops.append(&t.pair, &(struct rkv_entry){.id = {1, index}}, 1, &done);
}

static void *writer(void) {
  const struct rkv_snapshot_meta meta = {.last = {1, 1}};
  struct rkv_error error;
  void *w = NULL;
  return pair_ops.snapshot_begin(&t.pair, &meta, &w, &error) == RKV_OK ? w : NULL;
}

static enum rkv_status put(void *w) {
  struct rkv_error error;
  return pair_ops.snapshot_write(w, rkv_buf_static("x", 1), &error);
}

static enum rkv_status commit(void *w) {
  struct rkv_error error;
  return pair_ops.snapshot_commit(w, &error);
}

static void assert_snapshots(unsigned a, unsigned b) {
  assert_int_equal(t.a.commits, a);
  assert_int_equal(t.b.commits, b);
  assert_int_equal(t.a.writers + t.b.writers, 0);
  assert_false(look().writing);
}

/* ---- snapshots ---- */

static void a_snapshot_goes_where_writes_go(void **state) {
  void *w;
  (void)state;
  begin();
  assert_int_equal(commit(writer()), RKV_OK);
  assert_snapshots(1, 0);
  begin_copy();
  assert_int_equal(commit(writer()), RKV_OK);
  assert_snapshots(2, 0);
  assert_true(pair_join(&t.pair, 2));
  w = writer();
  assert_int_equal(put(w), RKV_OK);
  assert_int_equal(commit(w), RKV_OK);
  assert_snapshots(3, 1);
  pair_ops.snapshot_abort(writer());
  assert_snapshots(3, 1);
  assert_true(retire());
  assert_int_equal(commit(writer()), RKV_OK);
  assert_snapshots(3, 2);
  assert_int_equal(look().snapshots, 4);
  end();
}

static void a_copy_that_takes_no_snapshot_is_out(void **state) {
  (void)state;
  for (int step = 0; step < 3; step++) {
    void *w;
    begin();
    join();
    t.b.refuse_begin = step == 0;
    t.b.refuse_write = step == 1;
    t.b.refuse_commit = step == 2;
    w = writer();
    assert_non_null(w);
    assert_int_equal(put(w), RKV_OK);
    assert_int_equal(commit(w), RKV_OK);
    assert_snapshots(1, 0);
    assert_true(look().failed && look().error.status == RKV_NO_SPACE);
    assert_false(retire());
    pair_drop(&t.pair);
    assert_true(pair_released(&t.pair));
    end();
  }
}

static void a_current_that_takes_none_is_the_callers(void **state) {
  (void)state;
  for (int step = 0; step < 3; step++) {
    void *w;
    begin();
    join();
    t.a.refuse_begin = step == 0;
    t.a.refuse_write = step == 1;
    t.a.refuse_commit = step == 2;
    w = writer();
    assert_int_equal(w == NULL, step == 0);
    if (w) assert_int_equal(put(w), step == 1 ? RKV_NO_SPACE : RKV_OK);
    if (step == 1) pair_ops.snapshot_abort(w);
    if (step == 2) assert_int_equal(commit(w), RKV_NO_SPACE);
    assert_snapshots(0, 0);
    assert_false(look().failed);
    end();
  }
}

/* Nothing follows the retirement on the old side, and its writer does not hold it up. */
static void a_writer_outlives_the_retirement(void **state) {
  void *w;
  (void)state;
  begin();
  join();
  w = writer();
  assert_int_equal(put(w), RKV_OK);
  assert_true(retire());
  t.a.refuse_write = t.a.refuse_commit = true;
  assert_int_equal(put(w), RKV_OK);
  pair_finish(&t.pair);
  assert_true(look().finished && pair_released(&t.pair));
  assert_int_equal(commit(w), RKV_OK);
  assert_snapshots(0, 1);
  end();
}

static void a_refusal_after_the_retirement_is_the_callers(void **state) {
  void *w;
  (void)state;
  begin();
  join();
  w = writer();
  assert_true(retire());
  t.b.refuse_commit = true;
  assert_int_equal(commit(w), RKV_NO_SPACE);
  assert_snapshots(0, 0);
  end();
}

static void try_to_retire(void *ctx) {
  (void)ctx;
  assert_false(retire());
}

static void no_retirement_in_the_middle_of_a_commit(void **state) {
  (void)state;
  begin();
  join();
  t.a.in_commit = t.b.in_commit = try_to_retire;
  assert_int_equal(commit(writer()), RKV_OK);
  assert_snapshots(1, 1);
  assert_true(retire());
  end();
}

static void no_join_without_the_newest_snapshot(void **state) {
  void *w;
  (void)state;
  begin();
  begin_copy();
  w = writer();
  assert_false(pair_join(&t.pair, 0));
  assert_int_equal(commit(w), RKV_OK);
  assert_false(pair_join(&t.pair, 0));
  assert_true(pair_join(&t.pair, 1));
  end();
}

/* ---- who uses a side ---- */

static void a_left_side_waits_for_its_readers(void **state) {
  struct rkv_snapshot_meta meta;
  struct rkv_error error;
  void *before, *reader = NULL, *w;
  (void)state;
  begin();
  assert_int_equal(pair_ops.snapshot_open(&t.pair, &reader, &meta, &error), RKV_NOT_FOUND);
  assert_int_equal(commit(writer()), RKV_OK);
  assert_int_equal(pair_ops.snapshot_open(&t.pair, &before, &meta, &error), RKV_OK);
  join();
  assert_int_equal(commit(writer()), RKV_OK);
  assert_true(retire());
  assert_int_equal(pair_ops.snapshot_open(&t.pair, &reader, &meta, &error), RKV_OK);
  assert_int_equal(t.b.readers, 1);
  pair_finish(&t.pair);
  assert_false(pair_released(&t.pair));
  t.told = 0;
  pair_ops.snapshot_close(before);
  assert_int_equal(t.told, 1);
  assert_true(pair_released(&t.pair));
  pair_ops.snapshot_close(reader);
  pair_forget(&t.pair);
  assert_false(pair_released(&t.pair));
  w = writer();
  pair_ops.snapshot_abort(w);
  end();
}

static void a_dropped_copy_waits_for_its_writer(void **state) {
  void *w;
  (void)state;
  begin();
  join();
  w = writer();
  pair_drop(&t.pair);
  assert_false(pair_released(&t.pair));
  t.told = 0;
  assert_int_equal(put(w), RKV_OK); /* the part on the copy is dropped */
  assert_true(pair_released(&t.pair) && t.told == 1);
  assert_int_equal(commit(w), RKV_OK);
  assert_snapshots(1, 0);
  end();
}

/* ---- purges ---- */

static void the_copy_is_purged_when_it_has_the_snapshot(void **state) {
  (void)state;
  begin();
  append(1);
  append(2);
  pair_ops.purge(&t.pair, (struct rkv_log_id){1, 1});
  assert_int_equal(look().cuts, 0);
  begin_copy();
  pair_purge_copy(&t.pair);
  assert_int_equal(look().copied, 1);
  pair_ops.purge(&t.pair, (struct rkv_log_id){2, 9});
  assert_int_equal(look().cuts, 1);
  assert_int_equal(look().last.index, 9);
  assert_int_equal(t.b.given_last.index, 1);
  pair_purge_copy(&t.pair);
  assert_int_equal(look().copied, 9);
  assert_true(pair_join(&t.pair, 0));
  append(10);
  pair_ops.purge(&t.pair, (struct rkv_log_id){1, 10});
  vote();
  assert_int_equal(t.a.purged.index, 10);
  assert_int_equal(t.b.purged.index, 10);
  assert_true(retire());
  append(11);
  pair_ops.purge(&t.pair, (struct rkv_log_id){1, 11});
  vote();
  assert_int_equal(t.a.purged.index, 10);
  assert_int_equal(t.b.purged.index, 11);
  end();
}

static void a_truncation_is_counted(void **state) {
  (void)state;
  begin();
  append(1);
  append(2);
  pair_ops.truncate(&t.pair, 2);
  assert_int_equal(look().cuts, 0);
  pair_ops.truncate(&t.pair, 1);
  assert_int_equal(look().cuts, 1);
  assert_int_equal(look().last.index, 1);
  assert_int_equal(look().last.term, 0);
  end();
}

/* ---- memory ---- */

static void a_move_without_memory_fails(void **state) {
  (void)state;
  begin();
  no_memory = true;
  begin_copy();
  no_memory = false;
  assert_true(look().failed && look().error.status == RKV_NO_MEMORY && t.told == 1);
  vote();
  assert_int_equal(t.status, RKV_OK);
  assert_false(pair_join(&t.pair, 0));
  pair_drop(&t.pair);
  end();
}

/* The copy is out; current gets the write, in order behind those that wait. */
static void a_write_without_memory_costs_the_copy(void **state) {
  (void)state;
  for (int waiting = 0; waiting < 2; waiting++) {
    begin();
    join();
    t.a.at_once = t.b.at_once = false;
    if (waiting) vote();
    no_memory = true;
    t.a.at_once = !waiting;
    vote();
    no_memory = false;
    assert_true(look().failed && look().error.status == RKV_NO_MEMORY);
    assert_int_equal(look().given, waiting);
    while (fake_end_one(&t.a)) assert_int_equal(t.status, RKV_OK);
    assert_int_equal(t.done, 1 + waiting);
    end();
  }
}

/* One write's memory is kept ready, not two. */
static void a_second_write_without_memory_fails(void **state) {
  (void)state;
  begin();
  join();
  t.a.at_once = false;
  vote();
  no_memory = true;
  vote();
  assert_int_equal(t.done, 0);
  vote();
  no_memory = false;
  assert_int_equal(t.done, 1);
  assert_int_equal(t.status, RKV_NO_MEMORY);
  end();
  assert_int_equal(t.done, 3);
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
      cmocka_unit_test(a_left_side_waits_for_its_readers),
      cmocka_unit_test(a_dropped_copy_waits_for_its_writer),
      cmocka_unit_test(the_copy_is_purged_when_it_has_the_snapshot),
      cmocka_unit_test(a_truncation_is_counted),
      cmocka_unit_test(a_move_without_memory_fails),
      cmocka_unit_test(a_write_without_memory_costs_the_copy),
      cmocka_unit_test(a_second_write_without_memory_fails),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
