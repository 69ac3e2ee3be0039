/* keeper.h: storage-mem whose instances survive the node's lives: a storage that keeps what it
 * holds when its node stops, and that a test may change meanwhile. */
#ifndef NODE_KEEPER_H
#define NODE_KEEPER_H

#include <support/world.h>

/* Gives the world's nodes such a storage; to be called before any node is started. keeper_end
 * follows once the world was freed. */
void keeper_begin(struct world *w);
void keeper_end(void);
/* Makes the storage of a stopped node lose its entries above `after`, like one that was restored
 * from an older backup. */
void keeper_forget(rkv_node_id id, rkv_index after);
/* Empties the storage of a stopped node. */
void keeper_empty(rkv_node_id id);

#endif
