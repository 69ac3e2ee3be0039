/* quorum.h: majorities of every config of a membership (dissertation 4.3); a leaf. */
#ifndef RAFT_QUORUM_H
#define RAFT_QUORUM_H

#include <rkv/membership.h>

/* How far node `id` holds the log, as far as is known. */
typedef rkv_index raft_acked_fn(const void *ctx, rkv_node_id id);

/* The greatest index that a majority of EVERY config has acknowledged; 0 without configs. */
rkv_index raft_quorum_index(const struct rkv_membership *m, raft_acked_fn *acked, const void *ctx);

/* True if ids[0..count) contain a majority of EVERY config; false without configs. */
bool raft_quorum_has(const struct rkv_membership *m, const rkv_node_id *ids, size_t count);

/* True if `id` is the only voter: whatever it decides is decided. */
bool raft_quorum_lone(const struct rkv_membership *m, rkv_node_id id);

#endif
