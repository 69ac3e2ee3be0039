/* vote.h: granting votes and taking greater ones (paper 5.2, 5.4.1). */
#ifndef RAFT_VOTE_H
#define RAFT_VOTE_H

#include <raft/state.h>

/* True if a vote request would be granted; `transfer`: no lease is owed. */
bool raft_may_grant(const struct raft *r, struct raft_now now, struct rkv_vote vote,
                    struct rkv_log_id last, bool transfer);
/* Takes a vote that is not this node's own candidacy: SAVE_VOTE, and what led or campaigned here
 * ends. Nothing if it is the present one. */
void raft_adopt_vote(struct raft *r, struct rkv_vote vote);
/* True if the vote that a refusing peer named is greater than this node's, and can be true. */
bool raft_is_overtaken(const struct raft *r, struct rkv_vote seen);
/* A refusing peer's greater vote: taken as not committed, for its leader has not spoken to us. */
void raft_adopt_seen(struct raft *r, struct raft_now now, struct rkv_vote seen);

#endif
