/* check_quorum_test.c: a leader that no quorum answers steps down (dissertation 6.2). */
#include "direct.h"

static const rkv_node_id three[] = {1, 2, 3, 0};
static const rkv_node_id five[] = {1, 2, 3, 4, 5, 0};

static struct cluster *checked(const rkv_node_id *voters) {
  struct cluster *c = cluster_new();
  c->config.check_quorum = true;
  return led_by_one_of(c, voters);
}

static void cut(struct cluster *c, rkv_node_id a, rkv_node_id b) {
  c->nodes[a].cut = true;
  c->nodes[b].cut = true;
}

/* 6.2: "a leader in Raft steps down if an election timeout elapses without a successful round of
 * heartbeats to a majority of its cluster": not before, not later, and its vote stays: it won that
 * term. What waits for it is given up. */
static void leaders_without_a_quorum_step_down(void **state) {
  struct cluster *c = checked(three);
  struct test_node *n = &c->nodes[1];
  uint64_t ticket, heard;
  (void)state;
  cluster_run(c, 1234 * MS);
  run_out(c, 1);
  cluster_deliver_all(c);
  heard = c->now_ns;
  cut(c, 2, 3);
  assert_int_equal(cluster_propose(c, 1, 2), RKV_OK);
  assert_int_equal(cluster_learner(c, 1, 4), RKV_OK);
  assert_int_equal(cluster_read(c, 1, false, &ticket), RKV_OK);
  cluster_run(c, c->config.election_max_ns - 1);
  assert_int_equal(cluster_view(c, 1).role, RAFT_LEADER);
  assert_int_equal(raft_deadline(n->r), heard + c->config.election_max_ns);
  cluster_run(c, 1);
  assert_int_equal(cluster_view(c, 1).role, RAFT_FOLLOWER);
  assert_int_equal(cluster_view(c, 1).leader, 0);
  assert_vote(cluster_view(c, 1).vote, 1, 1, true);
  assert_int_equal(n->dropped, cluster_view(c, 1).committed.index);
  assert_int_equal(n->done.status, RKV_ABORTED);
  assert_int_equal(n->read.failed, 1);
  assert_int_equal(cluster_propose(c, 1, 1), RKV_NOT_LEADER);
  cluster_free(c);
}

/* Outputs of it alone: nothing is saved, for nothing changes on disk. */
static void stepping_down_saves_nothing(void **state) {
  struct cluster *c = checked(three);
  struct raft *r = c->nodes[1].r;
  struct raft_now now = {c->now_ns + c->config.election_max_ns, 0};
  (void)state;
  raft_on_time(r, now);
  expect_next(r, RAFT_OUT_ROLE);
  expect_next(r, RAFT_OUT_DROP_PROPOSALS);
  expect_none(r);
  assert_int_equal(raft_deadline(r), now.ns + c->config.election_min_ns);
  cluster_free(c);
}

/* It owes itself no lease: it helps the next one at once. */
static void who_stepped_down_votes_for_others(void **state) {
  struct cluster *c = checked(three);
  struct raft *r = c->nodes[1].r;
  struct raft_now now = {c->now_ns + c->config.election_max_ns, 0};
  (void)state;
  raft_on_time(r, now);
  raft_on_vote_request(r, now, VOTE(1, 2), ID(9, 9), false, c); /* no grant in the term it won */
  assert_false(expect(r, RAFT_OUT_ANSWER_VOTE).granted);
  raft_on_vote_request(r, now, VOTE(2, 2), ID(9, 9), false, c);
  assert_true(expect(r, RAFT_OUT_ANSWER_VOTE).granted);
  cluster_free(c);
}

/* Without it a leader without a quorum leads on. */
static void off_means_off(void **state) {
  struct cluster *c = led_by_one_of(cluster_new(), three);
  (void)state;
  cut(c, 2, 3);
  cluster_run(c, 60000 * MS);
  assert_int_equal(cluster_view(c, 1).role, RAFT_LEADER);
  cluster_free(c);
}

/* A majority is enough, and a lone voter needs nobody. */
static void majorities_keep_their_leader(void **state) {
  const rkv_node_id one[] = {1, 0};
  struct cluster *c = checked(five);
  (void)state;
  cut(c, 4, 5);
  cluster_run(c, 60000 * MS);
  assert_int_equal(cluster_view(c, 1).role, RAFT_LEADER);
  c->nodes[3].cut = true;
  cluster_run(c, 60000 * MS);
  assert_int_not_equal(cluster_view(c, 1).role, RAFT_LEADER);
  cluster_free(c);
  c = checked(one);
  assert_int_equal(raft_deadline(c->nodes[1].r), UINT64_MAX);
  cluster_free(c);
}

/* Learners count for nothing. */
static void learners_keep_no_leader(void **state) {
  struct cluster *c = checked(three);
  (void)state;
  cluster_start(c, 4);
  cluster_start(c, 5);
  assert_int_equal(cluster_learner(c, 1, 4), RKV_OK);
  cluster_run(c, 1000 * MS);
  assert_int_equal(cluster_learner(c, 1, 5), RKV_OK);
  cluster_run(c, 1000 * MS);
  cut(c, 2, 3);
  cluster_run(c, c->config.election_max_ns + 500 * MS);
  assert_int_equal(cluster_view(c, 1).role, RAFT_FOLLOWER);
  cluster_free(c);
}

/* Voters that fall silent as they are made voters have an election timeout to answer; then the
 * joint config (4.3) counts, although the old one answers. */
static void new_voters_have_time_to_answer(void **state) {
  const rkv_node_id to[] = {1, 4, 5, 0};
  struct cluster *c = checked(three);
  (void)state;
  cluster_start(c, 4);
  cluster_start(c, 5);
  assert_int_equal(cluster_learner(c, 1, 4), RKV_OK);
  cluster_run(c, 1000 * MS);
  assert_int_equal(cluster_learner(c, 1, 5), RKV_OK);
  cluster_run(c, 30000 * MS);
  assert_int_equal(cluster_view(c, 1).role, RAFT_LEADER);
  cut(c, 4, 5);
  assert_int_equal(cluster_change(c, 1, to, false), RKV_OK);
  cluster_run(c, c->config.election_max_ns - 1);
  assert_int_equal(cluster_view(c, 1).role, RAFT_LEADER);
  cluster_run(c, 1);
  assert_int_equal(cluster_view(c, 1).role, RAFT_FOLLOWER);
  cluster_free(c);
}

/* What an answer is: success and conflict show that the peer follows; a failure, a lie and a
 * rejection do not. */
static void answers_that_count(void **state) {
  const struct {
    enum rkv_append_result result;
    struct rkv_log_id matched;
    bool counts;
  } table[] = {{RKV_APPEND_SUCCESS, {1, 2}, true},
               {RKV_APPEND_CONFLICT, {0, 0}, true},
               {RKV_APPEND_SUCCESS, {7, 2}, false},
               {RKV_APPEND_REJECTED, {0, 0}, false}};
  (void)state;
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    struct cluster *c = checked(three);
    struct raft *r = c->nodes[1].r;
    uint64_t before = c->now_ns + c->config.election_max_ns;
    struct raft_now now = {before - 1, 0};
    raft_on_append_answer(r, now, 2, PLAN(LEADER_VOTE(1, 1), ID(1, 2)), 2, table[i].result,
                          table[i].matched, VOTE(0, 0), 0);
    raft_on_append_failed(r, now, 3, PLAN(LEADER_VOTE(1, 1), ID(1, 2)), 2, false, NONE);
    now.ns = before;
    raft_on_time(r, now);
    assert_int_equal(cluster_view(c, 1).role, table[i].counts ? RAFT_LEADER : RAFT_FOLLOWER);
    cluster_free(c);
  }
}

/* The old leader of a minority and the new one of the majority: never long side by side, and the
 * old one follows when it comes back; with pre-votes it does not even disturb. */
static void the_minority_gives_up_and_returns(void **state) {
  struct cluster *c = cluster_new();
  (void)state;
  c->config.check_quorum = true;
  c->config.pre_vote = true;
  (void)led_by_one_of(c, three);
  c->nodes[1].cut = true;
  cluster_run(c, 30000 * MS);
  assert_int_equal(cluster_view(c, 1).role, RAFT_FOLLOWER);
  assert_int_equal(cluster_leader(c), 2);
  c->nodes[1].cut = false;
  cluster_run(c, 10000 * MS);
  assert_int_equal(cluster_leader(c), 2);
  assert_int_equal(cluster_view(c, 2).vote.term, 2);
  assert_int_equal(cluster_view(c, 1).leader, 2);
  cluster_free(c);
}

/* Nobody is left over: when all links are back a leader is found, also the same one again. */
static void leadership_returns_with_the_links(void **state) {
  struct cluster *c = checked(three);
  (void)state;
  cut(c, 2, 3);
  cluster_run(c, 3500 * MS);
  assert_int_equal(cluster_leader(c), 0);
  c->nodes[2].cut = c->nodes[3].cut = false;
  cluster_run(c, 12000 * MS);
  assert_int_not_equal(cluster_leader(c), 0);
  assert_true(cluster_view(c, cluster_leader(c)).vote.term > 1);
  assert_int_equal(cluster_propose(c, cluster_leader(c), 1), RKV_OK);
  cluster_free(c);
}

/* A new leader has an election timeout to be answered first. */
static void new_leaders_have_time_to_be_answered(void **state) {
  struct cluster *c = checked(three);
  (void)state;
  cluster_crash(c, 1);
  cluster_run(c, 5500 * MS); /* node 2 has just been elected */
  assert_int_equal(cluster_leader(c), 2);
  cluster_crash(c, 2);
  cluster_crash(c, 3);
  cluster_start(c, 2);
  cluster_start(c, 3);
  c->now_ns = raft_deadline(c->nodes[2].r);
  cluster_time_one(c, 2);
  while (cluster_view(c, 2).role != RAFT_LEADER)
    assert_true(cluster_deliver(c, 2, 3) && cluster_deliver(c, 3, 2));
  cluster_time_one(c, 2);
  assert_int_equal(cluster_view(c, 2).role, RAFT_LEADER);
  cluster_advance(c, c->config.election_max_ns);
  assert_int_not_equal(cluster_view(c, 2).role, RAFT_LEADER);
  cluster_free(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(leaders_without_a_quorum_step_down),
      cmocka_unit_test(stepping_down_saves_nothing),
      cmocka_unit_test(who_stepped_down_votes_for_others),
      cmocka_unit_test(off_means_off),
      cmocka_unit_test(majorities_keep_their_leader),
      cmocka_unit_test(learners_keep_no_leader),
      cmocka_unit_test(new_voters_have_time_to_answer),
      cmocka_unit_test(answers_that_count),
      cmocka_unit_test(the_minority_gives_up_and_returns),
      cmocka_unit_test(leadership_returns_with_the_links),
      cmocka_unit_test(new_leaders_have_time_to_be_answered),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
