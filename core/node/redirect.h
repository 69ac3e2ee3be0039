/* redirect.h: a client that asked a node that does not lead. */
#ifndef NODE_REDIRECT_H
#define NODE_REDIRECT_H

#include <node/kernel/state.h>

/* Ends the call with RKV_NOT_LEADER and what is known of the leader. */
void redirect_to_leader(struct node *n, struct rkv_call *call);

#endif
