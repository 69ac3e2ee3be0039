/* lost_test.c: production nodes in virtual time: a node comes back as the same incarnation, without
 * entries that it had acknowledged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <node/kernel/state.h>
#include <node/lost.h>
#include <support/world_internal.h>

#include "keeper.h"

#define MS UINT64_C(1000000)
#define SECONDS UINT64_C(1000000000)

static const rkv_node_id three[] = {1, 2, 3};

static struct world *cluster(uint64_t seed) {
  struct world *w = world_new(seed);
  keeper_begin(w);
  for (rkv_node_id id = 1; id <= 3; id++) world_start(w, id);
  assert_int_equal(world_init(w, 1, three, 3).status, RKV_OK);
  assert_int_equal(world_wait_leader(w), 1);
  assert_int_equal(world_burst(w, 1, 50, RKV_OK), 50);
  assert_true(world_settle(w));
  world_run(w, 5 * SECONDS); /* node 1 appends the incarnations of its members */
  return w;
}

static void end(struct world *w) {
  world_free(w);
  keeper_end();
}

static uint64_t losses(struct world *w) {
  return w->nodes[1].node->count.losses;
}

static bool votes(struct world *w) {
  struct world_metrics m = world_metrics(w, 1);
  return m.membership.config_count == 1 && rkv_membership_is_voter(&m.membership, 3);
}

static bool votes_again(struct world *w, void *arg) {
  struct world_metrics m = world_metrics(w, 1);
  (void)arg;
  return votes(w) && !rkv_membership_find(&m.membership, 3)->returning;
}

static bool votes_no_more(struct world *w, void *arg) {
  struct world_metrics m = world_metrics(w, 1);
  (void)arg;
  return m.membership.config_count == 1 && !votes(w);
}

/* The leader says so once, takes its vote, and gives it back when it holds everything. */
static void a_member_put_back_learns_anew(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 10; seed++) {
    struct world *w = cluster(seed);
    const rkv_index last = world_metrics(w, 1).last.index;
    world_stop(w, 3);
    keeper_forget(3, last / 2);
    world_start(w, 3);
    assert_true(world_until(w, 20 * SECONDS, votes_no_more, NULL));
    assert_int_equal(losses(w), 1);
    assert_true(world_until(w, 30 * SECONDS, votes_again, NULL));
    assert_true(world_settle(w));
    world_run(w, 20 * SECONDS);
    assert_int_equal(losses(w), 1);
    assert_true(votes_again(w, NULL));
    world_stop(w, 2); /* without node 2 the vote of node 3 counts */
    assert_int_equal(world_set(w, 1, "k", "v").status, RKV_OK);
    end(w);
  }
}

/* What it never acknowledged it did not lose: it was away, it was killed, it has another leader. */
static void who_is_behind_has_lost_nothing(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 10; seed++) {
    struct world *w = cluster(seed);
    world_faults(w)->drop_ppm = 50000;
    world_faults(w)->double_ppm = 50000;
    world_faults(w)->slow_ppm = 100000;
    world_faults(w)->slow_max_ns = 200 * MS;
    world_isolate(w, 3, true);
    (void)world_burst(w, world_leader(w), 20, RKV_OK);
    world_isolate(w, 3, false);
    for (int i = 0; i < 10; i++) {
      (void)world_burst(w, world_wait_leader(w), 20, RKV_OK);
      world_stop(w, 3);
      world_run(w, world_random(w) % (500 * MS));
      world_start(w, 3);
      world_run(w, world_random(w) % SECONDS);
    }
    for (rkv_node_id id = 1; id <= 3; id++) assert_int_equal(w->nodes[id].node->count.losses, 0);
    end(w);
  }
}

/* An answer that names more than the peer was sent is no acknowledgement: a later conflict behind
 * it tells of no loss, and costs no voter its vote. */
static void nobody_acknowledges_more_than_was_sent(void **state) {
  static const rkv_node_id two[] = {1, 2};
  struct world *w = world_new(1);
  (void)state;
  for (rkv_node_id id = 1; id <= 2; id++) world_start(w, id);
  assert_int_equal(world_init(w, 1, two, 2).status, RKV_OK);
  assert_int_equal(world_wait_leader(w), 1);
  assert_true(world_settle(w));
  struct node *n = w->nodes[1].node;
  struct raft_append_plan plan = {.vote = world_metrics(w, 1).vote, .prev = {1, 2}};
  struct rkv_append_call answer = {.prev = plan.prev, .matched = {1, UINT64_C(1) << 40}};
  answer.result = RKV_APPEND_SUCCESS;
  lost_look(n, 2, &plan, &answer);
  plan.prev.index = answer.prev.index = 1000;
  plan.at_ns = n->now_ns + 1;
  answer.result = RKV_APPEND_CONFLICT;
  lost_look(n, 2, &plan, &answer);
  assert_int_equal(n->count.losses, 0);
  world_free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nobody_acknowledges_more_than_was_sent),
      cmocka_unit_test(a_member_put_back_learns_anew),
      cmocka_unit_test(who_is_behind_has_lost_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
