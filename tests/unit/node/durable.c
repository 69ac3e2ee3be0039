/* durable.c: plugins that keep what they hold (durable.h). They know a node by the address of its
 * host, which is the same in each of the node's lives. */
#include "durable.h"

#include <assert.h>
#include <string.h>

#include <support/world_internal.h>

#define HELD_MAX 256
#define ENDLESS_MAX 20000 /* chunks of an endless snapshot: a test that fails ends, too */

struct durable durable;

static struct {
  struct rkv_storage_ops storage_ops;
  void *machine[WORLD_NODES_MAX + 1];
  void *storage, *writer, *view, *restore; /* of the node that is looked at */
  struct rkv_completion *held[HELD_MAX];
  size_t held_count;
  unsigned chunks;
} keep;

/* A step of a snapshot: of this node, if `of` is its own. */
static void note(const void *of, const void *own) {
  const struct world_node *wn = &durable.w->nodes[durable.id];
  if (of == own && wn->stopping) durable.late++;
}

/* ---- storage ---- */

static enum rkv_status storage_open(const struct rkv_host *host, const struct rkv_config *config,
                                    void **storage, struct rkv_error *error) {
  enum rkv_status status = durable.storage->open(host, config, storage, error);
  if (host->node_id == durable.id) keep.storage = *storage;
  return status;
}

static void ignore(struct rkv_completion *self, enum rkv_status status,
                   const struct rkv_error *error) {
  (void)self, (void)error;
  assert(status == RKV_OK);
}

static void storage_append(void *storage, const struct rkv_entry *entries, size_t count,
                           struct rkv_completion *done) {
  static struct rkv_completion nothing = {ignore};
  bool hold = storage == keep.storage && durable.hold_appends;
  durable.storage->append(storage, entries, count, hold ? &nothing : done);
  if (!hold) return;
  assert(keep.held_count < HELD_MAX);
  keep.held[keep.held_count++] = done;
}

void durable_release(enum rkv_status status) {
  struct rkv_error error;
  durable.hold_appends = false;
  (void)rkv_fail(&error, status, "held by the test");
  for (size_t i = 0; i < keep.held_count; i++)
    keep.held[i]->done(keep.held[i], status, status == RKV_OK ? NULL : &error);
  keep.held_count = 0;
  world_kick(durable.w, durable.id);
}

static enum rkv_status storage_begin(void *storage, const struct rkv_snapshot_meta *meta,
                                     void **writer, struct rkv_error *error) {
  note(storage, keep.storage);
  enum rkv_status status = durable.storage->snapshot_begin(storage, meta, writer, error);
  if (storage == keep.storage) keep.writer = *writer;
  return status;
}

static enum rkv_status storage_write(void *writer, struct rkv_buf chunk, struct rkv_error *error) {
  note(writer, keep.writer);
  return durable.storage->snapshot_write(writer, chunk, error);
}

static enum rkv_status storage_commit(void *writer, struct rkv_error *error) {
  bool own = writer == keep.writer;
  note(writer, keep.writer);
  if (own && durable.lose_commit) {
    durable.storage->snapshot_abort(writer);
    return rkv_fail(error, RKV_CANCELLED, "the process is gone");
  }
  enum rkv_status status = durable.storage->snapshot_commit(writer, error);
  if (own) durable.commits++;
  if (own && durable.end_behind) node_abandon(durable.w->nodes[durable.id].node);
  return status;
}

/* Nobody else reads while the node ends. */
static enum rkv_status storage_reader(void *storage, void **reader, struct rkv_snapshot_meta *meta,
                                      struct rkv_error *error) {
  note(NULL, NULL);
  return durable.storage->snapshot_open(storage, reader, meta, error);
}

static enum rkv_status storage_read(void *reader, uint64_t offset, size_t max,
                                    struct rkv_buf *chunk, struct rkv_error *error) {
  note(NULL, NULL);
  return durable.storage->snapshot_read(reader, offset, max, chunk, error);
}

/* ---- state machine ---- */

static enum rkv_status sm_open(const struct rkv_host *host, const struct rkv_config *config,
                               void **sm, struct rkv_error *error) {
  void **kept = &keep.machine[host->node_id];
  enum rkv_status status = RKV_OK;
  if (!*kept) status = durable.sm->open(host, config, kept, error);
  *sm = *kept;
  return status;
}

static void sm_close(void *sm) {
  (void)sm; /* durable_end closes it */
}

static enum rkv_status sm_snapshot_begin(void *sm, void **snapshot, struct rkv_snapshot_meta *meta,
                                         struct rkv_error *error) {
  enum rkv_status status = durable.sm->snapshot_begin(sm, snapshot, meta, error);
  if (sm == keep.machine[durable.id]) keep.view = *snapshot;
  return status;
}

static enum rkv_status sm_snapshot_read(void *snapshot, size_t max, struct rkv_buf *chunk,
                                        struct rkv_error *error) {
  static const uint8_t byte;
  note(snapshot, keep.view);
  if (snapshot != keep.view || !durable.endless)
    return durable.sm->snapshot_read(snapshot, max, chunk, error);
  *chunk = ++keep.chunks < ENDLESS_MAX ? rkv_buf_static(&byte, 1) : rkv_buf_none();
  return RKV_OK;
}

static enum rkv_status sm_restore_begin(void *sm, const struct rkv_snapshot_meta *meta,
                                        void **restore, struct rkv_error *error) {
  enum rkv_status status = durable.sm->restore_begin(sm, meta, restore, error);
  if (sm == durable.w->nodes[durable.id].sm) keep.restore = *restore;
  return status;
}

static enum rkv_status sm_restore_write(void *restore, struct rkv_buf chunk,
                                        struct rkv_error *error) {
  note(restore, keep.restore);
  return durable.sm->restore_write(restore, chunk, error);
}

static enum rkv_status sm_restore_check(void *restore, struct rkv_error *error) {
  note(restore, keep.restore);
  if (restore != keep.restore || !durable.refuse_check)
    return durable.sm->restore_check(restore, error);
  durable.refuse_check = false;
  return rkv_fail(error, RKV_CORRUPT, "snapshot: damaged, says the test");
}

static enum rkv_status sm_finish_old(void *restore, struct rkv_error *error) {
  enum rkv_status status = sm_restore_check(restore, error);
  if (status == RKV_OK) return durable.sm->restore_finish(restore, error);
  durable.sm->restore_abort(restore);
  return status;
}

void durable_make_old(void) {
  durable.sm_ops = *durable.sm;
  durable.sm_ops.restore_begin = sm_restore_begin;
  durable.sm_ops.restore_finish = sm_finish_old;
  durable.sm_ops.restore_check = NULL;
  durable.w->sm_capabilities = 0;
}

/* ---- life ---- */

void durable_begin(struct world *w, rkv_node_id id) {
  memset(&keep, 0, sizeof keep); /* a test that failed has left its own */
  keeper_begin(w);
  durable = (struct durable){.w = w, .id = id, .storage = w->storage, .sm = w->sm};
  keep.storage_ops = *w->storage;
  keep.storage_ops.open = storage_open;
  keep.storage_ops.append = storage_append;
  keep.storage_ops.snapshot_begin = storage_begin;
  keep.storage_ops.snapshot_write = storage_write;
  keep.storage_ops.snapshot_commit = storage_commit;
  keep.storage_ops.snapshot_open = storage_reader;
  keep.storage_ops.snapshot_read = storage_read;
  durable.sm_ops = *w->sm;
  durable.sm_ops.open = sm_open;
  durable.sm_ops.close = sm_close;
  durable.sm_ops.snapshot_begin = sm_snapshot_begin;
  durable.sm_ops.snapshot_read = sm_snapshot_read;
  durable.sm_ops.restore_begin = sm_restore_begin;
  durable.sm_ops.restore_write = sm_restore_write;
  durable.sm_ops.restore_check = sm_restore_check;
  w->storage = &keep.storage_ops;
  w->sm = &durable.sm_ops;
  w->storage_capabilities |= RKV_CAP_DURABLE;
  w->sm_capabilities |= RKV_CAP_DURABLE;
}

void durable_end(void) {
  for (rkv_node_id id = 1; id <= WORLD_NODES_MAX; id++)
    if (keep.machine[id]) durable.sm->close(keep.machine[id]);
  memset(&keep, 0, sizeof keep);
  keeper_end();
}
