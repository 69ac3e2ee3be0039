/* election_timer.h: when a node campaigns if it hears no leader (paper 5.2). */
#ifndef RAFT_ELECTION_TIMER_H
#define RAFT_ELECTION_TIMER_H

#include <raft/state.h>

/* True if the leader is known to have left the cluster: nobody owes it a lease, nor waits for
 * it. */
bool raft_leader_left(const struct raft *r);
/* Sets the election timer anew; learners and leaders have none. */
void raft_arm_election(struct raft *r, struct raft_now now);
/* A message of the leader that this node follows was accepted. */
void raft_heard_leader(struct raft *r, struct raft_now now);
/* FOLLOWER or LEARNER as the effective membership says, unless this node leads or campaigns. */
void raft_settle_role(struct raft *r, struct raft_now now);

#endif
