/* membership_test.c: init, learners, joint changes (dissertation chapter 4). */
#include "direct.h"

static const rkv_node_id one[] = {1, 0}, three[] = {1, 2, 3, 0};

/* ---- init ---- */

/* The init entry is {term 0, index 1}; a node alone answers when it leads. */
static void init_of_one_answers_when_it_leads(void **state) {
  struct cluster *c = cluster_new();
  (void)state;
  cluster_start(c, 1);
  c->sync = false;
  assert_int_equal(cluster_init(c, 1, one), RKV_OK);
  assert_id(raft_effective(c->nodes[1].r)->id, 0, 1);
  cluster_write(c, 1, 3); /* the entry and both votes, not the blank entry */
  assert_int_equal(c->nodes[1].done.count, 0);
  cluster_write(c, 1, SIZE_MAX);
  assert_int_equal(c->nodes[1].done.count, 1);
  assert_int_equal(c->nodes[1].done.status, RKV_OK);
  assert_id(c->nodes[1].done.id, 0, 1);
  cluster_free(c);
}

/* Of several, when the entry is durable here: the others may not be up yet. */
static void init_of_several_answers_when_saved(void **state) {
  struct cluster *c = cluster_new();
  (void)state;
  cluster_start(c, 1);
  c->sync = false;
  assert_int_equal(cluster_init(c, 1, three), RKV_OK);
  assert_int_equal(c->nodes[1].done.count, 0);
  cluster_write(c, 1, 1);
  assert_int_equal(c->nodes[1].done.count, 1);
  cluster_free(c);
}

/* Only an empty node that never voted and is among the voters of one config. */
static void init_is_refused_to_nodes_with_a_history(void **state) {
  struct cluster *c = led_by_one_of_four(one);
  struct rkv_membership m = cluster_membership(three);
  struct rkv_error error;
  struct raft_now now = {c->now_ns, 0};
  (void)state;
  assert_int_equal(cluster_init(c, 1, one), RKV_PRECONDITION);
  assert_int_equal(cluster_init(c, 4, three), RKV_PRECONDITION);
  m.nodes[0].id = 0;
  m.configs[0].ids[0] = 0;
  assert_int_equal(raft_init(c->nodes[4].r, now, &m, NULL, &error), RKV_INVALID);
  m = cluster_membership(three);
  m.config_count = 0;
  assert_int_equal(raft_init(c->nodes[4].r, now, &m, NULL, &error), RKV_INVALID);
  m = cluster_membership(three);
  m.config_count = 2;
  m.configs[1] = m.configs[0];
  assert_int_equal(raft_init(c->nodes[4].r, now, &m, NULL, &error), RKV_INVALID);
  raft_on_vote_request(c->nodes[3].r, now, VOTE(5, 9), NONE, false, NULL);
  (void)drained(c->nodes[3].r, RAFT_OUT_ROLE);
  assert_int_equal(cluster_init(c, 3, three), RKV_PRECONDITION); /* node 3 voted */
  cluster_free(c);
}

/* ---- learners ---- */

/* A learner gets the log, counts for no quorum, and the call ends when it has caught up. */
static void learners_catch_up_and_count_for_nothing(void **state) {
  struct cluster *c = led_by_one_of_four(one);
  (void)state;
  assert_int_equal(cluster_propose(c, 1, 10), RKV_OK);
  assert_int_equal(cluster_learner(c, 1, 4), RKV_OK);
  assert_int_equal(cluster_view(c, 1).committed.index, 13); /* at once, by node 1 alone */
  assert_int_equal(c->nodes[1].done.count, 1);
  cluster_deliver_all(c);
  assert_int_equal(c->nodes[1].done.count, 2);
  assert_int_equal(cluster_view(c, 4).last.index, 13);
  assert_int_equal(cluster_view(c, 4).role, RAFT_LEARNER);
  assert_int_equal(raft_deadline(c->nodes[4].r), UINT64_MAX);
  cluster_free(c);
}

/* An address that is known stays, whatever the call says. */
static void add_learner_never_overwrites_an_address(void **state) {
  struct cluster *c = led_by_one_of_four(one);
  struct rkv_member other;
  struct raft_now now = {c->now_ns, 0};
  (void)state;
  assert_int_equal(cluster_learner(c, 1, 4), RKV_OK);
  cluster_run(c, 200 * MS);
  memset(&other, 0, sizeof other);
  other.id = 4;
  (void)snprintf(other.addr, sizeof other.addr, "elsewhere:1");
  assert_int_equal(raft_add_learner(c->nodes[1].r, now, &other, NULL, NULL), RKV_OK);
  carry_out(c, &c->nodes[1]);
  assert_string_equal(rkv_membership_find(members(c, 1), 4)->addr, "n4:1");
  cluster_run(c, 200 * MS);
  assert_int_equal(cluster_view(c, 4).committed.index, 4); /* an entry was written all the same */
  cluster_free(c);
}

/* A learner that is away keeps its call waiting, but not other changes; a caller who leaves is not
 * answered. */
static void absent_learners_wait_alone(void **state) {
  struct cluster *c = led_by_one_of_four(one);
  (void)state;
  cluster_crash(c, 4);
  assert_int_equal(cluster_learner(c, 1, 4), RKV_OK);
  cluster_run(c, 10000 * MS);
  assert_int_equal(c->nodes[1].done.count, 1);
  raft_forget_change(c->nodes[1].r, &c->nodes[1].done);
  assert_int_equal(cluster_learner(c, 1, 2), RKV_OK);
  cluster_run(c, 1000 * MS);
  assert_int_equal(c->nodes[1].done.count, 2);
  cluster_start(c, 4);
  cluster_run(c, 1000 * MS);
  assert_int_equal(c->nodes[1].done.count, 2);
  assert_int_equal(cluster_view(c, 4).last.index, cluster_view(c, 1).last.index);
  cluster_free(c);
}

/* ---- changes ---- */

/* Dissertation 4.3: during the change decisions need majorities of both configs. */
static void joint_decisions_need_both_majorities(void **state) {
  const rkv_node_id target[] = {3, 4, 0};
  struct cluster *c = led_by_one_of_four(three);
  (void)state;
  assert_int_equal(cluster_learner(c, 1, 4), RKV_OK);
  cluster_run(c, 1000 * MS);
  assert_int_equal(cluster_change(c, 1, target, false), RKV_OK);
  assert_int_equal(members(c, 1)->config_count, 2);
  c->nodes[4].cut = true; /* 1, 2 and 3 are not enough: of {3, 4} only 3 */
  cluster_run(c, 1000 * MS);
  assert_int_equal(members(c, 1)->config_count, 2);
  assert_int_equal(c->nodes[1].done.count, 2);
  c->nodes[4].cut = false;
  cluster_run(c, 100 * MS);
  cluster_run(c, 1000 * MS);
  assert_int_equal(c->nodes[1].done.count, 3);
  assert_voters(c, 3, target);
  assert_voters(c, 4, target);
  cluster_free(c);
}

/* retain: voters that leave become learners; else they are dropped, learners never. */
static void retain_decides_about_voters_that_leave(void **state) {
  const rkv_node_id two[] = {1, 2, 0};
  struct cluster *c = led_by_one_of_four(three);
  (void)state;
  assert_int_equal(cluster_learner(c, 1, 4), RKV_OK);
  cluster_run(c, 1000 * MS);
  assert_int_equal(cluster_change(c, 1, two, true), RKV_OK);
  cluster_run(c, 1000 * MS);
  assert_voters(c, 1, two);
  assert_non_null(rkv_membership_find(members(c, 1), 3));
  assert_int_equal(cluster_view(c, 3).role, RAFT_LEARNER);
  assert_int_equal(cluster_change(c, 1, one, false), RKV_OK);
  cluster_run(c, 1000 * MS);
  assert_voters(c, 1, one);
  assert_null(rkv_membership_find(members(c, 1), 2));
  assert_non_null(rkv_membership_find(members(c, 1), 3)); /* node 3 was a learner */
  assert_non_null(rkv_membership_find(members(c, 1), 4));
  cluster_free(c);
}

/* The same voters again need no joint; ids may come unsorted and twice. */
static void the_same_voters_are_one_entry(void **state) {
  struct cluster *c = led_by_one_of_four(three);
  struct rkv_config_set voters = {.count = 4, .ids = {3, 1, 2, 3}};
  struct raft_now now = {c->now_ns, 0};
  (void)state;
  assert_int_equal(raft_change_membership(c->nodes[1].r, now, &voters, false, NULL, NULL), RKV_OK);
  carry_out(c, &c->nodes[1]);
  assert_voters(c, 1, three);
  cluster_run(c, 100 * MS);
  assert_int_equal(c->nodes[1].done.count, 2);
  assert_int_equal(cluster_view(c, 1).last.index, 3);
  cluster_free(c);
}

/* One uncommitted change at a time; unknown nodes, empty sets and followers are refused. */
static void changes_are_refused_with_a_reason(void **state) {
  const rkv_node_id stranger[] = {1, 6, 0}, two[] = {1, 2, 0};
  struct cluster *c = led_by_one_of_four(three);
  struct rkv_config_set empty = {0};
  struct rkv_member nameless = {.id = 5};
  struct rkv_error error;
  struct raft_now now = {c->now_ns, 0};
  struct rkv_log_id first;
  (void)state;
  assert_int_equal(cluster_change(c, 1, stranger, false), RKV_INVALID);
  assert_int_equal(raft_change_membership(c->nodes[1].r, now, &empty, false, NULL, &error),
                   RKV_INVALID);
  assert_int_equal(raft_add_learner(c->nodes[1].r, now, &nameless, NULL, &error), RKV_INVALID);
  assert_int_equal(raft_propose(c->nodes[2].r, now, 1, &first, &error), RKV_NOT_LEADER);
  assert_int_equal(error.leader_id, 1);
  assert_string_equal(error.leader_addr, "n1:1");
  assert_int_equal(cluster_change(c, 2, two, false), RKV_NOT_LEADER);
  assert_int_equal(cluster_change(c, 1, two, false), RKV_OK);
  assert_int_equal(cluster_change(c, 1, three, false), RKV_PRECONDITION);
  assert_int_equal(cluster_learner(c, 1, 4), RKV_PRECONDITION);
  cluster_free(c);
}

/* The number of nodes is limited, and reaching the limit is an ordinary error. */
static void a_cluster_has_at_most_nodes_max(void **state) {
  struct cluster *c = led_by_one_of_four(one);
  struct rkv_member node;
  struct raft_now now = {c->now_ns, 0};
  rkv_node_id id;
  (void)state;
  memset(&node, 0, sizeof node);
  (void)snprintf(node.addr, sizeof node.addr, "n:1");
  for (id = 10; id < 10 + RKV_NODES_MAX - 1; id++) {
    node.id = id;
    assert_int_equal(raft_add_learner(c->nodes[1].r, now, &node, &node, NULL), RKV_OK);
    (void)drained(c->nodes[1].r, RAFT_OUT_APPEND_OWN);
    raft_on_log_saved(c->nodes[1].r, now, cluster_view(c, 1).last);
    (void)drained(c->nodes[1].r, RAFT_OUT_COMMIT);
    raft_forget_change(c->nodes[1].r, &node);
  }
  node.id = 9;
  assert_int_equal(raft_add_learner(c->nodes[1].r, now, &node, &node, NULL), RKV_INVALID);
  cluster_free(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(init_of_one_answers_when_it_leads),
      cmocka_unit_test(init_of_several_answers_when_saved),
      cmocka_unit_test(init_is_refused_to_nodes_with_a_history),
      cmocka_unit_test(learners_catch_up_and_count_for_nothing),
      cmocka_unit_test(add_learner_never_overwrites_an_address),
      cmocka_unit_test(absent_learners_wait_alone),
      cmocka_unit_test(joint_decisions_need_both_majorities),
      cmocka_unit_test(retain_decides_about_voters_that_leave),
      cmocka_unit_test(the_same_voters_are_one_entry),
      cmocka_unit_test(changes_are_refused_with_a_reason),
      cmocka_unit_test(a_cluster_has_at_most_nodes_max),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
