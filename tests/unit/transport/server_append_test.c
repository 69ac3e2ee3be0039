/* server_append_test.c: RaftService.StreamAppend: what a leader that streams sees. Indexes in hex
 * are the wire's, one less than the node's. */
#include "server_rig.h"

#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#define STREAM RAFT "StreamAppend"
#define VOTE_T1_N1 "0a080a04080110011001"
#define REQUESTS_MAX 64 /* the server's limit of requests in the node */

static int begin_with(const char *const *set) {
  rig_begin(set);
  f.echo = true;
  return 0;
}

static int begin(void **state) {
  (void)state;
  return begin_with(NULL);
}

static int begin_small(void **state) {
  static const char *const set[] = {"raft_message_max=1KiB", NULL};
  (void)state;
  return begin_with(set);
}

static void open_stream(int timeout_ms) {
  const struct call_options options = {.timeout_ms = timeout_ms};
  call_start(&stream, &c, STREAM, &options);
}

/* One blank entry at the wire's index `index` (below 128) of term 1. */
static void send_entry(unsigned index) {
  char hex[128];
  (void)snprintf(hex, sizeof hex, VOTE_T1_N1 "1204080110%02x1a04080110%02x", index - 1, index);
  send_hex(hex);
}

/* Success up to the wire's index. */
static void expect_stored(unsigned index) {
  char hex[32];
  (void)snprintf(hex, sizeof hex, "1a04080110%02x", index);
  expect_answer(hex);
}

static void expect_end(grpc_status_code code) {
  call_end(&stream, &out);
  assert_int_equal(out.code, code);
  assert_false(out.has_message);
}

/* ---- answers ---- */

/* Success names the last id stored: the entry's, or prev of a request without entries; none is an
 * empty message. All without waiting for the stream's end. */
static void success_names_the_last_id(void **state) {
  (void)state;
  open_stream(0);
  send_entry(2);
  expect_answer("1a0408011002");
  send_hex(VOTE_T1_N1 "12040801100122"
                      "0408011001");
  expect_answer("1a0408011001");
  send_hex(VOTE_T1_N1);
  expect_answer("");
  call_half_close(&stream);
  expect_end(GRPC_STATUS_OK);
  assert_int_equal(fake_look(&f).append, 3);
}

/* The node gets every request at once, and answers the last one first; the wire has them in
 * order. */
static void answers_keep_the_order_of_the_requests(void **state) {
  (void)state;
  fake_park(&f);
  open_stream(0);
  for (unsigned i = 1; i <= 5; i++) send_entry(i);
  fake_await(&f, &f.seen.append, 5);
  fake_release_reversed(&f);
  for (unsigned i = 1; i <= 5; i++) expect_stored(i);
  call_half_close(&stream);
  expect_end(GRPC_STATUS_OK);
}

/* Less than all is named likewise. */
static void partial_success(void **state) {
  (void)state;
  f.echo = false;
  f.matched = (struct rkv_log_id){1, 2};
  open_stream(0);
  send_entry(2);
  expect_answer("1a0408011001");
  call_half_close(&stream);
  expect_end(GRPC_STATUS_OK);
}

/* What the sender had asked before it closed its side is answered, then the stream ends. */
static void half_close_waits_for_the_answers(void **state) {
  (void)state;
  fake_park(&f);
  open_stream(0);
  send_entry(1);
  send_entry(2);
  call_half_close(&stream);
  fake_await(&f, &f.seen.append, 2);
  fake_release(&f);
  expect_stored(1);
  expect_stored(2);
  expect_end(GRPC_STATUS_OK);
}

static void an_empty_stream_is_fine(void **state) {
  (void)state;
  open_stream(0);
  call_half_close(&stream);
  expect_end(GRPC_STATUS_OK);
}

/* ---- ends ---- */

/* A conflict carries the request's prev and ends the stream with OK; what was asked behind it gets
 * no answer. */
static void conflict_ends_the_stream(void **state) {
  (void)state;
  f.conflict_from = 3;
  fake_park(&f);
  open_stream(0);
  for (unsigned i = 2; i <= 5; i++) send_entry(i);
  fake_await(&f, &f.seen.append, 4);
  fake_release(&f);
  expect_stored(2);
  expect_answer("10011a0408011002");
  expect_end(GRPC_STATUS_OK);
}

static void rejection_ends_the_stream(void **state) {
  (void)state;
  f.append_result = RKV_APPEND_REJECTED;
  f.vote = (struct rkv_vote){2, 3, false};
  open_stream(0);
  send_entry(2);
  expect_answer("0a060a0408021003");
  expect_end(GRPC_STATUS_OK);
}

/* A node that cannot take a request ends the stream with its status. */
static void a_refusal_of_the_node_ends_the_stream(void **state) {
  (void)state;
  f.status = rkv_fail(&f.error, RKV_FULL, "the inbox is full");
  open_stream(0);
  send_entry(2);
  expect_end(GRPC_STATUS_RESOURCE_EXHAUSTED);
  assert_string_equal(out.text, f.error.text);
}

/* Over the limit: what stands before it is answered, then the stream ends with OK, one answer
 * short, as OpenRaft's does; our own peers find the limit in the metadata. */
static void too_large_ends_with_ok(void **state) {
  static uint8_t big[1100];
  (void)state;
  fake_park(&f);
  open_stream(0);
  send_entry(1);
  fake_await(&f, &f.seen.append, 1);
  (void)call_send(&stream, big, sizeof big);
  send_entry(2);
  fake_release(&f);
  expect_stored(1);
  expect_end(GRPC_STATUS_OK);
  assert_string_equal(out.limit, "1024");
  assert_int_equal(fake_look(&f).append, 1);
  assert_int_equal(fake_metric(&f, "too_large"), 1);
}

static void malformed_ends_with_invalid_argument(void **state) {
  (void)state;
  open_stream(0);
  send_entry(1);
  send_hex("0a060a0408011001");
  expect_stored(1);
  expect_end(GRPC_STATUS_INVALID_ARGUMENT);
  assert_non_null(strstr(out.text, "vote"));
  assert_string_equal(out.limit, "");
}

static void compressed_is_refused(void **state) {
  struct client other;
  static uint8_t zeros[4000];
  (void)state;
  client_open(&other, f.addr, true);
  call_start(&stream, &other, STREAM, NULL);
  (void)call_send(&stream, zeros, sizeof zeros);
  expect_end(GRPC_STATUS_UNIMPLEMENTED);
  client_close(&other);
}

/* ---- bounds and breaks ---- */

/* So many requests are in the node at once and no more; the others wait on the wire. */
static void requests_in_the_node_are_bounded(void **state) {
  struct outcome vote;
  (void)state;
  fake_park(&f);
  open_stream(0);
  for (unsigned i = 1; i <= REQUESTS_MAX + 20; i++) send_entry(i);
  fake_await(&f, &f.seen.append, REQUESTS_MAX);
  /* an unknown method is answered behind all that the poller had to read */
  ask_hex(&c, RAFT "Nothing", "", GRPC_STATUS_UNIMPLEMENTED, &vote);
  assert_int_equal(fake_look(&f).append, REQUESTS_MAX);
  fake_release(&f);
  for (unsigned i = 1; i <= REQUESTS_MAX + 20; i++) expect_stored(i);
  call_half_close(&stream);
  expect_end(GRPC_STATUS_OK);
}

/* The call's deadline is the requests' too. Late answers of the node go nowhere. */
static void a_deadline_ends_the_stream(void **state) {
  const uint64_t before = now_ns();
  (void)state;
  fake_park(&f);
  open_stream(1000);
  send_entry(1);
  fake_await(&f, &f.seen.append, 1);
  assert_in_range(fake_look(&f).deadline_ns, before + 900000000, before + 2000000000);
  expect_end(GRPC_STATUS_DEADLINE_EXCEEDED);
  fake_release(&f);
}

/* A leader that goes away: the requests in the node end without it, and nothing is left over. */
static void a_sender_that_vanishes(void **state) {
  (void)state;
  fake_park(&f);
  open_stream(-1);
  for (unsigned i = 1; i <= 10; i++) send_entry(i);
  fake_await(&f, &f.seen.append, 10);
  call_cancel(&stream);
  expect_end(GRPC_STATUS_CANCELLED);
  fake_release_reversed(&f);
  open_stream(0);
  send_entry(1);
  expect_stored(1);
  call_half_close(&stream);
  expect_end(GRPC_STATUS_OK);
}

/* ---- stop ---- */

static void *stop_in_time(void *arg) {
  (void)arg;
  fake_stop(&f, UINT64_C(5000000000));
  return NULL;
}

/* A silent stream does not hold stop() up; its sender is told. */
static void stop_ends_a_silent_stream(void **state) {
  const uint64_t before = now_ns();
  (void)state;
  open_stream(-1);
  send_entry(1);
  expect_stored(1);
  (void)stop_in_time(NULL);
  assert_in_range(now_ns() - before, 0, UINT64_C(2500000000));
  expect_end(GRPC_STATUS_UNAVAILABLE);
  assert_non_null(strstr(out.text, "stopping"));
}

/* What the node has is answered first. */
static void stop_waits_for_the_node(void **state) {
  pthread_t stopper;
  (void)state;
  fake_park(&f);
  open_stream(-1);
  send_entry(1);
  fake_await(&f, &f.seen.append, 1);
  assert_int_equal(pthread_create(&stopper, NULL, stop_in_time, NULL), 0);
  do { /* asks until the stop has begun */
    static const struct call_options nothing = {.no_message = true};
    ask(&c, STREAM, NULL, 0, &nothing, &out);
  } while (out.code == GRPC_STATUS_OK);
  fake_release(&f);
  expect_stored(1);
  expect_end(GRPC_STATUS_UNAVAILABLE);
  pthread_join(stopper, NULL);
}

static int end_stopped(void **state) {
  (void)state;
  client_close(&c);
  fake_free(&f);
  return 0;
}

int main(void) {
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)
  const struct CMUnitTest tests[] = {
      STORY(success_names_the_last_id),
      STORY(answers_keep_the_order_of_the_requests),
      STORY(partial_success),
      STORY(half_close_waits_for_the_answers),
      STORY(an_empty_stream_is_fine),
      STORY(conflict_ends_the_stream),
      STORY(rejection_ends_the_stream),
      STORY(a_refusal_of_the_node_ends_the_stream),
      cmocka_unit_test_setup_teardown(too_large_ends_with_ok, begin_small, end),
      STORY(malformed_ends_with_invalid_argument),
      STORY(compressed_is_refused),
      STORY(requests_in_the_node_are_bounded),
      STORY(a_deadline_ends_the_stream),
      STORY(a_sender_that_vanishes),
      cmocka_unit_test_setup_teardown(stop_ends_a_silent_stream, begin, end_stopped),
      cmocka_unit_test_setup_teardown(stop_waits_for_the_node, begin, end_stopped),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
