/* faults_test.c: the Nth allocation fails, for every N until none does: one line is printed, the
 * code is 69, and nothing leaks. */
#include "support.h"

/* The linker sends the host's own allocations here (--wrap); a test program is one thread. */
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

static long until_failure = -1; /* allocations that still succeed; negative: all do */

static bool fails(void) {
  if (until_failure < 0) return false;
  return until_failure-- == 0;
}

void *__wrap_malloc(size_t size) {
  return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
  return fails() ? NULL : __real_calloc(count, size);
}

/* Runs the command with the Nth allocation failing for N = 0, 1, ... until none does; how many
 * failed. */
static long sweep(command_function *command, const char *const words[], int code) {
  for (long n = 0; n < 10000; n++) {
    struct outcome o;
    bool failed;
    until_failure = n;
    o = run_command(command, words);
    failed = until_failure < 0;
    until_failure = -1;
    if (!failed) {
      assert_int_equal(o.code, code);
      outcome_free(&o);
      return n;
    }
    assert_int_equal(o.code, HOST_EXIT_UNAVAILABLE);
    assert_string_equal(o.err, "raft-key-value: out of memory\n");
    outcome_free(&o);
  }
  fail_msg("it never ends well");
  return 0;
}

static void check_survives_every_failed_allocation(void **state) {
  struct scratch good = scratch_begin("node.ini", NODE_LINES PART_LINES);
  struct scratch bad = scratch_begin("node.ini", NODE_LINES "x = 1\nid = 2\n[nod]\n" PART_LINES);
  const char *good_words[] = {"check", "--config", good.file, "--set", "storage.limit=1MiB", NULL};
  const char *asking_words[] = {
      "check", "--config", good.file, "--set", "storage.require_contract=full", NULL};
  const char *bad_words[] = {"check", "--config", bad.file, NULL};
  (void)state;
  assert_true(sweep(host_command_check, good_words, HOST_EXIT_OK) > 30);
  assert_true(sweep(host_command_check, asking_words, HOST_EXIT_CONFIG) > 30);
  assert_true(sweep(host_command_check, bad_words, HOST_EXIT_CONFIG) > 30);
  scratch_end(&good);
  scratch_end(&bad);
}

static void plugins_survives_every_failed_allocation(void **state) {
  const char *words[] = {"plugins", "fix-sm", "--set", "node.plugin_dir=" FIXTURES, NULL};
  (void)state;
  assert_true(sweep(host_command_plugins, words, HOST_EXIT_OK) > 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(check_survives_every_failed_allocation),
      cmocka_unit_test(plugins_survives_every_failed_allocation),
  };
  return cmocka_run_group_tests_name("faults", tests, NULL, NULL);
}
