/* pattern_test.c: the lines of --commands FILE: what they stand for, and what is refused where. */
#include "sm_given.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* The bytes of `line` about a key, with `fill` bytes for each value; as text. */
static const char *written(const char *line, uint64_t key, size_t fill) {
  static char out[4096];
  struct pattern pattern;
  uint64_t seed = 1;
  size_t at, len;
  assert_null(pattern_read(&pattern, line, &at));
  assert_true(pattern_room(&pattern, fill) < sizeof out);
  len = pattern_write(&pattern, key, fill, &seed, (uint8_t *)out);
  assert_true(len <= pattern_room(&pattern, fill));
  out[len] = '\0';
  pattern_free(&pattern);
  return out;
}

static void refused(const char *line, const char *why, size_t where) {
  struct pattern pattern;
  size_t at;
  const char *wrong = pattern_read(&pattern, line, &at);
  assert_non_null(wrong);
  assert_string_equal(wrong, why);
  assert_int_equal(at, where);
}

static void numbers_go_round(void **state) {
  (void)state;
  assert_string_equal(written("SET k{10..12} v", 0, 0), "SET k10 v");
  assert_string_equal(written("SET k{10..12} v", 2, 0), "SET k12 v");
  assert_string_equal(written("SET k{10..12} v", 3, 0), "SET k10 v");
  assert_string_equal(written("{0..18446744073709551615}", UINT64_MAX, 0), "18446744073709551615");
}

static void values_have_the_wished_size(void **state) {
  (void)state;
  assert_int_equal(strlen(written("{letters 1..1KiB}", 0, 100)), 100);
  assert_int_equal(strlen(written("{letters 1..1KiB}", 0, 0)), 1);
  assert_int_equal(strlen(written("{letters 1..1KiB}", 0, 5000)), 1024);
  assert_int_equal(strspn(written("{letters 9..9}", 0, 0), "abcdefghijklmnopqrstuvwxyz"), 9);
  assert_int_equal(strlen(written("a{letters 2..4}b{letters 3..9}c", 0, 4)), 11);
}

static void other_braces_are_bytes(void **state) {
  (void)state;
  assert_string_equal(written("{\"a\": {}}", 0, 0), "{\"a\": {}}");
  assert_string_equal(written("{5}{bytesx 1..2}", 0, 0), "{5}{bytesx 1..2}");
  assert_string_equal(written("\\{0..9}\\x41\\\\", 0, 0), "{0..9}A\\");
}

static void what_makes_no_sense_is_refused_where_it_stands(void **state) {
  (void)state;
  refused("SET {5..3}", "the range ends before it begins", 4);
  refused("{0..}", "no range of numbers (try {0..99})", 0);
  refused("{0..99999999999999999999}", "no range of numbers (try {0..99})", 0);
  refused("ab{bytes 1}", "no range of sizes (try {bytes 1..64KiB})", 2);
  refused("{letters 1..65MiB}", "more than 64MiB of one value", 0);
  refused("{bytes 1..99999999999GiB}", "no range of sizes (try {bytes 1..64KiB})", 0);
  refused("a\\q", "no escape (there are \\\\ \\n \\r \\t \\{ \\xHH)", 1);
}

static void a_line_has_so_many_parts(void **state) {
  char line[8 * (PATTERN_PARTS_MAX + 1)] = "";
  struct pattern pattern;
  size_t at;
  (void)state;
  for (int i = 0; i < PATTERN_PARTS_MAX; i++) (void)strncat(line, "{0..1}", 7);
  assert_null(pattern_read(&pattern, line, &at));
  assert_int_equal(pattern.count, PATTERN_PARTS_MAX);
  pattern_free(&pattern);
  (void)strncat(line, "x", 2);
  refused(line, "more than 32 patterns and texts between them", 6 * PATTERN_PARTS_MAX);
  memcpy(line + 6 * PATTERN_PARTS_MAX, "{0..1}", 7); /* a pattern more instead */
  refused(line, "more than 32 patterns and texts between them", 6 * PATTERN_PARTS_MAX);
}

/* ---- files ---- */

static char path[] = "/tmp/pattern_test.XXXXXX";

static void file_says(const char *text, const char *must) {
  char why[GIVEN_TEXT_MAX] = "", expected[GIVEN_TEXT_MAX];
  struct given_file given;
  FILE *file = fopen(path, "we");
  assert_non_null(file);
  assert_true(fputs(text, file) >= 0);
  assert_int_equal(fclose(file), 0);
  if (given_read(&given, path, why)) given_free(&given);
  (void)snprintf(expected, sizeof expected, "%s%s", *must ? path : "", must);
  assert_string_equal(why, expected);
}

static void a_file_says_where_it_makes_no_sense(void **state) {
  int fd = mkstemp(path);
  (void)state;
  assert_true(fd >= 0);
  (void)close(fd);
  file_says("# nothing\n\ncommand a\nquery b\n", "");
  file_says("command a\nqeury b\n", ":2:1: neither `command BYTES` nor `query BYTES`");
  file_says("command a\n\ncommand k{9..1}\n", ":3:10: the range ends before it begins");
  file_says("query b\n", ": holds no line `command BYTES`");
  (void)unlink(path);
}

static void a_line_that_is_too_long_is_refused(void **state) {
  char *text = malloc(GIVEN_LINE_MAX + 20);
  (void)state;
  assert_non_null(text);
  memset(text, 'x', GIVEN_LINE_MAX + 10);
  memcpy(text, "command ", 8);
  text[GIVEN_LINE_MAX + 10] = '\0';
  file_says(text, ":1:1: a line of more than 1048574 bytes (shorter with {bytes A..B})");
  (void)unlink(path);
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_go_round),
      cmocka_unit_test(values_have_the_wished_size),
      cmocka_unit_test(other_braces_are_bytes),
      cmocka_unit_test(what_makes_no_sense_is_refused_where_it_stands),
      cmocka_unit_test(a_line_has_so_many_parts),
      cmocka_unit_test(a_file_says_where_it_makes_no_sense),
      cmocka_unit_test(a_line_that_is_too_long_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
