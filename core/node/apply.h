/* apply.h: committed entries go to the state machine. */
#ifndef NODE_APPLY_H
#define NODE_APPLY_H

#include <node/kernel/state.h>

/* Applies what is committed, at most a slice; true if there is more to do at once. */
bool apply_run(struct node *n);

#endif
