/* edge.h: which terms and indexes a node takes from others (limits.h). */
#ifndef RAFT_EDGE_H
#define RAFT_EDGE_H

#include <raft/raft.h>

/* True if another node's word that the cluster has come so far can be true. */
bool raft_believes_term(const struct raft *r, rkv_term term);
bool raft_believes_index(const struct raft *r, rkv_index index);
/* RKV_INVALID, with text, if no node of this cluster can have got to this vote's term or to this
 * log id (none: not asked): raft takes them from nobody, neither by a request nor by an answer. */
enum rkv_status raft_check_edge(const struct raft *r, struct rkv_vote vote, struct rkv_log_id id,
                                struct rkv_error *error);

/* RKV_INVALID, with text, if this vote is of a leader and this node follows, or is, another leader
 * of the same term. 5.2, figure 3: "at most one leader can be elected in a given term". So one of
 * the two is of another cluster, or a stranger, or of voters that forgot whom they had elected. */
enum rkv_status raft_check_rival(const struct raft *r, struct rkv_vote vote,
                                 struct rkv_error *error);

#endif
