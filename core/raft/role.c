/* role.c: which role this node has, who leads, and telling that either changed. */
#include <raft/role.h>

#include <inttypes.h>
#include <string.h>

rkv_node_id raft_leader(const struct raft *r) {
  if (!r->vote.committed) return 0;
  /* An own committed vote of an earlier run, or of a leader that resigned, leads nobody. */
  if (r->vote.node_id == r->config.id && r->role != RAFT_LEADER) return 0;
  return r->vote.node_id;
}

/* True if this node votes in the membership. A config in the log that this node replays may mean an
 * earlier incarnation, which may have been a majority by itself: it does not make this node a
 * voter. */
static bool votes_in(const struct raft *r, const struct rkv_membership *m) {
  const struct rkv_member *me = rkv_membership_find(m, r->config.id);
  if (!me || !rkv_membership_is_voter(m, me->id)) return false;
  return me->incarnation == r->config.incarnation || me->incarnation == 0 ||
         r->config.incarnation == 0;
}

/* Dissertation 4.2.2: "a server that is not part of its own latest configuration should still
 * start new elections, as it might still be needed until the C_new entry is committed". */
bool raft_is_voter(const struct raft *r) {
  if (votes_in(r, &r->effective->value)) return true;
  return r->previous && r->effective->id.index > r->committed.index &&
         votes_in(r, &r->previous->value);
}

void raft_announce_role(struct raft *r) {
  rkv_node_id leader = raft_leader(r);
  assert(r->role != RAFT_LEADER || leader == r->config.id); /* (I3) */
  if (r->announced.role == r->role && r->announced.leader == leader &&
      r->announced.term == r->vote.term)
    return;
  r->announced.role = r->role;
  r->announced.leader = leader;
  r->announced.term = r->vote.term;
  (void)raft_push(r, RAFT_OUT_ROLE);
}

enum rkv_status raft_refuse_not_leader(const struct raft *r, struct rkv_error *error) {
  rkv_node_id leader = raft_leader(r);
  const struct rkv_member *node = rkv_membership_find(&r->effective->value, leader);
  assert(r->role != RAFT_LEADER);
  if (leader == 0)
    return rkv_fail(error, RKV_NOT_LEADER, "this node does not lead and knows no leader");
  (void)rkv_fail(error, RKV_NOT_LEADER, "this node does not lead; node %" PRIu64 " does", leader);
  if (error) {
    error->leader_id = leader;
    if (node) memcpy(error->leader_addr, node->addr, sizeof error->leader_addr);
  }
  return RKV_NOT_LEADER;
}
