/* codec_swap_test.c: SwapStorage: what is taken, what is refused, and that no refusal shows a
 * setting, which may be a secret. */
#include "codec_support.h"

#define SECRET "hunter2"

static struct rkv_error error;

/* A request as bytes. */
struct request {
  uint8_t bytes[RKV_SWAP_SETTINGS_MAX * 64 + 2 * RKV_SWAP_SETTING_BYTES_MAX];
  size_t len;
};

static void add_byte(struct request *r, uint8_t byte) {
  assert_true(r->len < sizeof r->bytes);
  r->bytes[r->len++] = byte;
}

static void add_number(struct request *r, unsigned field, uint8_t value) {
  add_byte(r, (uint8_t)(field << 3));
  add_byte(r, value);
}

static void add_text(struct request *r, unsigned field, const char *text, size_t len) {
  add_byte(r, (uint8_t)(field << 3 | 2));
  for (size_t left = len; left >= 0x80; left >>= 7) add_byte(r, (uint8_t)(left | 0x80));
  add_byte(r, (uint8_t)(len >= 0x80 ? len >> 7 : len));
  for (size_t i = 0; i < len; i++) add_byte(r, (uint8_t)text[i]);
}

static void begin(struct request *r, enum rkv_swap_action action, const char *plugin) {
  r->len = 0;
  add_number(r, 1, (uint8_t)action);
  if (plugin) add_text(r, 2, plugin, strlen(plugin));
}

static enum rkv_status decode(const struct request *r, struct rkv_swap_call *call, void **space) {
  memset(call, 0, sizeof *call);
  return codec_swap_decode(rkv_buf_static(r->bytes, r->len), call, space, &error);
}

static void assert_taken(const struct request *r, size_t count) {
  struct rkv_swap_call call;
  void *space;
  if (decode(r, &call, &space) != RKV_OK) fail_msg("%s", error.text);
  assert_int_equal(call.setting_count, count);
  free(space);
}

static void assert_refused(const struct request *r, const char *text) {
  struct rkv_swap_call call;
  void *space;
  assert_int_equal(decode(r, &call, &space), RKV_INVALID);
  assert_null(space);
  if (!strstr(error.text, text)) fail_msg("\"%s\" does not say \"%s\"", error.text, text);
  assert_null(strstr(error.text, SECRET));
  assert_null(strchr(error.text, '\n'));
}

/* A request with one setting. */
static void assert_setting(const char *setting, size_t len, const char *text) {
  struct request r;
  begin(&r, RKV_SWAP_CHECK, "storage-wal");
  add_text(&r, 3, setting, len);
  if (text)
    assert_refused(&r, text);
  else
    assert_taken(&r, 1);
}

static void a_request_is_read(void **state) {
  struct rkv_swap_call call;
  struct request r;
  void *space;
  (void)state;
  begin(&r, RKV_SWAP_BEGIN, "storage-wal");
  add_text(&r, 3, "dir=/a=b", 8);
  add_number(&r, 4, 1);
  add_text(&r, 3, "key=", 4);
  add_text(&r, 9, "later", 5); /* a field that is not known yet */
  assert_int_equal(decode(&r, &call, &space), RKV_OK);
  assert_int_equal(call.action, RKV_SWAP_BEGIN);
  assert_int_equal(call.forgetful, 1);
  assert_string_equal(call.plugin, "storage-wal");
  assert_int_equal(call.setting_count, 2);
  memset(r.bytes, 0xff, sizeof r.bytes); /* the call does not need the message */
  assert_string_equal(call.settings[0], "dir=/a=b");
  assert_string_equal(call.settings[1], "key=");
  free(space);
  r.len = 0; /* nothing at all looks */
  assert_int_equal(decode(&r, &call, &space), RKV_OK);
  assert_int_equal(call.action, RKV_SWAP_LOOK);
  assert_int_equal(call.setting_count, 0);
  assert_string_equal(call.plugin, "");
  free(space);
}

static void a_plugin_is_a_name(void **state) {
  static const char *const paths[] = {"/lib/storage-wal.so", "../x", "./x", "a/", "a/b"};
  char longest[RKV_SWAP_SETTING_BYTES_MAX + 1];
  struct request r;
  (void)state;
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
    begin(&r, RKV_SWAP_CHECK, paths[i]);
    assert_refused(&r, "plugin: a path (name a storage of the node's plugin_dir");
  }
  begin(&r, RKV_SWAP_BEGIN, NULL);
  assert_refused(&r, "plugin: empty (name a storage");
  begin(&r, RKV_SWAP_BEGIN, "");
  assert_refused(&r, "plugin: empty (name a storage");
  begin(&r, RKV_SWAP_BEGIN, "storage-\xff");
  assert_refused(&r, "plugin: not UTF-8");
  begin(&r, RKV_SWAP_BEGIN, NULL);
  add_text(&r, 2, "storage-wal\0x", 13);
  assert_refused(&r, "plugin: a control character at byte 11");
  memset(longest, 'x', sizeof longest);
  begin(&r, RKV_SWAP_BEGIN, NULL);
  add_text(&r, 2, longest, sizeof longest);
  assert_refused(&r, "plugin: 4097 bytes (at most 4096)");
  begin(&r, RKV_SWAP_BEGIN, NULL);
  add_text(&r, 2, longest, sizeof longest - 1);
  assert_taken(&r, 0);
}

static void a_setting_is_key_and_value(void **state) {
  char longest[RKV_SWAP_SETTING_BYTES_MAX + 1];
  (void)state;
  assert_setting("", 0, "settings[0]: no '=' (write KEY=VALUE)");
  assert_setting(SECRET, 7, "settings[0]: no '=' (write KEY=VALUE)");
  assert_setting("=" SECRET, 8, "settings[0]: no key before the '='");
  assert_setting("k=" SECRET "\n", 10, "settings[0]: a control character at byte 9");
  assert_setting("k=" SECRET "\0", 10, "settings[0]: a control character at byte 9");
  assert_setting("k=\x7f", 3, "settings[0]: a control character at byte 2");
  memset(longest, 'x', sizeof longest);
  longest[1] = '=';
  assert_setting(longest, sizeof longest, "settings[0]: 4097 bytes (at most 4096)");
  assert_setting(longest, sizeof longest - 1, NULL);
}

/* Unicode 15, table 3-7: the first and last of each length are taken, not what is beside them. */
static void a_setting_is_utf8(void **state) {
  static const char *const taken[] = {"k=\xc2\x80",        "k=\xdf\xbf",     "k=\xe0\xa0\x80",
                                      "k=\xed\x9f\xbf",    "k=\xef\xbf\xbf", "k=\xf0\x90\x80\x80",
                                      "k=\xf4\x8f\xbf\xbf"};
  static const char *const refused[] = {"k=\x80",
                                        "k=\xc1\xbf",
                                        "k=\xc2",
                                        "k=\xc2 ",
                                        "k=\xe0\x9f\xbf",
                                        "k=\xed\xa0\x80",
                                        "k=\xe0\xa0",
                                        "k=\xe1\x80\xc0",
                                        "k=\xf0\x8f\xbf\xbf",
                                        "k=\xf4\x90\x80\x80",
                                        "k=\xf5\x80\x80\x80",
                                        "k=\xf1\x80\x80",
                                        "k=\xff"};
  (void)state;
  for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
    assert_setting(taken[i], strlen(taken[i]), NULL);
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
    assert_setting(refused[i], strlen(refused[i]), "settings[0]: not UTF-8");
}

static void settings_are_few(void **state) {
  struct request r;
  (void)state;
  begin(&r, RKV_SWAP_BEGIN, "storage-wal");
  for (size_t i = 0; i < RKV_SWAP_SETTINGS_MAX; i++) add_text(&r, 3, "k=v", 3);
  assert_taken(&r, RKV_SWAP_SETTINGS_MAX);
  add_text(&r, 3, "k=v", 3);
  assert_refused(&r, "settings: more than 32");
  begin(&r, RKV_SWAP_BEGIN, "storage-wal");
  add_text(&r, 3, "k=v", 3);
  add_text(&r, 3, "k", 1);
  assert_refused(&r, "settings[1]: no '='");
}

static void an_action_fits_what_is_given(void **state) {
  struct request r;
  (void)state;
  begin(&r, RKV_SWAP_CANCEL + 1, "storage-wal");
  assert_refused(&r, "action: unknown (0 look, 1 check, 2 begin, 3 cancel)");
  begin(&r, RKV_SWAP_LOOK, "storage-wal");
  assert_refused(&r, "plugin: given (only check and begin");
  begin(&r, RKV_SWAP_CANCEL, NULL);
  add_text(&r, 3, "k=" SECRET, 9);
  assert_refused(&r, "settings: given (only check and begin");
}

static void what_is_no_request_is_refused(void **state) {
  static const struct {
    const char *bytes, *text;
  } cases[] = {{"0a", "swap request: damaged at byte"}, {"0a01", "swap request: damaged at byte"},
               {"0b", "swap request: damaged"},         {"0a0161", "field 1 is no number"},
               {"1001", "field 2 is no string"},        {"1801", "field 3 is no string"},
               {"220161", "field 4 is no number"}};
  struct rkv_swap_call call;
  void *space;
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    assert_int_equal(codec_swap_decode(hex(cases[i].bytes), &call, &space, &error), RKV_INVALID);
    assert_null(space);
    if (!strstr(error.text, cases[i].text)) fail_msg("%s: %s", cases[i].bytes, error.text);
  }
}

/* An answer is a string of the wire also where a text was cut within a character. */
static void an_answer_is_told(void **state) {
  struct rkv_swap_call call = {.phase = RKV_SWAP_PHASE_LOG, .done = 3, .total = 300};
  grpc_slice slice;
  (void)state;
  assert_int_equal(codec_swap_answer_encode(&call, &slice, &error), RKV_OK);
  assert_slice(slice, "0803 1003 18ac02");
  call.text = rkv_buf_static((const uint8_t *)"a\xc3\xa9"
                                              "b\xc3",
                             5);
  assert_int_equal(codec_swap_answer_encode(&call, &slice, &error), RKV_OK);
  assert_slice(slice, "0803 1003 18ac02 2205 61c3a9623f");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_request_is_read),
      cmocka_unit_test(a_plugin_is_a_name),
      cmocka_unit_test(a_setting_is_key_and_value),
      cmocka_unit_test(a_setting_is_utf8),
      cmocka_unit_test(settings_are_few),
      cmocka_unit_test(an_action_fits_what_is_given),
      cmocka_unit_test(what_is_no_request_is_refused),
      cmocka_unit_test(an_answer_is_told),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
