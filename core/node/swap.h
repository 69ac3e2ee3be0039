/* swap.h: the node moves to another storage while it serves. */
#ifndef NODE_SWAP_H
#define NODE_SWAP_H

#include <node/kernel/state.h>

void swap_on_call(struct node *n, struct rkv_call *call);

#endif
