/* server_rig.c: see server_rig.h. */
#include "server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

struct fake f;
struct client c;
struct call stream;
struct outcome out;

void rig_begin(const char *const *set) {
  fake_serve(&f, set);
  client_open(&c, f.addr, false);
}

int begin_plain(void **state) {
  (void)state;
  rig_begin(NULL);
  return 0;
}

int end(void **state) {
  (void)state;
  client_close(&c);
  fake_stop(&f, 0);
  fake_free(&f);
  return 0;
}

void call_send_hex(struct call *call, const char *hex) {
  uint8_t bytes[4096];
  size_t len = from_hex(hex, bytes);
  (void)call_send(call, bytes, len);
}

void send_hex(const char *hex) {
  call_send_hex(&stream, hex);
}

void expect_answer(const char *hex) {
  if (!call_receive(&stream, &out)) {
    call_end(&stream, &out);
    fail_msg("the stream ended with %d: %s", (int)out.code, out.text);
  }
  assert_answer(hex);
}

void ends_with(struct call *call, grpc_status_code code, const char *words) {
  call_end(call, &out);
  if (out.code != code || (words && !strstr(out.text, words)))
    fail_msg("%d \"%s\"", (int)out.code, out.text);
}

void assert_answer(const char *hex) {
  uint8_t want[4096];
  size_t n = from_hex(hex, want);
  assert_true(out.has_message);
  assert_int_equal(out.len, n);
  assert_memory_equal(out.bytes, want, n);
}
