/* answer.h: how calls end. A function that ends a call calls its `done` and never touches the call
 * again. Any thread, but answer_is_due, which is the runner's. */
#ifndef NODE_ANSWER_H
#define NODE_ANSWER_H

#include <node/kernel/state.h>

/* True if the call's deadline has passed. */
static inline bool answer_is_due(const struct node *n, const struct rkv_call *call) {
  return call->deadline_ns != 0 && call->deadline_ns <= n->now_ns;
}

/* Ends the call with success and returns true. False: the node is fatal (N4), and the call ended
 * with the error that answer_open_error makes. */
bool answer_ok(struct node *n, struct rkv_call *call);
/* Likewise for a call whose answer holds references, listed in `given` up to a NULL. They are
 * dropped if the call does not end with success. */
bool answer_give(struct node *n, struct rkv_call *call, struct rkv_buf *const *given);
void answer_fail(struct rkv_call *call, const struct rkv_error *error);
__attribute__((format(printf, 3, 4))) void
answer_failf(struct rkv_call *call, enum rkv_status status, const char *format, ...);
/* The error for a call whose entry is in the log and that ends because of `cause`. The entry may
 * still be committed, so a status that means "surely not done" would be wrong. */
void answer_open_error(const struct rkv_error *cause, struct rkv_error *error);
/* Ends the call with what the state machine answers to its query. */
void answer_query(struct node *n, struct rkv_query_call *call);

#endif
