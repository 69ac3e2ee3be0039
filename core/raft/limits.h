/* limits.h: the greatest terms and indexes, and how far another node may be ahead; a leaf.
 *
 * A term or an index that leaves no room to count on ends a cluster for ever: no greater one is
 * left for the next election or the next entry, and it survives restarts. No honest node comes
 * near: at a million a second 2^62 takes 146,000 years. So three limits:
 *
 * - From others: RAFT_HEADROOM below the greatest, and no further beyond what this node knows than
 *   elections or entries explain (RAFT_TERM_LEAP, RAFT_INDEX_LEAP).
 * - From its storage: half of that headroom, for the node itself may have counted on.
 * - Its own: asserted to stay below the greatest. */
#ifndef RAFT_LIMITS_H
#define RAFT_LIMITS_H

#include <rkv/types.h>

#define RAFT_TERM_MAX (UINT64_MAX / 2)
#define RAFT_INDEX_MAX (UINT64_MAX / 2)
#define RAFT_HEADROOM (UINT64_C(1) << 32)
#define RAFT_TERM_LEAP (UINT64_C(1) << 24)  /* elections that this node may have missed */
#define RAFT_INDEX_LEAP (UINT64_C(1) << 48) /* entries, likewise */

static inline bool raft_term_has_room(rkv_term term) {
  return term <= RAFT_TERM_MAX - RAFT_HEADROOM;
}

static inline bool raft_index_has_room(rkv_index index) {
  return index <= RAFT_INDEX_MAX - RAFT_HEADROOM;
}

/* What a storage may hold. */
static inline bool raft_id_is_storable(struct rkv_log_id id) {
  return id.term <= RAFT_TERM_MAX - RAFT_HEADROOM / 2 &&
         id.index <= RAFT_INDEX_MAX - RAFT_HEADROOM / 2;
}

#endif
