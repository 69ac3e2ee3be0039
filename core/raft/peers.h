/* peers.h: the peers of a leader, and what it knows of each (I7). */
#ifndef RAFT_PEERS_H
#define RAFT_PEERS_H

#include <raft/state.h>

/* NULL: no peer has this id. Inline, because every answer of a peer looks for it several times. */
static inline struct raft_progress *raft_find_peer(struct raft *r, rkv_node_id id) {
  assert(r->peer_count <= RKV_NODES_MAX);
  for (size_t i = 0; i < r->peer_count; i++)
    if (r->peers[i].id == id) return &r->peers[i];
  return NULL;
}

static inline const struct raft_progress *raft_peek_peer(const struct raft *r, rkv_node_id id) {
  for (size_t i = 0; i < r->peer_count; i++)
    if (r->peers[i].id == id) return &r->peers[i];
  return NULL;
}

/* Makes peers what they should be (I7). */
void raft_sync_peers(struct raft *r);
/* SEND_SNAPSHOT to the peer, or to every peer, whose next entry is purged. */
void raft_settle_peer(struct raft *r, struct raft_progress *p);
void raft_settle_peers(struct raft *r);

#endif
