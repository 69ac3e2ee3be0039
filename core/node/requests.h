/* requests.h: what other nodes ask of this one: votes and appends. */
#ifndef NODE_REQUESTS_H
#define NODE_REQUESTS_H

#include <node/kernel/state.h>

/* Refuses a call of a peer that is not for this node, or while the node ends; true if it did. */
bool request_refuse(struct node *n, struct rkv_call *call);
void request_on_vote(struct node *n, struct rkv_call *call);
void request_on_pre_vote(struct node *n, struct rkv_call *call);
void request_on_append(struct node *n, struct rkv_call *call);
void request_answer_vote(struct node *n, const struct raft_output *out);
void request_answer_append(struct node *n, const struct raft_output *out);

#endif
