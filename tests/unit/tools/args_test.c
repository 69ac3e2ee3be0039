/* args_test.c: the command line of rkvctl: what is taken, and how the rest is refused. */
#include "args.h"
#include "commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define PARSE(env, args, error, ...)                                                               \
  parse((const char *const[]){"rkvctl", __VA_ARGS__, NULL}, env, args, error)

static enum rkv_status parse(const char *const *words, const char *env, struct args *args,
                             struct rkv_error *error) {
  int count = 0;
  while (words[count]) count++;
  return args_parse(count, (char *const *)(uintptr_t)words, env, args, error);
}

/* Options are found wherever they stand; what is behind a lone -- is the user's own. */
static void options_stand_anywhere(void **state) {
  struct args args;
  struct rkv_error error;
  (void)state;
  assert_int_equal(PARSE(NULL, &args, &error, "set", "--json", "k", "--timeout=2m", "--", "--v"),
                   RKV_OK);
  assert_true(args.json);
  assert_int_equal(args.timeout_ms, 120000);
  assert_int_equal(args.word_count, 3);
  assert_string_equal(args.words[2], "--v");
}

/* --endpoints beats the environment, which beats the default. */
static void endpoints_come_from_three_places(void **state) {
  struct args args;
  struct rkv_error error;
  (void)state;
  assert_int_equal(PARSE("a:1,b:2", &args, &error, "--endpoints", "c:3", "status"), RKV_OK);
  assert_int_equal(args.endpoint_count, 1);
  assert_string_equal(args.endpoints[0], "c:3");
  assert_int_equal(PARSE("a:1,[::1]:2", &args, &error, "status"), RKV_OK);
  assert_int_equal(args.endpoint_count, 2);
  assert_string_equal(args.endpoints[1], "[::1]:2");
  assert_int_equal(PARSE("", &args, &error, "status"), RKV_OK);
  assert_string_equal(args.endpoints[0], ARGS_DEFAULT_ENDPOINT);
}

/* The plugin to ask over, and its settings; both ways of giving a value. */
static void a_transport_and_its_settings(void **state) {
  struct args args;
  struct rkv_error error;
  (void)state;
  assert_int_equal(PARSE(NULL, &args, &error, "get", "k"), RKV_OK);
  assert_null(args.transport);
  assert_int_equal(PARSE(NULL, &args, &error, "--transport=./t.so", "--transport-set", "a=b",
                         "--transport-set=c=d=e", "get", "k"),
                   RKV_OK);
  assert_string_equal(args.transport, "./t.so");
  assert_int_equal(args.transport_set_count, 2);
  assert_string_equal(args.transport_sets[0], "a=b");
  assert_string_equal(args.transport_sets[1], "c=d=e");
  assert_int_equal(PARSE(NULL, &args, &error, "--transport", "t", "--transport-set", "secret", "x"),
                   RKV_INVALID);
  assert_null(strstr(error.text, "secret")); /* a setting may be one */
  assert_int_equal(PARSE(NULL, &args, &error, "--transport-set", "a=b", "x"), RKV_INVALID);
  assert_non_null(strstr(error.text, "without --transport"));
  assert_int_equal(PARSE(NULL, &args, &error, "--transport", "t", "--transport", "u", "x"),
                   RKV_INVALID);
}

/* Each refusal names the word that is wrong and shows one that would be right. */
static void refusals_name_word_and_remedy(void **state) {
  struct args args;
  struct rkv_error error;
  (void)state;
  assert_int_equal(PARSE(NULL, &args, &error, "--endpoints", "a:1,,b:2", "x"), RKV_INVALID);
  assert_non_null(strstr(error.text, "try 127.0.0.1:21001"));
  assert_int_equal(PARSE(NULL, &args, &error, "--endpoints", "::1:21001", "x"), RKV_INVALID);
  assert_int_equal(PARSE(NULL, &args, &error, "--endpoints", "[]:1", "x"), RKV_INVALID);
  assert_int_equal(PARSE("host", &args, &error, "x"), RKV_INVALID);
  assert_non_null(strstr(error.text, "RKVCTL_ENDPOINTS: \"host\""));
  assert_int_equal(PARSE(NULL, &args, &error, "x", "--jsn"), RKV_INVALID);
  assert_non_null(strstr(error.text, "--jsn"));
  assert_int_equal(PARSE(NULL, &args, &error, "x", "--read", "newest"), RKV_INVALID);
  assert_non_null(strstr(error.text, "local, lease or linearizable"));
  assert_int_equal(PARSE(NULL, &args, &error, "x", "--read"), RKV_INVALID);
  assert_int_equal(PARSE(NULL, &args, &error, "x", "--timeout"), RKV_INVALID);
  assert_non_null(strstr(error.text, "such as 5s"));
}

/* Bytes come once from each of their options; a text may look like an option. */
static void bytes_are_given_once(void **state) {
  struct args args;
  struct rkv_error error;
  (void)state;
  assert_int_equal(PARSE(NULL, &args, &error, "apply", "--text=--json", "--out", "f"), RKV_OK);
  assert_string_equal(args.text, "--json");
  assert_string_equal(args.out, "f");
  assert_false(args.json);
  assert_int_equal(args.options, ARGS_TEXT | ARGS_OUT);
  assert_int_equal(PARSE(NULL, &args, &error, "apply", "--hex"), RKV_INVALID);
  assert_non_null(strstr(error.text, "--hex 0a03"));
  assert_int_equal(PARSE(NULL, &args, &error, "apply", "--hex", "a", "--hex", "b"), RKV_INVALID);
  assert_non_null(strstr(error.text, "--hex is given twice"));
}

static void durations_have_units_and_limits(void **state) {
  static const char *const wrong[] = {
      "", "5", "s", "0s", "-1s", "5 s", "61m", "1h", "99999999999999999999s"};
  struct rkv_error error;
  uint64_t ms;
  (void)state;
  assert_int_equal(args_duration("1ms", &ms, &error), RKV_OK);
  assert_int_equal(ms, 1);
  assert_int_equal(args_duration("60m", &ms, &error), RKV_OK);
  assert_int_equal(ms, ARGS_TIMEOUT_MAX_MS);
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
    assert_int_equal(args_duration(wrong[i], &ms, &error), RKV_INVALID);
}

static void nodes_are_an_id_and_an_address(void **state) {
  static const char *const wrong[] = {"",       "1",         "=a:1",   "0=a:1",
                                      "x=a:1",  "1=a",       "1=a:",   "1=:1",
                                      "1=a:0",  "1=a:65536", "1=a:1x", "1=http://a:1",
                                      "1= a:1", "-1=a:1"};
  struct rkv_error error;
  const char *addr;
  rkv_node_id id;
  (void)state;
  assert_int_equal(args_node("18446744073709551615=h:65535", &id, &addr, &error), RKV_OK);
  assert_true(id == UINT64_MAX);
  assert_string_equal(addr, "h:65535");
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
    assert_int_equal(args_node(wrong[i], &id, &addr, &error), RKV_INVALID);
}

static void a_slip_finds_its_command(void **state) {
  (void)state;
  assert_string_equal(commands_nearest("stauts"), "status");
  assert_string_equal(commands_nearest("add-lerner"), "add-learner");
  assert_null(commands_nearest("frobnicate"));
  assert_null(commands_find("stauts"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(options_stand_anywhere),
      cmocka_unit_test(endpoints_come_from_three_places),
      cmocka_unit_test(a_transport_and_its_settings),
      cmocka_unit_test(refusals_name_word_and_remedy),
      cmocka_unit_test(bytes_are_given_once),
      cmocka_unit_test(durations_have_units_and_limits),
      cmocka_unit_test(nodes_are_an_id_and_an_address),
      cmocka_unit_test(a_slip_finds_its_command),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
