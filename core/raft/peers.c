/* peers.c: the peers of a leader, and what it knows of each (I7). */
#include <raft/peers.h>

/* A peer that is removed still gets the entry that removes it, and that entry's commit. A removed
 * peer that does not answer has to find out by itself (core/node/know.c). */
static bool stays(const struct raft *r, const struct raft_progress *p) {
  const rkv_index last = r->effective->id.index;
  if (rkv_membership_find(&r->effective->value, p->id)) return true;
  if (!r->previous || !rkv_membership_find(&r->previous->value, p->id)) return false;
  return last > r->committed.index || (p->reached && p->commit_acked < last);
}

/* Every node of the effective membership but this one. */
static size_t peers_wanted(const struct raft *r) {
  const struct rkv_membership *m = &r->effective->value;
  return m->node_count - (rkv_membership_find(m, r->config.id) ? 1 : 0);
}

void raft_sync_peers(struct raft *r) {
  const struct rkv_membership *m = &r->effective->value;
  size_t kept = 0;
  assert(r->role == RAFT_LEADER);
  r->leaving = false;
  for (size_t i = 0; i < r->peer_count; i++) {
    if (!stays(r, &r->peers[i])) continue;
    if (!rkv_membership_find(m, r->peers[i].id)) r->leaving = true;
    r->peers[kept++] = r->peers[i];
  }
  r->peer_count = kept;
  for (size_t i = 0; i < m->node_count; i++) {
    if (m->nodes[i].id == r->config.id || raft_find_peer(r, m->nodes[i].id)) continue;
    assert(r->peer_count < RKV_NODES_MAX);
    raft_progress_start(&r->peers[r->peer_count++], m->nodes[i].id, r->log.last.index);
  }
  assert(r->leaving ? r->peer_count > peers_wanted(r)
                    : r->peer_count == peers_wanted(r)); /* (I7) */
}

void raft_settle_peer(struct raft *r, struct raft_progress *p) {
  if (raft_progress_settle(p, r->log.purged.index))
    raft_push(r, RAFT_OUT_SEND_SNAPSHOT)->peer = p->id;
}

void raft_settle_peers(struct raft *r) {
  for (size_t i = 0; i < r->peer_count; i++) raft_settle_peer(r, &r->peers[i]);
}
