/* replicate.h: votes and appends to the peers, and their answers. */
#ifndef NODE_REPLICATE_H
#define NODE_REPLICATE_H

#include <node/kernel/state.h>

void replicate_all(struct node *n);
void replicate_vote(struct node *n, const struct raft_output *out);
void replicate_on_vote_answer(struct node *n, struct rkv_call *call);
void replicate_pre_vote(struct node *n, const struct raft_output *out);
void replicate_on_pre_vote_answer(struct node *n, struct rkv_call *call);
void replicate_on_append_answer(struct node *n, struct rkv_call *call);

#endif
