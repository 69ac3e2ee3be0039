/* pre_vote.h: asking before campaigning (dissertation 9.6). */
#ifndef RAFT_PRE_VOTE_H
#define RAFT_PRE_VOTE_H

#include <raft/state.h>

/* Begins a round: asks every other voter whether it would grant the next term. */
void raft_ask_pre_votes(struct raft *r, struct raft_now now);

#endif
