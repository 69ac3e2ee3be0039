/* receive.h: takes snapshots that a leader sends. */
#ifndef NODE_RECEIVE_H
#define NODE_RECEIVE_H

#include <node/kernel/state.h>

void receive_on_begin(struct node *n, struct rkv_call *call);
void receive_on_write(struct node *n, struct rkv_call *call);
void receive_on_abort(struct node *n, struct rkv_call *call);
void receive_on_stepped(struct node *n, struct rkv_call *event);
void receive_on_finish(struct node *n, struct rkv_call *call);
void receive_on_installed(struct node *n, struct rkv_call *call);

#endif
