/* tend.h: the leader looks after members that lost their storage. */
#ifndef NODE_TEND_H
#define NODE_TEND_H

#include <node/kernel/state.h>

void tend_run(struct node *n);
void tend_on_answer(struct node *n, struct rkv_call *call);
/* Asks every member who it is; who does not know the question is passed over. */
void tend_ask_members(struct node *n);
/* The peer refused a request: asks it again which incarnation it is. */
void tend_ask_again(struct node *n, rkv_node_id peer);

#endif
