/* world_swap.c: the host's part of a swap of the storage, of a node of the simulated world. */
#include <stddef.h>

#include "world_internal.h"

static enum rkv_status open_copy(void *ctx, const struct node_swap_request *request,
                                 const struct node_storage **out, struct rkv_error *error) {
  struct world_node *wn = ctx;
  enum rkv_status status = wn->world->open_copy(wn, request, &wn->copy, error);
  if (status != RKV_OK) wn->copy.ops = NULL;
  if (wn->copy.ops) *out = &wn->copy;
  return status;
}

static void drop_copy(void *ctx) {
  struct world_node *wn = ctx;
  struct node_storage copy = wn->copy;
  wn->copy.ops = NULL;
  copy.ops->close(copy.storage);
  if (wn->world->on_swapped) wn->world->on_swapped(wn, false);
}

static void take_copy(void *ctx) {
  struct world_node *wn = ctx;
  const struct rkv_storage_ops *old_ops = wn->storage_ops;
  void *old = wn->storage;
  wn->storage_ops = wn->copy.ops;
  wn->storage = wn->copy.storage;
  wn->copy.ops = NULL;
  old_ops->close(old);
  if (wn->world->on_swapped) wn->world->on_swapped(wn, true);
}

void world_make_storages(struct world_node *wn) {
  wn->storages =
      (struct node_storages){.ctx = wn, .open = open_copy, .drop = drop_copy, .moved = take_copy};
}

void world_close_storages(struct world_node *wn) {
  wn->storage_ops->close(wn->storage);
  if (wn->copy.ops) wn->copy.ops->close(wn->copy.storage);
  wn->copy.ops = NULL;
}
