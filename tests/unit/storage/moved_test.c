/* moved_test.c: the directory of a storage is moved away under it, and an empty one made in its
 * place: the next write is refused, with the reason. */
#include "storage_laws.h"

#include <rkv/plugin.h>

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_int fatal;
static char fatal_text[RKV_ERROR_TEXT_MAX];

static void keep_fatal(void *ctx, enum rkv_status status, const char *text) {
  (void)ctx;
  (void)snprintf(fatal_text, sizeof fatal_text, "%s", text);
  atomic_store(&fatal, (int)status);
}

static void moved_directory_is_noticed_by_the_next_write(void **state) {
  struct log_test *t = *state;
  char away[SCRATCH_PATH_MAX + 8];
  struct told told;
  t->host.host.fatal = keep_fatal;
  append(t, 1, 9);
  (void)snprintf(away, sizeof away, "%s.old", t->dir);
  assert_int_equal(rename(t->dir, away), 0);
  assert_int_equal(mkdir(t->dir, 0700), 0);
  append_at(t, 10, 19, &told);
  assert_int_equal(told.status, RKV_IO);
  assert_int_equal(atomic_load(&fatal), RKV_IO);
  assert_non_null(strstr(fatal_text, t->dir));
  assert_non_null(strstr(fatal_text, "was moved away"));
  assert_non_null(strstr(fatal_text, "put it back"));
  t->ops->close(t->storage);
  t->storage = NULL;
  assert_int_equal(rmdir(t->dir), 0);
  assert_int_equal(rename(away, t->dir), 0);
  log_reopen(t); /* the acknowledged entries are there */
  assert_true(read_all(t, 1, 9) == 9);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(moved_directory_is_noticed_by_the_next_write, log_setup,
                                      log_teardown),
  };
  if (argc != 2) return 64;
  log_choose(argv[1]);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
