/* carry.h: carries out raft's outputs. */
#ifndef NODE_CARRY_H
#define NODE_CARRY_H

#include <node/kernel/state.h>

/* Takes every output of raft and carries it out or defers it. Only the loop calls it: after each
 * handler and each phase. */
void carry(struct node *n);

#endif
