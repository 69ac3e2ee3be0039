/* correct.h: a member leaves, or is at another address. */
#ifndef NODE_CORRECT_H
#define NODE_CORRECT_H

#include <node/kernel/state.h>

void correct_on_remove(struct node *n, struct rkv_call *call);
void correct_on_set_address(struct node *n, struct rkv_call *call);

#endif
