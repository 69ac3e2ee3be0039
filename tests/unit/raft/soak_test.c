/* soak_test.c: random runs of whole clusters from fixed seeds: drops, reordering, crashes that lose
 * unwritten data, membership changes, snapshots. The laws of cluster_laws.c hold at every step;
 * after healing the cluster agrees and serves again. `soak SEED` replays one seed alone. */
#include "cluster.h"

#include <assert.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#define NODES 5
#define STEPS 40000
#if defined(__SANITIZE_THREAD__) /* there is but one */
#define SEEDS 40
#else
#define SEEDS 400
#endif

struct soak {
  struct cluster *c;
  uint64_t state;
  unsigned proposed, changes, crashes, snapshots, transfers, reads, transferred, read;
};

static uint64_t chance(struct soak *s, uint64_t below) {
  s->state ^= s->state << 13;
  s->state ^= s->state >> 7;
  s->state ^= s->state << 17;
  return (s->state * UINT64_C(2685821657736338717) >> 33) % below;
}

static struct test_node *any_node(struct soak *s) {
  return &s->c->nodes[1 + chance(s, NODES)];
}

static void toggle_crash(struct soak *s) {
  struct test_node *n = any_node(s);
  if (!n->r) {
    cluster_start(s->c, n->id);
  } else if (chance(s, 4) == 0) {
    cluster_crash(s->c, n->id);
    s->crashes++;
  }
}

static void change_members(struct soak *s, rkv_node_id leader) {
  rkv_node_id voters[NODES + 1] = {0};
  size_t count = 0;
  rkv_node_id id;
  enum rkv_status status;
  for (id = 1; id <= NODES; id++)
    if (rkv_membership_find(&raft_effective(s->c->nodes[leader].r)->value, id) && chance(s, 3) > 0)
      voters[count++] = id;
  if (count == 0 || chance(s, 2) == 0)
    status = cluster_learner(s->c, leader, 1 + chance(s, NODES));
  else
    status = cluster_change(s->c, leader, voters, chance(s, 2) == 0);
  if (status == RKV_OK) s->changes++;
}

/* Of anybody that thinks it leads: the one that does not know better is the interesting one. */
static void read_somewhere(struct soak *s) {
  bool lease = s->c->config.lease_drift_ppm != RAFT_LEASE_OFF && chance(s, 2) == 0;
  rkv_node_id id;
  uint64_t ticket;
  for (id = 1; id <= NODES; id++)
    if (s->c->nodes[id].r && cluster_view(s->c, id).role == RAFT_LEADER && chance(s, 2) == 0 &&
        cluster_read(s->c, id, lease, &ticket) == RKV_OK)
      s->reads++;
}

static void ask_leader(struct soak *s) {
  rkv_node_id leader = cluster_leader(s->c);
  if (leader == 0) return;
  if (chance(s, 20) == 0 && cluster_transfer(s->c, leader, chance(s, NODES + 1)) == RKV_OK)
    s->transfers++;
  if (chance(s, 4) == 0) change_members(s, leader);
  if (cluster_propose(s->c, leader, 1 + chance(s, 4)) == RKV_OK) s->proposed++;
}

static void step(struct soak *s) {
  struct cluster *c = s->c;
  struct test_node *n = any_node(s);
  uint64_t what = chance(s, 1000);
  if (what < 550)
    (void)cluster_deliver(c, 0, 0);
  else if (what < 600)
    cluster_reorder(c);
  else if (what < 620)
    (void)cluster_drop(c, 0, 0);
  else if (what < 850)
    cluster_write(c, n->id, 1 + chance(s, 20));
  else if (what < 900)
    ask_leader(s);
  else if (what < 950)
    read_somewhere(s);
  else if (what < 990)
    cluster_advance(c, chance(s, chance(s, 20) == 0 ? 2000 : 50) * MS);
  else if (what < 994)
    toggle_crash(s);
  else if (what < 998)
    n->cut = !n->cut && chance(s, 4) == 0;
  if (n->r && n->building && chance(s, 4) == 0) {
    cluster_built(c, n->id);
    s->snapshots++;
  }
}

static void write_all(struct cluster *c) {
  rkv_node_id id;
  for (id = 1; id <= NODES; id++) cluster_write(c, id, SIZE_MAX);
}

/* Everything works again: the cluster finds a leader, ends its changes and agrees. */
static void heal(struct soak *s) {
  struct cluster *c = s->c;
  rkv_node_id id, leader;
  struct raft_view view;
  for (id = 1; id <= NODES; id++) {
    c->nodes[id].cut = false;
    if (!c->nodes[id].r) cluster_start(c, id);
  }
  c->sync = true;
  write_all(c);
  cluster_run(c, 60000 * MS);
  leader = cluster_leader(c);
  assert(leader != 0);
  assert(cluster_propose(c, leader, 10) == RKV_OK);
  cluster_run(c, 5000 * MS);
  leader = cluster_leader(c);
  view = cluster_view(c, leader);
  assert(view.committed.index == view.last.index);
  assert(raft_effective(c->nodes[leader].r)->value.config_count == 1);
  for (id = 1; id <= NODES; id++) {
    if (!rkv_membership_find(&raft_effective(c->nodes[leader].r)->value, id)) continue;
    assert(rkv_log_id_equal(cluster_view(c, id).last, view.last));
    assert(rkv_log_id_equal(cluster_view(c, id).committed, view.committed));
  }
  law_logs_match(c);
}

static void run_seed(uint64_t seed, struct soak *s) {
  const rkv_node_id voters[] = {1, 2, 3, 0};
  rkv_node_id id;
  s->c = cluster_new();
  s->state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
  s->c->config.snapshot_after = 20 + seed % 50;
  s->c->config.keep_entries = seed % 30;
  s->c->config.append_entries_max = 1 + (uint32_t)(seed % 7);
  s->c->config.purge_hold_max = seed % 40;
  s->c->config.pre_vote = seed % 2 == 0;
  s->c->config.check_quorum = seed / 2 % 2 == 0;
  if (seed / 4 % 2 == 0) s->c->config.lease_drift_ppm = 0; /* there is one clock */
  for (id = 1; id <= NODES; id++) {
    s->c->nodes[id].old = seed % 3 == 0 && id % 2 == 0;
    cluster_start(s->c, id);
  }
  assert(cluster_init(s->c, 1, voters) == RKV_OK);
  s->c->sync = false;
  s->c->random_moves = true;
  for (unsigned i = 0; i < STEPS; i++) {
    step(s);
    if (i % 100 == 0) law_logs_match(s->c);
  }
  heal(s);
  for (id = 1; id <= NODES; id++) {
    s->transferred += s->c->nodes[id].transferred.count;
    s->read += s->c->nodes[id].read.ready;
    assert(!s->c->nodes[id].transferring && s->c->nodes[id].read_count == 0);
  }
  cluster_free(s->c);
}

static void laws_hold_in_random_runs(void **state) {
  struct soak s = {0};
  uint64_t seed;
  (void)state;
  for (seed = 1; seed <= SEEDS; seed++) run_seed(seed, &s);
  /* A run in which nothing happened proves nothing. */
  assert_true(s.proposed > 250 * SEEDS && s.changes > 10 * SEEDS && s.crashes > 15 * SEEDS);
  assert_true(s.snapshots > 20 * SEEDS && s.transfers > 5 * SEEDS / 2);
  assert_true(s.transferred > 5 * SEEDS / 2 && s.reads > 125 * SEEDS && s.read > 125 * SEEDS / 2);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(laws_hold_in_random_runs)};
  if (argc > 1) {
    struct soak s = {0};
    run_seed(strtoull(argv[1], NULL, 10), &s);
    printf("proposed %u changes %u crashes %u snapshots %u transfers %u/%u reads %u/%u\n",
           s.proposed, s.changes, s.crashes, s.snapshots, s.transferred, s.transfers, s.read,
           s.reads);
    return 0;
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
