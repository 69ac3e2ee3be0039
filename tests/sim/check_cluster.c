/* check_cluster.c: what nodes of one cluster must agree on, by content: the entry that initialised
 * it, and who votes. */
#include <inttypes.h>
#include <stdlib.h>

#include <node/kernel/fatal.h>
#include <node/kernel/state.h>
#include <raft/state.h>

#include "sim.h"

/* The clusters that were initialised, most of them in vain. */
static struct sim_cluster *cluster_of(struct sim *s, struct rkv_cluster_id id) {
  for (size_t i = 0; i < s->cluster_count; i++)
    if (rkv_cluster_id_equal(s->clusters[i].id, id)) return &s->clusters[i];
  return NULL;
}

static void note_init(struct sim *s, rkv_node_id id, struct rkv_cluster_id cluster, uint64_t hash) {
  bool same = false, other = false;
  for (size_t i = 0; i < s->cluster_count; i++) {
    same = same || s->clusters[i].first == hash;
    other = other || s->clusters[i].first != hash;
  }
  if (same) sim_count(s, SIM_EFFECT_INIT_SAME);
  if (other) sim_count(s, SIM_EFFECT_INIT_OTHER);
  if (s->cluster_count == SIM_CLUSTERS_MAX) {
    sim_fail(s, "more than %d clusters", SIM_CLUSTERS_MAX);
    return;
  }
  s->clusters[s->cluster_count++] = (struct sim_cluster){cluster, id, hash};
}

/* A node that was initialised itself follows the leader of another cluster. */
static void note_cluster(struct sim *s, rkv_node_id id, struct rkv_cluster_id cluster) {
  struct sim_node *n = &s->nodes[id];
  const struct sim_cluster *before = cluster_of(s, n->cluster);
  if (rkv_cluster_id_equal(n->cluster, cluster)) return;
  if (before && before->founder == id) sim_count(s, SIM_EFFECT_FOLLOWED_OTHER);
  n->cluster = cluster;
}

/* Log matching of the initial entry: all of them have one id. */
static void check_initial(struct sim *s, rkv_node_id id) {
  struct rkv_cluster_id cluster = s->w->nodes[id].node->identity.cluster;
  const struct rkv_entry *first = disk_entry(swap_log(s, id), 1);
  if (!rkv_cluster_id_known(cluster)) return;
  note_cluster(s, id, cluster);
  if (!first) return;
  uint64_t hash = check_hash(first);
  const struct sim_cluster *known = cluster_of(s, cluster);
  if (!known)
    note_init(s, id, cluster, hash);
  else if (known->first != hash)
    sim_fail(s,
             "node %" PRIu64 " is of the cluster of node %" PRIu64 " and has another initial entry",
             id, known->founder);
}

/* The content of the effective membership is that of its entry, wherever it comes from. */
static void check_content(struct sim *s, rkv_node_id id, const struct raft_membership *m) {
  struct sim_node *n = &s->nodes[id];
  struct rkv_cluster_id cluster = s->w->nodes[id].node->identity.cluster;
  const struct sim_cluster *known = cluster_of(s, cluster);
  if (m->id.index == 0) return;
  if (rkv_log_id_equal(n->content, m->id) && n->content_life == s->w->nodes[id].life) return;
  size_t size = rkv_membership_encoded_size(&m->value);
  uint8_t *bytes = malloc(size);
  if (!bytes) {
    sim_fail(s, "out of memory");
    return;
  }
  rkv_membership_encode(&m->value, bytes);
  struct rkv_entry e = {
      .id = m->id, .kind = RKV_ENTRY_MEMBERSHIP, .payload = rkv_buf_static(bytes, size)};
  uint64_t hash = check_hash(&e);
  free(bytes);
  uint64_t want = m->id.term > 0 ? check_appended_hash(s, m->id) : known ? known->first : 0;
  if (want != 0 && want != hash)
    sim_fail(s, "node %" PRIu64 " has another membership than that of index %" PRIu64, id,
             m->id.index);
  n->content = m->id;
  n->content_life = m->id.term > 0 ? s->w->nodes[id].life : 0;
}

/* The membership that would return lies just before the one in force. */
static void check_previous(struct sim *s, rkv_node_id id, const struct raft *r) {
  struct sim_node *n = &s->nodes[id];
  rkv_index before = r->previous ? r->previous->id.index : 0;
  bool looked = n->previous == before && n->previous_of == r->effective->id.index;
  n->previous = before;
  n->previous_of = r->effective->id.index;
  for (rkv_index i = before + 1; before > 0 && !looked && i < n->previous_of; i++) {
    const struct rkv_entry *at = disk_entry(swap_log(s, id), i);
    struct rkv_log_id held;
    if (!at || at->kind != RKV_ENTRY_MEMBERSHIP) continue;
    if (!raft_log_at(&r->log, i, &held) || !rkv_log_id_equal(held, at->id)) continue;
    sim_fail(s,
             "node %" PRIu64 " would go back to the membership of index %" PRIu64 ", past that of "
             "index %" PRIu64,
             id, before, i);
  }
}

/* Of what a node has applied the last membership is the one that all know. */
static void check_newest(struct sim *s, rkv_node_id id, const struct raft *r) {
  const struct raft_membership *m = r->effective;
  rkv_index applied = r->applied.index;
  if (m->id.index > applied) m = r->previous;
  if (!m || m->id.index > applied || applied == 0 || applied >= s->committed_count) return;
  const struct sim_committed *at = &s->committed[applied];
  if (at->hash == 0) return;
  if (m->id.index != at->config || m->id.term != s->committed[at->config].term)
    sim_fail(s,
             "node %" PRIu64 " goes by the membership of index %" PRIu64 " (term %" PRIu64
             "), and that of index %" PRIu64 " is the last one up to %" PRIu64,
             id, m->id.index, m->id.term, at->config, applied);
}

void check_cluster(struct sim *s, rkv_node_id id) {
  const struct raft *r = s->w->nodes[id].node->raft;
  if (node_ending(s->w->nodes[id].node)) return; /* it ends, and may be torn */
  check_initial(s, id);
  check_content(s, id, r->effective);
  check_newest(s, id, r);
  check_previous(s, id, r);
}
