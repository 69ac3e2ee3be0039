/* carry.h: carries out raft's outputs. */
#ifndef NODE_CARRY_H
#define NODE_CARRY_H

#include <node/kernel/state.h>

/* carry without its look whether there is anything to do. */
void carry_all(struct node *n);

/* Takes every output of raft and carries it out or defers it. Only the loop calls it: after each
 * handler and each phase, most of which leave nothing to do. So the look is short: a deferred
 * output is due only once a save became durable, which is unreported then; connections are outdated
 * only by an identity, which is unsaved then; and an append that raft took left its answer. */
static inline void carry(struct node *n) {
  if (n->save.unreported || n->identity_unsaved || !raft_is_idle(n->raft)) carry_all(n);
}

#endif
