/* leave_test.c: a node leaves the cluster in which it was initialised for the cluster of another
 * leader, and what is compared with committed entries. */
#include "direct.h"

static const rkv_node_id three[] = {1, 2, 3, 0}, other[] = {2, 3, 4, 0};

/* Node `id` was initialised with `voters`, and campaigned in vain. */
static struct cluster *initialised(rkv_node_id id, const rkv_node_id *voters) {
  struct cluster *c = cluster_new();
  cluster_start(c, id);
  assert_int_equal(cluster_init(c, id, voters), RKV_OK);
  assert_int_equal(cluster_view(c, id).role, RAFT_CANDIDATE);
  return c;
}

/* The log goes, whatever its entries' ids; the vote stays, and nobody votes before the other leader
 * has said who does. */
static void the_whole_log_is_dropped(void **state) {
  struct cluster *c = initialised(2, other);
  struct raft *r = c->nodes[2].r;
  const struct raft_now now = {c->now_ns, 0};
  struct rkv_membership theirs = cluster_membership(three);
  const struct raft_entry initial = {ID(0, 1), RKV_ENTRY_MEMBERSHIP, &theirs};
  struct rkv_vote vote = cluster_view(c, 2).vote;
  (void)state;
  raft_leave_cluster(r, now);
  assert_id(expect(r, RAFT_OUT_TRUNCATE).id, 0, 0);
  (void)expect(r, RAFT_OUT_MEMBERSHIP);
  (void)drained(r, RAFT_OUT_ROLE);
  assert_int_equal(cluster_view(c, 2).role, RAFT_LEARNER);
  assert_int_equal(raft_deadline(r), UINT64_MAX);
  assert_vote(cluster_view(c, 2).vote, vote.term, vote.node_id, vote.committed);
  assert_int_equal(
      raft_on_append_request(r, now, LEADER_VOTE(9, 1), ID(0, 1), NONE, NULL, 0, NULL, NULL),
      RKV_OK);
  assert_int_equal(expect(r, RAFT_OUT_ANSWER_APPEND).result, RKV_APPEND_CONFLICT);
  assert_int_equal(
      raft_on_append_request(r, now, LEADER_VOTE(9, 1), NONE, NONE, &initial, 1, NULL, NULL),
      RKV_OK);
  assert_int_equal(expect(r, RAFT_OUT_APPEND_RECEIVED).count, 1);
  assert_true(rkv_membership_is_voter(&raft_effective(r)->value, 1));
  assert_false(rkv_membership_is_voter(&raft_effective(r)->value, 4));
  cluster_free(c);
}

/* A leader steps down first, and gives up what waits for it. */
static void leaders_step_down_first(void **state) {
  struct cluster *c = cluster_new();
  const rkv_node_id two[] = {2, 3, 0};
  struct raft_now now = {0};
  struct raft *r;
  (void)state;
  cluster_start(c, 2);
  cluster_start(c, 3);
  assert_int_equal(cluster_init(c, 2, two), RKV_OK);
  while (cluster_view(c, 2).role != RAFT_LEADER) {
    if (cluster_deliver(c, 2, 3) || cluster_deliver(c, 3, 2)) continue;
    cluster_advance(c, 10 * MS);
  }
  r = c->nodes[2].r;
  now.ns = c->now_ns;
  assert_int_equal(cluster_propose(c, 2, 1), RKV_OK);
  raft_leave_cluster(r, now);
  assert_id(expect(r, RAFT_OUT_DROP_PROPOSALS).id, 0, 0);
  assert_id(expect(r, RAFT_OUT_TRUNCATE).id, 0, 0);
  (void)drained(r, RAFT_OUT_ROLE);
  assert_int_equal(cluster_view(c, 2).role, RAFT_LEARNER);
  assert_id(cluster_view(c, 2).saved, 0, 0);
  cluster_free(c);
}

/* Nothing to leave: nothing happens. */
static void an_empty_log_is_left_silently(void **state) {
  struct cluster *c = cluster_new();
  (void)state;
  cluster_start(c, 2);
  raft_leave_cluster(c->nodes[2].r, (struct raft_now){c->now_ns, 0});
  expect_none(c->nodes[2].r);
  cluster_free(c);
}

/* A leader's log holds what is committed here, so that a `prev` of another term at a committed
 * index comes from another cluster, or from a broken peer. */
static void a_prev_that_contradicts_what_is_committed_is_refused(void **state) {
  const rkv_term terms[] = {1, 1, 2, 2, 2};
  struct cluster *c = cluster_new();
  struct raft_now now = {c->now_ns, 0};
  struct rkv_error error = {0};
  struct raft *r;
  (void)state;
  cluster_set_log(c, 2, terms, 5, three, 7);
  r = c->nodes[2].r;
  assert_int_equal(
      raft_on_append_request(r, now, LEADER_VOTE(8, 1), ID(2, 4), ID(2, 4), NULL, 0, NULL, NULL),
      RKV_OK);
  assert_id(cluster_view(c, 2).committed, 2, 4);
  (void)drained(r, RAFT_OUT_COMMIT);
  assert_int_equal(
      raft_on_append_request(r, now, LEADER_VOTE(9, 3), ID(3, 4), NONE, NULL, 0, NULL, &error),
      RKV_INVALID);
  assert_string_equal(error.text, "prev_log_id: index 4 is committed here with term 2, not 3");
  expect_none(r);
  assert_int_equal(raft_check_append_request(r, LEADER_VOTE(9, 3), ID(3, 4), NULL, 0, &error),
                   RKV_INVALID);
  /* What is purged is not known any more, and matches as everything committed does. */
  raft_on_applied(r, now, ID(2, 4));
  raft_on_snapshot_built(r, now, ID(2, 4));
  (void)drained(r, RAFT_OUT_PURGE);
  assert_int_equal(
      raft_on_append_request(r, now, LEADER_VOTE(9, 3), ID(1, 2), NONE, NULL, 0, NULL, &error),
      RKV_OK);
  cluster_free(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_whole_log_is_dropped),
      cmocka_unit_test(leaders_step_down_first),
      cmocka_unit_test(an_empty_log_is_left_silently),
      cmocka_unit_test(a_prev_that_contradicts_what_is_committed_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
