/* post.h: how work gets to the runner, and the runner's time. */
#ifndef NODE_POST_H
#define NODE_POST_H

#include <node/kernel/kinds.h>
#include <node/kernel/state.h>

/* The time of the batch, and a random number: for raft. */
struct raft_now node_now(struct node *n);
/* Hands an internal event or answered call to the runner. Any thread; does not kick. */
void node_post(struct node *n, struct rkv_call *call, enum node_kind kind);
/* Has the handler of this call called again, once raft's outputs were carried out. */
void node_again(struct node *n, struct rkv_call *call);

#endif
