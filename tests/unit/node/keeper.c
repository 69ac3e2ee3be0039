/* keeper.c: a storage that survives its node (keeper.h). It knows a node by the address of its
 * host, which is the same in each of the node's lives. */
#include "keeper.h"

#include <assert.h>
#include <string.h>

#include <support/world_internal.h>

static struct {
  const struct rkv_storage_ops *inner;
  struct rkv_storage_ops ops;
  void *instance[WORLD_NODES_MAX + 1];
} keeper;

static enum rkv_status keep_open(const struct rkv_host *host, const struct rkv_config *config,
                                 void **storage, struct rkv_error *error) {
  void **kept = &keeper.instance[host->node_id];
  enum rkv_status status = RKV_OK;
  if (!*kept) status = keeper.inner->open(host, config, kept, error);
  *storage = *kept;
  return status;
}

static void keep_close(void *storage) {
  (void)storage; /* keeper_end closes it */
}

void keeper_begin(struct world *w) {
  memset(&keeper, 0, sizeof keeper); /* a test that failed has left its own */
  keeper.inner = w->storage;
  keeper.ops = *w->storage;
  keeper.ops.open = keep_open;
  keeper.ops.close = keep_close;
  w->storage = &keeper.ops;
}

void keeper_empty(rkv_node_id id) {
  if (keeper.instance[id]) keeper.inner->close(keeper.instance[id]);
  keeper.instance[id] = NULL;
}

void keeper_end(void) {
  for (rkv_node_id id = 1; id <= WORLD_NODES_MAX; id++) keeper_empty(id);
}

void keeper_forget(rkv_node_id id, rkv_index after) {
  assert(keeper.instance[id]);
  keeper.inner->truncate(keeper.instance[id], after);
}
