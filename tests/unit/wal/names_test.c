/* names_test.c: names that the device has no room for, or whose sync fails for want of room. */
#include "shim.h"
#include "wal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { T = TERM_SHORT, PATIENCE_S = 30, FILES = 8 };

/* Into the next segment, whose first name is the second one's or later. */
static void rotate(struct wal *w, struct model *m) {
  size_t before = wal_count(w, "log-");
  while (wal_count(w, "log-") == before) wal_do(w, m, step_append(m, T, 15));
}

/* A segment got its name and the directory cannot be synced: that is final, as every failed sync,
 * also if the reason is a full device; and it is that reason which is told. */
static void failed_sync_of_names_is_told_as_it_was(void **state) {
  struct wal *w = *state;
  struct model *m = model_new(), *found = model_new();
  struct told told = {.status = RKV_OK};
  char text[RKV_ERROR_TEXT_MAX];
  wal_await_spare(w);
  shim_fail(SHIM_SYNC_NAMES, 1, 1, ENOSPC);
  while (told.status == RKV_OK) {
    struct step step = step_append(m, T, 15);
    told_init(&told);
    wal_issue(w, &step, &told);
    if (told_wait(&told) == RKV_OK) model_step(m, &step);
  }
  assert_int_equal(told.status, RKV_IO);
  assert_int_equal(atomic_load(&w->fatal), RKV_IO);
  assert_non_null(strstr(told.text, "cannot sync the directory"));
  assert_non_null(strstr(told.text, "No space left on device"));
  shim_reset();
  wal_reopen(w);
  assert_true(wal_look(w, found, text));
  assert_true(found->last.index >= m->last.index);
  free(found);
  free(m);
}

/* A spare that cannot get its name is removed: tried again and again, it leaves nothing. */
static void spare_without_a_name_is_dropped(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  wal_await_spare(w);
  shim_fail(SHIM_RENAME, 2, 3, ENOSPC); /* the first rename is the log's */
  rotate(w, m);
  wal_await_spare(w);
  assert_int_equal(wal_count(w, "temporary-"), 0);
  assert_int_equal(atomic_load(&w->fatal), RKV_OK);
  wal_holds(w, m);
  free(m);
}

/* ---- a directory that is moved away under the storage ---- */

struct moved {
  struct wal *w;
  char away[SCRATCH_PATH_MAX + 8];
};

/* `mv dir dir.old`, and perhaps `mkdir dir`. */
static struct moved move_away(struct wal *w, bool replaced) {
  struct moved moved = {.w = w};
  (void)snprintf(moved.away, sizeof moved.away, "%s.old", w->dir);
  assert_int_equal(rename(w->dir, moved.away), 0);
  if (replaced) assert_int_equal(mkdir(w->dir, 0700), 0);
  return moved;
}

static void move_back(const struct moved *moved) {
  wal_close(moved->w);
  (void)rmdir(moved->w->dir); /* empty, or not there */
  assert_int_equal(rename(moved->away, moved->w->dir), 0);
}

/* Writes into the next segment and fails there, with text and remedy. */
static void await_refusal(struct wal *w, struct model *m) {
  struct told told = {.status = RKV_OK};
  while (told.status == RKV_OK) {
    struct step step = step_append(m, T, 15);
    told_init(&told);
    wal_issue(w, &step, &told);
    if (told_wait(&told) == RKV_OK) model_step(m, &step);
    assert_true(m->last.index < MODEL_MAX / 2); /* else the storage never fails */
  }
  assert_int_equal(told.status, RKV_IO);
  assert_int_equal(atomic_load(&w->fatal), RKV_IO);
  assert_non_null(strstr(told.text, w->dir));
  assert_non_null(strstr(told.text, "was moved away"));
  assert_non_null(strstr(told.text, "put it back"));
}

/* The node that goes on would be started again on an empty directory: it says so and ends, and all
 * that it acknowledged is there when the directory is back. */
static void moved_directory_is_noticed_by_the_next_segment(void **state) {
  struct wal *w = *state;
  for (int replaced = 0; replaced < 2; replaced++) {
    struct model *m = model_new(), *found = model_new();
    char text[RKV_ERROR_TEXT_MAX];
    struct moved moved;
    if (replaced) wal_start_anew(w);
    wal_await_spare(w);
    wal_do(w, m, step_append(m, T, 15));
    moved = move_away(w, replaced);
    await_refusal(w, m);
    move_back(&moved);
    wal_reopen(w);
    assert_true(wal_look(w, found, text));
    assert_true(found->last.index >= m->last.index);
    free(found);
    free(m);
  }
}

static void moved_directory_is_noticed_by_the_next_snapshot(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  struct told told;
  struct step step = step_snapshot(3);
  struct moved moved;
  wal_await_spare(w);
  wal_do(w, m, step_append(m, T, 15));
  moved = move_away(w, true);
  told_init(&told);
  wal_issue(w, &step, &told);
  assert_int_equal(told.status, RKV_IO);
  assert_int_equal(atomic_load(&w->fatal), RKV_IO);
  assert_non_null(strstr(told.text, "was moved away"));
  move_back(&moved);
  wal_reopen(w);
  wal_holds(w, m);
  free(m);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, wal_setup, wal_teardown)

int main(void) {
  const struct CMUnitTest stories[] = {
      STORY(failed_sync_of_names_is_told_as_it_was),
      STORY(spare_without_a_name_is_dropped),
      STORY(moved_directory_is_noticed_by_the_next_segment),
      STORY(moved_directory_is_noticed_by_the_next_snapshot),
  };
  return cmocka_run_group_tests_name("storage-wal and its names", stories, NULL, NULL);
}
