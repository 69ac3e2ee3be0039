/* role.h: which role this node has, and who leads. */
#ifndef RAFT_ROLE_H
#define RAFT_ROLE_H

#include <raft/state.h>

/* ROLE, if role, leader or term are not what the last one said. */
void raft_announce_role(struct raft *r);
/* Who leads in this term as far as is known; 0: unknown. */
rkv_node_id raft_leader(const struct raft *r);
/* True if this node may lead: it votes in the effective membership, or did in the one before while
 * the effective one is not committed. */
bool raft_is_voter(const struct raft *r);
/* RKV_NOT_LEADER; fills the leader into *error. */
enum rkv_status raft_refuse_not_leader(const struct raft *r, struct rkv_error *error);

#endif
