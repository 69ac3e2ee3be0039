/* fatal.h: a node that ends (N4). node_fatal itself is node.h's. */
#ifndef NODE_FATAL_H
#define NODE_FATAL_H

#include <node/kernel/state.h>

/* True once the node is fatal or abandoned: it makes no promise any more. Any thread. */
static inline bool node_ending(const struct node *n) {
  return atomic_load_explicit(&n->end.fatal, memory_order_acquire) ||
         atomic_load_explicit(&n->end.abandoned, memory_order_acquire);
}

/* The error that ends calls once the node is fatal or abandoned. Any thread. */
void node_end_error(struct node *n, struct rkv_error *error);

#endif
