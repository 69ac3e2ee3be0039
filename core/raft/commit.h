/* commit.h: which entries are committed (paper 5.3, 5.4.2). */
#ifndef RAFT_COMMIT_H
#define RAFT_COMMIT_H

#include <raft/state.h>

/* Leader: commits what a quorum holds, if it is of the own term (paper 5.4.2). */
void raft_advance_commit(struct raft *r, struct raft_now now);
/* Everything up to `index` is committed: COMMIT, and what follows from it. */
void raft_commit_to(struct raft *r, struct raft_now now, rkv_index index);

#endif
