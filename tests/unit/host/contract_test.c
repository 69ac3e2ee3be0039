/* contract_test.c: a section may require the plugin's conformance report; then only a plugin with a
 * good report is loaded. */
#include "support.h"

#include <host/contract.h>

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* A copy of a whole plugin with a report beside it. */
struct tried {
  struct scratch copy;
  char hash[HOST_CONTRACT_HASH_MAX];
  char report[HOST_PATH_MAX];
};

static int tried_setup(void **state) {
  struct tried *t = calloc(1, sizeof *t);
  char bytes[4096];
  size_t got;
  FILE *from, *to;
  struct rkv_error error;
  assert_non_null(t);
  t->copy = scratch_begin("fix-storage.so", "");
  from = fopen(FIXTURES "/fix-storage.so", "rb");
  to = fopen(t->copy.file, "wb");
  assert_true(from && to);
  while ((got = fread(bytes, 1, sizeof bytes, from)) > 0)
    assert_int_equal(fwrite(bytes, 1, got, to), got);
  (void)fclose(from);
  assert_int_equal(fclose(to), 0);
  assert_int_equal(host_contract_hash(t->copy.file, t->hash, &error), RKV_OK);
  assert_int_equal(host_contract_path(t->copy.file, t->report, &error), RKV_OK);
  *state = t;
  return 0;
}

static int tried_teardown(void **state) {
  struct tried *t = *state;
  (void)unlink(t->report);
  scratch_end(&t->copy);
  free(t);
  return 0;
}

static void write_report(const struct tried *t, const char *hash, const char *level,
                         const char *result) {
  FILE *file = fopen(t->report, "w");
  assert_non_null(file);
  assert_true(fprintf(file, "; by rkv-contract\n[contract]\nsha256 = %s\nlevel = %s\nresult = %s\n",
                      hash, level, result) > 0);
  assert_int_equal(fclose(file), 0);
}

/* `check` with this level required. */
static struct outcome required(const struct tried *t, const char *level) {
  char text[2 * HOST_PATH_MAX];
  (void)snprintf(text, sizeof text,
                 NODE_LINES "[transport]\nplugin = fix-transport\n[storage]\nplugin = %s\n"
                            "require_contract = %s\n[state-machine]\nplugin = fix-sm\nneeded = x\n",
                 t->copy.file, level);
  return run_check(text);
}

static void refused(const struct tried *t, const char *level, const char *sentence) {
  struct outcome o = required(t, level);
  char remedy[2 * HOST_PATH_MAX];
  assert_int_equal(o.code, HOST_EXIT_CONFIG);
  assert_holds(o.err, "node.ini:9: [storage] require_contract = ");
  assert_holds(o.err, sentence);
  (void)snprintf(remedy, sizeof remedy, "(run rkv-contract %s --level %s --report)", t->copy.file,
                 level);
  assert_holds(o.err, remedy);
  outcome_free(&o);
}

static void taken(const struct tried *t, const char *level) {
  struct outcome o = required(t, level);
  if (o.code != HOST_EXIT_OK) fail_msg("%s", o.err);
  outcome_free(&o);
}

/* The sum is that of sha256sum. */
static void a_files_hash_is_sha256(void **state) {
  struct scratch s = scratch_begin("abc", "abc");
  char hex[HOST_CONTRACT_HASH_MAX];
  struct rkv_error error;
  (void)state;
  assert_int_equal(host_contract_hash(s.file, hex, &error), RKV_OK);
  assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert_int_equal(host_contract_hash("/nowhere/x", hex, &error), RKV_IO);
  assert_holds(error.text, "/nowhere/x: no checksum: No such file");
  scratch_end(&s);
}

/* Nobody asks: no report is needed, and a bad one does not matter. */
static void without_the_key_no_report_is_needed(void **state) {
  struct tried *t = *state;
  taken(t, "none");
  write_report(t, t->hash, "basic", "failed");
  taken(t, "none");
}

static void a_good_report_of_this_or_a_higher_level_lets_it_in(void **state) {
  struct tried *t = *state;
  write_report(t, t->hash, "full", "passed");
  taken(t, "basic");
  taken(t, "crash");
  taken(t, "full");
  write_report(t, t->hash, "crash", "passed");
  taken(t, "crash");
}

static void every_other_report_keeps_it_out(void **state) {
  static const char other[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  struct tried *t = *state;
  refused(t, "full", "fix-storage.so.contract is missing");
  write_report(t, t->hash, "crash", "passed");
  refused(t, "full", "is of a lower level");
  write_report(t, t->hash, "full", "failed");
  refused(t, "full", "says that the plugin has failed");
  write_report(t, t->hash, "full", "partial");
  refused(t, "basic", "says that the plugin has failed");
  write_report(t, other, "full", "passed");
  refused(t, "crash", "is about another file");
  write_report(t, "", "full", "passed");
  refused(t, "crash", "has no sha256");
  write_report(t, t->hash, "highest", "passed");
  refused(t, "basic", "is of a lower level");
  assert_int_equal(truncate(t->report, 20), 0);
  refused(t, "basic", "cannot be read");
}

/* Not a line of a plugin's code runs before its report was found to be good: its constructors run
 * as soon as it is loaded. */
static void a_plugin_that_is_kept_out_runs_no_code(void **state) {
  struct tried *t = *state;
  assert_int_equal(unsetenv("fix-storage"), 0);
  refused(t, "basic", "fix-storage.so.contract is missing");
  write_report(t, t->hash, "basic", "failed");
  refused(t, "basic", "says that the plugin has failed");
  write_report(t, t->hash, "full", "passed");
  struct outcome o = required(t, "fulll");
  outcome_free(&o);
  assert_null(getenv("fix-storage"));
  taken(t, "full");
  assert_non_null(getenv("fix-storage"));
}

/* What cannot be a plugin is told as that, whatever is required of it. */
static void what_is_no_file_needs_no_report(void **state) {
  struct tried *t = *state;
  assert_int_equal(unlink(t->copy.file), 0);
  assert_int_equal(mkfifo(t->copy.file, 0600), 0);
  struct outcome o = required(t, "full");
  assert_int_equal(o.code, HOST_EXIT_CONFIG);
  assert_holds(o.err, "[storage] plugin = ");
  assert_holds(o.err, "not a file");
  assert_lacks(o.err, "require_contract");
  outcome_free(&o);
}

/* The key is the host's: a level that is none is refused with the possible ones. */
static void an_unknown_level_is_refused(void **state) {
  struct outcome o = required(*state, "fulll");
  assert_int_equal(o.code, HOST_EXIT_CONFIG);
  assert_holds(o.err, "[storage] require_contract = \"fulll\"");
  assert_holds(o.err, "none, basic, crash, full");
  outcome_free(&o);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, tried_setup, tried_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_files_hash_is_sha256),
      STORY(without_the_key_no_report_is_needed),
      STORY(a_good_report_of_this_or_a_higher_level_lets_it_in),
      STORY(every_other_report_keeps_it_out),
      STORY(a_plugin_that_is_kept_out_runs_no_code),
      STORY(what_is_no_file_needs_no_report),
      STORY(an_unknown_level_is_refused),
  };
  return cmocka_run_group_tests_name("contract report", tests, NULL, NULL);
}
