/* edge.c: whether what another node says can be true. */
#include <raft/edge.h>

#include <raft/limits.h>
#include <raft/state.h>

#include <inttypes.h>

/* A node without vote and log knows nothing of how far the cluster has come. */
static bool knows_terms(const struct raft *r) {
  return r->vote.term > 0 || r->log.last.index > 0;
}

bool raft_believes_term(const struct raft *r, rkv_term term) {
  rkv_term known = r->vote.term > r->log.last.term ? r->vote.term : r->log.last.term;
  if (!raft_term_has_room(term)) return false;
  return !knows_terms(r) || term <= known || term - known <= RAFT_TERM_LEAP;
}

bool raft_believes_index(const struct raft *r, rkv_index index) {
  rkv_index known = r->log.last.index;
  if (!raft_index_has_room(index)) return false;
  return index <= known || index - known <= RAFT_INDEX_LEAP;
}

enum rkv_status raft_check_edge(const struct raft *r, struct rkv_vote vote, struct rkv_log_id id,
                                struct rkv_error *error) {
  if (!raft_believes_term(r, vote.term))
    return rkv_fail(error, RKV_INVALID,
                    "vote of node %" PRIu64 ": term %" PRIu64 ", and this node is in term %" PRIu64
                    ": no elections "
                    "explain that",
                    vote.node_id, vote.term, r->vote.term);
  if (!raft_believes_index(r, id.index))
    return rkv_fail(error, RKV_INVALID,
                    "log of node %" PRIu64 ": index %" PRIu64
                    ", and this node's log ends at %" PRIu64 ": no log gets so "
                    "far ahead",
                    vote.node_id, id.index, r->log.last.index);
  return RKV_OK;
}

enum rkv_status raft_check_rival(const struct raft *r, struct rkv_vote vote,
                                 struct rkv_error *error) {
  const rkv_node_id known = r->vote.node_id;
  if (!vote.committed || !r->vote.committed || vote.term != r->vote.term || vote.node_id == known)
    return RKV_OK;
  return rkv_fail(error, RKV_INVALID,
                  "two leaders of term %" PRIu64 ": node %" PRIu64 ", which %s, and node %" PRIu64
                  ": one of them is of another cluster, or voters lost their storage (look who "
                  "has which address)",
                  vote.term, known, known == r->config.id ? "this one is" : "this node follows",
                  vote.node_id);
}
