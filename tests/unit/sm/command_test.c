/* command_test.c: the hand-written scanner compared with protobuf-c, and the limits of commands. */
#include "command.h"
#include "wire.h"

#include <app_types.pb-c.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MESSAGE_MAX 64

/* ---- acts ---- */

/* What protobuf-c makes of the bytes, with the strings checked by a UTF-8 decoder written in
 * another way. */
static bool reference_utf8(const uint8_t *data, size_t len) {
  size_t at = 0;
  while (at < len) {
    uint32_t code = data[at++], more = 0, i;
    const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
    if (code >= 0xf0)
      code &= 0x0f, more = 3;
    else if (code >= 0xe0)
      code &= 0x0f, more = 2;
    else if (code >= 0xc0)
      code &= 0x1f, more = 1;
    else if (code >= 0x80)
      return false;
    if (data[at - 1] >= 0xf8) return false;
    for (i = 0; i < more; i++) {
      if (at == len || (data[at] & 0xc0) != 0x80) return false;
      code = code << 6 | (data[at++] & 0x3f);
    }
    if (code < smallest[more] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
      return false;
  }
  return true;
}

static bool slice_is(const uint8_t *data, size_t len, ProtobufCBinaryData expected) {
  return len == expected.len && (len == 0 || memcmp(data, expected.data, len) == 0);
}

/* Both read the same, or both refuse. `strict`: the scanner must also accept all that protobuf-c
 * does; on random bytes it may refuse what the two other decoders of the cluster might. Returns
 * whether it was accepted. */
static bool agrees(const uint8_t *data, size_t len, bool strict) {
  struct command command;
  struct rkv_error error;
  bool ours = command_scan("SetRequest", data, len, &command, &error) == RKV_OK, theirs;
  Openraftpb__SetRequest *m = openraftpb__set_request__unpack(NULL, len, data);
  theirs =
      m && reference_utf8(m->key.data, m->key.len) && reference_utf8(m->value.data, m->value.len);
  if (ours) {
    assert_non_null(m);
    assert_true(theirs);
    assert_true(slice_is(command.key, command.key_len, m->key));
    assert_true(slice_is(command.value, command.value_len, m->value));
  }
  if (strict && theirs) assert_true(ours);
  if (m) openraftpb__set_request__free_unpacked(m, NULL);
  return ours;
}

static uint8_t random_byte(void) {
  return (uint8_t)(rand() >> 7);
}

/* Appends one random field, mostly a well-formed one. */
static size_t random_field(uint8_t *out) {
  static const char *const texts[] = {"", "foo", "\0x", "\xc3\xa9", "\xf0\x9f\x98\x80"};
  uint32_t number = 1 + (uint32_t)rand() % 3;
  switch (rand() % 8) {
  case 0: out[0] = (uint8_t)(number << 3 | WIRE_VARINT), out[1] = 5; return 2;
  case 1: out[0] = 3 << 3 | WIRE_FIXED32, memset(out + 1, 1, 4); return 5;
  case 2: out[0] = 3 << 3 | WIRE_FIXED64, memset(out + 1, 1, 8); return 9;
  default: {
    unsigned text = (unsigned)rand() % 5;
    return wire_put_bytes(out, number, texts[text], text == 2 ? 2 : strlen(texts[text]));
  }
  }
}

static enum rkv_status check(size_t key_len, size_t value_len, struct rkv_error *error) {
  const struct command_limits limits = {4096, 1u << 20};
  struct command command = {NULL, NULL, key_len, value_len};
  return command_check("SetRequest", &command, &limits, error);
}

static enum rkv_status scan(const char *bytes, size_t len, struct command *command) {
  return command_scan("SetRequest", (const uint8_t *)bytes, len, command, NULL);
}

/* ---- stories ---- */

/* Messages made of random fields, whole and cut, with one byte changed: the same verdict and the
 * same strings as protobuf-c. */
static void agrees_on_messages(void **state) {
  unsigned accepted = 0, refused = 0;
  (void)state;
  srand(11);
  for (unsigned n = 0; n < 100000; n++) {
    uint8_t bytes[MESSAGE_MAX];
    size_t len = 0, fields = (size_t)rand() % 5;
    while (fields-- > 0) len += random_field(bytes + len);
    if (len > 0 && n % 3 == 1) len = (size_t)rand() % len;
    if (len > 0 && n % 3 == 2) bytes[(size_t)rand() % len] = random_byte() & 0x7f;
    if (agrees(bytes, len, n % 3 != 2))
      accepted++;
    else
      refused++;
  }
  assert_true(accepted > 10000 && refused > 10000);
}

/* Bytes without any sense: nothing is accepted that protobuf-c refuses or reads differently. */
static void accepts_no_nonsense(void **state) {
  unsigned accepted = 0;
  (void)state;
  srand(12);
  for (unsigned n = 0; n < 300000; n++) {
    uint8_t bytes[12];
    size_t len = (size_t)rand() % sizeof bytes;
    for (size_t i = 0; i < len; i++) bytes[i] = rand() % 2 ? random_byte() : random_byte() & 0x1f;
    accepted += agrees(bytes, len, false);
  }
  assert_true(accepted > 1000);
}

/* All strings of up to three bytes, and of four with the leads that matter. */
static void knows_utf8(void **state) {
  uint8_t s[12];
  (void)state;
  memset(s, 'a', sizeof s);
  for (unsigned a = 0; a < 256; a++)
    for (unsigned b = 0; b < 256; b++)
      for (unsigned c = 0x70; c < 0xd0; c += 8) {
        s[0] = (uint8_t)a, s[1] = (uint8_t)b, s[2] = (uint8_t)c, s[3] = (uint8_t)(c ^ 0x10);
        for (size_t len = 1; len <= 4; len++)
          if (wire_is_utf8(s, len) != reference_utf8(s, len))
            fail_msg("%02x %02x %02x %02x, %zu bytes", s[0], s[1], s[2], s[3], len);
        s[8] = s[0], s[9] = s[1]; /* behind a run of eight ASCII characters */
        if (wire_is_utf8(s + 4, 6) != reference_utf8(s + 4, 6)) fail_msg("%02x %02x", s[8], s[9]);
      }
}

/* interop.md: the bytes of set foo=bar; NUL is kept; a field given twice: the last; none: empty. */
static void reads_what_clients_send(void **state) {
  struct command command;
  (void)state;
  assert_int_equal(scan("\x0a\3foo\x12\3bar", 10, &command), RKV_OK);
  assert_memory_equal(command.key, "foo", 3);
  assert_memory_equal(command.value, "bar", 3);
  assert_int_equal(scan("\x0a\3a\0b", 5, &command), RKV_OK);
  assert_int_equal(command.key_len, 3);
  assert_int_equal(command.value_len, 0);
  assert_int_equal(scan("\x0a\1a\x0a\2bc", 7, &command), RKV_OK);
  assert_memory_equal(command.key, "bc", 2);
  assert_int_equal(scan("", 0, &command), RKV_OK);
  assert_int_equal(command.key_len, 0);
}

/* Groups, field 0, overlong tags, lengths and varints, and a length over the end are malformed. */
static void refuses_what_decoders_differ_on(void **state) {
  static const struct {
    const char *bytes;
    size_t len;
  } malformed[] = {
      {"\x1b\x1c", 2},                                    /* a group */
      {"\x1f", 1},                                        /* wire type 7 */
      {"\x02\0", 2},                                      /* field 0 */
      {"\x8a\x80\x80\x80\x80\0\1a", 8},                   /* tag in six bytes */
      {"\xfa\xff\xff\xff\x7f\0", 6},                      /* tag over 32 bits */
      {"\x0a\x81\x80\x80\x80\x80\0a", 8},                 /* length in six bytes */
      {"\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\2", 11}, /* varint over 64 bits */
      {"\x0a\2a", 3},                                     /* cut */
      {"\x0a\xff\xff\xff\xff\x0f", 6},                    /* 4 GiB announced */
      {"\x08\1", 2},                                      /* the key as a number */
      {"\x0a\1\xff", 3},                                  /* not UTF-8 */
  };
  struct command command;
  (void)state;
  for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++)
    assert_int_equal(scan(malformed[i].bytes, malformed[i].len, &command), RKV_INVALID);
}

/* Get knows the key only: field 2 is unknown to it, whatever its type. */
static void get_reads_the_key_only(void **state) {
  struct command query;
  (void)state;
  assert_int_equal(command_scan_get((const uint8_t *)"\x0a\1k\x10\7", 5, &query, NULL), RKV_OK);
  assert_int_equal(query.key_len, 1);
  assert_null(query.value);
}

/* The limits hold at their edges, and the text names the field and the limit. */
static void limits_hold_at_the_edge(void **state) {
  struct rkv_error error;
  (void)state;
  assert_int_equal(check(1, 0, &error), RKV_OK);
  assert_int_equal(check(4096, 1u << 20, &error), RKV_OK);
  assert_int_equal(check(0, 1, &error), RKV_INVALID);
  assert_non_null(strstr(error.text, "SetRequest.key: empty"));
  assert_int_equal(check(4097, 1, &error), RKV_TOO_LARGE);
  assert_non_null(strstr(error.text, "SetRequest.key: 4097 bytes (at most 4096"));
  assert_int_equal(check(1, (1u << 20) + 1, &error), RKV_TOO_LARGE);
  assert_non_null(strstr(error.text, "SetRequest.value: 1048577 bytes (at most 1048576"));
}

int main(void) {
  const struct CMUnitTest stories[] = {
      cmocka_unit_test(agrees_on_messages),
      cmocka_unit_test(accepts_no_nonsense),
      cmocka_unit_test(knows_utf8),
      cmocka_unit_test(reads_what_clients_send),
      cmocka_unit_test(refuses_what_decoders_differ_on),
      cmocka_unit_test(get_reads_the_key_only),
      cmocka_unit_test(limits_hold_at_the_edge),
  };
  return cmocka_run_group_tests_name("sm-protobuf command", stories, NULL, NULL);
}
