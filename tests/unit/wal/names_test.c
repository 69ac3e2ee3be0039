/* names_test.c: names that the device has no room for, or whose sync fails for want of room. */
#include "shimmed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { T = TERM_SHORT };

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
  shim_fail(SHIM_RENAME, 2, 3, ENOSPC); /* the first one is the log's */
  rotate(w, m);
  wal_await_spare(w);
  assert_int_equal(wal_count(w, "temporary-"), 0);
  assert_int_equal(atomic_load(&w->fatal), RKV_OK);
  wal_holds(w, m);
  free(m);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, shimmed_setup, shimmed_teardown)

int main(void) {
  const struct CMUnitTest stories[] = {
      STORY(failed_sync_of_names_is_told_as_it_was),
      STORY(spare_without_a_name_is_dropped),
  };
  return cmocka_run_group_tests_name("storage-wal and its names", stories, NULL, NULL);
}
