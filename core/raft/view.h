/* view.h: what can be seen of a raft from outside. */
#ifndef RAFT_VIEW_H
#define RAFT_VIEW_H

#include <raft/raft.h>

/* ---- looking ---- */

struct raft_view {
  enum raft_role role;
  struct rkv_vote vote;
  rkv_node_id leader; /* who leads in this term as far as is known; 0 = unknown */
  struct rkv_log_id last, saved, committed, applied, snapshot, purged;
};
/* This node leads in its term. */
bool raft_leads(const struct raft *r);
void raft_view(const struct raft *r, struct raft_view *view);
/* True if raft_take has nothing to give and raft_failed is false. */
bool raft_is_idle(const struct raft *r);
/* The membership in force: the last one in the log, committed or not. */
const struct raft_membership *raft_effective(const struct raft *r);
/* The last one that this node knows to be committed; NULL if it knows none. */
const struct raft_membership *raft_committed(const struct raft *r);

struct raft_peer_view {
  struct rkv_log_id matched;
  bool snapshot;    /* a snapshot is being sent to it */
  bool reached;     /* its last call was answered */
  bool replicating; /* entries go out to it, from `next` to `last`, which is the log's */
  rkv_index next, last;
};
/* A leader's progress of a peer; false if this node does not lead or does not know it. */
bool raft_peer(const struct raft *r, rkv_node_id peer, struct raft_peer_view *view);

#endif
