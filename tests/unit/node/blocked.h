/* blocked.h: a storage whose writes of one node do not end, as those of a full device, until a test
 * lets them. One at a time. */
#ifndef NODE_TEST_BLOCKED_H
#define NODE_TEST_BLOCKED_H

#include <support/world.h>

/* Nodes started from now on have such a storage, before the world's. */
void blocked_begin(struct world *w);
void blocked_block(struct world *w, rkv_node_id id);
/* How many writes wait. */
size_t blocked_count(void);
/* They end, and no node is blocked. */
void blocked_end(void);

#endif
