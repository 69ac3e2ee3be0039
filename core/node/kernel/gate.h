/* gate.h: counts the calls that wait on a node, in the budgets of those who ask (budget.h). */
#ifndef NODE_GATE_H
#define NODE_GATE_H

#include <node/kernel/kinds.h>
#include <node/kernel/state.h>

/* Counts a call and hands it to the runner, or answers it RKV_FULL. Any thread. */
void gate_enter(struct node *n, struct rkv_call *call, enum node_kind kind);
/* Limits call->abi_minor, which says how long the caller's struct is, to the minor of this node's
 * transport. Any thread. */
void gate_limit_length(const struct node *n, struct rkv_call *call);
/* Takes a call that gate_enter counted off its budget. To be called before the call's done. */
void gate_leave(struct node *n, const struct rkv_call *call);
/* Likewise for many proposals at once, whose commands hold `bytes` bytes. */
void gate_leave_proposals(struct node *n, uint64_t calls, uint64_t bytes);
/* gate_leave, then ends the call with the error. */
void gate_refuse(struct node *n, struct rkv_call *call, const struct rkv_error *error);
/* Ends a call whose deadline passed before the runner came to it; false: it has time. */
bool gate_is_late(struct node *n, struct rkv_call *call);

#endif
