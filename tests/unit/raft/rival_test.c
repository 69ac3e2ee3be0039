/* rival_test.c: two leaders of one term. Election Safety (5.2, figure 3) has none among honest
 * nodes of one cluster; a node that was asked by the leader of another cluster, or by a stranger,
 * follows it all the same, and took no append of its real leader while that term lasted. */
#include "direct.h"

#define STRANGER 9

static const rkv_node_id three[] = {1, 2, 3, 0};

/* Says to node `id` that the stranger leads in `term`; nothing else is said. */
static void mislead(struct cluster *c, rkv_node_id id, rkv_term term) {
  struct raft *r = c->nodes[id].r;
  struct rkv_error error;
  assert_int_equal(raft_on_append_request(r, (struct raft_now){c->now_ns, 0},
                                          LEADER_VOTE(term, STRANGER), NONE, NONE, NULL, 0, NULL,
                                          &error),
                   RKV_OK);
  (void)drained(r, RAFT_OUT_SAVE_VOTE);
  assert_vote(cluster_view(c, id).vote, term, STRANGER, true);
}

static void assert_follows(struct cluster *c, rkv_node_id id, rkv_index at_least) {
  const rkv_node_id leader = cluster_leader(c);
  const struct raft_view view = cluster_view(c, id);
  assert_true(leader >= 1 && leader <= 3);
  assert_int_equal(view.leader, leader);
  assert_true(view.last.index >= at_least);
  assert_true(rkv_log_id_equal(view.last, cluster_view(c, leader).last));
}

/* An empty learner, as soon as its leader asks it. */
static void a_misled_learner_follows_its_leader(void **state) {
  struct cluster *c = led_by_one_of(cluster_new(), three);
  rkv_index last;
  (void)state;
  assert_int_equal(cluster_propose(c, 1, 5), RKV_OK);
  cluster_run(c, 200 * MS);
  last = cluster_view(c, 1).committed.index;
  cluster_start(c, 4);
  mislead(c, 4, cluster_view(c, 1).vote.term);
  assert_int_equal(cluster_learner(c, 1, 4), RKV_OK);
  cluster_run(c, 1000 * MS);
  assert_follows(c, 4, last);
  assert_true(cluster_view(c, cluster_leader(c)).committed.index > last);
  cluster_free(c);
}

/* A voter that was away when the term began. It cannot help itself: the others, which hear their
 * leader, grant it no pre-vote. */
static void a_misled_voter_follows_its_leader(void **state) {
  struct cluster *c = cluster_new();
  (void)state;
  c->config.pre_vote = true;
  (void)led_by_one_of(c, three);
  c->nodes[3].cut = true;
  assert_int_equal(cluster_transfer(c, 1, 2), RKV_OK);
  cluster_run(c, 200 * MS);
  assert_int_equal(cluster_leader(c), 2);
  mislead(c, 3, cluster_view(c, 2).vote.term);
  c->nodes[3].cut = false;
  assert_int_equal(cluster_propose(c, 2, 1), RKV_OK);
  cluster_run(c, 1000 * MS);
  assert_follows(c, 3, cluster_view(c, 2).committed.index);
  cluster_free(c);
}

/* ---- what the leader does ---- */

enum door { DOOR_APPEND, DOOR_SNAPSHOT, DOORS };

/* A follower names this vote. */
static struct raft *told(struct cluster *c, enum door door, struct rkv_vote vote) {
  struct raft *r = c->nodes[1].r;
  const struct rkv_vote own = cluster_view(c, 1).vote;
  const struct raft_now now = {c->now_ns, 0};
  if (door == DOOR_APPEND)
    raft_on_append_answer(r, now, 3, PLAN(own, ID(1, 2)), 2, RKV_APPEND_REJECTED, NONE, vote, 0);
  else
    raft_on_snapshot_sent(r, now, 3, false, NONE, vote);
  return r;
}

/* It begins a later term, at once: its own voters owe it no lease. */
static void a_leader_outbids_its_rival(void **state) {
  (void)state;
  for (int door = 0; door < DOORS; door++) {
    struct cluster *c = led_by_one_of(cluster_new(), three);
    const rkv_term term = cluster_view(c, 1).vote.term;
    struct raft *r = told(c, (enum door)door, LEADER_VOTE(term, STRANGER));
    struct raft_output out = expect(r, RAFT_OUT_SEND_VOTE);
    assert_vote(out.vote, term + 1, 1, false);
    assert_true(out.transfer);
    assert_int_equal(cluster_view(c, 1).role, RAFT_CANDIDATE);
    cluster_free(c);
  }
}

/* Whoever voted for another node of this term, and was not the majority, is no rival; nor is this
 * leader itself. */
static void only_leaders_are_rivals(void **state) {
  (void)state;
  for (int door = 0; door < DOORS; door++) {
    struct cluster *c = led_by_one_of(cluster_new(), three);
    const rkv_term term = cluster_view(c, 1).vote.term;
    (void)told(c, (enum door)door, VOTE(term, STRANGER));
    (void)told(c, (enum door)door, LEADER_VOTE(term, 1));
    (void)told(c, (enum door)door, LEADER_VOTE(term - 1, STRANGER));
    assert_int_equal(cluster_view(c, 1).role, RAFT_LEADER);
    assert_int_equal(cluster_view(c, 1).vote.term, term);
    cluster_free(c);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_misled_learner_follows_its_leader),
      cmocka_unit_test(a_misled_voter_follows_its_leader),
      cmocka_unit_test(a_leader_outbids_its_rival),
      cmocka_unit_test(only_leaders_are_rivals),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
