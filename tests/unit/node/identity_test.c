/* identity_test.c: production nodes in virtual time: clusters that refuse nodes of other clusters,
 * and members that lose their storage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <node/kernel/state.h>
#include <support/world.h>
#include <support/world_internal.h>

#define SECONDS UINT64_C(1000000000)

static const rkv_node_id three[] = {1, 2, 3};

static const struct rkv_identity *identity(struct world *w, rkv_node_id id) {
  return &w->nodes[id].node->identity;
}

static struct world *cluster(uint64_t seed, size_t count) {
  struct world *w = world_new(seed);
  for (rkv_node_id id = 1; id <= count; id++) world_start(w, id);
  assert_int_equal(world_init(w, 1, three, count).status, RKV_OK);
  assert_int_not_equal(world_wait_leader(w), 0);
  assert_true(world_settle(w));
  return w;
}

static struct rkv_member member(struct world *w, rkv_node_id at, rkv_node_id id) {
  struct world_metrics m = world_metrics(w, at);
  const struct rkv_member *found = rkv_membership_find(&m.membership, id);
  assert_non_null(found);
  return *found;
}

static void assert_one_cluster(struct world *w, size_t count) {
  for (rkv_node_id id = 1; id <= count; id++) {
    assert_true(identity(w, id)->settled);
    assert_true(rkv_cluster_id_known(identity(w, id)->cluster));
    assert_true(rkv_cluster_id_equal(identity(w, id)->cluster, identity(w, 1)->cluster));
  }
}

static bool is_back(struct world *w, void *arg) {
  rkv_node_id id = *(rkv_node_id *)arg, leader = world_leader(w);
  if (leader == 0) return false;
  struct world_metrics m = world_metrics(w, leader);
  const struct rkv_member *found = rkv_membership_find(&m.membership, id);
  return found && found->incarnation == identity(w, id)->incarnation && !found->returning &&
         m.membership.config_count == 1 && rkv_membership_is_voter(&m.membership, id);
}

/* Init draws the cluster's id; whoever follows its leaders has it, and the membership says which
 * incarnation of each node is meant. */
static void members_know_their_cluster(void **state) {
  (void)state;
  struct world *w = cluster(1, 3);
  assert_int_equal(world_set(w, world_leader(w), "k", "v").status, RKV_OK);
  world_run(w, 5 * SECONDS);
  assert_one_cluster(w, 3);
  for (rkv_node_id id = 1; id <= 3; id++)
    assert_true(member(w, id, id).incarnation == identity(w, id)->incarnation);
  assert_true(identity(w, 1)->incarnation != identity(w, 2)->incarnation);
  world_free(w);
}

/* A leader of whom nobody wants anything hears only answers, of which raft makes nothing. */
static void an_identity_is_saved_though_nothing_else_is(void **state) {
  (void)state;
  struct world *w = cluster(1, 3);
  struct node *leader = w->nodes[world_leader(w)].node;
  world_run(w, 5 * SECONDS);
  leader->identity_unsaved = true;
  world_run(w, SECONDS / 2);
  assert_false(leader->identity_unsaved);
  world_free(w);
}

/* A voter that lost its memory votes for nobody and acknowledges nothing until the leader has taken
 * it back, which it does by itself; nothing that was acknowledged is lost. */
static void a_voter_without_memory_is_taken_back(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 10; seed++) {
    struct world *w = cluster(seed, 3);
    rkv_node_id leader = world_leader(w), lost = leader % 3 + 1;
    assert_int_equal(world_set(w, leader, "k", "v").status, RKV_OK);
    world_stop(w, lost);
    world_start(w, lost);
    assert_true(world_until(w, 30 * SECONDS, is_back, &lost));
    assert_true(world_settle(w));
    assert_string_equal(world_get(w, lost, "k").text, "v");
    world_stop(w, leader); /* `lost`, taken back, and the third node are a quorum */
    assert_int_not_equal(world_wait_leader(w), 0);
    struct world_answer answer = world_read(w, world_leader(w), "k", RKV_READ_LINEARIZABLE);
    assert_string_equal(answer.error.text, "");
    assert_string_equal(answer.text, "v");
    world_free(w);
  }
}

/* It is the other node that holds the last write alone: one that forgot elects nobody past it. */
static void a_voter_without_memory_elects_nobody(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 10; seed++) {
    struct world *w = cluster(seed, 3);
    rkv_node_id leader = world_leader(w), witness = leader % 3 + 1, behind = witness % 3 + 1;
    world_isolate(w, behind, true);
    assert_int_equal(world_set(w, leader, "k", "v").status, RKV_OK);
    world_stop(w, leader);
    world_stop(w, witness);
    world_isolate(w, behind, false);
    world_start(w, witness); /* `witness` forgot the write; `behind` never saw it */
    world_run(w, 60 * SECONDS);
    assert_int_equal(world_leader(w), 0);
    assert_true(w->nodes[witness].node->foreign.calls > 0);
    world_free(w);
  }
}

static bool has_begun(struct world *w, void *arg) {
  (void)arg;
  return world_metrics(w, 1).last.index > 0;
}

/* The log that it learns anew begins with a config in which it was the only voter. That was another
 * incarnation: however long it hears no more of the leader, it does not lead by that. */
static void old_configs_make_no_leader_of_it(void **state) {
  const rkv_node_id one[] = {1};
  (void)state;
  struct world *w = world_new(7);
  world_options(w)->append_entries_max = 1;
  for (rkv_node_id id = 1; id <= 3; id++) world_start(w, id);
  assert_int_equal(world_init(w, 1, one, 1).status, RKV_OK);
  assert_int_equal(world_wait_leader(w), 1);
  for (rkv_node_id id = 2; id <= 3; id++)
    assert_int_equal(world_add_learner(w, 1, id).status, RKV_OK);
  assert_int_equal(world_change(w, 1, three, 3, true).status, RKV_OK);
  world_stop(w, 1);
  assert_int_not_equal(world_wait_leader(w), 0);
  world_start(w, 1);
  assert_true(world_until(w, 30 * SECONDS, has_begun, NULL));
  world_isolate(w, 1, true);
  struct world_metrics m = world_metrics(w, 1);
  assert_int_equal(m.membership.configs[0].count, 1);
  assert_int_equal(m.membership.configs[0].ids[0], 1);
  for (int i = 0; i < 60; i++) {
    world_run(w, SECONDS);
    assert_string_equal(world_metrics(w, 1).state, "learner");
  }
  world_free(w);
}

/* Of two voters none can be spared: there is no leader, and the one that forgot says why. */
static void without_a_quorum_nothing_is_done(void **state) {
  (void)state;
  struct world *w = cluster(3, 2);
  world_stop(w, 2);
  world_start(w, 2);
  world_run(w, 60 * SECONDS);
  assert_int_equal(world_leader(w), 0);
  assert_int_equal(world_metrics(w, 2).last.index, 0);
  assert_true(w->nodes[2].node->foreign.calls > 0);
  world_free(w);
}

/* A learner that lost its memory learns anew, without a change of the voters. */
static void a_learner_without_memory_learns_anew(void **state) {
  (void)state;
  struct world *w = cluster(4, 3);
  world_start(w, 4);
  assert_int_equal(world_add_learner(w, world_leader(w), 4).status, RKV_OK);
  assert_true(member(w, 1, 4).incarnation == identity(w, 4)->incarnation);
  world_stop(w, 4);
  world_start(w, 4);
  assert_int_equal(world_set(w, world_leader(w), "k", "v").status, RKV_OK);
  world_run(w, 10 * SECONDS);
  assert_true(world_settle(w));
  assert_string_equal(world_get(w, 4, "k").text, "v");
  assert_true(member(w, 1, 4).incarnation == identity(w, 4)->incarnation);
  world_free(w);
}

/* Nodes of another cluster are not taken in, neither by init nor as learners, and keep what they
 * have. */
static void members_of_another_cluster_are_refused(void **state) {
  const rkv_node_id two[] = {2}, both[] = {3, 2};
  (void)state;
  struct world *w = world_new(5);
  for (rkv_node_id id = 1; id <= 3; id++) world_start(w, id);
  assert_int_equal(world_init(w, 1, three, 1).status, RKV_OK);
  assert_int_equal(world_init(w, 2, two, 1).status, RKV_OK);
  world_run(w, 5 * SECONDS);
  struct world_answer answer = world_add_learner(w, 1, 2);
  assert_int_equal(answer.status, RKV_PRECONDITION);
  assert_non_null(strstr(answer.error.text, "another cluster"));
  assert_int_equal(world_init(w, 3, both, 2).status, RKV_PRECONDITION);
  assert_int_equal(world_metrics(w, 3).last.index, 0);
  assert_int_equal(world_metrics(w, 2).membership.node_count, 1);
  assert_int_equal(world_metrics(w, 1).membership.node_count, 1);
  assert_false(rkv_cluster_id_equal(identity(w, 1)->cluster, identity(w, 2)->cluster));
  world_free(w);
}

/* Each of three nodes initialised with the same members, none hearing the others: once they do,
 * they are one cluster. */
static void initialised_thrice_is_one_cluster(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 10; seed++) {
    struct world *w = world_new(seed);
    for (rkv_node_id id = 1; id <= 3; id++) world_start(w, id);
    for (rkv_node_id id = 1; id <= 3; id++) world_isolate(w, id, true);
    for (rkv_node_id id = 1; id <= 3; id++)
      assert_int_equal(world_init(w, id, three, 3).status, RKV_OK);
    for (rkv_node_id id = 1; id <= 3; id++) world_isolate(w, id, false);
    assert_int_not_equal(world_wait_leader(w), 0);
    assert_int_equal(world_set(w, world_leader(w), "k", "v").status, RKV_OK);
    world_run(w, 10 * SECONDS);
    assert_true(world_settle(w));
    assert_one_cluster(w, 3);
    world_free(w);
  }
}

/* Who was away at init is known later: the leader writes it down. */
static void incarnations_are_learnt_later(void **state) {
  (void)state;
  struct world *w = world_new(6);
  world_start(w, 1);
  assert_int_equal(world_init(w, 1, three, 3).status, RKV_OK);
  assert_int_equal(member(w, 1, 2).incarnation, 0);
  world_start(w, 2);
  world_start(w, 3);
  assert_int_not_equal(world_wait_leader(w), 0);
  world_run(w, 10 * SECONDS);
  for (rkv_node_id id = 1; id <= 3; id++)
    assert_true(member(w, 1, id).incarnation == identity(w, id)->incarnation);
  world_free(w);
}

/* A storage that kept who the node is, and lost its log: the node belongs to its cluster for ever,
 * and founds no other one. */
static void whoever_is_settled_founds_nothing(void **state) {
  const struct rkv_cluster_id settled = {7, 8};
  struct world *w = world_new(1);
  struct world_answer answer;
  (void)state;
  world_start(w, 1);
  w->nodes[1].node->identity.cluster = settled;
  w->nodes[1].node->identity.settled = true;
  answer = world_init(w, 1, three, 1);
  assert_int_equal(answer.status, RKV_PRECONDITION);
  assert_non_null(strstr(answer.error.text, "belongs to cluster 0000000000000007"));
  assert_non_null(strstr(answer.error.text, "empty its storage"));
  assert_true(rkv_cluster_id_equal(identity(w, 1)->cluster, settled));
  assert_int_equal(world_metrics(w, 1).last.index, 0);
  world_free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(members_know_their_cluster),
      cmocka_unit_test(a_voter_without_memory_is_taken_back),
      cmocka_unit_test(a_voter_without_memory_elects_nobody),
      cmocka_unit_test(old_configs_make_no_leader_of_it),
      cmocka_unit_test(without_a_quorum_nothing_is_done),
      cmocka_unit_test(a_learner_without_memory_learns_anew),
      cmocka_unit_test(members_of_another_cluster_are_refused),
      cmocka_unit_test(initialised_thrice_is_one_cluster),
      cmocka_unit_test(an_identity_is_saved_though_nothing_else_is),
      cmocka_unit_test(whoever_is_settled_founds_nothing),
      cmocka_unit_test(incarnations_are_learnt_later),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
