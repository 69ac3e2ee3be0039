/* transfer.h: leadership handed over. */
#ifndef NODE_TRANSFER_H
#define NODE_TRANSFER_H

#include <node/kernel/state.h>

void transfer_on_call(struct node *n, struct rkv_call *call);
/* Hands leadership to the peer that got furthest. The call, which gate_enter counted, ends with the
 * transfer. */
void transfer_away(struct node *n, struct rkv_call *call);
void transfer_done(struct node *n, const struct raft_output *out);
void transfer_expire(struct node *n);
void transfer_fail(struct node *n, const struct rkv_error *error);
void transfer_on_drain(struct node *n, struct rkv_call *call);
/* Hands leadership over once nothing waits for its commit. */
void transfer_drain_run(struct node *n);
void transfer_send(struct node *n, const struct raft_output *out);
void transfer_on_answer(struct node *n, struct rkv_call *call);
void transfer_on_timeout_now(struct node *n, struct rkv_call *call);

#endif
