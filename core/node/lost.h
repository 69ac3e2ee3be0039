/* lost.h: a peer that acknowledged entries to this leader and lacks them now, although it says to
 * be the incarnation that it was: its storage was put back to an older state. What it holds is
 * counted anew (raft), but what it promised as a voter may be gone, too. */
#ifndef NODE_LOST_H
#define NODE_LOST_H

#include <raft/raft.h>

struct node;

struct holding {
  struct rkv_vote vote; /* the leadership in which it acknowledged everything up to ... */
  rkv_index index;
  uint64_t at_ns; /* when this node heard so */
  bool lost;      /* a voter that lacks a part of that, and tend.c has not seen to it yet */
};

/* The answer of a peer to an append that was planned and sent so. Before raft takes it. */
void lost_look(struct node *n, rkv_node_id peer, const struct raft_append_plan *plan,
               const struct rkv_append_call *answer);

#endif
