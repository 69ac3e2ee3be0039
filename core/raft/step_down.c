/* step_down.c: ceasing to lead or to campaign (paper 5.2). */
#include <raft/step_down.h>

#include <raft/change.h>
#include <raft/election_timer.h>
#include <raft/read.h>
#include <raft/role.h>
#include <raft/transfer.h>

void raft_become_follower(struct raft *r) {
  bool led = r->role == RAFT_LEADER;
  assert(r->role == RAFT_LEARNER || r->vote.term > 0);
  r->role = raft_is_voter(r) ? RAFT_FOLLOWER : RAFT_LEARNER;
  r->peer_count = 0;
  r->leaving = false;
  r->resign_at_ns = RAFT_NEVER;
  raft_announce_role(r);
  if (!led) return;
  raft_push(r, RAFT_OUT_DROP_PROPOSALS)->id = r->committed;
  raft_changes_abort(r);
  raft_reads_abort(r);
  raft_transfer_end(r);
}

void raft_step_down(struct raft *r, struct raft_now now) {
  assert(r->role == RAFT_LEADER && r->vote.node_id == r->config.id);
  r->lease_until_ns = now.ns; /* it owes itself nothing */
  raft_become_follower(r);
  raft_arm_election(r, now);
}
