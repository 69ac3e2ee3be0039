/* server_patience_test.c: calls that are begun and never finished by the client. */
#include "server_rig.h"

#include <setjmp.h>
#include <time.h>
#include <cmocka.h>

#define SET "0a03666f6f1203626172"
#define WRITE "/rkv.v1.Stream/Write"
#define PATIENCE_NS 200000000u /* first_message_timeout here */

static int begin(void **state) {
  static const char *const set[] = {"first_message_timeout=200ms", NULL};
  (void)state;
  rig_begin(set);
  f.result = rkv_buf_static("done", 4);
  return 0;
}

static void await_metric(const char *name, uint64_t value) {
  const struct timespec moment = {0, 1000000};
  for (int i = 0; i < PATIENCE_MS && fake_metric(&f, name) != value; i++) nanosleep(&moment, NULL);
  assert_int_equal(fake_metric(&f, name), value);
}

/* The last line of WARN has these words, soon. */
static void await_line(const char *words) {
  const struct timespec moment = {0, 1000000};
  bool said = false;
  for (int i = 0; i < PATIENCE_MS && !said; i++) {
    nanosleep(&moment, NULL);
    pthread_mutex_lock(&f.mutex);
    said = strstr(f.log, words) != NULL;
    pthread_mutex_unlock(&f.mutex);
  }
  assert_true(said);
}

/* Answered by the node, long before the deadline that the caller chose. */
static void expect_ended(struct call *call) {
  call_end(call, &out);
  assert_int_equal(out.code, GRPC_STATUS_DEADLINE_EXCEEDED);
  assert_non_null(strstr(out.text, "no message came for 200 ms"));
  assert_non_null(strstr(out.text, "first_message_timeout"));
}

/* Every method whose first message never comes is ended, counted, and told once. */
static void half_open_calls_are_ended(void **state) {
  static const char *const methods[] = {
      APP "Set",           APP "Get",    APP "Metrics", RAFT "Vote", RAFT "AppendEntries",
      RAFT "StreamAppend", PEER "Hello", WRITE};
  enum { COUNT = sizeof methods / sizeof methods[0] };
  struct call calls[COUNT];
  (void)state;
  for (int i = 0; i < COUNT; i++) call_start(&calls[i], &c, methods[i], NULL);
  for (int i = 0; i < COUNT; i++) expect_ended(&calls[i]);
  assert_int_equal(fake_metric(&f, "silent_calls"), COUNT);
  assert_int_equal(fake_look(&f).propose + fake_look(&f).query, 0);
  assert_int_equal(fake_metric(&f, "untaken_answers"), 0); /* the streams' last words were taken */
  await_line("calls ended count=");
  ask_hex(&c, APP "Set", SET, GRPC_STATUS_OK, &out);
}

/* Many of them pile up nowhere: the same structs serve the next ones. */
static void a_client_that_goes_on_so(void **state) {
  struct call calls[90];
  (void)state;
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < 90; i++) call_start(&calls[i], &c, APP "Set", NULL);
    for (int i = 0; i < 90; i++) expect_ended(&calls[i]);
  }
  await_metric("silent_calls", 270);
}

/* The client gives up first: nothing is left to end. */
static void cancelled_before_its_message(void **state) {
  struct call call;
  (void)state;
  call_start(&call, &c, APP "Set", NULL);
  call_cancel(&call);
  call_end(&call, &out);
  assert_int_equal(out.code, GRPC_STATUS_CANCELLED);
  ask_hex(&c, APP "Set", SET, GRPC_STATUS_OK, &out);
  assert_int_equal(fake_metric(&f, "silent_calls"), 0);
}

/* A stream that has spoken may be silent for longer. */
static void a_stream_may_rest(void **state) {
  const struct timespec rest = {0, 2 * PATIENCE_NS};
  const uint8_t command[] = {0x0a, 0x01, 'a'};
  struct call call;
  (void)state;
  call_start(&call, &c, WRITE, NULL);
  for (int i = 0; i < 2; i++) {
    assert_true(call_send(&call, command, sizeof command));
    assert_true(call_receive(&call, &out));
    nanosleep(&rest, NULL); /* the time itself is what is tried */
  }
  call_half_close(&call);
  call_end(&call, &out);
  assert_int_equal(out.code, GRPC_STATUS_OK);
}

/* Half-open calls do not hold a node up that stops. */
static void a_stop_does_not_wait_for_them(void **state) {
  struct call call;
  const uint64_t before = now_ns();
  (void)state;
  fake_serve(&f, NULL);
  client_open(&c, f.addr, false);
  call_start(&call, &c, APP "Set", NULL);
  await_metric("requests", 1);
  fake_stop(&f, 60000000000u);
  assert_true(now_ns() - before < 30000000000u);
  call_end(&call, &out);
  assert_int_equal(out.code, GRPC_STATUS_UNAVAILABLE);
  client_close(&c);
  fake_free(&f);
}

int main(void) {
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)
  const struct CMUnitTest tests[] = {
      STORY(half_open_calls_are_ended),
      STORY(a_client_that_goes_on_so),
      STORY(cancelled_before_its_message),
      STORY(a_stream_may_rest),
      cmocka_unit_test(a_stop_does_not_wait_for_them),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
