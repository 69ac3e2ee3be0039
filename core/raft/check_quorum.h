/* check_quorum.h: when a leader that no quorum answers steps down (dissertation 6.2). */
#ifndef RAFT_CHECK_QUORUM_H
#define RAFT_CHECK_QUORUM_H

#include <raft/state.h>

/* When a leader that hears nothing more steps down; RAFT_NEVER. */
uint64_t raft_quorum_deadline(const struct raft *r);

#endif
