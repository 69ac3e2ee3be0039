/* lost.h: finds a peer that lacks entries which it acknowledged to this leader, although its
 * incarnation is the same: its storage was put back to an older state. raft counts anew what the
 * peer holds. But the promises that it made as a voter may be gone too, so it must not vote before
 * it has caught up (tend.c). */
#ifndef NODE_LOST_H
#define NODE_LOST_H

#include <raft/raft.h>

struct node;

struct holding {
  struct rkv_vote vote; /* the leadership in which the peer acknowledged everything up to ... */
  rkv_index index;
  uint64_t at_ns; /* when that acknowledgement came */
  bool lost;      /* the peer is a voter and lacks a part of that: tend.c has to act */
};

/* A peer answered the append that was sent by this plan. To be called before raft takes the
 * answer. */
void lost_look(struct node *n, rkv_node_id peer, const struct raft_append_plan *plan,
               const struct rkv_append_call *answer);

#endif
