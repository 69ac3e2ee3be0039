/* record_test.c: rkv_member.incarnation and returning: what a membership holds of its members
 * beside their addresses, and what of it may change. */
#include "direct.h"

static const rkv_node_id three[] = {1, 2, 3, 0};

static struct rkv_member record_of(const struct cluster *c, rkv_node_id at, rkv_node_id id) {
  const struct rkv_member *m = rkv_membership_find(&raft_effective(c->nodes[at].r)->value, id);
  assert_non_null(m);
  return *m;
}

static enum rkv_status set(struct cluster *c, struct rkv_member member) {
  struct raft_now now = {c->now_ns, 0};
  struct rkv_error error;
  enum rkv_status status = raft_set_member(c->nodes[1].r, now, &member, &error);
  carry_out(c, &c->nodes[1]);
  cluster_run(c, 200 * MS);
  return status;
}

/* What was not known becomes known, in an entry that every node gets. */
static void an_incarnation_becomes_known(void **state) {
  struct cluster *c = led_by_one_of_four(three);
  struct rkv_member m = record_of(c, 1, 2);
  (void)state;
  assert_int_equal(m.incarnation, 0);
  m.incarnation = 77;
  assert_int_equal(set(c, m), RKV_OK);
  assert_int_equal(record_of(c, 3, 2).incarnation, 77);
  assert_int_equal(cluster_view(c, 1).committed.index, cluster_view(c, 1).last.index);
  cluster_free(c);
}

/* A voter's never changes: another incarnation is another voter. A learner's does; then it may be
 * made a voter, which ends its return. */
static void only_learners_become_another(void **state) {
  const rkv_node_id without[] = {1, 3, 0};
  struct cluster *c = led_by_one_of_four(three);
  struct rkv_member m = record_of(c, 1, 2);
  (void)state;
  m.incarnation = 77;
  assert_int_equal(set(c, m), RKV_OK);
  m.incarnation = 78;
  assert_int_equal(set(c, m), RKV_INVALID);
  m.incarnation = 77;
  m.returning = 1;
  assert_int_equal(set(c, m), RKV_OK);
  assert_int_equal(cluster_change(c, 1, without, true), RKV_OK);
  cluster_run(c, 500 * MS);
  assert_int_equal(record_of(c, 1, 2).returning, 1);
  m.incarnation = 78;
  assert_int_equal(set(c, m), RKV_OK);
  assert_int_equal(record_of(c, 3, 2).incarnation, 78);
  assert_true(raft_caught_up(c->nodes[1].r, 2));
  assert_int_equal(cluster_change(c, 1, three, true), RKV_OK);
  cluster_run(c, 500 * MS);
  assert_int_equal(record_of(c, 3, 2).incarnation, 78);
  assert_int_equal(record_of(c, 3, 2).returning, 0);
  cluster_free(c);
}

/* A voter that lost its storage leaves in order to come back: also a leader that finishes the joint
 * change of another one, and was told nothing of retaining, keeps it as a learner. */
static void a_returning_voter_outlives_the_leader(void **state) {
  const rkv_node_id without[] = {1, 3, 0};
  struct cluster *c = led_by_one_of_four(three);
  struct rkv_member m = record_of(c, 1, 2);
  (void)state;
  m.incarnation = 77;
  assert_int_equal(set(c, m), RKV_OK);
  m.returning = 1;
  assert_int_equal(set(c, m), RKV_OK);
  assert_int_equal(cluster_change(c, 1, without, true), RKV_OK);
  assert_true(cluster_deliver(c, 1, 3));
  cluster_crash(c, 1);
  cluster_start(c, 1);
  cluster_elect(c, 3);
  cluster_run(c, 500 * MS);
  assert_int_equal(cluster_leader(c), 3);
  assert_int_equal(raft_effective(c->nodes[3].r)->value.config_count, 1);
  assert_false(rkv_membership_is_voter(&raft_effective(c->nodes[3].r)->value, 2));
  assert_int_equal(record_of(c, 3, 2).returning, 1);
  cluster_free(c);
}

/* Strangers, other addresses, followers and unfinished changes: refused, and nothing is written. */
static void records_are_refused_with_a_reason(void **state) {
  struct cluster *c = led_by_one_of_four(three);
  struct rkv_member m = record_of(c, 1, 2);
  struct raft_now now = {c->now_ns, 0};
  rkv_index last = cluster_view(c, 1).last.index;
  (void)state;
  m.id = 9;
  assert_int_equal(set(c, m), RKV_INVALID);
  m = record_of(c, 1, 2);
  m.addr[0] ^= 1;
  assert_int_equal(set(c, m), RKV_INVALID);
  m = record_of(c, 1, 2);
  assert_int_equal(raft_set_member(c->nodes[2].r, now, &m, NULL), RKV_NOT_LEADER);
  assert_false(raft_caught_up(c->nodes[2].r, 1));
  assert_int_equal(cluster_view(c, 1).last.index, last);
  c->nodes[1].cut = true;
  assert_int_equal(set(c, m), RKV_OK);
  assert_int_equal(set(c, m), RKV_PRECONDITION); /* the change before is not committed */
  cluster_free(c);
}

/* A learner is added with its incarnation, and added again with another; a voter is not. */
static void added_learners_are_known(void **state) {
  struct cluster *c = led_by_one_of_four(three);
  struct rkv_member four = {.id = 4, .addr = "n4:1", .incarnation = 5};
  struct rkv_member two = record_of(c, 1, 2);
  struct raft_now now = {c->now_ns, 0};
  (void)state;
  assert_int_equal(raft_add_learner(c->nodes[1].r, now, &four, &c->nodes[1].done, NULL), RKV_OK);
  carry_out(c, &c->nodes[1]);
  cluster_run(c, 500 * MS);
  assert_int_equal(record_of(c, 3, 4).incarnation, 5);
  four.incarnation = 6;
  now.ns = c->now_ns;
  assert_int_equal(raft_add_learner(c->nodes[1].r, now, &four, &c->nodes[1].done, NULL), RKV_OK);
  carry_out(c, &c->nodes[1]);
  cluster_run(c, 500 * MS);
  assert_int_equal(record_of(c, 3, 4).incarnation, 6);
  two.incarnation = 9;
  now.ns = c->now_ns;
  assert_int_equal(raft_add_learner(c->nodes[1].r, now, &two, &c->nodes[1].done, NULL), RKV_OK);
  carry_out(c, &c->nodes[1]);
  cluster_run(c, 500 * MS);
  assert_int_equal(record_of(c, 3, 2).incarnation, 0);
  cluster_free(c);
}

/* A config whose majority is silent could never commit its own entry, nor be left again. */
static void a_silent_majority_is_refused(void **state) {
  const rkv_node_id silent[] = {1, 2, 3, 4, 0}, alone[] = {3, 0}, rest[] = {1, 2, 0};
  struct cluster *c = led_by_one_of_four(three);
  struct rkv_error error;
  struct rkv_config_set voters = {.count = 1, .ids = {3}};
  struct raft_now now;
  (void)state;
  assert_int_equal(cluster_learner(c, 1, 4), RKV_OK);
  cluster_run(c, 1000 * MS);
  c->nodes[3].cut = c->nodes[4].cut = true;
  cluster_run(c, 1000 * MS);
  now = (struct raft_now){c->now_ns, 0};
  assert_int_equal(raft_change_membership(c->nodes[1].r, now, &voters, false, NULL, &error),
                   RKV_PRECONDITION);
  assert_non_null(strstr(error.text, "node 3 does not"));
  assert_int_equal(cluster_change(c, 1, silent, false), RKV_PRECONDITION);
  assert_int_equal(cluster_change(c, 1, alone, false), RKV_PRECONDITION);
  assert_int_equal(cluster_change(c, 1, rest, false), RKV_OK);
  cluster_free(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_incarnation_becomes_known),
      cmocka_unit_test(only_learners_become_another),
      cmocka_unit_test(a_returning_voter_outlives_the_leader),
      cmocka_unit_test(records_are_refused_with_a_reason),
      cmocka_unit_test(added_learners_are_known),
      cmocka_unit_test(a_silent_majority_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
