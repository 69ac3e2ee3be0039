/* map_test.c: the map of storage-lmdb grows by itself, and a file that is shorter than its map is
 * refused before it is mapped. */
#include "storage_laws.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BATCH = 1000, ENTRIES = 60000, FIRST_MAP = 1 << 20 };

static off_t size_of_map(const struct log_test *t, char path[SCRATCH_PATH_MAX]) {
  struct stat info;
  (void)snprintf(path, SCRATCH_PATH_MAX, "%.250s/data.mdb", t->dir);
  assert_int_equal(stat(path, &info), 0);
  return info.st_size;
}

/* More entries than a new map has room for. */
static void map_grows_by_itself(void **state) {
  struct log_test *t = *state;
  char path[SCRATCH_PATH_MAX];
  assert_int_equal(size_of_map(t, path), FIRST_MAP);
  for (rkv_index i = 1; i <= ENTRIES; i += BATCH) append(t, i, i + BATCH - 1);
  assert_true(size_of_map(t, path) > 2 * FIRST_MAP);
  log_reopen(t);
  assert_int_equal(read_all(t, ENTRIES - BATCH + 1, ENTRIES), BATCH);
  assert_int_equal(read_all(t, 1, BATCH), BATCH);
}

/* The last pages may be free ones: LMDB would not notice until it reads them, and then die. */
static void short_file_is_refused(void **state) {
  struct log_test *t = *state;
  struct rkv_error error;
  void *storage = NULL;
  char path[SCRATCH_PATH_MAX];
  off_t size;
  append(t, 1, 9);
  t->ops->close(t->storage);
  t->storage = NULL;
  size = size_of_map(t, path);
  assert_int_equal(truncate(path, size - 1), 0);
  assert_int_equal(log_open(t, &t->host, &storage, &error), RKV_CORRUPT);
  assert_non_null(strstr(error.text, path));
  assert_non_null(strstr(error.text, "its map needs"));
  assert_int_equal(truncate(path, size), 0);
  log_reopen(t);
  holds(t, (struct rkv_log_id){0, 0}, id_of(9));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(map_grows_by_itself, log_setup, log_teardown),
      cmocka_unit_test_setup_teardown(short_file_is_refused, log_setup, log_teardown),
  };
  log_choose("storage-lmdb");
  return cmocka_run_group_tests(tests, NULL, NULL);
}
