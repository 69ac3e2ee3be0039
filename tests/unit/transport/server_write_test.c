/* server_write_test.c: rkv.v1.Stream/Write, as a client with much to write sees it. */
#include "server_rig.h"

#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#define STREAM "/rkv.v1.Stream/Write"
#define MESSAGES_MAX 64   /* the server's limit of messages in the node */
#define COMMANDS_MAX 4096 /* and of commands in one */

static int begin_with(const char *const *set) {
  rig_begin(set);
  f.result = rkv_buf_static("done", 4);
  call_start(&stream, &c, STREAM, NULL);
  return 0;
}

static int begin(void **state) {
  (void)state;
  return begin_with(NULL);
}

static int begin_small(void **state) {
  static const char *const set[] = {"app_message_max=1KiB", NULL};
  (void)state;
  return begin_with(set);
}

static void expect_end(grpc_status_code code, const char *text) {
  call_end(&stream, &out);
  assert_int_equal(out.code, code);
  assert_false(out.has_message);
  if (text) assert_non_null(strstr(out.text, text));
}

static void expect_clean_end(void) {
  call_half_close(&stream);
  expect_end(GRPC_STATUS_OK, NULL);
}

/* Every command of a message is proposed as it is, and has its own result; a message without
 * commands has an empty answer; unknown fields are skipped. */
static void each_command_has_its_result(void **state) {
  struct fake_seen seen;
  (void)state;
  send_hex("0a0161"
           "0a026262"
           "10070a03636363");
  expect_answer("0a061a04646f6e65"
                "0a061a04646f6e65"
                "0a061a04646f6e65");
  seen = fake_look(&f);
  assert_int_equal(seen.propose, 3);
  assert_int_equal(seen.len, 3);
  assert_memory_equal(seen.bytes, "ccc", 3);
  send_hex("");
  expect_answer("");
  send_hex("0a00");
  expect_answer("0a061a04646f6e65");
  assert_int_equal(fake_look(&f).len, 0);
  expect_clean_end();
}

/* A message is answered when its last command has ended, and behind the messages before it,
 * whatever the node ends first. */
static void answers_keep_the_order_of_the_messages(void **state) {
  (void)state;
  fake_park(&f);
  send_hex("0a0161"
           "0a0161");
  send_hex("");
  send_hex("0a0161");
  fake_await(&f, &f.seen.propose, 3);
  fake_release_reversed(&f);
  expect_answer("0a061a04646f6e65"
                "0a061a04646f6e65");
  expect_answer("");
  expect_answer("0a061a04646f6e65");
  expect_clean_end();
}

/* What a command is refused for is its own: code and text are Set's, and the stream goes on. */
static void a_refused_command_is_answered(void **state) {
  static const enum rkv_status own[] = {RKV_INVALID, RKV_TOO_LARGE, RKV_FULL};
  static const char *const answers[] = {"0a0608031202"
                                        "6e6f",
                                        "0a06080b1202"
                                        "6e6f",
                                        "0a0608081202"
                                        "6e6f"};
  (void)state;
  for (size_t i = 0; i < 3; i++) {
    f.status = rkv_fail(&f.error, own[i], "no");
    send_hex("0a0161");
    expect_answer(answers[i]);
  }
  f.status = RKV_OK;
  send_hex("0a0161");
  expect_answer("0a061a04646f6e65");
  expect_clean_end();
  assert_int_equal(fake_metric(&f, "refused"), 2);
}

/* A node that does not lead says so for each command, and ends the stream as it ends a Set. */
static void not_leading_ends_the_stream(void **state) {
  (void)state;
  f.status = rkv_fail(&f.error, RKV_NOT_LEADER, "no");
  f.error.leader_id = 2;
  (void)snprintf(f.error.leader_addr, sizeof f.error.leader_addr, "127.0.0.1:21002");
  send_hex("0a0161"
           "0a0161");
  expect_answer("0a06080e12026e6f"
                "0a06080e12026e6f");
  expect_end(GRPC_STATUS_UNAVAILABLE, "has to forward request to: node 2");
  assert_string_equal(out.leader, "127.0.0.1:21002");
}

/* ---- bad input: what stands before it is answered ---- */

static void damaged_ends_with_invalid_argument(void **state) {
  (void)state;
  send_hex("0a0161");
  send_hex("0a0561");
  expect_answer("0a061a04646f6e65");
  expect_end(GRPC_STATUS_INVALID_ARGUMENT, "write request: damaged at byte");
  assert_int_equal(fake_look(&f).propose, 1);
}

static void a_number_is_no_command(void **state) {
  (void)state;
  send_hex("0a01610807");
  expect_end(GRPC_STATUS_INVALID_ARGUMENT, "commands[1]: not bytes");
  assert_int_equal(fake_look(&f).propose, 0);
}

static void too_many_commands_are_refused(void **state) {
  static uint8_t many[2 * (COMMANDS_MAX + 1)];
  (void)state;
  for (size_t i = 0; i < sizeof many; i += 2) many[i] = 0x0a;
  assert_true(call_send(&stream, many, 2 * COMMANDS_MAX));
  assert_true(call_receive(&stream, &out));
  assert_int_equal(out.len, COMMANDS_MAX * 8);
  (void)call_send(&stream, many, sizeof many);
  expect_end(GRPC_STATUS_OUT_OF_RANGE, "commands: 4097 (at most 4096)");
}

static void too_large_is_refused(void **state) {
  static uint8_t big[1100];
  (void)state;
  (void)call_send(&stream, big, sizeof big);
  expect_end(GRPC_STATUS_OUT_OF_RANGE, "found 1100 bytes, the limit is 1024 bytes");
  assert_int_equal(fake_metric(&f, "too_large"), 1);
}

/* ---- bounds and breaks ---- */

/* So many messages are in the node at once and no more; the others wait on the wire. */
static void messages_in_the_node_are_bounded(void **state) {
  struct outcome other;
  (void)state;
  fake_park(&f);
  for (unsigned i = 1; i <= MESSAGES_MAX + 20; i++) send_hex("0a0161");
  fake_await(&f, &f.seen.propose, MESSAGES_MAX);
  /* an unknown method is answered behind all that the poller had to read */
  ask_hex(&c, APP "Nothing", "", GRPC_STATUS_UNIMPLEMENTED, &other);
  assert_int_equal(fake_look(&f).propose, MESSAGES_MAX);
  fake_release(&f);
  for (unsigned i = 1; i <= MESSAGES_MAX + 20; i++) expect_answer("0a061a04646f6e65");
  expect_clean_end();
}

/* A client that goes away: the commands in the node end without it, and nothing is left over. */
static void a_client_that_vanishes(void **state) {
  (void)state;
  fake_park(&f);
  for (unsigned i = 1; i <= 10; i++)
    send_hex("0a0161"
             "0a0161");
  fake_await(&f, &f.seen.propose, 20);
  call_cancel(&stream);
  expect_end(GRPC_STATUS_CANCELLED, NULL);
  fake_release_reversed(&f);
  call_start(&stream, &c, STREAM, NULL);
  send_hex("0a0161");
  expect_answer("0a061a04646f6e65");
  expect_clean_end();
}

int main(void) {
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)
  const struct CMUnitTest tests[] = {
      STORY(each_command_has_its_result),
      STORY(answers_keep_the_order_of_the_messages),
      STORY(a_refused_command_is_answered),
      STORY(not_leading_ends_the_stream),
      STORY(damaged_ends_with_invalid_argument),
      STORY(a_number_is_no_command),
      STORY(too_many_commands_are_refused),
      cmocka_unit_test_setup_teardown(too_large_is_refused, begin_small, end),
      STORY(messages_in_the_node_are_bounded),
      STORY(a_client_that_vanishes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
