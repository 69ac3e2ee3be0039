/* send.h: sends snapshots. */
#ifndef NODE_SEND_H
#define NODE_SEND_H

#include <node/kernel/state.h>

void send_start(struct node *n, rkv_node_id peer);
void send_on_step(struct node *n, struct rkv_call *call);

#endif
