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
  assert_int_equal(f.set_count, 2);
  assert_string_equal(f.sets[1], "d.e=");
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_node_is_run_by_flags),
      cmocka_unit_test(commands_take_their_words),
      cmocka_unit_test(a_mistake_is_one_line_with_a_remedy),
      cmocka_unit_test(set_has_a_form),
      cmocka_unit_test(sets_are_bounded),
  };
  return cmocka_run_group_tests_name("flags", tests, NULL, NULL);
}
