/* check_quorum.c: a leader that no quorum answers steps down (dissertation 6.2): it could commit
 * nothing, and its clients would wait for nothing.
 *
 * It keeps its vote, committed as it is. By (I4) a vote is never replaced by a lesser one, and
 * {term, self, not committed} is less; nor is there a need: the term was won, nobody else can lead
 * in it, and role alone says whether this node does (I3). It leads again by a greater term only. */
#include <raft/check_quorum.h>

#include <raft/peers.h>

static uint64_t last_answer_ns(const void *ctx, rkv_node_id id) {
  const struct raft *r = ctx;
  const struct raft_progress *p = raft_peek_peer(r, id);
  if (id == r->config.id) return RAFT_NEVER; /* always there */
  return p ? p->answered_ns : 0;
}

uint64_t raft_quorum_deadline(const struct raft *r) {
  uint64_t since;
  assert(r->role == RAFT_LEADER);
  if (!r->config.check_quorum) return RAFT_NEVER;
  since = raft_quorum_index(&r->effective->value, last_answer_ns, r);
  /* A new leader, and new voters, have as long to begin with. */
  if (since < r->quorum_since_ns) since = r->quorum_since_ns;
  return since < RAFT_NEVER - r->config.election_max_ns ? since + r->config.election_max_ns
                                                        : RAFT_NEVER;
}
