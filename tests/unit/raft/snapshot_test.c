/* snapshot_test.c: building, purging and sending snapshots (paper section 7). */
#include "direct.h"

static const rkv_node_id one[] = {1, 0}, three[] = {1, 2, 3, 0};

/* The policy: snapshot_after entries applied since the last one make the next, one at a time. */
static void snapshots_are_built_by_policy(void **state) {
  struct cluster *c = cluster_new();
  (void)state;
  c->config.snapshot_after = 10;
  cluster_start(c, 1);
  assert_int_equal(cluster_init(c, 1, one), RKV_OK); /* entries 1 and 2 */
  c->sync = false;
  assert_int_equal(cluster_propose(c, 1, 7), RKV_OK);
  cluster_write(c, 1, SIZE_MAX);
  assert_false(c->nodes[1].building); /* nine */
  assert_int_equal(cluster_propose(c, 1, 1), RKV_OK);
  cluster_write(c, 1, SIZE_MAX);
  assert_true(c->nodes[1].building);
  assert_int_equal(raft_trigger_snapshot(c->nodes[1].r, (struct raft_now){0}, NULL),
                   RKV_PRECONDITION);
  cluster_built(c, 1);
  assert_id(cluster_view(c, 1).snapshot, 1, 10);
  assert_id(cluster_view(c, 1).purged, 1, 10); /* keep_entries is 0 */
  cluster_free(c);
}

/* A build that failed is tried again after as many entries, not at every entry. */
static void failed_builds_are_paced(void **state) {
  struct cluster *c = cluster_new();
  (void)state;
  c->config.snapshot_after = 10;
  cluster_start(c, 1);
  c->sync = false;
  assert_int_equal(cluster_init(c, 1, one), RKV_OK);
  cluster_write(c, 1, SIZE_MAX);
  assert_int_equal(cluster_propose(c, 1, 8), RKV_OK);
  cluster_write(c, 1, SIZE_MAX);
  assert_true(c->nodes[1].building);
  c->nodes[1].building = false;
  raft_on_snapshot_built(c->nodes[1].r, (struct raft_now){0}, NONE);
  carry_out(c, &c->nodes[1]);
  assert_int_equal(cluster_propose(c, 1, 9), RKV_OK);
  cluster_write(c, 1, SIZE_MAX);
  assert_false(c->nodes[1].building);
  assert_int_equal(cluster_propose(c, 1, 1), RKV_OK);
  cluster_write(c, 1, SIZE_MAX);
  assert_true(c->nodes[1].building);
  assert_id(cluster_view(c, 1).snapshot, 0, 0);
  cluster_free(c);
}

/* snapshot_after = 0: only when asked; and then with something applied. */
static void snapshots_can_be_triggered(void **state) {
  struct cluster *c = cluster_new();
  (void)state;
  cluster_start(c, 1);
  assert_int_equal(raft_trigger_snapshot(c->nodes[1].r, (struct raft_now){0}, NULL),
                   RKV_PRECONDITION);
  assert_int_equal(cluster_init(c, 1, one), RKV_OK);
  assert_int_equal(raft_trigger_snapshot(c->nodes[1].r, (struct raft_now){0}, NULL), RKV_OK);
  carry_out(c, &c->nodes[1]);
  assert_id(cluster_view(c, 1).snapshot, 1, 2);
  cluster_free(c);
}

/* keep_entries stay behind a snapshot, so that a peer a little behind needs none. */
static void purge_keeps_entries_for_peers(void **state) {
  struct cluster *c = cluster_new();
  (void)state;
  c->config.snapshot_after = 10;
  c->config.keep_entries = 4;
  cluster_start(c, 1);
  assert_int_equal(cluster_init(c, 1, one), RKV_OK);
  assert_int_equal(cluster_propose(c, 1, 10), RKV_OK);
  assert_int_equal(cluster_view(c, 1).snapshot.index, 10); /* the policy counts applied entries */
  assert_int_equal(cluster_view(c, 1).purged.index, 6);
  cluster_free(c);
}

/* A peer that lags behind what is purged gets the snapshot, and then the entries behind it; one
 * that fails gets it again, not before it answers a probe. */
static void lagging_peers_get_the_snapshot(void **state) {
  struct cluster *c = cluster_new();
  rkv_node_id id;
  (void)state;
  c->config.snapshot_after = 5;
  for (id = 1; id <= 3; id++) cluster_start(c, id);
  assert_int_equal(cluster_init(c, 1, three), RKV_OK);
  cluster_run(c, 1000 * MS);
  cluster_crash(c, 3);
  assert_int_equal(cluster_propose(c, 1, 20), RKV_OK);
  cluster_run(c, 5000 * MS);
  assert_int_equal(cluster_view(c, 1).purged.index, 22);
  cluster_start(c, 3);
  while (cluster_in_flight(c, 1, 3) == 0) cluster_advance(c, 10 * MS);
  assert_true(cluster_deliver(c, 1, 3) && cluster_deliver(c, 3, 1)); /* the probe */
  assert_true(cluster_drop(c, 1, 3));                                /* the snapshot */
  assert_int_equal(cluster_view(c, 3).last.index, 2);
  assert_int_equal(cluster_propose(c, 1, 2), RKV_OK);
  cluster_run(c, 2000 * MS);
  assert_int_equal(cluster_view(c, 3).purged.index, 22);
  assert_int_equal(cluster_view(c, 3).committed.index, 24);
  cluster_free(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(snapshots_are_built_by_policy),
      cmocka_unit_test(failed_builds_are_paced),
      cmocka_unit_test(snapshots_can_be_triggered),
      cmocka_unit_test(purge_keeps_entries_for_peers),
      cmocka_unit_test(lagging_peers_get_the_snapshot),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
