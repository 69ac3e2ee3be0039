/* snapshots.c: cuts a snapshot into blocks, puts it into its place, and gives it back. */
#include "snapshots.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { READ_MAX = 4 * 1024 * 1024 }; /* bytes given at once */

static const struct snapshots_ops *ops_of(const struct snapshot *snapshot) {
  return snapshot->log->ops->snapshots;
}

static enum rkv_status no_memory(const struct log *log, struct rkv_error *error) {
  return rkv_fail(error, RKV_NO_MEMORY, "%s: no memory for a snapshot", log->ops->plugin);
}

struct snapshot *snapshots_new(struct log *log) {
  struct snapshot *snapshot = calloc(1, log->ops->snapshots->snapshot_size);
  if (!snapshot) return NULL;
  snapshot->log = log;
  atomic_init(&snapshot->refs, 1);
  return snapshot;
}

static bool is_newest(const struct snapshot *snapshot) {
  bool newest;
  log_lock(snapshot->log);
  newest = snapshot->log->newest == snapshot;
  log_unlock(snapshot->log);
  return newest;
}

/* After a failure no file is dropped any more: the next open does that. */
void snapshots_drop(struct snapshot *snapshot) {
  if (!snapshot || atomic_fetch_sub(&snapshot->refs, 1) != 1) return;
  if (atomic_load(&snapshot->replaced) && !log_failed(snapshot->log)) {
    assert(!is_newest(snapshot)); /* (P2) */
    ops_of(snapshot)->drop(snapshot);
  }
  rkv_buf_drop(&snapshot->meta.membership);
  free(snapshot);
}

/* ---- write ---- */

static void free_writer(struct snapshot_writer *w) {
  snapshots_drop(w->snapshot);
  free(w->block);
  free(w);
}

static struct snapshot_writer *new_writer(struct log *log, const struct rkv_snapshot_meta *meta) {
  const struct snapshots_ops *ops = log->ops->snapshots;
  struct snapshot_writer *w = calloc(1, ops->writer_size);
  if (!w) return NULL;
  w->block = malloc((size_t)ops->block_head + ops->block_bytes);
  w->snapshot = snapshots_new(log);
  if (!w->block || !w->snapshot) {
    free_writer(w);
    return NULL;
  }
  w->snapshot->meta = *meta;
  w->snapshot->meta.size = 0;
  (void)rkv_buf_share(meta->membership);
  return w;
}

enum rkv_status snapshots_begin(void *storage, const struct rkv_snapshot_meta *meta, void **writer,
                                struct rkv_error *error) {
  struct log *log = storage;
  struct snapshot_writer *w = new_writer(log, meta);
  enum rkv_status status;
  if (!w) return no_memory(log, error);
  status = log->ops->snapshots->begin(w, error);
  if (status == RKV_OK)
    *writer = w;
  else
    snapshots_abort(w);
  return status;
}

static enum rkv_status note_failure(const struct snapshot_writer *w, enum rkv_status status,
                                    const struct rkv_error *error) {
  if (status == RKV_IO || status == RKV_CORRUPT) log_fail(w->snapshot->log, error);
  return status;
}

static enum rkv_status snapshot_flush(struct snapshot_writer *w, struct rkv_error *error) {
  enum rkv_status status = ops_of(w->snapshot)->write(w, error);
  w->number++;
  w->filled = 0;
  return note_failure(w, status, error);
}

enum rkv_status snapshots_write(void *writer, struct rkv_buf chunk, struct rkv_error *error) {
  struct snapshot_writer *w = writer;
  const struct snapshots_ops *ops = ops_of(w->snapshot);
  struct rkv_error why;
  enum rkv_status status = RKV_OK;
  for (size_t at = 0; at < chunk.len && status == RKV_OK;) {
    size_t len = chunk.len - at, room = ops->block_bytes - w->filled;
    if (len > room) len = room;
    memcpy(w->block + ops->block_head + w->filled, chunk.data + at, len);
    w->filled += (uint32_t)len;
    at += len;
    if (w->filled == ops->block_bytes) status = snapshot_flush(w, &why);
  }
  w->snapshot->meta.size += chunk.len;
  if (status != RKV_OK && error) *error = why;
  return status;
}

void snapshots_abort(void *writer) {
  struct snapshot_writer *w = writer;
  ops_of(w->snapshot)->end(w);
  free_writer(w);
}

/* The snapshot, whole and durable, becomes the newest one. */
static void replace_newest(struct snapshot_writer *w) {
  struct log *log = w->snapshot->log;
  uint32_t block = log->ops->snapshots->block_bytes;
  struct snapshot *old;
  assert(w->filled == 0 && w->number == (w->snapshot->meta.size + block - 1) / block); /* (P1) */
  log_lock(log);
  old = log->newest;
  log->newest = w->snapshot;
  (void)atomic_fetch_add(&w->snapshot->refs, 1); /* the writer keeps its own */
  log_unlock(log);
  if (old) atomic_store(&old->replaced, true);
  snapshots_drop(old);
}

enum rkv_status snapshots_commit(void *writer, struct rkv_error *error) {
  struct snapshot_writer *w = writer;
  struct log *log = w->snapshot->log;
  struct rkv_error why;
  enum rkv_status status = RKV_OK;
  if (log_failed(log))
    status = rkv_fail(&why, RKV_IO, "%s: no snapshot after a failed write", log->ops->plugin);
  if (status == RKV_OK && w->filled > 0) status = snapshot_flush(w, &why);
  if (status == RKV_OK) status = note_failure(w, log->ops->snapshots->finish(w, &why), &why);
  if (status == RKV_OK)
    replace_newest(w);
  else if (error)
    *error = why;
  snapshots_abort(w);
  return status;
}

/* ---- read ---- */

void snapshots_close(void *reader) {
  struct snapshot_reader *r = reader;
  const struct snapshots_ops *ops = ops_of(r->snapshot);
  if (ops->close) ops->close(r);
  rkv_buf_drop(&r->block);
  snapshots_drop(r->snapshot);
  free(r);
}

enum rkv_status snapshots_open(void *storage, void **reader, struct rkv_snapshot_meta *meta,
                               struct rkv_error *error) {
  struct log *log = storage;
  const struct snapshots_ops *ops = log->ops->snapshots;
  struct snapshot_reader *r = calloc(1, ops->reader_size);
  enum rkv_status status = RKV_OK;
  if (!r) return no_memory(log, error);
  log_lock(log);
  r->snapshot = log->newest;
  if (r->snapshot) (void)atomic_fetch_add(&r->snapshot->refs, 1);
  log_unlock(log);
  if (!r->snapshot) {
    free(r);
    return rkv_fail(error, RKV_NOT_FOUND, "%s: no snapshot yet", log->ops->plugin);
  }
  if (ops->open) status = ops->open(r, error);
  if (status != RKV_OK) {
    snapshots_close(r);
    return status;
  }
  *meta = r->snapshot->meta;
  (void)rkv_buf_share(meta->membership);
  *reader = r;
  return RKV_OK;
}

static enum rkv_status have_block(struct snapshot_reader *r, uint64_t number,
                                  struct rkv_error *error) {
  const struct snapshots_ops *ops = ops_of(r->snapshot);
  uint64_t left = r->snapshot->meta.size - number * ops->block_bytes;
  enum rkv_status status;
  if (r->block.len > 0 && r->number == number) return RKV_OK;
  rkv_buf_drop(&r->block);
  r->number = number;
  status = ops->read(r, number, left < ops->block_bytes ? (uint32_t)left : ops->block_bytes,
                     &r->block, error);
  if (status != RKV_OK) r->block = rkv_buf_none();
  return status;
}

/* Fills `bytes` from several blocks. */
static enum rkv_status snapshot_gather(struct snapshot_reader *r, uint64_t offset, uint8_t *bytes,
                                       size_t len, struct rkv_error *error) {
  uint32_t block_bytes = ops_of(r->snapshot)->block_bytes;
  for (size_t at = 0; at < len;) {
    enum rkv_status status = have_block(r, (offset + at) / block_bytes, error);
    struct rkv_buf part;
    if (status != RKV_OK) return status;
    part = rkv_buf_slice(r->block, (size_t)((offset + at) % block_bytes), len - at);
    memcpy(bytes + at, part.data, part.len);
    at += part.len;
  }
  return RKV_OK;
}

enum rkv_status snapshots_read(void *reader, uint64_t offset, size_t max, struct rkv_buf *chunk,
                               struct rkv_error *error) {
  struct snapshot_reader *r = reader;
  const struct rkv_host *host = r->snapshot->log->host;
  uint32_t block_bytes = ops_of(r->snapshot)->block_bytes;
  uint64_t left = offset < r->snapshot->meta.size ? r->snapshot->meta.size - offset : 0;
  size_t from = (size_t)(offset % block_bytes), len = max < READ_MAX ? max : (size_t)READ_MAX;
  enum rkv_status status;
  uint8_t *bytes;
  *chunk = rkv_buf_none();
  if (len > left) len = (size_t)left;
  if (len == 0) return RKV_OK;
  if (from + len <= block_bytes) {
    status = have_block(r, offset / block_bytes, error);
    if (status == RKV_OK) *chunk = rkv_buf_share(rkv_buf_slice(r->block, from, len));
    return status;
  }
  bytes = host->buf_alloc(host->ctx, len, chunk);
  if (!bytes) return no_memory(r->snapshot->log, error);
  status = snapshot_gather(r, offset, bytes, len, error);
  if (status != RKV_OK) rkv_buf_drop(chunk);
  return status;
}
