/* loop.h: the node's loop. */
#ifndef NODE_LOOP_H
#define NODE_LOOP_H

#include <node/kernel/state.h>

/* Works until the inbox is empty: the runner's role (role.h), ctx is the node. */
void loop_run(void *ctx);

#endif
