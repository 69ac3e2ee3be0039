/* flags_test.c: the command line: no word is guessed or passed over. */
#include "support.h"

#define PARSE(flags, error, ...)                                                                   \
  parse((const char *[]){"raft-key-value", __VA_ARGS__, NULL}, flags, error)

static enum rkv_status parse(const char *const words[], struct host_flags *flags,
                             struct rkv_error *error) {
  int argc = 0;
  while (words[argc]) argc++;
  return host_flags_parse(argc, (char *const *)(uintptr_t)words, flags, error);
}

static void a_node_is_run_by_flags(void **state) {
  struct host_flags f;
  struct rkv_error e;
  (void)state;
  assert_int_equal(
      PARSE(&f, &e, "--id", "1", "--addr=h:1", "--config", "x.ini", "--set", "a.b=c", "--set=d.e="),
      RKV_OK);
  assert_int_equal(f.command, HOST_COMMAND_RUN);
  assert_string_equal(f.id, "1");
  assert_string_equal(f.addr, "h:1");
  assert_string_equal(f.config, "x.ini");
  assert_int_equal(f.sets.count, 2);
  assert_string_equal(f.sets.list[1], "d.e=");
}

static void commands_take_their_words(void **state) {
  struct host_flags f;
  struct rkv_error e;
  (void)state;
  assert_int_equal(PARSE(&f, &e, "check", "--config", "x"), RKV_OK);
  assert_int_equal(f.command, HOST_COMMAND_CHECK);
  assert_int_equal(PARSE(&f, &e, "--config", "x", "config"), RKV_OK);
  assert_int_equal(f.command, HOST_COMMAND_CONFIG);
  assert_int_equal(PARSE(&f, &e, "plugins", "storage-mem", "--json"), RKV_OK);
  assert_int_equal(f.command, HOST_COMMAND_PLUGINS);
  assert_string_equal(f.plugin, "storage-mem");
  assert_true(f.json);
  assert_int_equal(PARSE(&f, &e, "--version"), RKV_OK);
  assert_int_equal(f.command, HOST_COMMAND_VERSION);
  assert_int_equal(PARSE(&f, &e, "check", "--help"), RKV_OK); /* asking is always allowed */
  assert_int_equal(f.command, HOST_COMMAND_HELP);
}

#define REFUSED(sentence, ...)                                                                     \
  do {                                                                                             \
    struct host_flags f;                                                                           \
    struct rkv_error e;                                                                            \
    assert_int_equal(PARSE(&f, &e, __VA_ARGS__), RKV_INVALID);                                     \
    assert_string_equal(e.text, sentence);                                                         \
  } while (0)

static void a_mistake_is_one_line_with_a_remedy(void **state) {
  (void)state;
  REFUSED("unknown flag --adr (did you mean --addr?)", "--adr", "h:1");
  REFUSED("unknown flag --conf (did you mean --config?)", "--conf=x");
  REFUSED("unknown flag --nonsense (raft-key-value --help lists all)", "--nonsense");
  REFUSED("unknown flag - (raft-key-value --help lists all)", "-");
  REFUSED("unknown command chek (did you mean check?)", "chek");
  REFUSED("--id needs a value (raft-key-value --help shows it)", "--addr", "h:1", "--id");
  REFUSED("--id is given twice (keep one)", "--id", "1", "--id=2");
  REFUSED("--help takes no value", "--help=yes");
  REFUSED("x: one word too many (raft-key-value --help)", "check", "x");
  REFUSED("b: one word too many (raft-key-value --help)", "plugins", "a", "b");
  REFUSED("check needs --config FILE", "check");
  REFUSED("--json means nothing to check (leave it out)", "check", "--config", "x", "--json");
  REFUSED("--id means nothing to plugins (leave it out)", "plugins", "--id", "1");
}

static void set_has_a_form(void **state) {
  const char *wrong[] = {"", "x", "a.b", "a=b", ".b=c", "a.=c", "a=b.c"};
  (void)state;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    struct host_flags f;
    struct rkv_error e;
    assert_int_equal(PARSE(&f, &e, "--set", wrong[i]), RKV_INVALID);
    assert_holds(e.text, "not SECTION.KEY=VALUE (try --set node.log_level=debug)");
  }
}

/* A section may have a '.' in its name; a key has none. */
static void a_set_is_cut_at_its_last_dot(void **state) {
  struct host_flags f;
  struct rkv_error e;
  const char *set;
  (void)state;
  assert_int_equal(PARSE(&f, &e, "--set", "storage.under.dir=a.b"), RKV_OK);
  set = f.sets.list[0];
  assert_string_equal(host_set_dot(set), ".dir=a.b");
  assert_null(host_set_dot("dir=a.b"));
  assert_null(host_set_dot("dir.a"));
  assert_int_equal(PARSE(&f, &e, "storage", "stat", "--id", "1", "--plugin", "p", "--set",
                         "under.dir=x", "--set", "node.id=2"),
                   RKV_OK);
  assert_int_equal(f.storage_sets.count, 1);
  assert_string_equal(f.storage_sets.list[0], "under.dir=x");
}

static void sets_are_bounded(void **state) {
  const char *words[2 + HOST_SETS_MAX + 1] = {"raft-key-value"};
  struct host_flags f;
  struct rkv_error e;
  (void)state;
  for (size_t i = 1; i <= HOST_SETS_MAX; i++) words[i] = "--set=a.b=c";
  assert_int_equal(parse(words, &f, &e), RKV_OK);
  words[HOST_SETS_MAX + 1] = "--set=a.b=c";
  assert_int_equal(parse(words, &f, &e), RKV_INVALID);
}

static void storage_commands_are_of_two_words(void **state) {
  struct host_flags f;
  struct rkv_error e;
  (void)state;
  assert_int_equal(PARSE(&f, &e, "storage", "copy", "--id", "1", "--from", "a", "--set-from",
                         "dir=x", "--set-from=k=v", "--to=b", "--set-to", "dir=y.z=", "--set",
                         "node.plugin_dir=p"),
                   RKV_OK);
  assert_int_equal(f.command, HOST_COMMAND_STORAGE_COPY);
  assert_string_equal(f.from, "a");
  assert_string_equal(f.to, "b");
  assert_int_equal(f.from_sets.count, 2);
  assert_string_equal(f.from_sets.list[1], "k=v");
  assert_int_equal(f.to_sets.count, 1);
  assert_string_equal(f.to_sets.list[0], "dir=y.z=");
  assert_int_equal(f.sets.count, 1);
  assert_int_equal(PARSE(&f, &e, "--config", "c", "storage", "copy", "--to", "b"), RKV_OK);
  assert_null(f.from);
  assert_int_equal(PARSE(&f, &e, "storage", "verify", "--config", "c", "--json"), RKV_OK);
  assert_int_equal(f.command, HOST_COMMAND_STORAGE_VERIFY);
  assert_int_equal(PARSE(&f, &e, "storage", "dump", "--config", "c", "--state-machine", "m"),
                   RKV_OK);
  assert_int_equal(f.command, HOST_COMMAND_STORAGE_DUMP);
  assert_string_equal(f.machine, "m");
}

/* --set has a section in front for the configuration, and none for the plugin that is named. */
static void a_storage_that_is_named_has_its_own_settings(void **state) {
  struct host_flags f;
  struct rkv_error e;
  (void)state;
  assert_int_equal(PARSE(&f, &e, "storage", "stat", "--id", "1", "--plugin", "a", "--set",
                         "dir=/x.y", "--set", "node.plugin_dir=p", "--set=k=1"),
                   RKV_OK);
  assert_int_equal(f.command, HOST_COMMAND_STORAGE_STAT);
  assert_int_equal(f.storage_sets.count, 2);
  assert_string_equal(f.storage_sets.list[0], "dir=/x.y");
  assert_string_equal(f.storage_sets.list[1], "k=1");
  assert_int_equal(f.sets.count, 1);
  assert_string_equal(f.sets.list[0], "node.plugin_dir=p");
}

static void a_mistake_about_storages_is_one_line_too(void **state) {
  (void)state;
  REFUSED("unknown command storage cop (did you mean storage copy?)", "storage", "cop");
  REFUSED("storage: copy, verify, dump or stat? (raft-key-value --help tells all)", "storage");
  REFUSED("x: one word too many (raft-key-value --help)", "storage", "copy", "x");
  REFUSED("storage copy needs --to PLUGIN", "storage", "copy", "--from", "a");
  REFUSED("--to means nothing to storage stat (leave it out)", "storage", "stat", "--to", "b");
  REFUSED("--plugin means nothing to storage copy (leave it out)", "storage", "copy", "--to", "b",
          "--plugin", "a");
  REFUSED("--json means nothing to storage copy (leave it out)", "storage", "copy", "--to", "b",
          "--json");
  REFUSED("--state-machine means nothing to storage stat (leave it out)", "storage", "stat",
          "--state-machine", "m");
  REFUSED("--from means nothing to check (leave it out)", "check", "--config", "c", "--from", "a");
  REFUSED("--set-to dir: not KEY=VALUE (try --set-to dir=PATH)", "storage", "copy", "--to", "b",
          "--set-to", "dir");
  REFUSED("--set =x: not KEY=VALUE (try --set dir=PATH)", "storage", "stat", "--plugin", "a",
          "--set", "=x");
  REFUSED("--set-from dir=x needs --from PLUGIN (a setting of the configuration's own storage: "
          "--set storage.KEY=VALUE)",
          "storage", "copy", "--config", "c", "--to", "b", "--set-from", "dir=x");
  REFUSED("--set dir=x needs --plugin PLUGIN (a setting of the configuration's own storage: --set "
          "storage.KEY=VALUE)",
          "storage", "stat", "--config", "c", "--set", "dir=x");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_node_is_run_by_flags),
      cmocka_unit_test(commands_take_their_words),
      cmocka_unit_test(a_mistake_is_one_line_with_a_remedy),
      cmocka_unit_test(set_has_a_form),
      cmocka_unit_test(a_set_is_cut_at_its_last_dot),
      cmocka_unit_test(sets_are_bounded),
      cmocka_unit_test(storage_commands_are_of_two_words),
      cmocka_unit_test(a_storage_that_is_named_has_its_own_settings),
      cmocka_unit_test(a_mistake_about_storages_is_one_line_too),
  };
  return cmocka_run_group_tests_name("flags", tests, NULL, NULL);
}
