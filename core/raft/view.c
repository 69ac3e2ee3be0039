/* view.c: looking at a raft from outside (view.h). */
#include <raft/view.h>

#include <raft/peers.h>
#include <raft/role.h>

bool raft_log_id_at(const struct raft *r, rkv_index index, struct rkv_log_id *id) {
  return raft_log_at(&r->log, index, id);
}

bool raft_leads(const struct raft *r) {
  return r->role == RAFT_LEADER;
}

void raft_view(const struct raft *r, struct raft_view *view) {
  assert(r->applied.index <= r->committed.index); /* (I1) */
  assert(r->committed.index <= r->log.last.index && r->saved.index <= r->log.last.index);
  view->role = r->role;
  view->vote = r->vote;
  view->leader = raft_leader(r);
  view->last = r->log.last;
  view->saved = r->saved;
  view->committed = r->committed;
  view->applied = r->applied;
  view->snapshot = r->snapshot;
  view->purged = r->log.purged;
}

bool raft_is_idle(const struct raft *r) {
  return r->queue.head == r->queue.count && !r->failed;
}

const struct raft_membership *raft_effective(const struct raft *r) {
  return r->effective;
}

const struct raft_membership *raft_committed(const struct raft *r) {
  const struct raft_membership *m = r->effective;
  if (m->id.index > r->committed.index) m = r->previous;
  return m && m->value.config_count > 0 && m->id.index <= r->committed.index ? m : NULL;
}

bool raft_peer(const struct raft *r, rkv_node_id peer, struct raft_peer_view *view) {
  const struct raft_progress *p = raft_peek_peer(r, peer);
  if (!p) return false;
  view->matched = p->matched;
  view->snapshot = p->mode == RAFT_SNAPSHOT;
  view->reached = p->reached;
  view->replicating = p->mode == RAFT_REPLICATE;
  view->next = p->next;
  view->last = r->log.last.index;
  return true;
}
