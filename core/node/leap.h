/* leap.h: what other nodes say of terms, leaders and log ids that cannot be true (raft/edge.h; of
 * leaders the paper, 5.2: one term has one). */
#ifndef NODE_LEAP_H
#define NODE_LEAP_H

#include <node/kernel/state.h>

/* Refuses a peer's request that carries such a vote or log id, with RKV_INVALID, and says so; true
 * if it did: the call has ended. A second leader of one term is told of and not refused: raft's
 * answer has that leader know, too. */
bool leap_refuses(struct node *n, struct rkv_call *call, struct rkv_vote vote,
                  struct rkv_log_id id);
/* Likewise without ending the call: the refusal is in *error. */
bool leap_is_told(struct node *n, const struct rkv_call *call, struct rkv_vote vote,
                  struct rkv_log_id id, struct rkv_error *error);
/* The peer's answer carried this vote: says so if raft will not take it, or if it has another node
 * lead in the term in which this node does. */
void leap_note_answer(struct node *n, rkv_node_id peer, struct rkv_vote vote);

#endif
