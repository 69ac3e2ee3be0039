/* peer_split_test.c: chunk-and-retry: appends that a peer refuses as too large arrive in parts, and
 * the node sees one answer. */
#include "peer_harness.h"

static struct rig rig;
static struct peer_fake peer;
static enum peer_dialect dialect; /* every story is told of each */

#define RUST_TEXT                                                                                  \
  "Error, decoded message length too large: found %zu bytes, the limit is: %zu bytes"
#define CORE_TEXT "Received message larger than max (%zu vs. %zu)"
#define NO_NUMBER "the message is too large"

static void start(size_t limit, grpc_status_code refusal, const char *text) {
  memset(&peer, 0, sizeof peer);
  peer.dialect = dialect;
  peer.manner = (struct peer_manner){.limit = limit, .refusal = refusal, .refusal_text = text};
  peer_fake_start(&peer, NULL);
  rig_start(&rig, peer.addr);
}

/* At 1 KiB with the Rust peer's text, and a manner besides. */
static void set(struct peer_manner manner) {
  manner.limit = 1024;
  manner.refusal = GRPC_STATUS_OUT_OF_RANGE;
  manner.refusal_text = RUST_TEXT;
  peer_fake_set(&peer, manner);
}

static struct peer_seen seen(void) {
  return peer_fake_look(&peer);
}

/* One refused message teaches the limit, and it never comes by a stream. */
static void stop(void) {
  assert_int_equal(seen().swallowed, 0);
  rig_stop(&rig);
  peer_fake_stop(&peer);
}

static void assert_success(const struct asked *asked, rkv_index matched) {
  assert_int_equal(asked->append.result, RKV_APPEND_SUCCESS);
  assert_int_equal(asked->append.matched.index, matched);
}

/* The mission's case: ten sets of 200 bytes at 1 KiB are 3 messages after the refused one; the next
 * ten are 3 messages at once. The log shows the split and each part. */
static void ten_sets_take_three_messages(void **state) {
  struct rkv_entry *entries = make_entries(5, 20, 200);
  struct asked asked;
  (void)state;
  start(1024, GRPC_STATUS_OUT_OF_RANGE, RUST_TEXT);
  ask_append(&rig, &asked, NULL, 0, 0, 0); /* what the peer speaks is known from now on */
  await_end(&asked, RKV_OK);
  ask_append(&rig, &asked, entries, 10, 4, 0);
  await_end(&asked, RKV_OK);
  assert_success(&asked, 14);
  assert_int_equal(seen().refused, 1);
  assert_int_equal(seen().appends, 3);
  assert_int_equal(seen().last, 14);
  assert_true(logged(&rig, "split peer=2 entries=10 bytes=2176 limit=1024 parts=3"));
  assert_true(logged(&rig, "part peer=2 part=1/3 from=5 to=8 bytes="));
  assert_true(logged(&rig, "part peer=2 part=2/3 from=9 to=12 bytes="));
  assert_true(logged(&rig, "part peer=2 part=3/3 from=13 to=14 bytes="));

  ask_append(&rig, &asked, entries + 10, 10, 14, 0);
  await_end(&asked, RKV_OK);
  assert_success(&asked, 24);
  assert_int_equal(seen().refused, 1);
  assert_int_equal(seen().appends, 6);
  assert_int_equal(seen().gaps, 1); /* only to the first: entry 4 is missing */
  /* steady splitting at a limit already logged does not fill the log */
  assert_int_equal(logged_times(&rig, "split peer=2"), 1);
  /* the heartbeat, what was refused for its size and six parts; to d6 the heartbeat by stream */
  assert_int_equal(fake_metric(&rig.fake, "sends"), dialect == PEER_D6 ? 9 : 8);
  assert_int_equal(fake_metric(&rig.fake, "splits"), 2);
  assert_int_equal(fake_metric(&rig.fake, "split_parts"), 6);
  stop();
  free_entries(entries, 20);
}

/* The C core says it with another status and another text. */
static void a_core_peer_is_understood(void **state) {
  struct rkv_entry *entries = make_entries(1, 10, 200);
  struct asked asked;
  (void)state;
  start(1024, GRPC_STATUS_RESOURCE_EXHAUSTED, CORE_TEXT);
  ask_append(&rig, &asked, entries, 10, 0, 0);
  await_end(&asked, RKV_OK);
  assert_success(&asked, 10);
  assert_int_equal(seen().refused, 1);
  assert_int_equal(seen().appends, 3);
  stop();
  free_entries(entries, 10);
}

/* A peer that names no number is found out by halving. */
static void a_limit_without_number_is_found(void **state) {
  struct rkv_entry *entries = make_entries(1, 64, 200);
  struct asked asked;
  (void)state;
  start(1024, GRPC_STATUS_OUT_OF_RANGE, NO_NUMBER);
  ask_append(&rig, &asked, entries, 64, 0, 0);
  await_end(&asked, RKV_OK);
  assert_success(&asked, 64);
  assert_int_equal(seen().last, 64);
  assert_int_equal(seen().gaps, 0);
  assert_in_range(seen().refused, 1, 8);
  stop();
  free_entries(entries, 64);
}

/* RESOURCE_EXHAUSTED for another reason is no limit: the append fails as a whole. */
static void a_busy_peer_is_no_small_one(void **state) {
  struct rkv_entry *entries;
  struct asked asked;
  (void)state;
  if (dialect == PEER_OURS) skip(); /* a peer of ours would name its limit */
  entries = make_entries(1, 10, 200);
  start(1024, GRPC_STATUS_RESOURCE_EXHAUSTED, "inbox full");
  ask_append(&rig, &asked, entries, 10, 0, 0);
  await_end(&asked, RKV_FULL);
  assert_int_equal(seen().refused, 1);
  assert_int_equal(seen().appends, 0);
  stop();
  free_entries(entries, 10);
}

/* What stands before an entry that can never fit is stored; the entry is named with its size and
 * the limit, counted and logged once however often it is tried, and not sent again. */
static void an_entry_that_never_fits(void **state) {
  struct rkv_entry *entries = make_entries(1, 6, 100), *big = make_entries(4, 1, 3000);
  struct rkv_buf small = entries[3].payload;
  struct asked asked;
  (void)state;
  start(1024, GRPC_STATUS_OUT_OF_RANGE, RUST_TEXT);
  entries[3].payload = big[0].payload;
  ask_append(&rig, &asked, entries, 6, 0, 0);
  await_end(&asked, RKV_TOO_LARGE);
  assert_int_equal(asked.append.matched.index, 3);
  assert_int_equal(seen().last, 3);
  assert_non_null(strstr(asked.error.text, "entry index=4 size="));
  assert_non_null(strstr(asked.error.text, "over limit=1024 of peer=2"));
  ask_append(&rig, &asked, entries + 3, 3, 3, 0);
  await_end(&asked, RKV_TOO_LARGE);
  assert_int_equal(asked.append.matched.index, 3);
  assert_int_equal(seen().refused, 1);
  assert_int_equal(seen().appends, 1);
  assert_int_equal(logged_times(&rig, "unsendable entry index=4"), 1);
  assert_int_equal(fake_metric(&rig.fake, "unsendable_entries"), 1);
  stop();
  entries[3].payload = small;
  free_entries(entries, 6);
  free_entries(big, 1);
}

/* Likewise when the peer names no limit: the entry alone was refused. */
static void an_entry_that_never_fits_an_unnamed_limit(void **state) {
  struct rkv_entry *entries = make_entries(1, 1, 3000);
  struct asked asked;
  (void)state;
  start(1024, GRPC_STATUS_OUT_OF_RANGE, NO_NUMBER);
  ask_append(&rig, &asked, entries, 1, 0, 0);
  await_end(&asked, RKV_TOO_LARGE);
  assert_int_equal(asked.append.matched.index, 0);
  assert_int_equal(seen().refused, 1);
  stop();
  free_entries(entries, 1);
}

/* The first conflict, rejection or partial success ends the append: no further part is sent. */
static void parts_stop_at_the_first_no(void **state) {
  struct rkv_entry *entries = make_entries(1, 12, 200);
  struct asked asked;
  (void)state;
  start(1024, GRPC_STATUS_OUT_OF_RANGE, RUST_TEXT);
  set((struct peer_manner){.conflict_from = 5});
  ask_append(&rig, &asked, entries, 12, 0, 0);
  await_end(&asked, RKV_OK);
  assert_int_equal(asked.append.result, RKV_APPEND_CONFLICT);
  assert_int_equal(seen().appends, 2);

  set((struct peer_manner){.rejected_from = 9});
  ask_append(&rig, &asked, entries, 12, 0, 0);
  await_end(&asked, RKV_OK);
  assert_int_equal(asked.append.result, RKV_APPEND_REJECTED);
  assert_int_equal(asked.append.voter_vote.term, 9);
  assert_int_equal(seen().appends, 5);

  set((struct peer_manner){.partial_at = 6});
  ask_append(&rig, &asked, entries, 12, 0, 0);
  await_end(&asked, RKV_OK);
  assert_success(&asked, 6);
  assert_in_range(seen().appends, 7, dialect == PEER_D6 ? 7 : 8); /* a stream may come first */
  stop();
  free_entries(entries, 12);
}

/* A peer that falls silent between two parts: what was stored is told as a partial success. */
static void silence_between_parts_is_partial_success(void **state) {
  struct rkv_entry *entries = make_entries(1, 12, 200);
  struct asked asked;
  (void)state;
  start(1024, GRPC_STATUS_OUT_OF_RANGE, RUST_TEXT);
  set((struct peer_manner){.hang_from = 9});
  ask_append(&rig, &asked, entries, 12, 0, 1500);
  await_end(&asked, RKV_OK);
  assert_success(&asked, 8);
  stop();
  free_entries(entries, 12);
}

/* Appends handed in while one goes in parts wait for it, so that no entry overtakes another;
 * heartbeats do not wait. */
static void entries_stay_in_order_while_one_is_split(void **state) {
  enum { APPENDS = 20 };
  struct rkv_entry *entries = make_entries(1, 10 * APPENDS, 200);
  struct asked warm, asked[APPENDS], beat;
  (void)state;
  start(1024, GRPC_STATUS_OUT_OF_RANGE, RUST_TEXT);
  ask_append(&rig, &warm, entries, 10, 0, 0); /* teaches us the peer's limit */
  await_end(&warm, RKV_OK);
  for (size_t i = 0; i < APPENDS; i++)
    ask_append(&rig, &asked[i], entries + 10 * i, 10, 10 * i, 5000);
  ask_append(&rig, &beat, NULL, 0, 10, 5000);
  await_end(&beat, RKV_OK);
  for (size_t i = 0; i < APPENDS; i++) {
    await_end(&asked[i], RKV_OK);
    assert_success(&asked[i], 10 * (i + 1));
  }
  assert_int_equal(seen().gaps, 0);
  assert_int_equal(seen().last, 10 * APPENDS);
  assert_int_equal(seen().refused, 1);
  stop();
  free_entries(entries, 10 * APPENDS);
}

/* The lane is bounded; all of it ends when the peer is closed. */
static void waiting_appends_are_bounded_and_end(void **state) {
  enum { APPENDS = 1040, MAX = 1024 };
  static struct asked asked[APPENDS];
  struct rkv_entry *entries = make_entries(1, 10, 200);
  struct asked warm;
  (void)state;
  start(1024, GRPC_STATUS_OUT_OF_RANGE, RUST_TEXT);
  ask_append(&rig, &warm, entries, 10, 0, 0);
  await_end(&warm, RKV_OK);
  set((struct peer_manner){.hang_from = 1});
  for (size_t i = 0; i < APPENDS; i++) ask_append(&rig, &asked[i], entries, 10, 0, 60000);
  peer_fake_await(&peer, &peer.seen.appends, 4);
  rig.fake.ops->peer_close(rig.peer);
  rig.peer = NULL;
  for (size_t i = 0; i < APPENDS; i++) await_end(&asked[i], i < MAX ? RKV_CANCELLED : RKV_FULL);
  stop();
  free_entries(entries, 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ten_sets_take_three_messages),
      cmocka_unit_test(a_core_peer_is_understood),
      cmocka_unit_test(a_limit_without_number_is_found),
      cmocka_unit_test(a_busy_peer_is_no_small_one),
      cmocka_unit_test(an_entry_that_never_fits),
      cmocka_unit_test(an_entry_that_never_fits_an_unnamed_limit),
      cmocka_unit_test(parts_stop_at_the_first_no),
      cmocka_unit_test(silence_between_parts_is_partial_success),
      cmocka_unit_test(entries_stay_in_order_while_one_is_split),
      cmocka_unit_test(waiting_appends_are_bounded_and_end),
  };
  int failed = cmocka_run_group_tests_name("transport peer d6: split", tests, NULL, NULL);
  dialect = PEER_HEAD;
  failed += cmocka_run_group_tests_name("transport peer HEAD: split", tests, NULL, NULL);
  dialect = PEER_OURS;
  failed += cmocka_run_group_tests_name("transport peer of ours: split", tests, NULL, NULL);
  return failed;
}
