/* defer.h: outputs of raft that wait for the storage (N2). */
#ifndef NODE_DEFER_H
#define NODE_DEFER_H

#include <node/kernel/state.h>

/* True if the output answers a call of another node, its cookie. */
bool defer_is_answer(const struct raft_output *out);
/* Defers an output that waits; false: nothing is being saved, it may leave now. */
bool defer_put(struct node *n, const struct raft_output *out);
/* The next output whose wait is over; false: there is none. */
bool defer_take(struct node *n, struct raft_output *out);
/* Drops an output of a node that ends; a call that it would have answered is refused. */
void defer_discard(struct node *n, const struct raft_output *out);
/* Refuses the calls of peers whose answers wait; the other outputs go on waiting. */
void defer_fail(struct node *n, const struct rkv_error *error);
/* Likewise those whose time is up. */
void defer_expire(struct node *n);

#endif
