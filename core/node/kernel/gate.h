/* gate.h: how many calls wait on a node, by who asks (budget.h). */
#ifndef NODE_GATE_H
#define NODE_GATE_H

#include <node/kernel/kinds.h>
#include <node/kernel/state.h>

/* Counts a call and hands it to the runner, or answers it RKV_FULL. Any thread. */
void gate_enter(struct node *n, struct rkv_call *call, enum node_kind kind);
/* How long a call is its caller says: cut to what its transport can know. Any thread. */
void gate_limit_length(const struct node *n, struct rkv_call *call);
/* Gives back what a call that was handed in took of its budget. Before its done. */
void gate_leave(struct node *n, const struct rkv_call *call);
/* Likewise of so many proposals at once, and of the bytes of their commands. */
void gate_leave_proposals(struct node *n, uint64_t calls, uint64_t bytes);
/* Gives back, and ends the call with the error. */
void gate_refuse(struct node *n, struct rkv_call *call, const struct rkv_error *error);
/* Ends a call that came when its time was up; false: it has time. */
bool gate_is_late(struct node *n, struct rkv_call *call);

#endif
