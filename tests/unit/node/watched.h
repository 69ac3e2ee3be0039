/* watched.h: a world whose storages let a test see the snapshot writers of one node, and fail if
 * there are two at once, which no storage need bear (rkv/storage.h). */
#ifndef NODE_TEST_WATCHED_H
#define NODE_TEST_WATCHED_H

#include <support/world.h>

struct world *watched_begin(rkv_node_id id);
/* How many snapshots of that node are being written. */
int watched_writers(void);
/* The storage behind it. */
const struct rkv_storage_ops *watched_storage(void);
/* State machines of nodes started from now on restore from any bytes, as long as it is not
 * finished. */
void watched_take_anything(struct world *w);

#endif
