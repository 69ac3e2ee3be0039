/* step_down.h: ceasing to lead or to campaign (paper 5.2). */
#ifndef RAFT_STEP_DOWN_H
#define RAFT_STEP_DOWN_H

#include <raft/state.h>

/* Leadership or candidacy ends: what waits for it is given up. */
void raft_become_follower(struct raft *r);
/* Leadership ends and nobody else is known to lead: the vote stays as it is. */
void raft_step_down(struct raft *r, struct raft_now now);

#endif
