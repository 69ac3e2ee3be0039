/* pair_threads_test.c: a pair (node/pair.h) with a thread per storage that ends its writes, a
 * worker that reads and writes snapshots, and a runner that moves on and on; for a thread
 * sanitizer, and for the order of the ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <assert.h>
#include <inttypes.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <node/pair.h>

#include "pair_fake.h"

#define TO "storage-x, dir=/x"

enum { MOVES = 200, BETWEEN = 5, LOG_MAX = FAKE_LOG_MAX - 16 };

struct side {
  struct fake fake;
  atomic_bool stop;
  pthread_t thread;
};

struct write {
  struct rkv_completion completion; /* first */
  uint64_t number;
};

static struct {
  struct pair pair;
  struct side sides[2];
  atomic_bool stop;           /* the worker */
  atomic_uint_fast64_t ended; /* writes */
  atomic_uint told, copied, failures, snapshots;
  uint64_t given;
  struct rkv_log_id last;
  rkv_term term;
} t;

static void changed(void *ctx) {
  (void)ctx;
  atomic_fetch_add(&t.told, 1);
}

static void on_done(struct rkv_completion *self, enum rkv_status status,
                    const struct rkv_error *error) {
  struct write *w = (struct write *)self;
  (void)error;
  if (status != RKV_OK) atomic_fetch_add(&t.failures, 1);
  assert(w->number == atomic_load(&t.ended) + 1); /* in order, whoever calls */
  atomic_store(&t.ended, w->number);
  free(w);
}

static void on_copied(struct rkv_completion *self, enum rkv_status status,
                      const struct rkv_error *error) {
  (void)error;
  free(self);
  if (status != RKV_OK) atomic_fetch_add(&t.failures, 1);
}

static struct rkv_completion *new_write(void) {
  struct write *w = calloc(1, sizeof *w);
  assert(w);
  *w = (struct write){{on_done}, ++t.given};
  return &w->completion;
}

/* ---- the threads ---- */

static void *run_side(void *arg) {
  struct side *s = arg;
  while (!atomic_load(&s->stop))
    if (!fake_end_one(&s->fake)) (void)sched_yield();
  return NULL;
}

static void open_side(struct side *s) {
  fake_init(&s->fake);
  atomic_store(&s->stop, false);
  assert(pthread_create(&s->thread, NULL, run_side, s) == 0);
}

static void close_side(struct side *s) {
  atomic_store(&s->stop, true);
  assert(pthread_join(s->thread, NULL) == 0);
  fake_close(&s->fake);
}

static void write_snapshot(void) {
  const struct rkv_snapshot_meta meta = {.last = {1, 1}};
  struct rkv_error error;
  enum rkv_status status;
  void *w = NULL;
  if (pair_ops.snapshot_begin(&t.pair, &meta, &w, &error) != RKV_OK) return;
  status = pair_ops.snapshot_write(w, rkv_buf_static("x", 1), &error);
  assert(status == RKV_OK);
  if (pair_ops.snapshot_commit(w, &error) == RKV_OK) atomic_fetch_add(&t.snapshots, 1);
}

static void read_all(void) {
  struct rkv_snapshot_meta meta;
  struct rkv_entry entry;
  struct rkv_error error;
  struct pair_look l;
  size_t count;
  void *r = NULL;
  (void)pair_ops.read(&t.pair, 1, 1, 1, &entry, 1, &count, &error);
  if (pair_ops.snapshot_open(&t.pair, &r, &meta, &error) == RKV_OK) pair_ops.snapshot_close(r);
  pair_look(&t.pair, &l);
}

static void *run_worker(void *arg) {
  (void)arg;
  while (!atomic_load(&t.stop)) {
    read_all();
    write_snapshot();
    for (int i = 0; i < BETWEEN; i++) (void)sched_yield();
  }
  return NULL;
}

/* ---- the runner ---- */

static struct pair_look look(void) {
  struct pair_look l;
  pair_look(&t.pair, &l);
  return l;
}

static void write_some(void) {
  pair_ops.save_vote(&t.pair, (struct rkv_vote){++t.term, 1, true}, new_write());
  if (t.last.index >= LOG_MAX) {
    t.last = (struct rkv_log_id){0};
    pair_ops.truncate(&t.pair, 0);
  }
  t.last = (struct rkv_log_id){t.term, t.last.index + 1};
  pair_ops.append(&t.pair, &(struct rkv_entry){.id = t.last}, 1, new_write());
}

/* Writes until the pair shows it, so that writes are always on their way. */
#define WRITE_UNTIL(shown)                                                                         \
  while (!(shown)) {                                                                               \
    if (t.given - atomic_load(&t.ended) < LOG_MAX) write_some();                                   \
    (void)sched_yield();                                                                           \
  }

static void copy_rest(void) {
  for (rkv_index index = look().copied + 1; index <= t.last.index; index++) {
    struct rkv_completion *completion = calloc(1, sizeof *completion);
    assert(completion);
    completion->done = on_copied;
    pair_append_copy(&t.pair, &(struct rkv_entry){.id = {1, index}}, 1, completion);
  }
}

static bool copy_and_join(void) {
  copy_rest();
  return pair_join(&t.pair, look().snapshots);
}

static unsigned move(unsigned now, bool drops) {
  struct side *copy = &t.sides[1 - now], *left;
  open_side(copy);
  pair_begin(&t.pair, (struct pair_side){&fake_ops, &copy->fake},
             (struct pair_watch){changed, NULL});
  WRITE_UNTIL(copy_and_join());
  WRITE_UNTIL(look().whole);
  if (drops) {
    pair_drop(&t.pair);
  } else {
    WRITE_UNTIL(pair_retire(&t.pair, t.last, TO, 0));
    WRITE_UNTIL(look().retired);
    pair_finish(&t.pair);
    WRITE_UNTIL(look().finished);
  }
  WRITE_UNTIL(pair_released(&t.pair));
  left = drops ? copy : &t.sides[now];
  close_side(left);
  pair_forget(&t.pair);
  return drops ? now : 1 - now;
}

static void a_node_moves_on_and_on(void **state) {
  struct rkv_storage_state loaded;
  struct rkv_error error;
  pthread_t worker;
  unsigned now = 0, moved = 0;
  (void)state;
  open_side(&t.sides[0]);
  pair_init(&t.pair, &fake_ops, &t.sides[0].fake);
  assert_int_equal(pair_ops.load(&t.pair, &loaded, &error), RKV_OK);
  pair_ops.save_identity(&t.pair, (struct rkv_identity){{7, 1}, 13, true}, new_write());
  assert_int_equal(pthread_create(&worker, NULL, run_worker, NULL), 0);
  for (unsigned i = 0; i < MOVES; i++) {
    const unsigned next = move(now, i % BETWEEN == 1);
    moved += next != now;
    now = next;
  }
  atomic_store(&t.stop, true);
  assert_int_equal(pthread_join(worker, NULL), 0);
  close_side(&t.sides[now]);
  pair_destroy(&t.pair);
  assert_int_equal(atomic_load(&t.ended), t.given);
  print_message("%u moves, %" PRIu64 " writes, %u snapshots, told %u times\n", moved, t.given,
                atomic_load(&t.snapshots), atomic_load(&t.told));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_node_moves_on_and_on)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
