/* greet.h: asks nodes who they are before they become members. */
#ifndef NODE_GREET_H
#define NODE_GREET_H

#include <node/kernel/state.h>

/* Asks every member of *members but this node who it is, then calls `then` with their incarnations
 * filled in (0: no answer) and RKV_OK. `then` gets an error instead if one of them is not the node
 * that it should be, or if fewer than `least` nodes answer, this node counted: RKV_UNAVAILABLE if
 * `least` is GREET_ALL, else RKV_PRECONDITION. *error says why; after RKV_OK it is room for what
 * `then` does. `then` may run before the call returns. It does not run after greet_forget. */
#define GREET_ALL UINT32_MAX
typedef void greet_then(struct node *n, struct rkv_call *call, struct rkv_membership *members,
                        enum rkv_status status, struct rkv_error *error);
void greet(struct node *n, struct rkv_call *call, const struct rkv_membership *members,
           uint32_t least, greet_then *then);
/* Likewise for the one member of *one, which is asked at its new address even if it is this
 * node. */
void greet_address(struct node *n, struct rkv_call *call, const struct rkv_membership *one,
                   greet_then *then);
/* True if the call was still waiting for answers: `then` has not run. */
bool greet_forget(struct node *n, const struct rkv_call *call);
void greet_on_answer(struct node *n, struct rkv_call *call);

#endif
