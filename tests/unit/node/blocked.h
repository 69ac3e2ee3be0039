/* blocked.h: a storage on which the writes of one node do not end, as on a full device, until a
 * test lets them end. One node at a time. */
#ifndef NODE_TEST_BLOCKED_H
#define NODE_TEST_BLOCKED_H

#include <support/world.h>

/* Puts such a storage in front of the world's, for nodes started from now on. */
void blocked_begin(struct world *w);
void blocked_block(struct world *w, rkv_node_id id);
/* The number of writes that wait. */
size_t blocked_count(void);
/* Ends the writes that wait; no node is blocked any more. */
void blocked_end(void);

#endif
