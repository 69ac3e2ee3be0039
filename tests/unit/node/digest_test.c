/* digest_test.c: production nodes in virtual time: a state machine goes astray, and leader and
 * follower hear of it. */
#include "digest_story.h"

/* Points are taken exactly, on every node, and found equal, under load and at rest. */
static void equal_states_are_equal(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 5; seed++) {
    struct world *w = world_of_three(seed);
    begin(w);
    for (int i = 0; i < 5; i++) write_some(w, 1000);
    world_run(w, 2 * SECOND);
    for (rkv_node_id id = 1; id <= 3; id++) {
      assert_int_equal(machines.agreed[id], applied(w, id) / NODE_DIGEST_EVERY);
      assert_true(machines.asked[id] < 40);
      assert_int_equal(digest_of(w, id)->differences, 0);
      if (id == 1) continue;
      assert_int_equal(digest_of(w, id)->equal_at, applied(w, id));
      assert_true(digest_of(w, id)->compared > 5);
    }
    assert_true(metrics_say(w, 1, " differs_at:0"));
    assert_false(metrics_say(w, 1, "peers_differ"));
    world_free(w);
  }
}

/* Both sides know it, and where; and both know it when the states are equal again. */
static void a_follower_goes_astray(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 5; seed++) {
    struct world *w = world_of_three(seed);
    begin(w);
    write_some(w, 100);
    world_run(w, 2 * SECOND);
    astray_from_now_on(w, 3);
    const rkv_index first = machines.astray_at[3];
    write_some(w, 3000);
    world_run(w, 2 * SECOND);
    assert_in_range(digest_of(w, 3)->differs_at, first, first + NODE_DIGEST_EVERY);
    assert_int_equal(digest_of(w, 3)->equal_at, first - 1);
    assert_int_equal(digest_of(w, 3)->differences, 1);
    assert_int_equal(said_by(w, 1, 3), digest_of(w, 3)->differs_at);
    assert_int_equal(said_by(w, 1, 2), 0);
    assert_true(metrics_say(w, 1, " peers_differ:3@"));
    assert_false(metrics_say(w, 3, " differs_at:0"));
    assert_true(metrics_say(w, 2, " differs_at:0"));
    machines.astray_at[3] = 0;
    write_some(w, 1);
    world_run(w, 2 * SECOND);
    assert_int_equal(digest_of(w, 3)->differs_at, 0);
    assert_int_equal(said_by(w, 1, 3), 0);
    assert_int_equal(digest_of(w, 3)->equal_at, applied(w, 3));
    world_free(w);
  }
}

/* Lost, late and doubled messages neither hide it nor make it up. */
static void in_a_bad_network(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 10; seed++) {
    struct world *w = world_of_three(seed);
    begin(w);
    world_faults(w)->drop_ppm = 100000;
    world_faults(w)->double_ppm = 100000;
    world_faults(w)->slow_ppm = 200000;
    world_faults(w)->slow_max_ns = SECOND / 5;
    for (int i = 0; i < 10; i++) (void)world_burst(w, world_wait_leader(w), 300, RKV_OK);
    for (rkv_node_id id = 1; id <= 3; id++) assert_int_equal(digest_of(w, id)->differences, 0);
    rkv_node_id leader = world_wait_leader(w), other = leader % 3 + 1;
    astray_from_now_on(w, other);
    for (int i = 0; i < 10; i++) (void)world_burst(w, world_wait_leader(w), 300, RKV_OK);
    memset(world_faults(w), 0, sizeof *world_faults(w));
    (void)world_settle(w);
    write_some(w, 1);
    world_run(w, 3 * SECOND);
    leader = world_leader(w);
    for (rkv_node_id id = 1; id <= 3; id++) {
      if (id == leader) continue;
      const bool differs = id == other || leader == other;
      assert_int_equal(digest_of(w, id)->differs_at > 0, differs);
      assert_int_equal(said_by(w, leader, id) > 0, differs);
    }
    world_free(w);
  }
}

/* The next leader is compared with by itself. */
static void the_next_leader_hears_of_it(void **state) {
  struct world *w = world_of_three(1);
  (void)state;
  begin(w);
  astray_from_now_on(w, 3);
  write_some(w, 10);
  world_run(w, 2 * SECOND);
  const rkv_index first = digest_of(w, 3)->differs_at;
  assert_int_equal(world_transfer(w, 1, 2).status, RKV_OK);
  world_run(w, 3 * SECOND);
  assert_int_equal(world_leader(w), 2);
  assert_int_equal(said_by(w, 2, 3), first);
  assert_int_equal(digest_of(w, 3)->differs_at, first);
  assert_int_equal(digest_of(w, 3)->differences, 1);
  assert_false(metrics_say(w, 1, "peers_differ"));
  world_free(w);
}

/* A snapshot brings another state: what was taken before it counts no longer. */
static void a_snapshot_makes_it_equal(void **state) {
  struct world *w = world_of_three(1);
  (void)state;
  world_options(w)->snapshot_after = 50;
  world_options(w)->keep_entries = 10;
  world_options(w)->purge_hold_entries = 0;
  begin(w);
  astray_from_now_on(w, 3);
  write_some(w, NODE_DIGEST_EVERY + 10);
  world_run(w, 2 * SECOND);
  assert_true(digest_of(w, 3)->differs_at > 0);
  world_isolate(w, 3, true);
  assert_int_equal(world_burst(w, 1, 2000, RKV_OK), 2000);
  world_run(w, 10 * SECOND);
  machines.astray_at[3] = 0;
  world_isolate(w, 3, false);
  assert_true(world_settle(w));
  world_run(w, 2 * SECOND);
  assert_true(w->nodes[3].node->count.snapshots_installed > 0);
  assert_int_equal(digest_of(w, 3)->differs_at, 0);
  assert_int_equal(said_by(w, 1, 3), 0);
  assert_int_equal(world_transfer(w, 1, 2).status, RKV_OK); /* who names older points, too */
  world_run(w, 3 * SECOND);
  assert_int_equal(digest_of(w, 3)->differences, 1);
  world_free(w);
}

/* A point that a follower is told before it gets there is compared when it does, and exactly. */
static void a_named_point_is_waited_for(void **state) {
  struct world *w = world_of_three(1);
  (void)state;
  begin(w);
  const struct digest_point wrong = {applied(w, 3) + 5, 1};
  digest_on_named(w->nodes[3].node, world_metrics(w, 1).vote, wrong);
  write_some(w, 20);
  world_run(w, 2 * SECOND);
  assert_int_equal(digest_of(w, 3)->differences, 1);
  assert_int_equal(digest_of(w, 3)->differs_at, 0); /* what came after it is equal */
  world_free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(equal_states_are_equal),    cmocka_unit_test(a_follower_goes_astray),
      cmocka_unit_test(in_a_bad_network),          cmocka_unit_test(the_next_leader_hears_of_it),
      cmocka_unit_test(a_snapshot_makes_it_equal), cmocka_unit_test(a_named_point_is_waited_for),
  };
  return cmocka_run_group_tests_name("node %s", tests, NULL, NULL);
}
