/* replicate.h: a leader's appends to its peers (paper 5.3). */
#ifndef RAFT_REPLICATE_H
#define RAFT_REPLICATE_H

#include <raft/state.h>

/* When the next append to any peer is due; RAFT_NEVER. */
uint64_t raft_peers_deadline(const struct raft *r);

#endif
