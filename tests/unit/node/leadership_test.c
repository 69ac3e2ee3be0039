/* leadership_test.c: production nodes in virtual time: linearizable reads, leadership handed over,
 * pre-vote and check-quorum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <support/world.h>
#include <support/world_internal.h>

#define SECONDS UINT64_C(1000000000)

static const rkv_node_id three[] = {1, 2, 3};

static struct world *cluster_of_three(uint64_t seed) {
  struct world *w = world_new(seed);
  for (rkv_node_id id = 1; id <= 3; id++) world_start(w, id);
  assert_int_equal(world_init(w, 1, three, 3).status, RKV_OK);
  assert_int_not_equal(world_wait_leader(w), 0);
  assert_true(world_settle(w));
  return w;
}

static void reads(struct world *w, rkv_node_id at, enum rkv_read how, const char *value) {
  struct world_answer answer = world_read(w, at, "k", how);
  assert_int_equal(answer.status, RKV_OK);
  assert_string_equal(answer.text, value);
}

/* A linearizable read sees the write acknowledged just before, on the leader and on followers,
 * which ask the leader for the index and answer themselves (dissertation 6.4). */
static void linearizable_reads_see_the_last_write(void **state) {
  (void)state;
  struct world *w = cluster_of_three(1);
  rkv_node_id leader = world_leader(w);
  for (int i = 0; i < 10; i++) {
    char value[16];
    (void)snprintf(value, sizeof value, "v%d", i);
    assert_int_equal(world_set(w, leader, "k", value).status, RKV_OK);
    for (rkv_node_id id = 1; id <= 3; id++) reads(w, id, RKV_READ_LINEARIZABLE, value);
  }
  world_free(w);
}

/* A leader cut off does not answer from what it has: another may have been elected. */
static void a_stale_leader_answers_no_linearizable_read(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 10; seed++) {
    struct world *w = cluster_of_three(seed);
    rkv_node_id old = world_leader(w);
    assert_int_equal(world_set(w, old, "k", "old").status, RKV_OK);
    world_isolate(w, old, true);
    struct world_answer answer = world_read(w, old, "k", RKV_READ_LINEARIZABLE);
    assert_int_not_equal(answer.status, RKV_OK);
    reads(w, old, RKV_READ_LOCAL, "old"); /* a local read promises nothing */
    world_free(w);
  }
}

/* Lease reads are off unless configured; then the leader answers without asking anybody. */
static void lease_reads_are_configured(void **state) {
  (void)state;
  struct world *w = cluster_of_three(2);
  assert_int_equal(world_read(w, world_leader(w), "k", RKV_READ_LEASE).status, RKV_PRECONDITION);
  world_free(w);
  w = world_new(3);
  world_options(w)->lease_reads = true;
  for (rkv_node_id id = 1; id <= 3; id++) world_start(w, id);
  assert_int_equal(world_init(w, 1, three, 3).status, RKV_OK);
  rkv_node_id leader = world_wait_leader(w);
  assert_int_equal(world_set(w, leader, "k", "v").status, RKV_OK);
  uint64_t before = world_now(w);
  reads(w, leader, RKV_READ_LEASE, "v");
  assert_int_equal(world_now(w), before); /* a round trip would take time */
  world_free(w);
}

/* Leadership goes where it is asked to go, at once, and writes go on there (3.10). */
static void leadership_is_handed_over(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 20; seed++) {
    struct world *w = cluster_of_three(seed);
    rkv_node_id old = world_leader(w), target = old % 3 + 1;
    assert_int_equal(world_set(w, old, "k", "1").status, RKV_OK);
    uint64_t before = world_now(w);
    assert_int_equal(world_transfer(w, old, target).status, RKV_OK);
    assert_true(world_now(w) - before < SECONDS); /* long before an election timeout */
    assert_int_equal(world_wait_leader(w), target);
    assert_int_equal(world_set(w, target, "k", "2").status, RKV_OK);
    world_free(w);
  }
}

/* Not to a learner, a stranger or itself; a dead node takes nothing over, and the leader leads
 * on. */
static void a_wrong_transfer_is_refused_or_given_up(void **state) {
  (void)state;
  struct world *w = cluster_of_three(4);
  rkv_node_id leader = world_leader(w), dead = leader % 3 + 1;
  world_start(w, 4);
  assert_int_equal(world_add_learner(w, leader, 4).status, RKV_OK);
  assert_int_equal(world_transfer(w, leader, 4).status, RKV_INVALID);
  assert_int_equal(world_transfer(w, leader, 7).status, RKV_INVALID);
  assert_int_equal(world_transfer(w, leader, leader).status, RKV_INVALID);
  assert_int_equal(world_transfer(w, dead, leader).status, RKV_NOT_LEADER);
  world_isolate(w, dead, true);
  world_run(w, 2 * SECONDS);
  assert_int_equal(world_transfer(w, leader, dead).status, RKV_UNAVAILABLE);
  assert_int_equal(world_leader(w), leader);
  assert_int_equal(world_set(w, leader, "k", "v").status, RKV_OK);
  world_free(w);
}

/* A leader that stops hands over first: the next write needs no election timeout. */
static void a_stopping_leader_hands_over(void **state) {
  (void)state;
  struct world *w = cluster_of_three(5);
  rkv_node_id old = world_leader(w);
  node_drain(w->nodes[old].node);
  world_run(w, SECONDS);
  assert_true(node_idle(w->nodes[old].node));
  rkv_node_id next = world_leader(w);
  assert_int_not_equal(next, old);
  assert_int_equal(world_set(w, next, "k", "v").status, RKV_OK);
  world_free(w);
}

/* A node that was cut off comes back and disturbs nobody: no term passes, the leader stays
 * (9.6). */
static void a_returning_node_causes_no_election(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 50; seed++) {
    struct world *w = cluster_of_three(seed);
    rkv_node_id leader = world_leader(w), away = leader % 3 + 1;
    rkv_term term = world_metrics(w, leader).vote.term;
    world_isolate(w, away, true);
    world_run(w, 30 * SECONDS);
    world_isolate(w, away, false);
    world_run(w, 10 * SECONDS);
    assert_int_equal(world_leader(w), leader);
    assert_int_equal(world_metrics(w, leader).vote.term, term);
    assert_int_equal(world_metrics(w, away).vote.term, term);
    world_free(w);
  }
}

/* A leader that no quorum answers steps down and gives up what waits (6.2), long before the
 * deadline of the call. */
static void a_leader_without_quorum_steps_down(void **state) {
  (void)state;
  struct world *w = cluster_of_three(6);
  rkv_node_id old = world_leader(w);
  world_isolate(w, old, true);
  uint64_t before = world_now(w);
  assert_int_equal(world_set(w, old, "k", "v").status, RKV_ABORTED);
  assert_true(world_now(w) - before < 8 * SECONDS);
  assert_string_not_equal(world_metrics(w, old).state, "leader");
  world_free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(linearizable_reads_see_the_last_write),
      cmocka_unit_test(a_stale_leader_answers_no_linearizable_read),
      cmocka_unit_test(lease_reads_are_configured),
      cmocka_unit_test(leadership_is_handed_over),
      cmocka_unit_test(a_wrong_transfer_is_refused_or_given_up),
      cmocka_unit_test(a_stopping_leader_hands_over),
      cmocka_unit_test(a_returning_node_causes_no_election),
      cmocka_unit_test(a_leader_without_quorum_steps_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
