/* paper_election_test.c: the Raft paper's sections 5.1, 5.2 and 5.4.1, sentence by sentence, as far
 * as core/raft implements them. (votes_test.c: which candidates are granted a vote.) */
#include "direct.h"

static const rkv_node_id three[] = {1, 2, 3, 0};

/* 5.2: "when servers start up, they begin as followers" (here: learners before they are
 * members). */
static void servers_begin_as_followers(void **state) {
  const rkv_term terms[] = {1};
  struct cluster *c = cluster_new();
  (void)state;
  cluster_set_log(c, 1, terms, 1, three, 1);
  cluster_start(c, 4);
  assert_int_equal(cluster_view(c, 1).role, RAFT_FOLLOWER);
  assert_int_equal(cluster_view(c, 4).role, RAFT_LEARNER);
  cluster_free(c);
}

/* 5.2: "a server remains in follower state as long as it receives valid RPCs from a leader". */
static void followers_stay_while_they_hear_the_leader(void **state) {
  struct cluster *c = led_by_one_of(cluster_new(), three);
  (void)state;
  cluster_run(c, 60000 * MS);
  assert_int_equal(cluster_view(c, 2).role, RAFT_FOLLOWER);
  assert_int_equal(cluster_view(c, 3).role, RAFT_FOLLOWER);
  assert_int_equal(cluster_view(c, 1).vote.term, 1);
  cluster_free(c);
}

/* 5.2: "leaders send periodic heartbeats ... in order to maintain their authority", not more often
 * than heartbeat_ns when nothing happens. */
static void leaders_send_periodic_heartbeats(void **state) {
  struct cluster *c = led_by_one_of(cluster_new(), three);
  uint64_t before = c->now_ns;
  unsigned beats = 0;
  (void)state;
  while (c->now_ns < before + 10000 * MS) {
    run_out(c, 1);
    beats += (unsigned)cluster_in_flight(c, 1, 2);
    cluster_deliver_all(c);
  }
  assert_in_range(beats, 19, 21);
  cluster_free(c);
}

/* 5.2: "if a follower receives no communication over a period of time called the election timeout,
 * then it assumes there is no viable leader and begins an election": behind the lease of the leader
 * it heard, within an eighth of a timeout of its end. */
static void silent_leaders_are_replaced(void **state) {
  struct cluster *c = led_by_one_of(cluster_new(), three);
  uint64_t deadline;
  (void)state;
  c->nodes[2].random = 123;
  while (!cluster_deliver(c, 1, 2)) cluster_advance(c, 1 * MS);
  deadline = c->now_ns + c->config.election_max_ns + 1 + 123;
  assert_int_equal(raft_deadline(c->nodes[2].r), deadline);
  c->nodes[1].cut = true;
  cluster_advance(c, deadline - c->now_ns - 1);
  assert_int_equal(cluster_view(c, 2).role, RAFT_FOLLOWER);
  cluster_advance(c, 1);
  assert_int_equal(cluster_view(c, 2).role, RAFT_CANDIDATE);
  cluster_free(c);
}

/* 5.2: "to begin an election, a follower increments its current term and transitions to candidate
 * state. It then votes for itself and issues RequestVote RPCs in parallel to each of the other
 * servers": once its own vote is on disk. */
static void candidates_vote_for_themselves_and_ask_all(void **state) {
  struct cluster *c = led_by_one_of(cluster_new(), three);
  (void)state;
  c->sync = false;
  run_out(c, 2);
  assert_int_equal(cluster_view(c, 2).role, RAFT_CANDIDATE);
  assert_vote(cluster_view(c, 2).vote, 2, 2, false);
  assert_int_equal(cluster_in_flight(c, 2, 0), 0);
  cluster_write(c, 2, SIZE_MAX);
  assert_int_equal(cluster_in_flight(c, 2, 1), 1);
  assert_int_equal(cluster_in_flight(c, 2, 3), 1);
  cluster_free(c);
}

/* The own vote counts only when saved: of two voters, the grant of the other one alone is no
 * majority. */
static void own_vote_counts_once_saved(void **state) {
  const rkv_node_id two[] = {1, 2, 0};
  const rkv_term terms[] = {1};
  struct cluster *c = cluster_new();
  struct raft_now now;
  struct raft *r;
  (void)state;
  cluster_set_log(c, 1, terms, 1, two, 1);
  r = c->nodes[1].r;
  now = (struct raft_now){raft_deadline(r), 0};
  raft_on_time(r, now);
  (void)drained(r, RAFT_OUT_SEND_VOTE);
  raft_on_vote_answer(r, now, 2, VOTE(2, 1), true, VOTE(2, 1), ID(1, 1));
  assert_int_equal(cluster_view(c, 1).role, RAFT_CANDIDATE);
  raft_on_vote_saved(r, now, VOTE(2, 1));
  assert_int_equal(cluster_view(c, 1).role, RAFT_LEADER);
  cluster_free(c);
}

/* 5.2: "a candidate wins an election if it receives votes from a majority of the servers in the
 * full cluster for the same term": answers to older candidacies, of strangers, twice from one node,
 * or with another vote in them do not count. */
static void only_votes_for_this_candidacy_count(void **state) {
  const rkv_node_id five[] = {1, 2, 3, 4, 5, 0};
  const rkv_term terms[] = {1};
  struct cluster *c = cluster_new();
  struct raft_now now;
  struct raft *r;
  (void)state;
  cluster_set_log(c, 1, terms, 1, five, 1);
  r = c->nodes[1].r;
  now = (struct raft_now){raft_deadline(r), 0};
  raft_on_time(r, now);
  raft_on_vote_saved(r, now, VOTE(2, 1));
  raft_on_vote_answer(r, now, 2, VOTE(1, 1), true, VOTE(1, 1), ID(1, 1));
  raft_on_vote_answer(r, now, 2, VOTE(2, 1), true, VOTE(1, 2), ID(1, 1));
  raft_on_vote_answer(r, now, 7, VOTE(2, 1), true, VOTE(2, 1), ID(1, 1));
  raft_on_vote_answer(r, now, 3, VOTE(2, 1), true, VOTE(2, 1), ID(1, 1));
  raft_on_vote_answer(r, now, 3, VOTE(2, 1), true, VOTE(2, 1), ID(1, 1));
  assert_int_equal(cluster_view(c, 1).role, RAFT_CANDIDATE);
  raft_on_vote_answer(r, now, 4, VOTE(2, 1), true, VOTE(2, 1), ID(1, 1));
  assert_int_equal(cluster_view(c, 1).role, RAFT_LEADER);
  cluster_free(c);
}

/* 5.2: "once a candidate wins an election, it becomes leader. It then sends heartbeat messages to
 * all of the other servers to establish its authority". */
static void winners_tell_everybody_at_once(void **state) {
  struct cluster *c = led_by_one_of(cluster_new(), three);
  (void)state;
  c->nodes[1].cut = true;
  cluster_advance(c, 3500 * MS);
  while (cluster_drop(c, 1, 0)) continue;
  run_out(c, 2);
  while (cluster_view(c, 2).role != RAFT_LEADER) assert_true(cluster_deliver(c, 0, 0));
  assert_true(cluster_in_flight(c, 2, 1) >= 1);
  assert_true(cluster_in_flight(c, 2, 3) >= 1);
  cluster_free(c);
}

/* 5.2: "if the leader's term is at least as large as the candidate's current term, then the
 * candidate recognizes the leader as legitimate and returns to follower state. If the term is
 * smaller, the candidate rejects the RPC and continues in candidate state." */
static void candidates_yield_to_a_leader_of_their_term(void **state) {
  struct cluster *c = led_by_one_of(cluster_new(), three);
  struct raft *r = c->nodes[2].r;
  struct raft_now now;
  struct raft_output out;
  (void)state;
  run_out(c, 2);
  now = (struct raft_now){c->now_ns, 0};
  assert_int_equal(
      raft_on_append_request(r, now, LEADER_VOTE(1, 1), NONE, NONE, NULL, 0, NULL, NULL), RKV_OK);
  out = expect(r, RAFT_OUT_ANSWER_APPEND);
  assert_int_equal(out.result, RKV_APPEND_REJECTED);
  assert_vote(out.vote, 2, 2, false);
  assert_int_equal(cluster_view(c, 2).role, RAFT_CANDIDATE);
  assert_int_equal(
      raft_on_append_request(r, now, LEADER_VOTE(2, 3), NONE, NONE, NULL, 0, NULL, NULL), RKV_OK);
  out = expect(r, RAFT_OUT_ANSWER_APPEND);
  assert_int_equal(out.result, RKV_APPEND_SUCCESS);
  assert_int_equal(cluster_view(c, 2).role, RAFT_FOLLOWER);
  assert_int_equal(cluster_view(c, 2).leader, 3);
  cluster_free(c);
}

/* 5.2: "each candidate will time out and start a new election by incrementing its term": the first
 * time soon, so that one split vote costs little; then at a time drawn from [min, max), so that
 * slow disks and networks get their time. */
static void split_votes_end_by_new_random_timeouts(void **state) {
  struct cluster *c = led_by_one_of(cluster_new(), three);
  struct raft *r = c->nodes[2].r;
  uint64_t min = c->config.election_min_ns, span = c->config.election_max_ns - min;
  uint64_t soon = c->config.election_max_ns / 8 + 1;
  (void)state;
  c->nodes[2].random = 6 * soon + 41;
  run_out(c, 2);
  assert_int_equal(raft_deadline(r), c->now_ns + soon + 41);
  c->nodes[2].random = 7 * span + 41;
  run_out(c, 2);
  assert_int_equal(raft_deadline(r), c->now_ns + min + 41);
  c->nodes[2].random = span - 1;
  run_out(c, 2);
  assert_int_equal(cluster_view(c, 2).vote.term, 4);
  assert_int_equal(raft_deadline(r), c->now_ns + min + span - 1);
  cluster_free(c);
}

/* 5.1: "if one server's current term is smaller than the other's, then it updates its current term
 * to the larger value. If a candidate or leader discovers that its term is out of date, it
 * immediately reverts to follower state": the greater vote is taken as uncommitted, for its owner
 * has not spoken. */
static void greater_votes_in_answers_end_leading_and_campaigning(void **state) {
  struct cluster *c = led_by_one_of(cluster_new(), three);
  struct raft *r = c->nodes[1].r;
  struct raft_now now = {c->now_ns, 0};
  (void)state;
  raft_on_append_answer(r, now, 2, PLAN(LEADER_VOTE(1, 1), ID(1, 2)), 2, RKV_APPEND_REJECTED, NONE,
                        LEADER_VOTE(5, 3), 0);
  assert_vote(expect_next(r, RAFT_OUT_SAVE_VOTE).vote, 5, 3, false);
  expect_next(r, RAFT_OUT_ROLE);
  assert_id(expect_next(r, RAFT_OUT_DROP_PROPOSALS).id, 1, 2);
  assert_int_equal(cluster_view(c, 1).role, RAFT_FOLLOWER);
  assert_int_equal(cluster_view(c, 1).leader, 0);
  now.ns = raft_deadline(r);
  raft_on_time(r, now);
  assert_vote(cluster_view(c, 1).vote, 6, 1, false);
  raft_on_vote_answer(r, now, 3, VOTE(6, 1), false, VOTE(9, 3), ID(1, 2));
  assert_vote(cluster_view(c, 1).vote, 9, 3, false);
  assert_int_equal(cluster_view(c, 1).role, RAFT_FOLLOWER);
  cluster_free(c);
}

/* OpenRaft: who was refused by a longer log waits 2 x election_max longer, and only once. */
static void longer_logs_are_left_the_time_to_win(void **state) {
  struct cluster *c = led_by_one_of(cluster_new(), three);
  struct raft *r = c->nodes[2].r;
  struct raft_now now;
  uint64_t max = c->config.election_max_ns;
  (void)state;
  run_out(c, 2);
  now = (struct raft_now){c->now_ns, 0};
  raft_on_vote_answer(r, now, 3, VOTE(2, 2), false, LEADER_VOTE(1, 1), ID(1, 9));
  assert_int_equal(raft_deadline(r), now.ns + 2 * max + c->config.election_min_ns);
  raft_on_vote_request(r, now, VOTE(3, 3), ID(1, 9), false, NULL); /* a grant keeps the deadline */
  assert_int_equal(raft_deadline(r), now.ns + 2 * max + c->config.election_min_ns);
  now.ns = raft_deadline(r);
  raft_on_time(r, now);
  assert_int_equal(raft_deadline(r), now.ns + c->config.election_min_ns);
  cluster_free(c);
}

/* Only voters campaign, and a lone one at once: after init, and after a restart. */
static void lone_voters_lead_at_once(void **state) {
  const rkv_node_id one[] = {1, 0};
  struct cluster *c = cluster_new();
  (void)state;
  cluster_start(c, 1);
  assert_int_equal(cluster_init(c, 1, one), RKV_OK);
  assert_int_equal(cluster_view(c, 1).role, RAFT_LEADER);
  assert_id(cluster_view(c, 1).committed, 1, 2); /* the blank entry */
  assert_int_equal(c->nodes[1].done.count, 1);
  cluster_crash(c, 1);
  cluster_start(c, 1);
  assert_int_equal(raft_deadline(c->nodes[1].r), c->now_ns);
  cluster_advance(c, 0);
  assert_vote(cluster_view(c, 1).vote, 2, 1, true);
  cluster_free(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(servers_begin_as_followers),
      cmocka_unit_test(followers_stay_while_they_hear_the_leader),
      cmocka_unit_test(leaders_send_periodic_heartbeats),
      cmocka_unit_test(silent_leaders_are_replaced),
      cmocka_unit_test(candidates_vote_for_themselves_and_ask_all),
      cmocka_unit_test(own_vote_counts_once_saved),
      cmocka_unit_test(only_votes_for_this_candidacy_count),
      cmocka_unit_test(winners_tell_everybody_at_once),
      cmocka_unit_test(candidates_yield_to_a_leader_of_their_term),
      cmocka_unit_test(split_votes_end_by_new_random_timeouts),
      cmocka_unit_test(greater_votes_in_answers_end_leading_and_campaigning),
      cmocka_unit_test(longer_logs_are_left_the_time_to_win),
      cmocka_unit_test(lone_voters_lead_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
