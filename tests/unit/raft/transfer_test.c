/* transfer_test.c: handing leadership to a chosen voter (dissertation 3.10). */
#include "direct.h"

static const rkv_node_id three[] = {1, 2, 3, 0};

static struct cluster *led(void) {
  struct cluster *c = cluster_new();
  c->config.pre_vote = true;
  c->config.check_quorum = true;
  return led_by_one_of(c, three);
}

static const char *refusal(struct cluster *c, rkv_node_id target, enum rkv_status want) {
  static struct rkv_error error;
  struct raft_now now = {c->now_ns, 0};
  struct rkv_log_id last = cluster_view(c, 1).last;
  assert_int_equal(raft_transfer(c->nodes[1].r, now, target, c, &error), want);
  expect_none(c->nodes[1].r);
  assert_id(cluster_view(c, 1).last, last.term, last.index);
  return error.text;
}

/* 3.10: "the prior leader sends a TimeoutNow request to the target server. This request has the
 * same effect as the target server's election timer firing": no time passes, nobody asks a
 * pre-vote, and the others' leases (4.2.3) do not hold it up. */
static void the_target_takes_over_at_once(void **state) {
  struct cluster *c = led();
  uint64_t before = c->now_ns;
  (void)state;
  assert_int_equal(cluster_propose(c, 1, 3), RKV_OK);
  cluster_deliver_all(c);
  assert_int_equal(cluster_transfer(c, 1, 3), RKV_OK);
  cluster_deliver_all(c);
  assert_int_equal(c->now_ns, before);
  assert_int_equal(cluster_leader(c), 3);
  assert_vote(cluster_view(c, 3).vote, 2, 3, true);
  assert_int_equal(cluster_view(c, 1).leader, 3);
  assert_int_equal(c->nodes[1].transferred.count, 1);
  assert_int_equal(c->nodes[1].transferred.status, RKV_OK);
  assert_int_equal(cluster_propose(c, 3, 1), RKV_OK);
  cluster_free(c);
}

/* The votes of such a campaign say so. */
static void transfer_votes_are_marked(void **state) {
  struct cluster *c = led();
  struct raft *r = c->nodes[2].r;
  struct raft_now now = {c->now_ns, 0};
  (void)state;
  assert_int_equal(raft_on_timeout_now(r, now, LEADER_VOTE(1, 1), cluster_view(c, 1).last, NULL),
                   RKV_OK);
  assert_vote(expect(r, RAFT_OUT_SAVE_VOTE).vote, 2, 2, false);
  assert_true(expect_next(r, RAFT_OUT_SEND_VOTE).transfer);
  assert_true(expect_next(r, RAFT_OUT_SEND_VOTE).transfer);
  expect_none(r);
  cluster_free(c);
}

/* 3.10: "the prior leader fully updates the target server's log to match its own": first. */
static void the_target_catches_up_first(void **state) {
  struct cluster *c = led();
  (void)state;
  assert_int_equal(cluster_propose(c, 1, 5), RKV_OK);
  assert_int_equal(cluster_transfer(c, 1, 2), RKV_OK);
  while (cluster_view(c, 2).last.index < cluster_view(c, 1).last.index) {
    assert_int_equal(cluster_view(c, 2).vote.term, 1);
    assert_true(cluster_deliver(c, 1, 2));
  }
  assert_int_equal(cluster_view(c, 2).role, RAFT_FOLLOWER);
  assert_true(cluster_deliver(c, 2, 1)); /* now the leader knows */
  assert_true(cluster_deliver(c, 1, 2));
  assert_int_equal(cluster_view(c, 2).role, RAFT_CANDIDATE);
  cluster_deliver_all(c);
  assert_int_equal(cluster_leader(c), 2);
  assert_id(cluster_view(c, 2).committed, 2, 8);
  cluster_free(c);
}

/* 3.10: "the prior leader stops accepting new client requests": with the target's name. Nor are
 * there changes, reads, or a second transfer. */
static void calls_are_refused_meanwhile(void **state) {
  struct cluster *c = led();
  struct raft *r = c->nodes[1].r;
  struct raft_now now = {c->now_ns, 0};
  struct rkv_config_set voters = cluster_membership(three).configs[0];
  struct rkv_member learner = {.id = 4, .addr = "n4:1"};
  struct rkv_error error;
  struct rkv_log_id first;
  uint64_t ticket;
  (void)state;
  assert_int_equal(cluster_propose(c, 1, 1), RKV_OK);
  assert_int_equal(cluster_transfer(c, 1, 2), RKV_OK);
  assert_int_equal(raft_propose(r, now, 1, &first, &error), RKV_UNAVAILABLE);
  assert_string_equal(error.text, "leadership is being handed over to node 2");
  assert_int_equal(raft_read(r, now, false, &ticket, &error), RKV_UNAVAILABLE);
  assert_int_equal(raft_add_learner(r, now, &learner, c, &error), RKV_UNAVAILABLE);
  assert_int_equal(raft_change_membership(r, now, &voters, false, c, &error), RKV_UNAVAILABLE);
  assert_string_equal(refusal(c, 3, RKV_PRECONDITION), "transfer: to node 2 is in progress");
  assert_id(cluster_view(c, 1).last, 1, 3);
  cluster_free(c);
}

/* 3.10: "if leadership transfer does not complete after about an election timeout, the prior leader
 * aborts the transfer and resumes accepting client requests". */
static void transfers_end_in_time(void **state) {
  struct cluster *c = led();
  uint64_t begun;
  (void)state;
  assert_int_equal(cluster_propose(c, 1, 1), RKV_OK);
  c->nodes[2].cut = true;
  begun = c->now_ns;
  assert_int_equal(cluster_transfer(c, 1, 2), RKV_OK);
  cluster_run(c, c->config.election_max_ns - 1);
  assert_int_equal(c->nodes[1].transferred.count, 0);
  assert_int_equal(raft_deadline(c->nodes[1].r), begun + c->config.election_max_ns);
  cluster_run(c, 1);
  assert_int_equal(c->nodes[1].transferred.count, 1);
  assert_int_equal(c->nodes[1].transferred.status, RKV_UNAVAILABLE);
  assert_int_equal(cluster_view(c, 1).role, RAFT_LEADER);
  assert_int_equal(cluster_propose(c, 1, 1), RKV_OK);
  assert_int_equal(cluster_transfer(c, 1, 3), RKV_OK); /* another transfer may begin */
  cluster_deliver_all(c);
  assert_int_equal(cluster_leader(c), 3);
  cluster_free(c);
}

/* Who cannot lead is refused clearly, and nothing happens. */
static void refusals_say_why(void **state) {
  const rkv_node_id one[] = {1, 0};
  struct cluster *c = led();
  struct rkv_error error;
  (void)state;
  cluster_start(c, 4);
  assert_int_equal(cluster_learner(c, 1, 4), RKV_OK);
  cluster_run(c, 2000 * MS);
  assert_string_equal(refusal(c, 1, RKV_INVALID), "transfer: node 1 leads already");
  assert_string_equal(refusal(c, 4, RKV_INVALID), "transfer: node 4 is a learner");
  assert_string_equal(refusal(c, 7, RKV_INVALID), "transfer: node 7 is unknown");
  c->nodes[2].cut = true;
  cluster_run(c, 1000 * MS);
  assert_string_equal(refusal(c, 2, RKV_UNAVAILABLE), "transfer: node 2 does not answer");
  c->nodes[3].cut = true;
  cluster_run(c, 1000 * MS);
  assert_string_equal(refusal(c, 0, RKV_UNAVAILABLE), "transfer: no other voter answers");
  assert_int_equal(raft_transfer(c->nodes[2].r, (struct raft_now){c->now_ns, 0}, 3, c, &error),
                   RKV_NOT_LEADER);
  assert_int_equal(error.leader_id, 1);
  cluster_free(c);
  c = led_by_one_of(cluster_new(), one);
  assert_string_equal(refusal(c, 0, RKV_PRECONDITION), "transfer: there is no other voter");
  cluster_free(c);
}

/* Nobody named: the voter that has got furthest, and no learner. */
static void the_furthest_voter_is_chosen(void **state) {
  struct cluster *c = led();
  (void)state;
  cluster_start(c, 4);
  assert_int_equal(cluster_learner(c, 1, 4), RKV_OK);
  cluster_run(c, 2000 * MS);
  assert_int_equal(cluster_propose(c, 1, 2), RKV_OK);
  while (cluster_drop(c, 1, 2)) continue;
  while (cluster_deliver(c, 1, 4) || cluster_deliver(c, 4, 1)) continue;
  while (cluster_deliver(c, 1, 3) || cluster_deliver(c, 3, 1)) continue;
  assert_int_equal(cluster_transfer(c, 1, 0), RKV_OK);
  cluster_deliver_all(c);
  assert_int_equal(cluster_leader(c), 3);
  cluster_free(c);
}

/* A peer that does not know TimeoutNow ends the transfer at once; if nobody was named, the next one
 * is asked. */
static void peers_that_cannot_be_asked_do_not_block(void **state) {
  struct cluster *c = led();
  (void)state;
  c->nodes[2].old = true;
  assert_int_equal(cluster_transfer(c, 1, 2), RKV_OK);
  cluster_deliver_all(c);
  assert_int_equal(c->nodes[1].transferred.status, RKV_UNAVAILABLE);
  assert_int_equal(cluster_propose(c, 1, 1), RKV_OK);
  cluster_deliver_all(c);
  assert_int_equal(cluster_transfer(c, 1, 0), RKV_OK); /* node 2 comes first, and is passed over */
  cluster_deliver_all(c);
  assert_int_equal(cluster_leader(c), 3);
  assert_int_equal(c->nodes[1].transferred.count, 2);
  assert_int_equal(c->nodes[1].transferred.status, RKV_OK);
  cluster_free(c);
}

/* A late failure of an earlier request ends nothing. */
static void failures_of_others_are_ignored(void **state) {
  struct cluster *c = led();
  (void)state;
  assert_int_equal(cluster_propose(c, 1, 1), RKV_OK);
  assert_int_equal(cluster_transfer(c, 1, 2), RKV_OK);
  raft_on_timeout_now_failed(c->nodes[1].r, (struct raft_now){c->now_ns, 0}, 3);
  raft_on_timeout_now_failed(c->nodes[1].r, (struct raft_now){c->now_ns, 0}, 2); /* not asked yet */
  raft_on_timeout_now_failed(c->nodes[2].r, (struct raft_now){c->now_ns, 0}, 2);
  expect_none(c->nodes[1].r);
  cluster_deliver_all(c);
  assert_int_equal(cluster_leader(c), 2);
  cluster_free(c);
}

/* Whoever asks must be the leader followed, with a log that is here. */
static void timeout_now_is_checked(void **state) {
  struct cluster *c = led();
  struct raft *r = c->nodes[2].r;
  struct raft_now now = {c->now_ns, 0};
  struct rkv_error error;
  (void)state;
  cluster_start(c, 4);
  assert_int_equal(raft_on_timeout_now(c->nodes[4].r, now, LEADER_VOTE(1, 1), NONE, &error),
                   RKV_PRECONDITION);
  assert_string_equal(error.text, "timeout-now: not a voter");
  assert_int_equal(raft_on_timeout_now(r, now, VOTE(1, 1), NONE, &error), RKV_PRECONDITION);
  assert_int_equal(raft_on_timeout_now(r, now, LEADER_VOTE(2, 1), NONE, &error), RKV_PRECONDITION);
  assert_int_equal(raft_on_timeout_now(r, now, LEADER_VOTE(1, 3), NONE, &error), RKV_PRECONDITION);
  assert_int_equal(raft_on_timeout_now(r, now, LEADER_VOTE(1, 1), ID(1, 3), &error),
                   RKV_PRECONDITION);
  assert_string_equal(error.text, "timeout-now: entry 3 of term 1 is not here");
  assert_int_equal(raft_on_timeout_now(c->nodes[1].r, now, LEADER_VOTE(1, 1), ID(1, 2), &error),
                   RKV_PRECONDITION); /* the leader itself */
  expect_none(r);
  assert_int_equal(cluster_view(c, 2).role, RAFT_FOLLOWER);
  cluster_free(c);
}

/* Any greater vote ends it well, also another node's; leadership lost to nobody ends it badly. */
static void lost_leadership_ends_it(void **state) {
  struct cluster *c = led();
  struct raft *r = c->nodes[1].r;
  struct raft_now now = {c->now_ns, 0};
  struct raft_output out;
  (void)state;
  assert_int_equal(raft_transfer(r, now, 2, c, NULL), RKV_OK);
  raft_on_vote_request(r, now, VOTE(2, 3), ID(9, 9), true, c);
  out = expect(r, RAFT_OUT_TRANSFER_DONE);
  assert_int_equal(out.status, RKV_OK);
  assert_ptr_equal(out.cookie, c);
  cluster_free(c);

  c = led();
  r = c->nodes[1].r;
  now.ns += 1;
  assert_int_equal(raft_transfer(r, now, 2, c, NULL), RKV_OK);
  now.ns = c->now_ns + c->config.election_max_ns;
  raft_on_time(r, now); /* no peer answered since before the transfer */
  out = expect(r, RAFT_OUT_TRANSFER_DONE);
  assert_int_equal(out.status, RKV_ABORTED);
  assert_non_null(out.text);
  assert_int_equal(cluster_view(c, 1).role, RAFT_FOLLOWER);
  cluster_free(c);
}

/* Who left hears no more of it; the transfer goes on. */
static void forgotten_callers_hear_nothing(void **state) {
  struct cluster *c = led();
  (void)state;
  assert_int_equal(cluster_propose(c, 1, 1), RKV_OK);
  assert_int_equal(cluster_transfer(c, 1, 2), RKV_OK);
  raft_forget_transfer(c->nodes[1].r, c); /* the cookie of another call */
  raft_forget_transfer(c->nodes[1].r, &c->nodes[1].transferred);
  cluster_deliver_all(c);
  assert_int_equal(cluster_leader(c), 2);
  assert_int_equal(c->nodes[1].transferred.count, 0);
  cluster_free(c);
}

/* A target far behind gets its snapshot first. */
static void targets_behind_a_snapshot_are_brought_up(void **state) {
  struct cluster *c = cluster_new();
  (void)state;
  c->config.snapshot_after = 10;
  (void)led_by_one_of(c, three);
  c->nodes[3].cut = true;
  for (unsigned i = 0; i < 30; i++) {
    assert_int_equal(cluster_propose(c, 1, 1), RKV_OK);
    cluster_run(c, 20 * MS);
  }
  c->nodes[3].cut = false;
  while (cluster_view(c, 3).snapshot.index == 0) cluster_run(c, 10 * MS);
  assert_int_equal(cluster_propose(c, 1, 1), RKV_OK);
  assert_int_equal(cluster_transfer(c, 1, 3), RKV_OK);
  cluster_deliver_all(c);
  assert_int_equal(cluster_leader(c), 3);
  cluster_free(c);
}

/* A snapshot that is all the target lacked is enough. */
static void snapshots_may_be_all_it_lacks(void **state) {
  struct cluster *c = led();
  struct raft_now now = {c->now_ns, 0};
  (void)state;
  c->nodes[3].cut = true;
  assert_int_equal(cluster_propose(c, 1, 3), RKV_OK);
  cluster_run(c, 1000 * MS);
  now.ns = c->now_ns;
  assert_int_equal(raft_trigger_snapshot(c->nodes[1].r, now, NULL), RKV_OK);
  cluster_time_one(c, 1); /* carries the snapshot out */
  assert_int_equal(cluster_view(c, 1).purged.index, 5);
  c->nodes[3].cut = false;
  while (cluster_in_flight(c, 1, 3) == 0) cluster_advance(c, 10 * MS);
  assert_true(cluster_deliver(c, 1, 3) && cluster_deliver(c, 3, 1)); /* the probe */
  assert_int_equal(cluster_transfer(c, 1, 3), RKV_OK);
  cluster_deliver_all(c);
  assert_int_equal(cluster_leader(c), 3);
  assert_int_equal(cluster_view(c, 3).snapshot.index, 5);
  cluster_free(c);
}

/* A failure is forgotten by the next transfer. */
static void failed_targets_may_be_asked_again(void **state) {
  struct cluster *c = led();
  (void)state;
  assert_int_equal(cluster_transfer(c, 1, 2), RKV_OK);
  assert_true(cluster_drop(c, 1, 2));
  assert_int_equal(c->nodes[1].transferred.status, RKV_UNAVAILABLE);
  c->nodes[3].cut = true;
  cluster_run(c, 1000 * MS);
  assert_int_equal(cluster_transfer(c, 1, 0), RKV_OK);
  cluster_deliver_all(c);
  assert_int_equal(cluster_leader(c), 2);
  cluster_free(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_target_takes_over_at_once),
      cmocka_unit_test(transfer_votes_are_marked),
      cmocka_unit_test(the_target_catches_up_first),
      cmocka_unit_test(calls_are_refused_meanwhile),
      cmocka_unit_test(transfers_end_in_time),
      cmocka_unit_test(refusals_say_why),
      cmocka_unit_test(the_furthest_voter_is_chosen),
      cmocka_unit_test(peers_that_cannot_be_asked_do_not_block),
      cmocka_unit_test(failures_of_others_are_ignored),
      cmocka_unit_test(timeout_now_is_checked),
      cmocka_unit_test(lost_leadership_ends_it),
      cmocka_unit_test(forgotten_callers_hear_nothing),
      cmocka_unit_test(targets_behind_a_snapshot_are_brought_up),
      cmocka_unit_test(snapshots_may_be_all_it_lacks),
      cmocka_unit_test(failed_targets_may_be_asked_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
