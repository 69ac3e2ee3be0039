/* watched.h: a world whose storages count the snapshot writers of one node, and fail the test if
 * there are two at once, which a storage need not support (rkv/storage.h). */
#ifndef NODE_TEST_WATCHED_H
#define NODE_TEST_WATCHED_H

#include <support/world.h>

struct world *watched_begin(rkv_node_id id);
/* The number of snapshots of that node that are being written. */
int watched_writers(void);
/* The storage that does the work. */
const struct rkv_storage_ops *watched_storage(void);
/* Makes the state machines of nodes started from now on take any bytes of a restore, as long as it
 * is not finished. */
void watched_take_anything(struct world *w);

#endif
