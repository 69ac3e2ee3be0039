/* descriptors_test.c: storage-rocksdb in a process that has no file descriptor left: it says so,
 * and what to do. */
#include "storage_laws.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MORE_MAX = 300, /* appends until RocksDB needs another file */ SPARE_MAX = 40 };

static char said[RKV_ERROR_TEXT_MAX]; /* by the last fatal report */
static enum rkv_status fatal;

static void take_fatal(void *ctx, enum rkv_status status, const char *text) {
  (void)ctx;
  fatal = status;
  (void)snprintf(said, sizeof said, "%s", text);
}

/* Leaves the process `spare` descriptors; returns what it may have. */
static struct rlimit leave_few(unsigned spare) {
  struct rlimit old, few;
  int next = dup(0);
  assert_true(next >= 0);
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
  (void)close(next);
  few = old;
  few.rlim_cur = (rlim_t)next + spare;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
  return old;
}

/* RocksDB cannot make its next file: the storage ends, with the limit in the reason, and what was
 * acknowledged is there. */
static void write_without_descriptors_says_so(void **state) {
  struct log_test *t = *state;
  struct told told;
  rkv_index last = 9;
  struct rlimit old;
  t->host.host.fatal = take_fatal;
  log_reopen(t);
  append(t, 1, last);
  old = leave_few(0);
  for (int i = 0; i < MORE_MAX; i++, last += 10) {
    append_at(t, last + 1, last + 10, &told);
    if (told.status != RKV_OK) break;
  }
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
  assert_int_equal(told.status, RKV_FULL);
  assert_int_equal(fatal, RKV_FULL);
  assert_non_null(strstr(said, "LimitNOFILE"));
  log_reopen(t);
  assert_int_equal(read_all(t, 1, last), last);
}

static void open_without_descriptors_says_so(void **state) {
  struct log_test *t = *state;
  unsigned refused = 0;
  append(t, 1, 9);
  t->ops->close(t->storage);
  t->storage = NULL;
  for (unsigned spare = 0; spare < SPARE_MAX && !t->storage; spare++) {
    struct rkv_error error = {0};
    struct rlimit old = leave_few(spare);
    enum rkv_status status = log_open(t, &t->host, &t->storage, &error);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    if (status == RKV_OK) break;
    if (status != RKV_FULL)
      fail_msg("%u spare: %s: %s", spare, rkv_status_name(status), error.text);
    assert_non_null(strstr(error.text, "LimitNOFILE"));
    refused++;
  }
  assert_true(refused > 3 && t->storage);
  log_reopen(t);
  holds(t, (struct rkv_log_id){0, 0}, id_of(9));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(write_without_descriptors_says_so, log_setup, log_teardown),
      cmocka_unit_test_setup_teardown(open_without_descriptors_says_so, log_setup, log_teardown),
  };
  log_choose("storage-rocksdb");
  return cmocka_run_group_tests(tests, NULL, NULL);
}
