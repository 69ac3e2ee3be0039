/* defer.h: outputs of raft that wait for the storage (N2). */
#ifndef NODE_DEFER_H
#define NODE_DEFER_H

#include <node/kernel/state.h>

/* True if the output answers a call of another node: the call is its cookie. */
bool defer_is_answer(const struct raft_output *out);
/* Keeps an output until everything saved before it is durable. False: nothing is being saved, and
 * the output may be carried out now. */
bool defer_put(struct node *n, const struct raft_output *out);
/* The next output whose wait is over; false: there is none. */
bool defer_take(struct node *n, struct raft_output *out);
/* Drops an output because the node ends. If it is an answer, the call that it answers is
 * refused. */
void defer_discard(struct node *n, const struct raft_output *out);
/* Refuses the calls of peers whose answers wait here. Other outputs go on waiting. */
void defer_fail(struct node *n, const struct rkv_error *error);
/* Likewise, but only the calls whose deadline has passed. */
void defer_expire(struct node *n);

#endif
