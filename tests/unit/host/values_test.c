/* values_test.c: how values are written, and the errors of values that are written wrongly. */
#include "support.h"

#include <host/nearest.h>
#include <host/values.h>

#include <stdio.h>

#define ANY UINT64_MAX

static struct rkv_option option_of(enum rkv_option_type type, uint64_t min, uint64_t max) {
  struct rkv_option option = {"o", "", "help", NULL, min, max, (uint32_t)type, 0};
  return option;
}

static uint64_t number_of(enum rkv_option_type type, const char *text) {
  struct rkv_option option = option_of(type, 0, ANY);
  struct rkv_value value;
  struct rkv_error error;
  if (host_value_parse(&option, text, &value, &error) != RKV_OK)
    fail_msg("%s: %s", text, error.text);
  return value.number;
}

static void assert_wrong(const struct rkv_option *option, const char *text, const char *what) {
  struct rkv_value value;
  struct rkv_error error;
  if (host_value_parse(option, text, &value, &error) == RKV_OK) fail_msg("%s was taken", text);
  assert_string_equal(error.text, what);
}

static void legal_values_become_numbers(void **state) {
  (void)state;
  assert_int_equal(number_of(RKV_OPTION_UINT, "42"), 42);
  assert_true(number_of(RKV_OPTION_UINT, "18446744073709551615") == UINT64_MAX);
  assert_int_equal(number_of(RKV_OPTION_SIZE, "100"), 100);
  assert_int_equal(number_of(RKV_OPTION_SIZE, "64KiB"), 65536);
  assert_int_equal(number_of(RKV_OPTION_SIZE, "4MiB"), 4 << 20);
  assert_int_equal(number_of(RKV_OPTION_SIZE, "2GiB"), UINT64_C(2) << 30);
  assert_int_equal(number_of(RKV_OPTION_DURATION, "10us"), 10000);
  assert_int_equal(number_of(RKV_OPTION_DURATION, "500ms"), 500000000);
  assert_int_equal(number_of(RKV_OPTION_DURATION, "3s"), UINT64_C(3000000000));
  assert_int_equal(number_of(RKV_OPTION_BOOL, "true"), 1);
  assert_int_equal(number_of(RKV_OPTION_BOOL, "false"), 0);
}

/* Nothing that could be misread is taken: no sign, blank, fraction, other unit, bare duration. */
static void illegal_values_are_refused(void **state) {
  struct rkv_option size = option_of(RKV_OPTION_SIZE, 0, ANY);
  struct rkv_option duration = option_of(RKV_OPTION_DURATION, 0, ANY);
  struct rkv_option number = option_of(RKV_OPTION_UINT, 0, ANY);
  struct rkv_option boolean = option_of(RKV_OPTION_BOOL, 0, 0);
  const char *not_a_size = "not a size (try 64KiB, 4MiB or plain bytes)";
  const char *not_a_duration = "not a duration (try 500ms, 3s or 10us)";
  const char *sizes[] = {"ten", "", "-1", "1.5MiB", "4 MiB", "4MB", "KiB", "0x10", "4MiBs"};
  const char *durations[] = {"500", "", "3 s", "1m", "-3s", "s"};
  const char *numbers[] = {"", "x", "-1", "+1", "1.0", "1 ", "1KiB"};
  (void)state;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    assert_wrong(&size, sizes[i], not_a_size);
  for (size_t i = 0; i < sizeof durations / sizeof *durations; i++)
    assert_wrong(&duration, durations[i], not_a_duration);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    assert_wrong(&number, numbers[i], "not a number (try 42)");
  assert_wrong(&boolean, "yes", "not a bool (write true or false)");
  assert_wrong(&boolean, "", "not a bool (write true or false)");
}

/* Both ends of a range are legal, one beyond is not; the range is told in the option's units. */
static void ranges_are_kept(void **state) {
  struct rkv_option size = option_of(RKV_OPTION_SIZE, 1024, 65536);
  struct rkv_option duration = option_of(RKV_OPTION_DURATION, 1000000, UINT64_C(1500000000));
  struct rkv_value value;
  (void)state;
  assert_int_equal(host_value_parse(&size, "1KiB", &value, NULL), RKV_OK);
  assert_int_equal(host_value_parse(&size, "64KiB", &value, NULL), RKV_OK);
  assert_wrong(&size, "1023", "out of range (1KiB to 64KiB)");
  assert_wrong(&size, "65537", "out of range (1KiB to 64KiB)");
  assert_wrong(&duration, "999us", "out of range (1ms to 1500ms)");
  assert_wrong(&duration, "2s", "out of range (1ms to 1500ms)");
}

/* A number that does not fit 64 bits must not wrap into the range. */
static void overflow_is_out_of_range(void **state) {
  struct rkv_option size = option_of(RKV_OPTION_SIZE, 0, 1 << 20);
  struct rkv_option number = option_of(RKV_OPTION_UINT, 0, 9);
  (void)state;
  assert_wrong(&size, "18446744073709551616", "out of range (0 to 1MiB)");
  assert_wrong(&size, "17179869184GiB", "out of range (0 to 1MiB)");
  assert_wrong(&number, "18446744073709551617", "out of range (0 to 9)");
}

static void a_choice_is_its_position(void **state) {
  static const char *const choices[] = {"debug", "info", "warn", NULL};
  struct rkv_option option = option_of(RKV_OPTION_ENUM, 0, 0);
  struct rkv_value value;
  (void)state;
  option.choices = choices;
  assert_int_equal(host_value_parse(&option, "warn", &value, NULL), RKV_OK);
  assert_int_equal(value.number, 2);
  assert_ptr_equal(value.text, choices[2]);
  assert_wrong(&option, "infos", "not one of the choices (debug, info, warn; did you mean info?)");
  assert_wrong(&option, "loud", "not one of the choices (debug, info, warn)");
}

/* A printed number is read back as the same number. */
static void numbers_are_printed_as_users_write_them(void **state) {
  static const struct {
    uint32_t type;
    uint64_t number;
    const char *text;
  } cases[] = {
      {RKV_OPTION_SIZE, 0, "0"},          {RKV_OPTION_SIZE, 1000, "1000"},
      {RKV_OPTION_SIZE, 65536, "64KiB"},  {RKV_OPTION_SIZE, 4 << 20, "4MiB"},
      {RKV_OPTION_DURATION, 0, "0us"},    {RKV_OPTION_DURATION, 1500000000, "1500ms"},
      {RKV_OPTION_DURATION, 3000, "3us"}, {RKV_OPTION_UINT, 7, "7"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[HOST_NUMBER_MAX];
    host_value_print(cases[i].type, cases[i].number, text);
    assert_string_equal(text, cases[i].text);
    assert_true(number_of((enum rkv_option_type)cases[i].type, text) == cases[i].number);
  }
}

/* ---- ${NAME} and file:PATH ---- */

static void the_environment_is_read(void **state) {
  struct rkv_option option = option_of(RKV_OPTION_STRING, 0, 0);
  struct host_texts texts = {0};
  struct rkv_error error;
  const char *text;
  (void)state;
  assert_int_equal(setenv("RKV_TEST_WORD", "sesame", 1), 0);
  assert_int_equal(host_value_expand(&option, "${RKV_TEST_WORD}", &texts, &text, NULL), RKV_OK);
  assert_string_equal(text, "sesame");
  assert_int_equal(unsetenv("RKV_TEST_WORD"), 0);
  assert_string_equal(text, "sesame"); /* a copy: the environment may change */
  assert_int_equal(host_value_expand(&option, "${RKV_TEST_WORD}", &texts, &text, &error),
                   RKV_INVALID);
  assert_string_equal(error.text, "the environment has no RKV_TEST_WORD (export it first)");
  assert_int_equal(host_value_expand(&option, "a${X}", &texts, &text, NULL), RKV_OK);
  assert_string_equal(text, "a${X}"); /* only a whole value is a reference */
  host_texts_free(&texts);
}

static void a_secret_is_read_from_its_file(void **state) {
  struct rkv_option option = option_of(RKV_OPTION_STRING, 0, 0);
  struct scratch s = scratch_begin("secret", "open sesame\n");
  struct host_texts texts = {0};
  struct rkv_error error;
  char reference[1100];
  const char *text;
  (void)state;
  (void)snprintf(reference, sizeof reference, "file:%s", s.file);
  assert_int_equal(host_value_expand(&option, reference, &texts, &text, NULL), RKV_OK);
  assert_string_equal(text, reference); /* not a secret: a text like any other */
  option.flags = RKV_OPTION_SECRET;
  assert_int_equal(host_value_expand(&option, reference, &texts, &text, NULL), RKV_OK);
  assert_string_equal(text, "open sesame");
  assert_int_equal(host_value_expand(&option, "file:/nowhere/x", &texts, &text, &error),
                   RKV_INVALID);
  assert_holds(error.text, "cannot open /nowhere/x: No such file");
  host_texts_free(&texts);
  scratch_end(&s);
}

/* ---- nearest ---- */

static void edits_are_counted(void **state) {
  (void)state;
  assert_int_equal(host_edit_distance("addr", "addr"), 0);
  assert_int_equal(host_edit_distance("adr", "addr"), 1);
  assert_int_equal(host_edit_distance("adrd", "addr"), 1); /* two neighbours swapped */
  assert_int_equal(host_edit_distance("kitten", "sitting"), 3);
  assert_int_equal(host_edit_distance("", "abc"), 3);
  assert_int_equal(host_edit_distance("heartbeat", "heartbeat_interval"), 1); /* cut off */
}

static void only_a_near_name_is_offered(void **state) {
  struct host_nearest near = {.word = "storgae"}, far = {.word = "colour"};
  (void)state;
  host_nearest_try(&near, "transport");
  host_nearest_try(&near, "storage");
  assert_string_equal(host_nearest_best(&near), "storage");
  host_nearest_try(&far, "storage");
  assert_null(host_nearest_best(&far));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(legal_values_become_numbers),
      cmocka_unit_test(illegal_values_are_refused),
      cmocka_unit_test(ranges_are_kept),
      cmocka_unit_test(overflow_is_out_of_range),
      cmocka_unit_test(a_choice_is_its_position),
      cmocka_unit_test(numbers_are_printed_as_users_write_them),
      cmocka_unit_test(the_environment_is_read),
      cmocka_unit_test(a_secret_is_read_from_its_file),
      cmocka_unit_test(edits_are_counted),
      cmocka_unit_test(only_a_near_name_is_offered),
  };
  return cmocka_run_group_tests_name("values", tests, NULL, NULL);
}
