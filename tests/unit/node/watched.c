/* watched.c: storages that count their snapshot writers (watched.h). */
#include "watched.h"

#include <assert.h>
#include <string.h>

#include <support/world_internal.h>

static struct {
  const struct rkv_storage_ops *inner;
  struct rkv_storage_ops ops;
  struct rkv_state_machine_ops sm;
  const struct world_node *node;
  void *writer; /* the node's; NULL: none */
} watched;      /* operations have no other way to it */

static enum rkv_status begin(void *storage, const struct rkv_snapshot_meta *meta, void **writer,
                             struct rkv_error *error) {
  enum rkv_status status = watched.inner->snapshot_begin(storage, meta, writer, error);
  if (storage != watched.node->storage || status != RKV_OK) return status;
  assert(!watched.writer);
  watched.writer = *writer;
  return status;
}

static void note_end(const void *writer) {
  if (writer == watched.writer) watched.writer = NULL;
}

static enum rkv_status commit(void *writer, struct rkv_error *error) {
  note_end(writer);
  return watched.inner->snapshot_commit(writer, error);
}

static void abort_writer(void *writer) {
  note_end(writer);
  watched.inner->snapshot_abort(writer);
}

static enum rkv_status take(void *restore, struct rkv_buf chunk, struct rkv_error *error) {
  (void)restore, (void)chunk, (void)error;
  return RKV_OK;
}

struct world *watched_begin(rkv_node_id id) {
  struct world *w = world_new(1);
  memset(&watched, 0, sizeof watched);
  watched.node = &w->nodes[id];
  watched.inner = w->storage;
  watched.ops = *w->storage;
  watched.ops.snapshot_begin = begin;
  watched.ops.snapshot_commit = commit;
  watched.ops.snapshot_abort = abort_writer;
  w->storage = &watched.ops;
  return w;
}

int watched_writers(void) {
  return watched.writer ? 1 : 0;
}

const struct rkv_storage_ops *watched_storage(void) {
  return watched.inner;
}

void watched_take_anything(struct world *w) {
  watched.sm = *w->sm;
  watched.sm.restore_write = take;
  w->sm = &watched.sm;
}
