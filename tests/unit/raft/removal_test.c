/* removal_test.c: leaders that remove themselves, changes cut short (dissertation 4.2; paper 6). */
#include "direct.h"

static const rkv_node_id one[] = {1, 0}, three[] = {1, 2, 3, 0}, only_three[] = {3, 0};

/* Paper 6: "the cluster leader may not be part of the new configuration. In this case, the leader
 * steps down once it has committed the C_new log entry": 150 ms later; the lone voter that is left
 * takes over right after. */
static void a_leader_that_removed_itself_leaves(void **state) {
  struct cluster *c = led_by_one_of_four(three);
  (void)state;
  assert_int_equal(cluster_change(c, 1, only_three, false), RKV_OK);
  cluster_deliver_all(c);
  assert_int_equal(c->nodes[1].done.count, 2);
  assert_int_equal(c->nodes[1].done.status, RKV_OK);
  assert_int_equal(cluster_view(c, 1).role, RAFT_LEADER);
  assert_int_equal(cluster_propose(c, 1, 1), RKV_OK); /* the removed leader serves on */
  cluster_run(c, 149 * MS);
  assert_int_equal(cluster_view(c, 1).role, RAFT_LEADER);
  cluster_run(c, 500 * MS);
  assert_int_equal(cluster_view(c, 1).role, RAFT_LEARNER);
  assert_int_equal(cluster_view(c, 1).leader, 0);
  assert_int_equal(cluster_view(c, 3).role, RAFT_LEADER);
  assert_int_equal(cluster_propose(c, 3, 1), RKV_OK);
  assert_int_equal(cluster_view(c, 3).committed.index, cluster_view(c, 3).last.index);
  cluster_free(c);
}

/* Of several that are left one takes over without waiting for the lease of the leader that went. */
static void removed_leaders_leave_no_lease(void **state) {
  const rkv_node_id rest[] = {2, 3, 0};
  struct cluster *c = led_by_one_of_four(three);
  (void)state;
  assert_int_equal(cluster_change(c, 1, rest, false), RKV_OK);
  cluster_run(c, 2000 * MS);
  assert_int_equal(cluster_view(c, 1).role, RAFT_LEARNER);
  assert_in_range(cluster_leader(c), 2, 3);
  cluster_free(c);
}

/* Who is removed hears of it, as long as it answers: it becomes a learner and campaigns no more.
 * One that is away is not waited for (see 4.2.3). */
static void removed_voters_are_told(void **state) {
  const rkv_node_id two[] = {1, 2, 0}, alone[] = {1, 0};
  struct cluster *c = led_by_one_of_four(three);
  (void)state;
  assert_int_equal(cluster_change(c, 1, two, false), RKV_OK);
  cluster_run(c, 1000 * MS);
  assert_int_equal(cluster_view(c, 3).role, RAFT_LEARNER);
  assert_voters(c, 3, two);
  cluster_run(c, 30000 * MS);
  assert_int_equal(cluster_view(c, 1).vote.term, 1);
  assert_int_equal(cluster_in_flight(c, 1, 3), 0);
  assert_int_equal(cluster_change(c, 1, alone, false), RKV_OK);
  cluster_run(c, 1000 * MS);
  assert_int_equal(cluster_view(c, 2).role, RAFT_LEARNER);
  cluster_free(c);
}

/* Dissertation 4.2.2: "a server that is not part of its own latest configuration should still start
 * new elections", as long as that configuration is not committed. */
static void servers_outside_of_an_uncommitted_config_campaign(void **state) {
  const rkv_node_id rest[] = {2, 3, 0};
  struct cluster *c = led_by_one_of_four(three);
  struct raft_view view;
  (void)state;
  assert_int_equal(cluster_change(c, 1, rest, false), RKV_OK);
  while (members(c, 1)->config_count == 2) assert_true(cluster_deliver(c, 0, 0));
  while (cluster_drop(c, 1, 0)) continue; /* nobody got the last entry */
  cluster_crash(c, 1);
  cluster_start(c, 1);
  view = cluster_view(c, 1);
  assert_int_equal(view.role, RAFT_FOLLOWER);
  cluster_run(c, 30000 * MS);
  assert_voters(c, 2, rest);
  assert_voters(c, 3, rest);
  assert_in_range(cluster_leader(c), 2, 3);
  assert_int_equal(cluster_view(c, 1).role, RAFT_LEARNER);
  cluster_free(c);
}

/* A membership is in force when appended, and the one before returns when it is cut off. */
static void truncation_reverts_the_membership(void **state) {
  const rkv_node_id two[] = {1, 2, 0};
  struct cluster *c = led_by_one_of_four(three);
  struct raft_now now;
  struct raft_output out;
  (void)state;
  c->nodes[1].cut = true;
  assert_int_equal(cluster_change(c, 1, two, false), RKV_OK);
  assert_int_equal(members(c, 1)->config_count, 2);
  now = (struct raft_now){c->now_ns, 0};
  assert_int_equal(raft_on_append_request(c->nodes[1].r, now, LEADER_VOTE(2, 2), ID(2, 3), NONE,
                                          NULL, 0, NULL, NULL),
                   RKV_OK);
  expect_next(c->nodes[1].r, RAFT_OUT_SAVE_VOTE);
  expect_next(c->nodes[1].r, RAFT_OUT_ROLE);
  expect_next(c->nodes[1].r, RAFT_OUT_DROP_PROPOSALS);
  out = expect_next(c->nodes[1].r, RAFT_OUT_CHANGE_DONE);
  assert_int_equal(out.status, RKV_ABORTED);
  assert_int_equal(out.membership->value.config_count, 2);
  assert_id(expect_next(c->nodes[1].r, RAFT_OUT_TRUNCATE).id, 1, 2);
  out = expect_next(c->nodes[1].r, RAFT_OUT_MEMBERSHIP);
  assert_id(out.id, 0, 1);
  assert_int_equal(out.membership->value.config_count, 1);
  assert_voters(c, 1, three);
  cluster_free(c);
}

/* A joint left behind by a leader that died is finished by the next one. */
static void the_next_leader_finishes_a_joint_change(void **state) {
  const rkv_node_id two[] = {2, 3, 0};
  struct cluster *c = led_by_one_of_four(three);
  (void)state;
  assert_int_equal(cluster_change(c, 1, two, false), RKV_OK);
  while (members(c, 2)->config_count != 2 || members(c, 3)->config_count != 2)
    assert_true(cluster_deliver(c, 1, 0));
  cluster_crash(c, 1);
  cluster_run(c, 20000 * MS);
  assert_in_range(cluster_leader(c), 2, 3);
  assert_voters(c, 2, two);
  assert_voters(c, 3, two);
  cluster_free(c);
}

/* The lowest node of a follower's batch of memberships: the last is in force, the one before it is
 * what a cut returns to. */
static void followers_take_several_memberships_at_once(void **state) {
  struct cluster *c = cluster_new();
  struct rkv_membership a = cluster_membership(one), b = cluster_membership(three);
  const rkv_node_id two[] = {1, 2, 0};
  struct rkv_membership d = cluster_membership(two);
  const struct raft_entry entries[] = {{ID(0, 1), RKV_ENTRY_MEMBERSHIP, &a},
                                       {ID(1, 2), RKV_ENTRY_BLANK, NULL},
                                       {ID(1, 3), RKV_ENTRY_MEMBERSHIP, &b},
                                       {ID(1, 4), RKV_ENTRY_MEMBERSHIP, &d}};
  struct raft_now now = {1000 * MS, 0};
  struct raft *r;
  (void)state;
  cluster_start(c, 2);
  r = c->nodes[2].r;
  assert_int_equal(
      raft_on_append_request(r, now, LEADER_VOTE(1, 1), NONE, ID(1, 3), entries, 4, NULL, NULL),
      RKV_OK);
  assert_id(expect(r, RAFT_OUT_MEMBERSHIP).id, 1, 4);
  assert_false(drained(r, RAFT_OUT_MEMBERSHIP));
  assert_int_equal(
      raft_on_append_request(r, now, LEADER_VOTE(2, 3), ID(2, 4), NONE, NULL, 0, NULL, NULL),
      RKV_OK);
  assert_id(expect(r, RAFT_OUT_MEMBERSHIP).id, 1, 3);
  cluster_free(c);
}

/* A leader that resigned owes itself nothing: also right after it was a follower, it helps. */
static void resigned_leaders_vote_at_once(void **state) {
  const rkv_node_id others[] = {1, 2, 0};
  struct cluster *c = led_by_one_of(cluster_new(), three);
  struct raft *r = c->nodes[3].r;
  (void)state;
  cluster_run(c, 500 * MS); /* node 3 hears node 1 */
  assert_int_equal(cluster_transfer(c, 1, 3), RKV_OK);
  cluster_deliver_all(c);
  assert_int_equal(cluster_change(c, 3, others, false), RKV_OK);
  while (cluster_view(c, 3).role == RAFT_LEADER) cluster_run(c, 10 * MS);
  raft_on_vote_request(r, (struct raft_now){c->now_ns, 0}, VOTE(9, 1), ID(9, 99), false, c);
  assert_true(expect(r, RAFT_OUT_ANSWER_VOTE).granted);
  cluster_free(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_leader_that_removed_itself_leaves),
      cmocka_unit_test(removed_leaders_leave_no_lease),
      cmocka_unit_test(removed_voters_are_told),
      cmocka_unit_test(servers_outside_of_an_uncommitted_config_campaign),
      cmocka_unit_test(truncation_reverts_the_membership),
      cmocka_unit_test(the_next_leader_finishes_a_joint_change),
      cmocka_unit_test(followers_take_several_memberships_at_once),
      cmocka_unit_test(resigned_leaders_vote_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
