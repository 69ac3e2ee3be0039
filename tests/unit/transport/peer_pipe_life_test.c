/* peer_pipe_life_test.c: peers without streams, peers that come back, peers that go while a stream
 * is idle. */
#include "peer_pipe.h"

/* Asked once, then every append is a unary call, one after the other. */
static void without_streams_appends_go_one_by_one(void **state) {
  static struct asked asked[MANY];
  struct rkv_entry *entries = make_entries(1, MANY, 100);
  (void)state;
  start(PEER_D6);
  ask_each(asked, entries, MANY, LONG_MS);
  await_each(asked, MANY);
  assert_int_equal(seen().gaps, 0);
  assert_int_equal(seen().unary, MANY);
  assert_int_equal(seen().unknown, 1);
  assert_int_equal(logged_times(&rig, "peer has no StreamAppend"), 1);

  peer_fake_set(&peer, (struct peer_manner){.hang_from = 1});
  ask_each(asked, entries, 5, LONG_MS);
  peer_fake_await(&peer, &peer.seen.appends, MANY + 1);
  barrier();
  assert_int_equal(seen().appends, MANY + 1);
  assert_int_equal(seen().unknown, 1);
  rig.fake.ops->peer_close(rig.peer);
  rig.peer = NULL;
  for (int i = 0; i < 5; i++) await_end(&asked[i], RKV_CANCELLED);
  stop();
  free_entries(entries, MANY);
}

/* A peer that was away may come back as one that streams. */
static void after_a_reconnect_streams_are_tried_again(void **state) {
  struct rkv_entry *entries = make_entries(1, 1, 100);
  struct asked asked;
  char addr[64];
  const uint64_t until = now_ns() + PATIENCE_MS * UINT64_C(1000000);
  (void)state;
  start(PEER_D6);
  ask_append(&rig, &asked, entries, 1, 0, LONG_MS);
  await_result(&asked, RKV_APPEND_SUCCESS);
  (void)snprintf(addr, sizeof addr, "%s", peer.addr);
  peer_fake_stop(&peer);
  do {
    ask_append(&rig, &asked, entries, 1, 0, LONG_MS);
    await_end(&asked, RKV_UNAVAILABLE);
  } while (!logged(&rig, "code=14") && now_ns() < until);
  memset(&peer, 0, sizeof peer);
  peer.dialect = PEER_HEAD;
  peer_fake_start(&peer, addr);
  do {
    ask_append(&rig, &asked, entries, 1, 0, LONG_MS);
  } while (await(&asked) != RKV_OK && now_ns() < until);
  await_result(&asked, RKV_APPEND_SUCCESS);
  assert_int_equal(seen().streams, 1);
  assert_int_equal(seen().unary, 0);
  stop();
  free_entries(entries, 1);
}

/* ---- closing ---- */

/* A stream that stands idle holds neither close nor stop up. */
static void an_idle_stream_ends_with_its_peer(void **state) {
  struct rkv_entry *entries = make_entries(1, 1, 100);
  struct asked asked;
  struct rkv_error error;
  const uint64_t before = now_ns();
  (void)state;
  start(PEER_HEAD);
  ask_append(&rig, &asked, entries, 1, 0, LONG_MS);
  await_result(&asked, RKV_APPEND_SUCCESS);
  rig.fake.ops->peer_close(rig.peer);
  assert_int_equal(rig.fake.ops->peer_open(rig.fake.instance,
                                           &(struct rkv_peer_info){.id = 2, .addr = peer.addr},
                                           &rig.peer, &error),
                   RKV_OK);
  ask_append(&rig, &asked, entries, 1, 0, LONG_MS);
  await_result(&asked, RKV_APPEND_SUCCESS);
  stop();
  assert_in_range(now_ns() - before, 0, UINT64_C(3000000000));
  free_entries(entries, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(without_streams_appends_go_one_by_one),
      cmocka_unit_test(after_a_reconnect_streams_are_tried_again),
      cmocka_unit_test(an_idle_stream_ends_with_its_peer),
  };
  return cmocka_run_group_tests_name("transport peer: stream", tests, NULL, NULL);
}
