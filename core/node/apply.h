/* apply.h: committed entries go to the state machine. */
#ifndef NODE_APPLY_H
#define NODE_APPLY_H

#include <node/kernel/state.h>

/* Applies committed entries, at most NODE_APPLY_SLICE_MAX. True if more can be applied at once. */
bool apply_run(struct node *n);

#endif
