/* leap.h: terms, leaders and log ids of other nodes that cannot be true (raft/edge.h). */
#ifndef NODE_LEAP_H
#define NODE_LEAP_H

#include <node/kernel/state.h>

/* Ends a peer's request that carries such a vote or log id, with RKV_INVALID, and logs it. False:
 * there is nothing wrong with it, or its vote is of a second leader of one term. That is logged and
 * left to raft, whose answer tells that leader. */
bool leap_refuses(struct node *n, struct rkv_call *call, struct rkv_vote vote,
                  struct rkv_log_id id);
/* Likewise, but leaves the call to the caller, with the refusal in *error. */
bool leap_is_found(struct node *n, const struct rkv_call *call, struct rkv_vote vote,
                   struct rkv_log_id id, struct rkv_error *error);
/* The peer's answer carried this vote: logs it if raft will not believe it, or if it makes another
 * node the leader of the term in which this node leads. */
void leap_note_answer(struct node *n, rkv_node_id peer, struct rkv_vote vote);

#endif
