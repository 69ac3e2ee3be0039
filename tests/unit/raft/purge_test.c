/* purge_test.c: which entries a snapshot allows to purge, and which are kept for a peer that lags
 * (paper section 7). */
#include "direct.h"

static const rkv_node_id three[] = {1, 2, 3, 0};

/* Node 1 leads; snapshots every 10 entries. */
static struct cluster *led(uint64_t hold_max, uint64_t keep) {
  struct cluster *c = cluster_new();
  c->config.snapshot_after = 10;
  c->config.keep_entries = keep;
  c->config.purge_hold_max = hold_max;
  return led_by_one_of(c, three);
}

/* More entries, of which node 3 hears nothing yet: its messages are on their way. */
static void grow(struct cluster *c, unsigned count) {
  while (count-- > 0) {
    assert_int_equal(cluster_propose(c, 1, 1), RKV_OK);
    while (cluster_deliver(c, 1, 2) || cluster_deliver(c, 2, 1)) continue;
  }
}

static struct raft_peer_view peer(const struct cluster *c, rkv_node_id id) {
  struct raft_peer_view view;
  assert_true(raft_peer(c->nodes[1].r, id, &view));
  return view;
}

/* A peer that answers, but has not got far, is not made to take a snapshot: what it needs is kept
 * until it has it, and goes then, without waiting for the next snapshot. */
static void lagging_peers_hold_the_purge_back(void **state) {
  struct cluster *c = led(100, 0);
  (void)state;
  grow(c, 20);
  assert_int_equal(cluster_view(c, 1).snapshot.index, 20);
  assert_id(peer(c, 3).matched, 1, 2);
  assert_id(cluster_view(c, 1).purged, 1, 2);
  cluster_deliver_all(c);
  assert_id(peer(c, 3).matched, 1, 22);
  assert_id(cluster_view(c, 1).purged, 1, 20);
  assert_id(cluster_view(c, 3).snapshot, 1, 22); /* node 3's own snapshot, not the leader's */
  cluster_free(c);
}

/* Never more than purge_hold_max entries behind the snapshot: then it needs a snapshot after
 * all. */
static void the_hold_is_bounded(void **state) {
  struct cluster *c = led(15, 0);
  (void)state;
  grow(c, 20);
  assert_id(cluster_view(c, 1).snapshot, 1, 20);
  assert_id(cluster_view(c, 1).purged, 1, 5);
  assert_false(peer(c, 3).snapshot); /* entries up to 6 are on their way to node 3 */
  grow(c, 20);
  assert_true(peer(c, 3).snapshot); /* nothing is kept for node 3 any more */
  assert_id(cluster_view(c, 1).purged, 1, 40);
  cluster_run(c, 2000 * MS);
  assert_id(cluster_view(c, 3).committed, 1, 42);
  cluster_free(c);
}

/* Much is purged step by step, at once as the driver sees it; each step is its own output. */
static void a_long_purge_goes_in_steps(void **state) {
  struct cluster *c = cluster_new();
  rkv_index before;
  (void)state;
  c->config.snapshot_after = 10;
  c->config.purge_step = 4;
  c = led_by_one_of(c, three);
  c->nodes[3].cut = true;
  cluster_run(c, 1000 * MS);
  grow(c, 10);
  before = cluster_view(c, 1).purged.index;
  assert_true(before > 0 && before + 4 < cluster_view(c, 1).snapshot.index);
  assert_int_equal(raft_deadline(c->nodes[1].r), 0);
  cluster_run(c, 1);
  assert_id(cluster_view(c, 1).purged, 1, cluster_view(c, 1).snapshot.index);
  assert_true(raft_deadline(c->nodes[1].r) > 0);
  cluster_free(c);
}

/* Who does not answer holds nothing. */
static void absent_peers_hold_nothing(void **state) {
  struct cluster *c = led(100, 0);
  (void)state;
  c->nodes[3].cut = true;
  cluster_run(c, 1000 * MS);
  assert_false(peer(c, 3).reached);
  grow(c, 20);
  assert_id(cluster_view(c, 1).purged, 1, 20);
  cluster_free(c);
}

/* A peer that goes away while it holds something lets go of it. */
static void holds_end_with_the_peer(void **state) {
  struct cluster *c = led(100, 0);
  (void)state;
  grow(c, 20);
  assert_id(cluster_view(c, 1).purged, 1, 2);
  c->nodes[3].cut = true;
  cluster_deliver_all(c);
  cluster_run(c, 1000 * MS);
  assert_id(cluster_view(c, 1).purged, 1, 20);
  cluster_free(c);
}

/* keep_entries stay in any case; more than that is what a hold adds. */
static void what_is_kept_anyway_stays(void **state) {
  struct cluster *c = led(5, 8);
  (void)state;
  grow(c, 20);
  assert_id(cluster_view(c, 1).purged, 1, 12);
  cluster_free(c);
}

/* A follower has no peers: it purges by its own snapshots. */
static void followers_hold_nothing(void **state) {
  struct cluster *c = led(100, 0);
  (void)state;
  grow(c, 20);
  assert_id(cluster_view(c, 2).purged, 1, 20);
  cluster_free(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lagging_peers_hold_the_purge_back),
      cmocka_unit_test(the_hold_is_bounded),
      cmocka_unit_test(a_long_purge_goes_in_steps),
      cmocka_unit_test(absent_peers_hold_nothing),
      cmocka_unit_test(holds_end_with_the_peer),
      cmocka_unit_test(what_is_kept_anyway_stays),
      cmocka_unit_test(followers_hold_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
