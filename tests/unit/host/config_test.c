/* config_test.c: check, config and plugins over whole files. */
#include "support.h"

#include <host/values.h>

#include <stdio.h>

#define NO_TEXT "the value has control characters (write plain text)\n"

static void a_whole_file_is_ok(void **state) {
  struct outcome o = run_check(NODE_LINES PART_LINES);
  (void)state;
  assert_string_equal(o.err, "");
  assert_string_equal(o.out, "node.ini: ok\n");
  assert_int_equal(o.code, HOST_EXIT_OK);
  outcome_free(&o);
}

/* The promise of `check`: ten mistakes, one run, each with file, line and remedy. */
static void ten_mistakes_are_found_in_one_run(void **state) {
  static const char text[] = "[node]\n"
                             "id = zero\n"                  /* 2 wrong type */
                             "addr = localhost\n"           /* 3 no port */
                             "plugin_dir = " FIXTURES "\n"  /**/
                             "heartbeat = 500ms\n"          /* 5 unknown key */
                             "inbox_max = 0\n"              /* 6 out of range */
                             "log_level = loud\n"           /* 7 not a choice */
                             "[transport]\n"                /**/
                             "plugin = fix-transprt\n"      /* 9 no such plugin */
                             "[storage]\n"                  /**/
                             "plugin = fix-storage\n"       /**/
                             "limit = ten\n"                /* 12 not a size */
                             "count = 5\n"                  /**/
                             "count = 6\n"                  /* 14 given twice */
                             "[state-machin]\n"             /* 15 unknown section */
                             "plugin = fix-sm\n"            /**/
                             "[state-machine]\n"            /**/
                             "plugin = fix-sm\n"            /* needed: missing */
                             "a line of words\n"            /* 19 no setting */
                             "election_timeout_min = 5s\n"; /* 20 wrong section */
  static const char *const expected[] = {
      "node.ini: [state-machine] needed: missing (a text that has no default)\n",
      "node.ini:2: [node] id = \"zero\": not a number (try 42)\n",
      "node.ini:3: [node] addr = \"localhost\": not HOST:PORT (try 127.0.0.1:21001)\n",
      "node.ini:5: [node] heartbeat = \"500ms\": unknown key (did you mean heartbeat_interval?)\n",
      "node.ini:6: [node] inbox_max = \"0\": out of range (1 to 16777216)\n",
      "node.ini:7: [node] log_level = \"loud\": not one of the choices (debug, info, warn, "
      "error)\n",
      "node.ini:9: [transport] plugin = \"fix-transprt\": no such plugin (did you mean "
      "fix-transport? in " FIXTURES " there are: fix-sm, fix-storage, fix-transport; others have a "
      "package, raft-key-value-plugin-NAME)\n",
      "node.ini:12: [storage] limit = \"ten\": not a size (try 64KiB, 4MiB or plain bytes)\n",
      "node.ini:14: [storage] count = \"6\": given twice, first at node.ini:13 (keep one of "
      "them)\n",
      "node.ini:15: [state-machin]: unknown section (did you mean [state-machine]?)\n",
      "node.ini:19: \"a line of words\": not a setting (write key = value, [section] or ; "
      "comment)\n",
      "node.ini:20: [state-machine] election_timeout_min = \"5s\": unknown key (possible: plugin, "
      "require_contract, limit, pause, count, eager, colour, password, needed)\n",
  };
  struct outcome o = run_check(text);
  const char *at = o.err;
  (void)state;
  assert_int_equal(o.code, HOST_EXIT_CONFIG);
  assert_string_equal(o.out, "");
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
    if (strncmp(at, expected[i], strlen(expected[i])) != 0)
      fail_msg("expected\n  %s\nat\n%s", expected[i], at);
    at += strlen(expected[i]);
  }
  assert_string_equal(at, "");
  outcome_free(&o);
}

/* Values that are legal alone but not together: the key to change is one that was given. */
static void values_must_fit_each_other(void **state) {
  struct outcome o = run_check(NODE_LINES "heartbeat_interval = 1s\n" PART_LINES);
  (void)state;
  assert_string_equal(o.err,
                      "node.ini:5: [node] heartbeat_interval = \"1s\": election_timeout_min = "
                      "1500ms does not fit heartbeat_interval = 1s (election_timeout_min "
                      "must be at least twice heartbeat_interval)\n");
  outcome_free(&o);
  o = run_check(NODE_LINES "heartbeat_interval = 1s\nelection_timeout_min = 2s\n" PART_LINES);
  assert_string_equal(o.err, "");
  outcome_free(&o);
  o = run_check(NODE_LINES "election_timeout_max = 1500ms\n" PART_LINES);
  assert_holds(o.err,
               "node.ini:5: [node] election_timeout_max = \"1500ms\": election_timeout_max = "
               "1500ms does not fit election_timeout_min = 1500ms (election_timeout_max must "
               "be more than election_timeout_min)\n");
  outcome_free(&o);
  o = run_check(NODE_LINES "inbox_bytes_max = 1MiB\n" PART_LINES);
  assert_holds(o.err, "inbox_bytes_max must be at least command_bytes_max");
  outcome_free(&o);
}

static void addresses_have_a_form(void **state) {
  static const char *const wrong[] = {"host",
                                      ":1",
                                      "host:",
                                      "host:0",
                                      "host:65536",
                                      "host:1x",
                                      "::1:80",
                                      "[]:1",
                                      "[::1:80",
                                      "a\tb:1",
                                      "a b:1",
                                      "http://h:1",
                                      "host:123456789012345"};
  static const char *const right[] = {"127.0.0.1:1", "localhost:65535", "[::1]:21001", "a-b.c:80"};
  (void)state;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    if (!rkv_addr_refusal(wrong[i])) fail_msg("%s was taken", wrong[i]);
  for (size_t i = 0; i < sizeof right / sizeof *right; i++)
    if (rkv_addr_refusal(right[i])) fail_msg("%s: %s", right[i], rkv_addr_refusal(right[i]));
}

/* A plugin that cannot be loaded is refused at its line; its keys are not judged. */
static void a_bad_plugin_is_refused_at_its_line(void **state) {
  struct outcome o =
      run_check(NODE_LINES "[transport]\nplugin = fix-transport\n"
                           "[storage]\nplugin = " BAD_PLUGINS "/bad-magic.so\nx = 1\n"
                           "[state-machine]\nplugin = fix-storage\n");
  (void)state;
  assert_int_equal(o.code, HOST_EXIT_CONFIG);
  assert_holds(o.err, "node.ini:8: [storage] plugin = \"" BAD_PLUGINS
                      "/bad-magic.so\": " BAD_PLUGINS "/bad-magic.so: magic is 0x1122334455667788");
  assert_holds(o.err, "node.ini:11: [state-machine] plugin = \"fix-storage\": " FIXTURES
                      "/fix-storage.so: kind is storage, this section needs a state-machine");
  assert_lacks(o.err, "unknown key");
  outcome_free(&o);
}

/* A value that is told as too long, or as no text, is not told as missing besides. */
static void what_was_refused_is_told_once(void **state) {
  static char many[HOST_VALUE_MAX + 32];
  struct scratch s = scratch_begin("node.ini", NODE_LINES PART_LINES);
  const char *words[] = {"check", "--config", s.file, "--set", many, NULL};
  static const char *const sets[] = {
      "node.id=", "storage.plugin=", "state-machine.needed=", "transport.require_contract="};
  struct outcome o = run_check("[node]\nid = \x01\naddr = 127.0.0.1:1\nplugin_dir = " FIXTURES
                               "\n[transport]\nplugin = fix-transport\n[storage]\n"
                               "plugin = \x01\n[state-machine]\nplugin = fix-sm\nneeded = \x01\n");
  (void)state;
  assert_string_equal(o.err,
                      "node.ini:2: [node] id: " NO_TEXT "node.ini:8: [storage] plugin: " NO_TEXT
                      "node.ini:11: [state-machine] needed: " NO_TEXT);
  outcome_free(&o);
  for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
    memset(many, 'x', sizeof many - 1);
    memcpy(many, sets[i], strlen(sets[i]));
    o = run_command(host_command_check, words);
    assert_int_equal(o.code, HOST_EXIT_USAGE);
    assert_holds(o.err, "the value is too long (at most 4095 bytes)\n");
    assert_ptr_equal(strchr(o.err, '\n') + 1, o.err + strlen(o.err));
    outcome_free(&o);
  }
  scratch_end(&s);
}

/* A flag's mistake is usage (64), a file's configuration (78), even if both were made. */
static void blame_decides_the_exit_code(void **state) {
  struct scratch s = scratch_begin("node.ini", NODE_LINES PART_LINES);
  const char *flag[] = {"check", "--config", s.file, "--id", "x", NULL};
  const char *set[] = {"check", "--config", s.file, "--set", "node.inbox_max=x", NULL};
  const char *twice[] = {"check", "--config", s.file, "--set=node.id=1", "--set=node.id=2", NULL};
  const char *both[] = {"check", "--config", s.file, "--id=x", "--set=node.inbox_max=x", NULL};
  struct outcome o = run_command(host_command_check, flag);
  (void)state;
  assert_int_equal(o.code, HOST_EXIT_USAGE);
  assert_string_equal(o.err, "--id: [node] id = \"x\": not a number (try 42)\n");
  outcome_free(&o);
  o = run_command(host_command_check, set);
  assert_int_equal(o.code, HOST_EXIT_CONFIG);
  assert_string_equal(o.err, "--set: [node] inbox_max = \"x\": not a number (try 42)\n");
  outcome_free(&o);
  o = run_command(host_command_check, twice);
  assert_string_equal(o.err, "--set: [node] id = \"2\": given twice, first at --set (keep one of "
                             "them)\n");
  outcome_free(&o);
  o = run_command(host_command_check, both);
  assert_int_equal(o.code, HOST_EXIT_CONFIG);
  outcome_free(&o);
  scratch_end(&s);
}

/* ---- config ---- */

/* The line of `key` in a section of what `config` printed. */
static void assert_shown(const char *out, const char *section, const char *key, const char *value,
                         const char *origin) {
  char head[160];
  const char *line = strstr(out, section), *end;
  (void)snprintf(head, sizeof head, "\n%s = %s ", key, value);
  if (line) line = strstr(line, head);
  if (!line) fail_msg("no%s in\n%s", head, out);
  end = strchr(line + 1, '\n');
  if (strncmp(end - strlen(origin), origin, strlen(origin)) != 0)
    fail_msg("%s is not the origin in\n%.*s", origin, (int)(end - line), line);
}

static void config_shows_values_and_origins(void **state) {
  struct scratch s = scratch_begin("node.ini", NODE_LINES PART_LINES "password = swordfish\n");
  const char *words[] = {"config", "--config",           s.file, "--id", "3",
                         "--set",  "storage.limit=1MiB", NULL};
  struct outcome o = run_command(host_command_config, words);
  (void)state;
  assert_string_equal(o.err, "");
  assert_int_equal(o.code, HOST_EXIT_OK);
  assert_shown(o.out, "[node]", "id", "3", "; --id");
  assert_shown(o.out, "[node]", "addr", "127.0.0.1:21001", "node.ini:3");
  assert_shown(o.out, "[node]", "keep_entries", "1000", "; default");
  assert_shown(o.out, "[storage]", "limit", "1MiB", "; --set");
  assert_shown(o.out, "[state-machine]", "needed", "x", "node.ini:11");
  assert_shown(o.out, "[state-machine]", "password", "***", "node.ini:12");
  assert_lacks(o.out, "swordfish");
  outcome_free(&o);
  scratch_end(&s);
}

/* What `config` prints is a configuration with the same values. */
static void config_can_be_read_back(void **state) {
  struct scratch s = scratch_begin("node.ini", NODE_LINES PART_LINES);
  const char *words[] = {"config", "--config", s.file, NULL};
  struct outcome first = run_command(host_command_config, words), second;
  (void)state;
  second = run_check(first.out);
  assert_string_equal(second.err, "");
  assert_int_equal(second.code, HOST_EXIT_OK);
  outcome_free(&first);
  outcome_free(&second);
  scratch_end(&s);
}

/* A secret that is refused is not shown either, but what it refers to is. */
static void a_secret_is_never_printed(void **state) {
  struct outcome o = run_check(NODE_LINES PART_LINES "password = a\npassword = swordfish\n");
  (void)state;
  assert_holds(o.err, "node.ini:13: [state-machine] password = \"***\": given twice");
  assert_lacks(o.err, "swordfish");
  outcome_free(&o);
  o = run_check(NODE_LINES PART_LINES "pasword = swordfish\n");
  assert_holds(o.err, "pasword = \"***\": unknown key (did you mean password?)");
  outcome_free(&o);
  o = run_check(NODE_LINES PART_LINES "password = ${RKV_NOT_SET}\n");
  assert_holds(o.err, "password = \"${RKV_NOT_SET}\": the environment has no RKV_NOT_SET");
  outcome_free(&o);
}

/* ---- plugins ---- */

static void plugins_are_listed(void **state) {
  const char *words[] = {"plugins", "--set", "node.plugin_dir=" FIXTURES, NULL};
  struct outcome o = run_command(host_command_plugins, words);
  (void)state;
  assert_int_equal(o.code, HOST_EXIT_OK);
  assert_holds(o.out, "storage        fix-storage          0.0.1     1.5");
  assert_holds(o.out, "state-machine  fix-sm");
  outcome_free(&o);
}

/* The good ones are listed although others are refused; the exit code tells. */
static void refused_plugins_are_told(void **state) {
  const char *words[] = {"plugins", "--set", "node.plugin_dir=" BAD_PLUGINS, "--json", NULL};
  struct outcome o = run_command(host_command_plugins, words);
  (void)state;
  assert_int_equal(o.code, HOST_EXIT_CONFIG);
  assert_holds(o.err, "bad-magic.so: magic is");
  assert_holds(o.err, "bad-operation.so: operation save_vote is missing");
  assert_string_equal(o.out, "[]\n");
  outcome_free(&o);
}

static void one_plugin_shows_its_options(void **state) {
  const char *table[] = {"plugins", "fix-sm", "--set", "node.plugin_dir=" FIXTURES, NULL};
  const char *json[] = {"plugins", "fix-sm", "--json", "--set", "node.plugin_dir=" FIXTURES, NULL};
  struct outcome o = run_command(host_command_plugins, table);
  (void)state;
  assert_int_equal(o.code, HOST_EXIT_OK);
  assert_holds(o.out, "  limit = 4MiB\n      size, 1KiB to 64MiB\n      largest message\n");
  assert_holds(o.out, "  colour = red\n      enum: red | green\n");
  assert_holds(o.out, "  needed = (required)\n      string\n");
  outcome_free(&o);
  o = run_command(host_command_plugins, json);
  assert_holds(o.out,
               "{\"name\": \"limit\", \"type\": \"size\", \"default\": \"4MiB\", \"required\": "
               "false, \"secret\": false, \"min\": 1024, \"max\": 67108864, \"help\": "
               "\"largest message\"}");
  assert_holds(o.out, "\"choices\": [\"red\", \"green\"]");
  assert_holds(o.out, "{\"name\": \"needed\", \"type\": \"string\", \"default\": null, "
                      "\"required\": true");
  outcome_free(&o);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_whole_file_is_ok),
      cmocka_unit_test(ten_mistakes_are_found_in_one_run),
      cmocka_unit_test(values_must_fit_each_other),
      cmocka_unit_test(addresses_have_a_form),
      cmocka_unit_test(a_bad_plugin_is_refused_at_its_line),
      cmocka_unit_test(what_was_refused_is_told_once),
      cmocka_unit_test(blame_decides_the_exit_code),
      cmocka_unit_test(config_shows_values_and_origins),
      cmocka_unit_test(config_can_be_read_back),
      cmocka_unit_test(a_secret_is_never_printed),
      cmocka_unit_test(plugins_are_listed),
      cmocka_unit_test(refused_plugins_are_told),
      cmocka_unit_test(one_plugin_shows_its_options),
  };
  return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
