/* read_test.c: linearizable reads by a round of answers (dissertation 6.4). */
#include "reads.h"

/* 6.4: the leader saves its commit index as the read index, "issues a new round of heartbeats and
 * waits for their acknowledgments from a majority": at once, and no entry is written. */
static void reads_are_confirmed_by_a_round(void **state) {
  struct cluster *c = led(three, RAFT_LEASE_OFF);
  struct rkv_log_id last;
  uint64_t ticket;
  (void)state;
  assert_int_equal(cluster_propose(c, 1, 3), RKV_OK);
  cluster_deliver_all(c);
  last = cluster_view(c, 1).last;
  ticket = read_at(c, 1, false);
  assert_int_equal(cluster_in_flight(c, 1, 2), 1);
  assert_true(cluster_deliver(c, 1, 2));
  assert_int_equal(ready(c), 0);
  assert_true(cluster_deliver(c, 2, 1));
  assert_int_equal(ready(c), 1);
  assert_int_equal(c->nodes[1].read.ticket, ticket);
  assert_id(c->nodes[1].read.id, last.term, last.index);
  assert_id(cluster_view(c, 1).last, last.term, last.index);
  cluster_free(c);
}

/* 6.4: without the round "the leader might be responding with stale data": one that was replaced
 * and does not know it never confirms, and its reads fail when it learns. */
static void stale_leaders_confirm_nothing(void **state) {
  struct cluster *c = led(three, RAFT_LEASE_OFF);
  (void)state;
  c->nodes[1].cut = true;
  while (cluster_leader(c) == 1) cluster_run(c, 100 * MS);
  assert_int_equal(cluster_propose(c, 2, 1), RKV_OK);
  cluster_run(c, 1000 * MS);
  assert_int_equal(cluster_view(c, 1).role, RAFT_LEADER); /* node 1 still believes so */
  (void)read_at(c, 1, false);
  cluster_run(c, 60000 * MS);
  assert_int_equal(ready(c), 0);
  c->nodes[1].cut = false;
  cluster_run(c, 2000 * MS);
  assert_int_equal(ready(c), 0);
  assert_int_equal(c->nodes[1].read.failed, 1);
  cluster_free(c);
}

/* An answer to an append that was made before the read came says nothing of the time after. */
static void earlier_appends_confirm_nothing(void **state) {
  struct cluster *c = led(three, RAFT_LEASE_OFF);
  (void)state;
  run_out(c, 1); /* heartbeats */
  (void)read_at(c, 1, false);
  assert_true(cluster_deliver(c, 1, 2) && cluster_deliver(c, 2, 1));
  assert_true(cluster_deliver(c, 1, 3) && cluster_deliver(c, 3, 1));
  assert_int_equal(ready(c), 0);
  assert_true(cluster_deliver(c, 1, 2) && cluster_deliver(c, 2, 1));
  assert_int_equal(ready(c), 1);
  cluster_free(c);
}

/* Appends with entries carry the round too: no heartbeat is needed beside them. */
static void entries_carry_the_round(void **state) {
  struct cluster *c = led(three, RAFT_LEASE_OFF);
  struct raft *r = c->nodes[1].r;
  struct raft_now now = {c->now_ns, 0};
  struct raft_append_plan plan;
  struct rkv_log_id first;
  uint64_t ticket;
  (void)state;
  assert_int_equal(raft_read(r, now, false, &ticket, NULL), RKV_OK);
  assert_int_equal(raft_propose(r, now, 1, &first, NULL), RKV_OK);
  assert_true(raft_next_append(r, now, 2, &plan));
  assert_int_equal(plan.to, first.index);
  raft_append_sent(r, 2, &plan, plan.to);
  assert_false(raft_next_append(r, now, 2, &plan));
  raft_on_append_answer(r, now, 2, &plan, plan.to, RKV_APPEND_SUCCESS, first, VOTE(0, 0), 0);
  assert_int_equal(expect_next(r, RAFT_OUT_READ_READY).ticket, ticket);
  cluster_free(c);
}

/* A conflict is an answer too: the peer follows this leader, whatever its log holds. A failure, a
 * lie and a rejection are none. */
static void answers_that_confirm(void **state) {
  struct cluster *c = led(five, RAFT_LEASE_OFF);
  struct raft *r = c->nodes[1].r;
  struct raft_now now = {c->now_ns, 0};
  struct raft_append_plan plan[6];
  rkv_node_id peer;
  uint64_t ticket;
  (void)state;
  assert_int_equal(raft_read(r, now, false, &ticket, NULL), RKV_OK);
  for (peer = 2; peer <= 3; peer++) {
    assert_true(raft_next_append(r, now, peer, &plan[peer]));
    raft_append_sent(r, peer, &plan[peer], plan[peer].prev.index);
  }
  raft_on_append_failed(r, now, 2, &plan[2], 2, false, NONE);
  raft_on_append_answer(r, now, 3, &plan[3], 2, RKV_APPEND_REJECTED, NONE, VOTE(0, 0), 0);
  raft_on_append_answer(r, now, 3, &plan[3], 2, RKV_APPEND_SUCCESS, ID(1, 9), VOTE(0, 0), 0);
  for (peer = 4; peer <= 5; peer++) {
    assert_true(raft_next_append(r, now, peer, &plan[peer]));
    raft_append_sent(r, peer, &plan[peer], plan[peer].prev.index);
  }
  raft_on_append_answer(r, now, 5, &plan[5], 2, RKV_APPEND_SUCCESS, ID(1, 2), VOTE(0, 0), 0);
  expect_none(r);
  raft_on_append_answer(r, now, 4, &plan[4], 2, RKV_APPEND_CONFLICT, NONE, VOTE(0, 0), 0);
  assert_int_equal(expect_next(r, RAFT_OUT_READ_READY).ticket, ticket);
  cluster_free(c);
}

/* 6.4: a new leader's commit index may be behind: "if the leader has not yet marked an entry from
 * its current term committed, it waits until it has done so". */
static void new_leaders_wait_for_their_first_entry(void **state) {
  struct cluster *c = led(three, 0);
  uint64_t ticket;
  (void)state;
  assert_int_equal(cluster_propose(c, 1, 4), RKV_OK);
  while (cluster_view(c, 1).committed.index < cluster_view(c, 1).last.index)
    assert_true(cluster_deliver(c, 1, 2) && cluster_deliver(c, 2, 1));
  assert_true(cluster_view(c, 2).committed.index < cluster_view(c, 1).committed.index);
  cluster_crash(c, 1);
  while (cluster_deliver(c, 0, 2) || cluster_deliver(c, 0, 1)) continue;
  run_out(c, 2);
  while (cluster_view(c, 2).role != RAFT_LEADER)
    assert_true(cluster_deliver(c, 2, 3) && cluster_deliver(c, 3, 2));
  ticket = read_at(c, 2, false);
  (void)read_at(c, 2, true); /* a lease does not help either */
  assert_int_equal(c->nodes[2].read.ready, 0);
  cluster_deliver_all(c);
  assert_true(c->nodes[2].read.ready > 0);
  assert_in_range(c->nodes[2].read.ticket, ticket, ticket + 1);
  assert_true(c->nodes[2].read.id.term == 2);
  cluster_free(c);
}

/* A joint membership (4.3) needs a majority of both configs; learners count for nothing. */
static void joint_configs_both_confirm(void **state) {
  const rkv_node_id to[] = {1, 4, 5, 0};
  struct cluster *c = led(three, RAFT_LEASE_OFF);
  (void)state;
  cluster_start(c, 4);
  cluster_start(c, 5);
  assert_int_equal(cluster_learner(c, 1, 4), RKV_OK);
  cluster_run(c, 1000 * MS);
  assert_int_equal(cluster_learner(c, 1, 5), RKV_OK);
  cluster_run(c, 1000 * MS);
  (void)read_at(c, 1, false);
  assert_int_equal(cluster_in_flight(c, 1, 4), 0); /* a learner is not even asked */
  cluster_deliver_all(c);
  assert_int_equal(ready(c), 1);
  c->nodes[4].cut = c->nodes[5].cut = true;
  assert_int_equal(cluster_change(c, 1, to, false), RKV_OK);
  (void)read_at(c, 1, false);
  cluster_run(c, 5000 * MS);
  assert_int_equal(ready(c), 1);
  c->nodes[5].cut = false;
  cluster_run(c, 1000 * MS);
  assert_int_equal(ready(c), 2);
  cluster_free(c);
}

/* A lone voter is its own majority. */
static void lone_voters_read_at_once(void **state) {
  const rkv_node_id one[] = {1, 0};
  struct cluster *c = led(one, 0);
  (void)state;
  (void)read_at(c, 1, false);
  (void)read_at(c, 1, true);
  assert_int_equal(ready(c), 2);
  cluster_free(c);
}

/* 6.4: only leaders know; and leases are off unless a bound on drift is given. */
static void refusals_say_why(void **state) {
  struct cluster *c = led(three, RAFT_LEASE_OFF);
  struct raft_now now = {c->now_ns, 0};
  struct rkv_error error;
  uint64_t ticket;
  (void)state;
  assert_int_equal(raft_read(c->nodes[2].r, now, false, &ticket, &error), RKV_NOT_LEADER);
  assert_int_equal(error.leader_id, 1);
  assert_int_equal(raft_read(c->nodes[1].r, now, true, &ticket, &error), RKV_PRECONDITION);
  expect_none(c->nodes[1].r);
  cluster_free(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_are_confirmed_by_a_round),
      cmocka_unit_test(stale_leaders_confirm_nothing),
      cmocka_unit_test(earlier_appends_confirm_nothing),
      cmocka_unit_test(entries_carry_the_round),
      cmocka_unit_test(answers_that_confirm),
      cmocka_unit_test(new_leaders_wait_for_their_first_entry),
      cmocka_unit_test(joint_configs_both_confirm),
      cmocka_unit_test(lone_voters_read_at_once),
      cmocka_unit_test(refusals_say_why),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
