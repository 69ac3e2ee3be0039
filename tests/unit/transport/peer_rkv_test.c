/* peer_rkv_test.c: requests that only nodes of this project know: sent to another of our nodes, to
 * itself over loopback, and to a peer that does not know them. */
#include "peer_harness.h"

static struct rig rig;
static struct peer_fake peer;

/* The plugin asks its own server, behind which stands the harness's node. */
static void start_ours(void) {
  struct rkv_error error;
  peer_fake_start(&peer, NULL);
  rig_start(&rig, peer.addr);
  rig.fake.ops->peer_close(rig.peer);
  if (rig.fake.ops->peer_open(rig.fake.instance,
                              &(struct rkv_peer_info){.id = 2, .addr = rig.fake.addr}, &rig.peer,
                              &error))
    fail_msg("peer_open: %s", error.text);
}

static void start_lacking(void) {
  memset(&peer, 0, sizeof peer);
  peer_fake_start(&peer, NULL);
  rig_start(&rig, peer.addr);
}

static void stop(void) {
  rig_stop(&rig);
  peer_fake_stop(&peer);
}

static void ask_pre_vote(struct asked *asked) {
  ask_prepare(&rig, asked, 8000);
  asked->vote.vote = (struct rkv_vote){5, 1, false};
  asked->vote.last = (struct rkv_log_id){4, 9};
  rig.fake.ops->send_pre_vote(rig.peer, &asked->vote);
}

static void ask_timeout_now(struct asked *asked) {
  ask_prepare(&rig, asked, 8000);
  asked->timeout_now.vote = (struct rkv_vote){5, 1, true};
  asked->timeout_now.last = (struct rkv_log_id){5, 9};
  rig.fake.ops->send_timeout_now(rig.peer, &asked->timeout_now);
}

static void ask_read_index(struct asked *asked) {
  ask_prepare(&rig, asked, 8000);
  asked->read_index.read = RKV_READ_LINEARIZABLE;
  rig.fake.ops->send_read_index(rig.peer, &asked->read_index);
}

static void ours_answer(void **state) {
  struct asked asked;
  struct fake_seen seen;
  (void)state;
  start_ours();
  rig.fake.granted = true;
  rig.fake.vote = (struct rkv_vote){4, 2, false};
  rig.fake.matched = (struct rkv_log_id){4, 7};
  rig.fake.id = (struct rkv_log_id){5, 11};

  ask_pre_vote(&asked);
  await_end(&asked, RKV_OK);
  assert_true(asked.vote.granted);
  assert_int_equal(asked.vote.voter_vote.term, 4);
  assert_int_equal(asked.vote.voter_last.index, 7);
  seen = fake_look(&rig.fake);
  assert_int_equal(seen.pre_vote, 1);
  assert_int_equal(seen.last.index, 9);

  ask_timeout_now(&asked);
  await_end(&asked, RKV_OK);
  seen = fake_look(&rig.fake);
  assert_int_equal(seen.timeout_now, 1);
  assert_true(seen.vote_in.committed);
  assert_int_equal(seen.last.term, 5);

  ask_read_index(&asked);
  await_end(&asked, RKV_OK);
  assert_int_equal(asked.read_index.index.index, 11);
  assert_int_equal(fake_look(&rig.fake).read, RKV_READ_LINEARIZABLE);
  stop();
}

static void ask_hello(struct asked *asked) {
  ask_prepare(&rig, asked, 8000);
  rig.fake.ops->send_hello(rig.peer, &asked->hello);
}

/* Every request says for whom it is meant and who sends it, by whatever RPC it goes. */
static void requests_say_for_whom_they_are(void **state) {
  struct rkv_peer_info info = {
      .id = 2, .incarnation = 0xbeef, .cluster = {1, 0xabc}, .from_incarnation = 0xf00d};
  struct asked asked;
  struct rkv_entry *entry = make_entries(6, 1, 100);
  struct rkv_error error;
  struct fake_seen seen;
  (void)state;
  start_ours();
  rig.fake.ops->peer_close(rig.peer);
  info.addr = rig.fake.addr;
  assert_int_equal(rig.fake.ops->peer_open(rig.fake.instance, &info, &rig.peer, &error), RKV_OK);
  rig.fake.vote = (struct rkv_vote){3, 1, true};
  rig.fake.matched = (struct rkv_log_id){1, 6};
  for (int i = 0; i < 5; i++) {
    if (i == 0) ask_pre_vote(&asked);
    if (i == 1) ask_timeout_now(&asked);
    if (i == 2) ask_append(&rig, &asked, entry, 1, 5, 8000); /* goes by a stream */
    if (i == 3) {
      memset(&asked, 0, sizeof asked);
      asked.snapshot.vote = (struct rkv_vote){3, 1, true};
      asked.snapshot.meta.last = (struct rkv_log_id){3, 100};
      rig.fake.finished = true; /* the peer needs no snapshot, and ends the stream at once */
      ask_step(&rig, &asked, rig.fake.ops->send_snapshot_begin, 8000);
    }
    if (i == 4) ask_hello(&asked);
    await_end(&asked, RKV_OK);
    if (i == 3) fake_await(&rig.fake, &rig.fake.seen.begin, 1); /* no answer says so */
    seen = fake_look(&rig.fake);
    assert_true(seen.enveloped);
    assert_int_equal(seen.envelope.to, 2);
    assert_int_equal(seen.envelope.incarnation, 0xbeef);
    assert_true(rkv_cluster_id_equal(seen.envelope.cluster, info.cluster));
    assert_int_equal(seen.sender.id, rig.fake.host.node_id);
    assert_int_equal(seen.sender.incarnation, 0xf00d);
  }
  free_entries(entry, 1);
  stop();
}

/* Who answers, and to which cluster it belongs if it knows. */
static void hello_tells_who_is_there(void **state) {
  struct asked asked;
  (void)state;
  start_ours();
  rig.fake.id = (struct rkv_log_id){2, UINT64_MAX};
  ask_hello(&asked);
  await_end(&asked, RKV_OK);
  assert_int_equal(asked.hello.id, 2);
  assert_true(asked.hello.incarnation == UINT64_MAX);
  assert_false(rkv_cluster_id_known(asked.hello.cluster));
  rig.fake.matched = (struct rkv_log_id){3, 4};
  ask_hello(&asked);
  await_end(&asked, RKV_OK);
  assert_int_equal(asked.hello.cluster.high, 3);
  assert_int_equal(asked.hello.cluster.low, 4);
  assert_int_equal(asked.hello.membership.index, 0); /* the peer does not say */
  rig.fake.newest = (struct rkv_log_id){5, 6};
  for (int names = 0; names < 2; names++) {
    rig.fake.names = names == 1;
    ask_hello(&asked);
    await_end(&asked, RKV_OK);
    assert_int_equal(asked.hello.membership.term, 5);
    assert_int_equal(asked.hello.membership.index, 6);
    assert_int_equal(asked.hello.names_asker, names);
  }
  stop();
}

/* Refusals of the node come as what they were. Not to lead is no trouble with the peer. */
static void refusals_of_ours(void **state) {
  struct asked asked;
  (void)state;
  start_ours();
  rig.fake.status = rkv_fail(&rig.fake.error, RKV_PRECONDITION, "a learner");
  ask_timeout_now(&asked);
  await_end(&asked, RKV_PRECONDITION);
  assert_non_null(strstr(asked.error.text, "a learner"));

  rig.fake.status = rkv_fail(&rig.fake.error, RKV_NOT_LEADER, "not me");
  rig.fake.error.leader_id = 3;
  (void)snprintf(rig.fake.error.leader_addr, RKV_ADDR_MAX, "127.0.0.1:21003");
  ask_read_index(&asked);
  await_end(&asked, RKV_NOT_LEADER);
  assert_string_equal(asked.error.leader_addr, "127.0.0.1:21003");
  assert_false(logged(&rig, "peer does not answer"));
  stop();
}

/* The wire has one word for a node that is away and for one that will not: what the node says is
 * told, and not that it is silent. */
static void what_a_node_will_not_is_an_answer(void **state) {
  const enum rkv_status will_not[] = {RKV_UNAVAILABLE, RKV_CANCELLED};
  struct rkv_entry *entry = make_entries(6, 1, 100);
  struct asked asked;
  (void)state;
  for (size_t i = 0; i < sizeof will_not / sizeof will_not[0]; i++) {
    start_ours();
    rig.fake.status = rkv_fail(&rig.fake.error, will_not[i], "the node is stopping");
    ask_append(&rig, &asked, entry, 1, 5, 8000); /* by a stream */
    (void)await(&asked);
    ask_hello(&asked);
    (void)await(&asked);
    assert_non_null(strstr(asked.error.text, "the node is stopping"));
    assert_false(logged(&rig, "peer does not answer"));
    assert_true(logged(&rig, "peer calls fail peer=2"));
    assert_true(logged(&rig, "text=\"the node is stopping\""));
    stop();
  }
  free_entries(entry, 1);
}

/* OpenRaft's example knows none of it. That is an answer and no trouble, however often it is
 * asked. */
static void a_peer_that_lacks_them(void **state) {
  struct asked asked;
  (void)state;
  start_lacking();
  for (int i = 0; i < 3; i++) {
    ask_pre_vote(&asked);
    await_end(&asked, RKV_UNIMPLEMENTED);
    ask_timeout_now(&asked);
    await_end(&asked, RKV_UNIMPLEMENTED);
    ask_read_index(&asked);
    await_end(&asked, RKV_UNIMPLEMENTED);
    ask_hello(&asked);
    await_end(&asked, RKV_UNIMPLEMENTED);
  }
  assert_false(logged(&rig, "peer"));
  stop();
}

/* After the stop they end at once. */
static void stopped(void **state) {
  struct asked asked[3];
  (void)state;
  start_lacking();
  fake_stop(&rig.fake, 0);
  ask_pre_vote(&asked[0]);
  ask_timeout_now(&asked[1]);
  ask_read_index(&asked[2]);
  for (int i = 0; i < 3; i++) await_end(&asked[i], RKV_CANCELLED);
  rig.fake.ops->peer_close(rig.peer);
  rig.peer = NULL;
  stop();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ours_answer),
      cmocka_unit_test(requests_say_for_whom_they_are),
      cmocka_unit_test(hello_tells_who_is_there),
      cmocka_unit_test(refusals_of_ours),
      cmocka_unit_test(what_a_node_will_not_is_an_answer),
      cmocka_unit_test(a_peer_that_lacks_them),
      cmocka_unit_test(stopped),
  };
  return cmocka_run_group_tests_name("transport peer: rkv.v1", tests, NULL, NULL);
}
