/* pair_two.c: see pair_two.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pair_two.h"

#define TO "storage-x, dir=/x"

struct two two;

static void changed(void *ctx) {
  (void)ctx;
  two.told++;
}

static void on_done(struct rkv_completion *self, enum rkv_status status,
                    const struct rkv_error *error) {
  (void)self, (void)error;
  two.done++;
  two.status = status;
}
static struct rkv_completion done = {on_done};

struct pair_look two_look(void) {
  struct pair_look l;
  pair_look(&two.pair, &l);
  return l;
}

void two_begin(void) {
  struct rkv_storage_state state;
  struct rkv_error error;
  fake_init(&two.a);
  fake_init(&two.b);
  two.a.identity = (struct rkv_identity){{7, 1}, 13, true};
  two.a.at_once = two.b.at_once = true;
  two.told = two.done = 0;
  pair_init(&two.pair, &fake_ops, &two.a);
  assert_int_equal(pair_ops.load(&two.pair, &state, &error), RKV_OK);
}

void two_end(void) {
  fake_close(&two.a);
  fake_close(&two.b);
  pair_destroy(&two.pair);
}

void two_begin_copy(void) {
  pair_begin(&two.pair, (struct pair_side){&fake_ops, &two.b}, (struct pair_watch){changed, NULL});
}

void two_join(void) {
  two_begin_copy();
  assert_true(pair_join(&two.pair, two_look().snapshots));
  assert_true(two_look().whole);
}

bool two_retire(void) {
  return pair_retire(&two.pair, two_look().last, TO, 0);
}

void two_vote(void) {
  pair_ops.save_vote(&two.pair, (struct rkv_vote){1, 1, false}, &done);
}

void two_append(rkv_index index) {
  pair_ops.append(&two.pair, &(struct rkv_entry){.id = {1, index}}, 1, &done);
}

void *two_writer(void) {
  const struct rkv_snapshot_meta meta = {.last = {1, 1}};
  struct rkv_error error;
  void *w = NULL;
  return pair_ops.snapshot_begin(&two.pair, &meta, &w, &error) == RKV_OK ? w : NULL;
}

enum rkv_status two_put(void *w) {
  struct rkv_error error;
  return pair_ops.snapshot_write(w, rkv_buf_static("x", 1), &error);
}

enum rkv_status two_commit(void *w) {
  struct rkv_error error;
  return pair_ops.snapshot_commit(w, &error);
}

void two_assert_snapshots(unsigned a, unsigned b) {
  assert_int_equal(two.a.commits, a);
  assert_int_equal(two.b.commits, b);
  assert_int_equal(two.a.writers + two.b.writers, 0);
  assert_false(two_look().writing);
}
