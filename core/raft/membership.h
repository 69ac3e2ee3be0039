/* membership.h: the last two memberships of the log (dissertation 4.1). */
#ifndef RAFT_MEMBERSHIP_H
#define RAFT_MEMBERSHIP_H

#include <raft/state.h>

/* A slot that no output of this input points to, to be filled and then pushed or left. */
struct raft_membership *raft_membership_slot(struct raft *r);
/* Makes a filled slot the effective membership, the effective one the previous. */
void raft_membership_push(struct raft *r, struct raft_membership *slot);
/* The log was cut above `after`; true if the effective membership changed. */
bool raft_membership_revert(struct raft *r, rkv_index after);
/* A snapshot up to `last` holds `m` as its last membership; true if the effective one changed. */
bool raft_membership_restore(struct raft *r, const struct raft_membership *m, rkv_index last);
/* MEMBERSHIP, and role and peers as it says. */
void raft_membership_announce(struct raft *r, struct raft_now now);
/* A leader's own entry: appends the filled slot as the effective membership. raft_failed: no
 * memory. */
void raft_append_membership(struct raft *r, struct raft_now now, struct raft_membership *slot);
/* Takes nodes[at] out of the membership. */
void raft_drop_node(struct rkv_membership *m, uint32_t at);

#endif
