/* closed_test.c: storage-rocksdb after an orderly close: its log has no tail that may be cut. */
#include "storage_laws.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The log file with something in it. */
static void find_log(const char *dir, char path[SCRATCH_PATH_MAX]) {
  DIR *entries = opendir(dir);
  const struct dirent *entry;
  struct stat info;
  bool found = false;
  assert_non_null(entries);
  while (!found && (entry = readdir(entries))) {
    const char *end = strrchr(entry->d_name, '.');
    (void)snprintf(path, SCRATCH_PATH_MAX, "%.250s/%.200s", dir, entry->d_name);
    found = end && strcmp(end, ".log") == 0 && stat(path, &info) == 0 && info.st_size > 0;
  }
  (void)closedir(entries);
  assert_true(found);
}

static void flip_last_byte(const char *path) {
  struct stat info;
  uint8_t byte;
  int fd = open(path, O_RDWR | O_CLOEXEC);
  assert_true(fd >= 0 && fstat(fd, &info) == 0);
  assert_int_equal(pread(fd, &byte, 1, info.st_size - 1), 1);
  byte ^= 1;
  assert_int_equal(pwrite(fd, &byte, 1, info.st_size - 1), 1);
  (void)close(fd);
}

/* The last batch of a log that was closed cannot be one that a crash tore: it was acknowledged. */
static void damage_of_the_last_batch_is_refused(void **state) {
  struct log_test *t = *state;
  struct rkv_error error;
  void *storage = NULL;
  char log[SCRATCH_PATH_MAX];
  append(t, 1, 9);
  t->ops->close(t->storage);
  t->storage = NULL;
  find_log(t->dir, log);
  flip_last_byte(log);
  assert_int_equal(log_open(t, &t->host, &storage, &error), RKV_CORRUPT);
  assert_non_null(strstr(error.text, "closed in order"));
  flip_last_byte(log);
  log_reopen(t);
  holds(t, (struct rkv_log_id){0, 0}, id_of(9));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(damage_of_the_last_batch_is_refused, log_setup, log_teardown),
  };
  log_choose("storage-rocksdb");
  return cmocka_run_group_tests(tests, NULL, NULL);
}
