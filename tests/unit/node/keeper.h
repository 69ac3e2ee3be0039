/* keeper.h: storage-mem whose instances outlive the node's lives: a storage that keeps what it
 * holds when its node stops, and that a test may reach into meanwhile. */
#ifndef NODE_KEEPER_H
#define NODE_KEEPER_H

#include <support/world.h>

/* Gives the world's nodes such a storage; before any is started. Ends with keeper_end, once the
 * world was freed. */
void keeper_begin(struct world *w);
void keeper_end(void);
/* The storage of a node that does not run loses its entries above `after`, as one restored from an
 * older backup. */
void keeper_forget(rkv_node_id id, rkv_index after);
/* Such a node begins with an empty storage. */
void keeper_empty(rkv_node_id id);

#endif
