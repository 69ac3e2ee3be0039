/* commit.c: which entries are committed (paper 5.3, 5.4.2). */
#include <raft/commit.h>

#include <raft/change.h>
#include <raft/election_timer.h>
#include <raft/peers.h>
#include <raft/read.h>

/* The leader's own log counts as far as it is durable, like everybody's. */
static rkv_index acked(const void *ctx, rkv_node_id id) {
  const struct raft *r = ctx;
  const struct raft_progress *p = raft_peek_peer(r, id);
  if (id == r->config.id) return r->saved.index;
  return p ? p->matched.index : 0;
}

static void commit_by_quorum(struct raft *r, struct raft_now now) {
  rkv_index index = raft_quorum_index(&r->effective->value, acked, r);
  struct rkv_log_id id;
  assert(r->role == RAFT_LEADER && index <= r->log.last.index);
  /* 5.4.2: "only log entries from the leader's current term are committed by counting replicas;
   * ... then all prior entries are committed indirectly". */
  if (index <= r->committed.index || !raft_log_at(&r->log, index, &id)) return;
  if (id.term == r->vote.term) raft_commit_to(r, now, index);
}

void raft_advance_commit(struct raft *r, struct raft_now now) {
  commit_by_quorum(r, now);
  raft_reads_advance(r);
}

void raft_commit_to(struct raft *r, struct raft_now now, rkv_index index) {
  struct rkv_log_id id = {0, 0};
  bool held = raft_log_at(&r->log, index, &id);
  assert(held && index > r->committed.index);
  r->committed = id;
  if (r->role == RAFT_LEADER && index >= r->effective->id.index) raft_sync_peers(r);
  raft_push(r, RAFT_OUT_COMMIT)->id = id;
  raft_settle_role(r, now); /* its removal may be committed now */
  raft_changes_advance(r, now);
}
