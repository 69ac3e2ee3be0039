/* faults_test.c: devices that fail, get full, or do things by halves. */
#include "shim.h"
#include "wal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { STEPS = 40, PATIENCE_S = 30, T = TERM_SHORT };

/* ---- acts ---- */

/* Works on, each step acknowledged before the next; returns how many succeeded. After the first
 * that does not, none may. */
static size_t work(struct wal *w, struct model *m, uint64_t seed) {
  size_t succeeded = 0;
  bool failed = false;
  for (int i = 0; i < STEPS; i++) {
    struct step step = i % 8 == 7 ? step_purge(m->last.index, 1) : step_append(m, 1, 15);
    struct told told;
    if (i % 8 == 3) step = step_vote(random_next(&seed) % 100);
    told_init(&told);
    wal_issue(w, &step, &told);
    if (step.kind == STEP_PURGE) {
      if (!failed) model_step(m, &step);
      continue;
    }
    if (told_wait(&told) == RKV_OK) {
      assert_false(failed);
      model_step(m, &step);
      succeeded++;
    } else {
      assert_int_equal(told.status, RKV_IO);
      assert_non_null(strstr(told.text, "Input/output error"));
      failed = true;
    }
  }
  return succeeded;
}

/* ---- stories ---- */

/* The n-th write, sync, rename fails ONCE, for every n; the device is well again at once. Nothing
 * succeeds after it, the host is told, and what was acknowledged is there when it is opened
 * again. */
static void failure_is_final(struct wal *w, enum shim_call call) {
  unsigned n, met = 0;
  for (n = 1;; n += 1 + n / 8) {
    struct model *m = model_new(), *found = model_new();
    char text[RKV_ERROR_TEXT_MAX];
    size_t succeeded;
    wal_start_anew(w);
    shim_fail(call, n, 1, EIO);
    succeeded = work(w, m, n);
    wal_close(w);
    shim_reset();
    wal_reopen(w);
    assert_true(wal_look(w, found, text));
    assert_true(found->last.index >= m->last.index);
    if (atomic_load(&w->fatal) != RKV_OK) {
      assert_int_equal(atomic_load(&w->fatal), RKV_IO);
      met++;
    }
    free(found);
    free(m);
    if (succeeded == STEPS - STEPS / 8 && atomic_load(&w->fatal) == RKV_OK) break;
  }
  assert_true(met > 2); /* else no failure was met */
}

static void failed_write_is_final(void **state) {
  failure_is_final(*state, SHIM_WRITE);
}

static void failed_sync_is_final(void **state) {
  failure_is_final(*state, SHIM_SYNC);
}

static void failed_sync_of_names_is_final(void **state) {
  failure_is_final(*state, SHIM_SYNC_NAMES);
}

static void failed_rename_is_final(void **state) {
  failure_is_final(*state, SHIM_RENAME);
}

/* Writes that end in the middle or are interrupted are carried on. */
static void short_writes_are_carried_on(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  shim_short(true);
  for (int i = 0; i < 100; i++) wal_do(w, m, step_append(m, 1, 30));
  shim_short(false);
  wal_reopen(w);
  wal_holds(w, m);
  free(m);
}

/* Appends until one is not acknowledged: the device is full and it waits. It is in *waiting. */
static void fill(struct wal *w, struct model *m, struct told *waiting) {
  wal_await_spare(w); /* one segment ahead */
  shim_full(true);
  for (;;) {
    struct step step = step_append(m, T, 15);
    time_t until = time(NULL) + 1;
    told_init(waiting);
    wal_issue(w, &step, waiting);
    while (!told_yet(waiting) && time(NULL) <= until)
      (void)nanosleep(&(struct timespec){0, 100000}, NULL);
    if (!told_yet(waiting)) return;
    assert_int_equal(waiting->status, RKV_OK);
    model_step(m, &step);
  }
}

/* A full device: it is said before it matters; then writes wait, nothing fails, reads go on; and
 * when there is room everything goes on by itself. */
static void full_device_is_waited_for(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  struct rkv_entry entry;
  struct told waiting;
  size_t count;
  wal_do(w, m, step_append(m, T, 15));
  fill(w, m, &waiting);
  assert_non_null(strstr(w->warning, "device full"));
  assert_int_equal(atomic_load(&w->fatal), RKV_OK);
  assert_int_equal(w->ops->read(w->storage, 5, 5, 0, &entry, 1, &count, NULL), RKV_OK);
  rkv_buf_drop(&entry.payload);
  assert_false(told_yet(&waiting));
  shim_full(false);
  assert_int_equal(told_wait(&waiting), RKV_OK);
  struct step step = step_append(m, T, 15);
  model_step(m, &step);
  wal_do(w, m, step_append(m, T, 15));
  wal_reopen(w);
  wal_holds(w, m);
  free(m);
}

/* Closed while it is full: who waits is told so, what was acknowledged is there. Opened while it is
 * full: a vote and a purge have room, so the node can take part; entries wait. */
static void full_device_can_be_closed_and_opened(void **state) {
  struct wal *w = *state;
  struct model *m = model_new(), *after;
  struct told waiting;
  fill(w, m, &waiting);
  wal_close(w);
  assert_int_equal(told_wait(&waiting), RKV_CANCELLED);
  wal_reopen(w);
  after = model_new();
  char text[RKV_ERROR_TEXT_MAX];
  assert_true(wal_look(w, after, text));
  assert_true(after->last.index >= m->last.index); /* it may hold some of what was given up */
  *m = *after;
  for (rkv_term term = 1; term <= 10; term++) wal_do(w, m, step_vote(term));
  wal_do(w, m, step_truncate(m->last.index - 1));
  wal_do(w, m, step_vote(11));
  wal_reopen(w);
  wal_holds(w, m);
  free(after);
  free(m);
}

/* A full device gets room by a purge: the segments that it frees are used again. */
static void purge_makes_room(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  wal_do(w, m, step_append(m, T, 700));
  shim_full(true);
  for (int i = 0; i < 100; i++) {
    wal_do(w, m, step_purge(m->last.index, T));
    wal_do(w, m, step_append(m, T, 60));
  }
  shim_full(false);
  wal_reopen(w);
  wal_holds(w, m);
  free(m);
}

/* What waits is bounded: beyond queue_bytes_max everything fails, with the reason. */
static void full_device_is_not_waited_for_without_limit(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  struct told waiting, *more = calloc(2000, sizeof *more);
  assert_non_null(more);
  w->queue_bytes_max = 1 << 20;
  wal_reopen(w);
  fill(w, m, &waiting);
  struct model *ahead = model_new();
  struct step step = step_append(m, T, 15);
  *ahead = *m;
  model_step(ahead, &step);
  size_t n = 0;
  for (; n < 2000 && atomic_load(&w->fatal) == RKV_OK; n++) {
    step = step_append(ahead, T, 15);
    told_init(&more[n]);
    wal_issue(w, &step, &more[n]);
    model_step(ahead, &step);
  }
  assert_int_equal(atomic_load(&w->fatal), RKV_NO_SPACE);
  assert_int_equal(told_wait(&waiting), RKV_NO_SPACE);
  for (size_t i = 0; i < n; i++) assert_int_equal(told_wait(&more[i]), RKV_NO_SPACE);
  assert_non_null(strstr(waiting.text, "queue_bytes_max"));
  shim_full(false);
  wal_reopen(w);
  free(ahead);
  free(more);
  free(m);
}

/* A snapshot that does not fit is refused, the present one and the log go on; one that meets a
 * failing device ends the storage. */
static void snapshot_meets_a_full_and_a_failing_device(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  struct step big = step_snapshot(900000);
  struct told told;
  wal_do(w, m, step_append(m, 1, 5));
  wal_do(w, m, step_snapshot(5));
  shim_full(true);
  told_init(&told);
  wal_issue(w, &big, &told);
  assert_int_equal(told_wait(&told), RKV_NO_SPACE);
  assert_int_equal(atomic_load(&w->fatal), RKV_OK);
  shim_full(false);
  wal_do(w, m, step_append(m, 1, 5));
  wal_reopen(w);
  wal_holds(w, m);
  shim_fail(SHIM_SYNC, 1, 1000, EIO); /* the keeper syncs, too */
  told_init(&told);
  wal_issue(w, &big, &told);
  assert_int_equal(told_wait(&told), RKV_IO);
  assert_int_equal(atomic_load(&w->fatal), RKV_IO);
  shim_reset();
  wal_reopen(w);
  wal_holds(w, m); /* with the snapshot of entry 5 */
  free(m);
}

/* Without a free file descriptor a read is refused and can be tried again. */
static void reader_without_a_descriptor_is_refused(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  struct rkv_entry entry;
  struct rkv_error error;
  struct rlimit limit, none;
  size_t count;
  wal_do(w, m, step_append(m, 1, 5));
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
  none = limit;
  none.rlim_cur = 0;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
  assert_int_equal(w->ops->read(w->storage, 1, 5, 0, &entry, 1, &count, &error), RKV_FULL);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
  assert_int_equal(count, 0);
  wal_holds(w, m);
  free(m);
}

/* ---- completions that go on ---- */

struct chain {
  struct rkv_completion completion;
  struct wal *w;
  rkv_index next;
  atomic_int told, cancelled;
};

static void append_next(struct rkv_completion *self, enum rkv_status status,
                        const struct rkv_error *error) {
  struct chain *c = (struct chain *)self;
  struct rkv_entry entry = {.id = {1, c->next}};
  (void)error;
  atomic_fetch_add(&c->told, 1);
  if (status != RKV_OK) {
    atomic_fetch_add(&c->cancelled, 1);
    return;
  }
  c->next++;
  c->w->ops->append(c->w->storage, &entry, 1, &c->completion);
}

/* A completion may append; close ends that, and each append was told once. */
static void completion_may_append_until_close(void **state) {
  struct wal *w = *state;
  struct chain c = {.completion = {append_next}, .w = w, .next = 2};
  struct rkv_entry first = {.id = {1, 1}};
  struct rkv_storage_state held;
  w->ops->append(w->storage, &first, 1, &c.completion);
  UNTIL(atomic_load(&c.told) > 50);
  w->ops->close(w->storage);
  w->storage = NULL;
  assert_int_equal(atomic_load(&c.cancelled), 1);
  assert_int_equal(atomic_load(&c.told), (int)c.next - 1);
  wal_reopen(w);
  assert_int_equal(w->ops->load(w->storage, &held, NULL), RKV_OK);
  assert_int_equal(held.last.index, c.next - 2);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, wal_setup, wal_teardown)

int main(void) {
  const struct CMUnitTest stories[] = {
      STORY(failed_write_is_final),
      STORY(failed_sync_is_final),
      STORY(failed_sync_of_names_is_final),
      STORY(failed_rename_is_final),
      STORY(short_writes_are_carried_on),
      STORY(full_device_is_waited_for),
      STORY(full_device_can_be_closed_and_opened),
      STORY(purge_makes_room),
      STORY(full_device_is_not_waited_for_without_limit),
      STORY(snapshot_meets_a_full_and_a_failing_device),
      STORY(reader_without_a_descriptor_is_refused),
      STORY(completion_may_append_until_close),
  };
  return cmocka_run_group_tests_name("storage-wal on bad devices", stories, NULL, NULL);
}
