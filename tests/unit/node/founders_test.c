/* founders_test.c: production nodes in virtual time: several nodes were initialised, with the same
 * members or with different ones, before they knew of each other. One cluster has one history. */
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
#define MS UINT64_C(1000000)

static const rkv_node_id three[] = {1, 2, 3}, others[] = {2, 3, 4};

static const struct rkv_identity *identity(struct world *w, rkv_node_id id) {
  return &w->nodes[id].node->identity;
}

static struct world *started(uint64_t seed, size_t count) {
  struct world *w = world_new(seed);
  for (rkv_node_id id = 1; id <= count; id++) world_start(w, id);
  return w;
}

static bool is_following(struct world *w, void *arg) {
  rkv_node_id id = *(rkv_node_id *)arg;
  return world_metrics(w, id).last.index >= 2 && world_metrics(w, id).leader == 1;
}

static void assert_voters(struct world *w, rkv_node_id at, const rkv_node_id *ids, size_t count) {
  struct rkv_membership m = world_metrics(w, at).membership;
  assert_int_equal(m.config_count, 1);
  assert_int_equal(m.configs[0].count, count);
  for (size_t i = 0; i < count; i++) assert_true(rkv_membership_is_voter(&m, ids[i]));
}

/* The first entry of a log, as bytes. */
static struct rkv_entry first_entry(struct world *w, rkv_node_id at) {
  struct rkv_entry entry = {0};
  size_t count = 0;
  assert_int_equal(
      w->storage->read(w->nodes[at].storage, 1, 1, UINT64_MAX, &entry, 1, &count, NULL), RKV_OK);
  assert_int_equal(count, 1);
  return entry;
}

static void assert_same_first_entry(struct world *w, rkv_node_id a, rkv_node_id b) {
  struct rkv_entry x = first_entry(w, a), y = first_entry(w, b);
  assert_int_equal(x.payload.len, y.payload.len);
  assert_memory_equal(x.payload.data, y.payload.data, x.payload.len);
  rkv_buf_drop(&x.payload);
  rkv_buf_drop(&y.payload);
}

/* Node 2 was initialised with others while it was cut off, and then follows node 1's cluster. With
 * its own initial entry it would go on voting in a config that the others never heard of, and both
 * halves of {1, 3} | {2, 4} would commit under one cluster's id. */
static void a_node_forgets_its_own_initial_entry(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 10; seed++) {
    struct world *w = started(seed, 4);
    rkv_node_id two = 2;
    world_isolate(w, 2, true);
    assert_int_equal(world_init(w, 2, others, 3).status, RKV_OK);
    assert_int_equal(world_init(w, 1, three, 3).status, RKV_OK);
    assert_int_equal(world_wait_leader(w), 1);
    world_isolate(w, 2, false);
    assert_true(world_until(w, 30 * SECONDS, is_following, &two));
    assert_voters(w, 2, three, 3);
    assert_same_first_entry(w, 1, 2);
    for (rkv_node_id a = 1; a <= 3; a += 2)
      for (rkv_node_id b = 2; b <= 4; b += 2) {
        world_cut(w, a, b, true);
        world_cut(w, b, a, true);
      }
    world_run(w, 30 * SECONDS);
    assert_string_not_equal(world_metrics(w, 2).state, "leader");
    assert_string_not_equal(world_metrics(w, 4).state, "leader");
    assert_int_equal(world_set(w, 1, "k", "one").status, RKV_OK);
    assert_int_equal(world_metrics(w, 4).last.index, 0);
    world_free(w);
  }
}

/* Every node's start script runs init with the same members, but node 2's question did not reach
 * node 3: its own initial entry names no incarnation of it. It follows node 1 and must not keep
 * that entry, for by it a node 3 that lost its memory would be the voter it was. */
static void a_followed_entry_names_the_incarnations(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 10; seed++) {
    struct world *w = started(seed, 3);
    rkv_node_id two = 2;
    world_isolate(w, 2, true);
    assert_int_equal(world_init(w, 2, three, 3).status, RKV_OK);
    assert_int_equal(world_init(w, 1, three, 3).status, RKV_OK);
    assert_int_equal(world_wait_leader(w), 1);
    world_isolate(w, 2, false);
    assert_true(world_until(w, 30 * SECONDS, is_following, &two));
    world_isolate(w, 2, true);
    assert_same_first_entry(w, 1, 2);
    assert_int_equal(world_set(w, 1, "k", "v").status, RKV_OK);
    world_isolate(w, 1, true);
    world_stop(w, 3);
    world_isolate(w, 2, false);
    world_start(w, 3); /* node 3 is empty: the write that it acknowledged is gone */
    for (int i = 0; i < 60; i++) {
      world_run(w, SECONDS);
      assert_string_not_equal(world_metrics(w, 2).state, "leader");
    }
    world_isolate(w, 1, false);
    assert_int_not_equal(world_wait_leader(w), 0);
    world_run(w, 30 * SECONDS);
    assert_true(world_settle(w));
    for (rkv_node_id id = 1; id <= 3; id++) assert_string_equal(world_get(w, id, "k").text, "v");
    world_free(w);
  }
}

/* Node 3 acknowledged what node 2's cluster {2, 3, 4} committed, and did not hear yet that it was.
 * It does not leave for node 1's cluster, which others founded: the write would be on no quorum. */
static void a_node_that_acknowledged_stays(void **state) {
  const rkv_node_id pair[] = {1, 3};
  (void)state;
  for (uint64_t seed = 1; seed <= 10; seed++) {
    struct world *w = started(seed, 4);
    world_isolate(w, 1, true);
    world_isolate(w, 4, true);
    assert_int_equal(world_init(w, 2, others, 3).status, RKV_OK);
    while (world_metrics(w, 3).last.index < 2) world_run(w, MS / 10);
    assert_false(identity(w, 3)->settled);
    world_isolate(w, 2, true);
    world_run(w, 30 * SECONDS); /* node 3's promise to node 2 ends */
    world_isolate(w, 1, false);
    assert_int_equal(world_init(w, 1, pair, 2).status, RKV_OK);
    world_run(w, 30 * SECONDS);
    assert_int_equal(world_metrics(w, 3).membership.configs[0].count, 3);
    assert_true(world_metrics(w, 3).last.index >= 2);
    assert_true(w->nodes[3].node->foreign.calls > 0);
    assert_int_equal(world_metrics(w, 1).committed.index, 0);
    world_isolate(w, 2, false);
    assert_int_not_equal(world_wait_leader(w), 1);
    assert_int_equal(world_set(w, world_leader(w), "k", "v").status, RKV_OK);
    world_free(w);
  }
}

/* Five nodes were initialised with the same members each, and a minority has followed one of them
 * when the majority goes on with another: all of them are one cluster in the end. */
static void the_same_founders_become_one_cluster(void **state) {
  const rkv_node_id five[] = {1, 2, 3, 4, 5};
  (void)state;
  for (uint64_t seed = 1; seed <= 20; seed++) {
    struct world *w = started(seed, 5);
    for (rkv_node_id id = 1; id <= 5; id++) world_isolate(w, id, true);
    for (rkv_node_id id = 1; id <= 5; id++)
      assert_int_equal(world_init(w, id, five, 5).status, RKV_OK);
    for (rkv_node_id id = 1; id <= 5; id++) world_isolate(w, id, false);
    while (world_metrics(w, 1).last.index + world_metrics(w, 2).last.index < 3) {
      rkv_node_id leader;
      world_run(w, MS / 10);
      leader = world_leader(w);
      if (leader == 0 || leader > 2) continue;
      for (rkv_node_id id = 3; id <= 5; id++) { /* the leader has reached one node at most */
        world_cut(w, leader, id, true);
        world_cut(w, id, leader, true);
        world_cut(w, 3 - leader, id, true);
        world_cut(w, id, 3 - leader, true);
      }
    }
    world_run(w, 20 * SECONDS);
    for (rkv_node_id a = 1; a <= 5; a++)
      for (rkv_node_id b = 1; b <= 5; b++) world_cut(w, a, b, false);
    assert_int_not_equal(world_wait_leader(w), 0);
    assert_int_equal(world_set(w, world_leader(w), "k", "v").status, RKV_OK);
    world_run(w, 30 * SECONDS);
    assert_true(world_settle(w));
    for (rkv_node_id id = 1; id <= 5; id++) {
      assert_true(rkv_cluster_id_equal(identity(w, id)->cluster, identity(w, 1)->cluster));
      assert_same_first_entry(w, id, 1);
      assert_string_equal(world_get(w, id, "k").text, "v");
    }
    world_free(w);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_node_forgets_its_own_initial_entry),
      cmocka_unit_test(a_followed_entry_names_the_incarnations),
      cmocka_unit_test(a_node_that_acknowledged_stays),
      cmocka_unit_test(the_same_founders_become_one_cluster),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
