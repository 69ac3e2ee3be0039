/* words_test.c: sm-protobuf puts commands into words; there is no machine. */
#include "fake_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LINE = 512 };

/* The line for SetRequest{key, value}, in a room of `size` bytes. */
static const char *words_of_set(const void *key, size_t key_len, const void *value,
                                size_t value_len, size_t size) {
  const struct rkv_state_machine_ops *ops = fake_host_load("sm-protobuf")->ops;
  static char line[LINE];
  uint8_t bytes[256];
  struct rkv_error error;
  size_t len = 0;
  assert_true(key_len < 128 && value_len < 128 && size <= LINE);
  bytes[len++] = 0x0a;
  bytes[len++] = (uint8_t)key_len;
  memcpy(bytes + len, key, key_len);
  len += key_len;
  bytes[len++] = 0x12;
  bytes[len++] = (uint8_t)value_len;
  memcpy(bytes + len, value, value_len);
  len += value_len;
  assert_int_equal(ops->describe(rkv_buf_static(bytes, len), line, size, &error), RKV_OK);
  return line;
}

static const char *words(const char *key, const char *value) {
  return words_of_set(key, strlen(key), value, strlen(value), LINE);
}

static void a_set_is_a_line(void **state) {
  (void)state;
  assert_string_equal(words("foo", "bar"), "set \"foo\" = \"bar\"");
  assert_string_equal(words("", ""), "set \"\" = \"\"");
  assert_string_equal(words("schl\xc3\xbcssel", "\xe9\x8d\xb5 \xf0\x9f\x94\x91"),
                      "set \"schl\xc3\xbcssel\" = \"\xe9\x8d\xb5 \xf0\x9f\x94\x91\"");
}

/* Nothing reaches a terminal that steers it, or turns what is written around. */
static void what_is_not_seen_is_escaped(void **state) {
  (void)state;
  assert_string_equal(words("a\"b\\c", "\x1b[31m\n\x7f"),
                      "set \"a\\\"b\\\\c\" = \"\\x1b[31m\\x0a\\x7f\"");
  assert_string_equal(words_of_set("\0", 1, "", 0, LINE), "set \"\\x00\" = \"\"");
  assert_string_equal(words("\xc2\x9b\xc2\xa0", "\xe2\x80\xae\xe2\x81\xa6\xe2\x82\xac"),
                      "set \"\\xc2\\x9b\xc2\xa0\" = "
                      "\"\\xe2\\x80\\xae\\xe2\\x81\\xa6\xe2\x82\xac\"");
  assert_string_equal(words("\xef\xbb\xbf", "\xf3\xa0\x80\x81"),
                      "set \"\\xef\\xbb\\xbf\" = \"\\xf3\\xa0\\x80\\x81\"");
}

/* At a whole character. */
static void long_ones_are_cut(void **state) {
  char value[101], line[LINE];
  (void)state;
  memset(value, 'v', 100);
  value[100] = '\0';
  (void)snprintf(line, sizeof line, "set \"k\" = \"%.48s\"... (100 bytes)", value);
  assert_string_equal(words("k", value), line);
  memcpy(value + 47, "\xc3\xbc", 2);
  (void)snprintf(line, sizeof line, "set \"k\" = \"%.47s\"... (100 bytes)", value);
  assert_string_equal(words("k", value), line);
}

static void a_small_room_holds_the_beginning(void **state) {
  const char whole[] = "set \"k\xc3\xbc\" = \"v\"";
  (void)state;
  for (size_t size = 1; size <= sizeof whole; size++) {
    const char *line = words_of_set("k\xc3\xbc", 3, "v", 1, size);
    assert_true(strlen(line) < size);
    assert_memory_equal(line, whole, strlen(line));
    assert_true((line[strlen(line) - (strlen(line) > 0)] & 0xff) != 0xc3);
  }
  assert_string_equal(words_of_set("k\xc3\xbc", 3, "v", 1, sizeof whole), whole);
}

static void other_bytes_are_refused(void **state) {
  const struct rkv_state_machine_ops *ops = fake_host_load("sm-protobuf")->ops;
  struct rkv_error error;
  char line[LINE];
  (void)state;
  assert_int_equal(ops->describe(rkv_buf_static("\x0a", 1), line, sizeof line, &error),
                   RKV_INVALID);
  assert_string_equal(error.text, "SetRequest: malformed protobuf at byte 0 of 1");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_set_is_a_line),         cmocka_unit_test(what_is_not_seen_is_escaped),
      cmocka_unit_test(long_ones_are_cut),       cmocka_unit_test(a_small_room_holds_the_beginning),
      cmocka_unit_test(other_bytes_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
