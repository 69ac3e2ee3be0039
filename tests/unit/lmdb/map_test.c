/* map_test.c: the map of storage-lmdb grows by itself, a file that is shorter than its map is
 * refused before it is mapped, and a hole in the log ends a read. */
#include "storage_laws.h"

#include <lmdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BATCH = 1000, ENTRIES = 60000, FIRST_MAP = 1 << 20, HANGS_S = 10 };

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

/* Drops an entry behind the storage's back. */
static void drop_entry(const struct log_test *t, rkv_index index) {
  char path[SCRATCH_PATH_MAX];
  uint8_t number[8];
  MDB_val key = {sizeof number, number};
  MDB_env *env;
  MDB_txn *txn;
  MDB_dbi table;
  (void)size_of_map(t, path);
  for (int i = 0; i < 8; i++) number[i] = (uint8_t)(index >> (8 * (7 - i)));
  assert_int_equal(mdb_env_create(&env), 0);
  assert_int_equal(mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOLOCK, 0600), 0);
  assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
  assert_int_equal(mdb_dbi_open(txn, NULL, 0, &table), 0);
  assert_int_equal(mdb_del(txn, table, &key, NULL), 0);
  assert_int_equal(mdb_txn_commit(txn), 0);
  mdb_env_close(env);
}

/* A read that comes to an entry which is not there ends. */
static void hole_ends_a_read(void **state) {
  struct log_test *t = *state;
  struct rkv_entry entries[9];
  struct rkv_error error;
  size_t count = 0;
  append(t, 1, 9);
  t->ops->close(t->storage);
  t->storage = NULL;
  drop_entry(t, 5);
  assert_int_equal(log_open(t, &t->host, &t->storage, &error), RKV_OK);
  (void)alarm(HANGS_S);
  assert_int_equal(t->ops->read(t->storage, 2, 9, UINT64_MAX, entries, 9, &count, &error),
                   RKV_CORRUPT);
  assert_int_equal(count, 0);
  assert_int_equal(t->ops->read(t->storage, 2, 4, UINT64_MAX, entries, 9, &count, &error), RKV_OK);
  assert_int_equal(count, 3);
  for (size_t i = 0; i < count; i++) rkv_buf_drop(&entries[i].payload);
  (void)alarm(0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(map_grows_by_itself, log_setup, log_teardown),
      cmocka_unit_test_setup_teardown(hole_ends_a_read, log_setup, log_teardown),
      cmocka_unit_test_setup_teardown(short_file_is_refused, log_setup, log_teardown),
  };
  log_choose("storage-lmdb");
  return cmocka_run_group_tests(tests, NULL, NULL);
}
