/* leap.h: what other nodes say of terms and log ids that cannot be true (raft/edge.h). */
#ifndef NODE_LEAP_H
#define NODE_LEAP_H

#include <node/kernel/state.h>

/* Refuses a peer's request that carries such a vote or log id, with RKV_INVALID, and says so; true
 * if it did: the call has ended. */
bool leap_refuses(struct node *n, struct rkv_call *call, struct rkv_vote vote,
                  struct rkv_log_id id);
/* Likewise without ending the call: the refusal is in *error. */
bool leap_is_told(struct node *n, const struct rkv_call *call, struct rkv_vote vote,
                  struct rkv_log_id id, struct rkv_error *error);
/* The peer's answer carried this vote: says so if raft will not take it. */
void leap_note_answer(struct node *n, rkv_node_id peer, struct rkv_vote vote);

#endif
