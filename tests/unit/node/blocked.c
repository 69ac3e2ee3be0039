/* blocked.c: a storage whose writes wait (blocked.h): storage-mem does the work at once, only the
 * completion is held back. */
#include "blocked.h"

#include <assert.h>
#include <string.h>

#include <support/world_internal.h>

enum { HELD_MAX = 64 };

static struct {
  const struct rkv_storage_ops *inner;
  struct rkv_storage_ops ops;
  void *blocked; /* the instance whose writes do not end; NULL: none */
  struct rkv_completion *held[HELD_MAX];
  size_t count;
} device; /* operations have no other way to it */

static void on_done(struct rkv_completion *self, enum rkv_status status,
                    const struct rkv_error *error) {
  (void)self, (void)error;
  assert(status == RKV_OK);
}

static struct rkv_completion *hold(void *storage, struct rkv_completion *completion) {
  static struct rkv_completion nobody = {on_done};
  if (storage != device.blocked) return completion;
  assert(device.count < HELD_MAX);
  device.held[device.count++] = completion;
  return &nobody;
}

static void device_save_vote(void *storage, struct rkv_vote vote,
                             struct rkv_completion *completion) {
  device.inner->save_vote(storage, vote, hold(storage, completion));
}

static void device_append(void *storage, const struct rkv_entry *entries, size_t count,
                          struct rkv_completion *completion) {
  device.inner->append(storage, entries, count, hold(storage, completion));
}

void blocked_begin(struct world *w) {
  memset(&device, 0, sizeof device);
  device.inner = w->storage;
  device.ops = *w->storage;
  device.ops.save_vote = device_save_vote;
  device.ops.append = device_append;
  w->storage = &device.ops;
}

void blocked_block(struct world *w, rkv_node_id id) {
  device.blocked = w->nodes[id].storage;
}

size_t blocked_count(void) {
  return device.count;
}

void blocked_end(void) {
  device.blocked = NULL;
  for (size_t i = 0; i < device.count; i++) device.held[i]->done(device.held[i], RKV_OK, NULL);
  device.count = 0;
}
