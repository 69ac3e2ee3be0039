/* peer_pipe_test.c: appends by stream: one lasting stream per peer, pipelined within a window, in
 * order; how its calls end when the stream ends; peers without streams. Every call ends once. */
#include "peer_pipe.h"

static void appends_share_one_stream(void **state) {
  static struct asked asked[MANY];
  struct rkv_entry *entries = make_entries(1, MANY, 100);
  struct asked beat;
  (void)state;
  start(PEER_HEAD);
  ask_append(&rig, &beat, NULL, 0, 0, LONG_MS);
  await_result(&beat, RKV_APPEND_SUCCESS);
  ask_each(asked, entries, MANY, LONG_MS);
  await_each(asked, MANY);
  ask_append(&rig, &beat, NULL, 0, MANY, LONG_MS);
  await_result(&beat, RKV_APPEND_SUCCESS);
  assert_int_equal(beat.append.matched.index, MANY);
  assert_int_equal(seen().appends, MANY);
  assert_int_equal(seen().gaps, 0);
  assert_int_equal(seen().streams, 1);
  assert_int_equal(seen().unary, 0);
  assert_int_equal(fake_metric(&rig.fake, "streams"), 1);
  stop();
  free_entries(entries, MANY);
}

/* They leave without waiting for an answer, and what stands in the window is all there is. A
 * heartbeat does not wait for it. */
static void the_window_bounds_bytes_and_stops_no_heartbeat(void **state) {
  enum { APPENDS = 20, FIT = 5 }; /* about 840 bytes each: the fifth one fills the window */
  static struct asked asked[APPENDS];
  struct rkv_entry *entries = make_entries(1, APPENDS, 800);
  struct asked beat;
  (void)state;
  start_with(PEER_HEAD, "stream_window_bytes=3400");
  peer_fake_set(&peer, (struct peer_manner){.hang_from = 1});
  ask_each(asked, entries, APPENDS, LONG_MS);
  peer_fake_await(&peer, &peer.seen.appends, FIT);
  ask_append(&rig, &beat, NULL, 0, 0, LONG_MS);
  await_result(&beat, RKV_APPEND_SUCCESS);
  barrier();
  assert_int_equal(seen().appends, FIT);
  assert_int_equal(seen().beats, 1);
  assert_int_equal(seen().unary, 1);
  rig.fake.ops->peer_close(rig.peer);
  rig.peer = NULL;
  for (int i = 0; i < APPENDS; i++) await_end(&asked[i], RKV_CANCELLED);
  stop();
  free_entries(entries, APPENDS);
}

/* Nor are there ever more than so many messages on their way. */
static void the_window_bounds_messages(void **state) {
  enum { APPENDS = 200, FIT = 128 };
  static struct asked asked[APPENDS];
  struct rkv_entry *entries = make_entries(1, APPENDS, 10);
  (void)state;
  start(PEER_HEAD);
  peer_fake_set(&peer, (struct peer_manner){.hang_from = 1});
  ask_each(asked, entries, APPENDS, LONG_MS);
  peer_fake_await(&peer, &peer.seen.appends, FIT);
  barrier();
  assert_int_equal(seen().appends, FIT);
  fake_stop(&rig.fake, 0);
  for (int i = 0; i < APPENDS; i++) await_end(&asked[i], RKV_CANCELLED);
  stop();
  free_entries(entries, APPENDS);
}

/* The parts of a split are not held back for one another's answers. */
static void parts_leave_back_to_back(void **state) {
  enum { PARTS = 15 }; /* each part has four entries */
  struct rkv_entry *entries = make_entries(1, 64, 200);
  struct asked asked;
  (void)state;
  start(PEER_OURS);
  peer_fake_set(&peer, (struct peer_manner){.limit = 1024,
                                            .refusal = GRPC_STATUS_OUT_OF_RANGE,
                                            .refusal_text = "%zu bytes, the limit is %zu bytes"});
  ask_append(&rig, &asked, entries, 4 * PARTS, 0, LONG_MS);
  await_result(&asked, RKV_APPEND_SUCCESS);
  assert_int_equal(seen().refused, 1);
  assert_int_equal(seen().appends, PARTS);
  peer_fake_set(&peer, (struct peer_manner){.limit = 1024, .hang_from = 1});
  ask_append(&rig, &asked, entries, 4 * PARTS, 0, LONG_MS);
  peer_fake_await(&peer, &peer.seen.appends, 2 * PARTS);
  rig.fake.ops->peer_close(rig.peer);
  rig.peer = NULL;
  await_end(&asked, RKV_CANCELLED);
  assert_true(seen().largest > 1024); /* the first message was whole */
  stop();
  free_entries(entries, 64);
}

/* What is larger than anything that the peer has answered goes by unary RPC once, in its turn:
 * on a stream OpenRaft would not refuse it, but fall silent. */
static void a_larger_message_is_proven_first(void **state) {
  enum { SMALL = 5, LARGE = 10 };
  static struct asked asked[SMALL];
  struct rkv_entry *entries = make_entries(1, SMALL + 4 * LARGE, 200);
  struct asked large[3], larger;
  (void)state;
  start(PEER_HEAD);
  peer_fake_hold(&peer);
  ask_each(asked, entries, SMALL, LONG_MS);
  for (size_t i = 0, at = SMALL; i < 2; i++, at += LARGE)
    ask_append(&rig, &large[i], entries + at, LARGE, at, LONG_MS);
  peer_fake_go(&peer);
  await_each(asked, SMALL);
  for (size_t i = 0; i < 2; i++) await_result(&large[i], RKV_APPEND_SUCCESS);
  assert_int_equal(seen().unary, 1);
  assert_int_equal(seen().streams, 2);
  ask_append(&rig, &larger, entries + SMALL + 2 * LARGE, 2 * LARGE, SMALL + 2 * LARGE, LONG_MS);
  await_result(&larger, RKV_APPEND_SUCCESS);
  ask_append(&rig, &large[2], entries + SMALL + LARGE, LARGE, SMALL + LARGE, LONG_MS);
  await_result(&large[2], RKV_APPEND_SUCCESS);
  assert_int_equal(seen().unary, 2);
  assert_int_equal(seen().last, SMALL + 4 * LARGE);
  assert_int_equal(seen().gaps, 0);
  stop();
  free_entries(entries, SMALL + 4 * LARGE);
}

/* ---- what the peer does not take ---- */

/* The receiver ends the stream behind a conflict; what stood behind it conflicts too, and the next
 * append goes by a new stream at once. */
static void conflict_ends_what_stands_behind(void **state) {
  enum { APPENDS = 6 };
  static struct asked asked[APPENDS];
  struct rkv_entry *entries = make_entries(1, APPENDS, 100);
  struct asked probe;
  (void)state;
  start(PEER_HEAD);
  peer_fake_set(&peer, (struct peer_manner){.conflict_from = 3});
  ask_all(asked, entries, APPENDS);
  await_each(asked, 2);
  for (int i = 2; i < APPENDS; i++) await_result(&asked[i], RKV_APPEND_CONFLICT);
  assert_int_equal(seen().last, 2);
  ask_append(&rig, &probe, NULL, 0, 2, LONG_MS);
  await_result(&probe, RKV_APPEND_SUCCESS);
  assert_int_equal(seen().beats, 1);
  assert_int_equal(seen().unary, 0);
  assert_int_equal(seen().streams, 2);
  assert_false(logged(&rig, "peer"));
  stop();
  free_entries(entries, APPENDS);
}

static void rejection_ends_what_stands_behind(void **state) {
  enum { APPENDS = 6 };
  static struct asked asked[APPENDS];
  struct rkv_entry *entries = make_entries(1, APPENDS, 100);
  (void)state;
  start(PEER_HEAD);
  peer_fake_set(&peer, (struct peer_manner){.rejected_from = 3});
  ask_all(asked, entries, APPENDS);
  await_each(asked, 2);
  for (int i = 2; i < APPENDS; i++) {
    await_result(&asked[i], RKV_APPEND_REJECTED);
    assert_int_equal(asked[i].append.voter_vote.term, 9);
  }
  stop();
  free_entries(entries, APPENDS);
}

/* ---- how a stream ends ---- */

/* A stream that breaks: what was answered is done, nothing is known of the rest, and the next
 * append opens a new one. */
static void a_broken_stream(void **state) {
  enum { APPENDS = 6 };
  static struct asked asked[APPENDS];
  struct rkv_entry *entries = make_entries(1, APPENDS, 100);
  struct asked next;
  (void)state;
  start(PEER_HEAD);
  peer_fake_set(&peer, (struct peer_manner){.end_after = 2, .end = GRPC_STATUS_UNAVAILABLE});
  ask_all(asked, entries, APPENDS);
  await_each(asked, 2);
  for (int i = 2; i < APPENDS; i++) await_end(&asked[i], RKV_UNAVAILABLE);
  assert_int_equal(ended(&rig), APPENDS);
  peer_fake_set(&peer, (struct peer_manner){.limit = 0});
  ask_append(&rig, &next, entries + 2, 1, 2, LONG_MS);
  await_result(&next, RKV_APPEND_SUCCESS);
  assert_int_equal(seen().streams, 2);
  stop();
  free_entries(entries, APPENDS);
}

/* The first one without an answer is the one that the peer's status is about. */
static void a_status_is_about_the_first_unanswered(void **state) {
  static struct asked asked[3];
  struct rkv_entry *entries = make_entries(1, 3, 100);
  (void)state;
  start(PEER_HEAD);
  peer_fake_set(&peer, (struct peer_manner){.end_after = 1, .end = GRPC_STATUS_INVALID_ARGUMENT});
  ask_all(asked, entries, 3);
  await_each(asked, 1);
  await_end(&asked[1], RKV_INVALID);
  await_end(&asked[2], RKV_UNAVAILABLE);
  stop();
  free_entries(entries, 3);
}

/* A peer that ends its streams with OK for reasons of its own, one answer into each: all appends
 * are carried all the same, in order. */
static void streams_that_end_early_lose_nothing(void **state) {
  static struct asked asked[MANY];
  struct rkv_entry *entries = make_entries(1, MANY, 100);
  (void)state;
  start(PEER_HEAD);
  peer_fake_set(&peer, (struct peer_manner){.end_after = 1, .end = GRPC_STATUS_OK});
  ask_each(asked, entries, MANY, LONG_MS);
  await_each(asked, MANY);
  assert_int_equal(seen().last, MANY);
  assert_int_equal(seen().gaps, 0);
  assert_int_equal(ended(&rig), MANY);
  stop();
  free_entries(entries, MANY);
}

/* Silence: the deadline of one call ends the stream; that call timed out, of the others nothing is
 * known. The stream is broken off, the next append has a new one. */
static void a_missed_deadline_breaks_the_stream(void **state) {
  static struct asked asked[3];
  struct rkv_entry *entries = make_entries(1, 3, 100);
  struct asked next;
  const uint64_t before = now_ns();
  (void)state;
  start(PEER_HEAD);
  peer_fake_set(&peer, (struct peer_manner){.hang = true});
  ask_append(&rig, &asked[0], entries, 1, 0, 300);
  ask_append(&rig, &asked[1], entries + 1, 1, 1, 300);
  ask_append(&rig, &asked[2], entries + 2, 1, 2, LONG_MS);
  await_end(&asked[0], RKV_TIMEOUT);
  await_end(&asked[1], RKV_TIMEOUT);
  await_end(&asked[2], RKV_UNAVAILABLE);
  assert_in_range(now_ns() - before, UINT64_C(290000000), UINT64_C(2000000000));
  assert_true(logged(&rig, "peer does not answer peer=2"));
  peer_fake_set(&peer, (struct peer_manner){.hang = false});
  ask_append(&rig, &next, entries, 1, 0, LONG_MS);
  await_result(&next, RKV_APPEND_SUCCESS);
  assert_int_equal(seen().streams, 2);
  assert_true(logged(&rig, "peer answers again"));
  stop();
  free_entries(entries, 3);
}

/* ---- peers without it ---- */

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(appends_share_one_stream),
      cmocka_unit_test(the_window_bounds_bytes_and_stops_no_heartbeat),
      cmocka_unit_test(the_window_bounds_messages),
      cmocka_unit_test(parts_leave_back_to_back),
      cmocka_unit_test(a_larger_message_is_proven_first),
      cmocka_unit_test(conflict_ends_what_stands_behind),
      cmocka_unit_test(rejection_ends_what_stands_behind),
      cmocka_unit_test(a_broken_stream),
      cmocka_unit_test(a_status_is_about_the_first_unanswered),
      cmocka_unit_test(streams_that_end_early_lose_nothing),
      cmocka_unit_test(a_missed_deadline_breaks_the_stream),
  };
  return cmocka_run_group_tests_name("transport peer: stream", tests, NULL, NULL);
}
