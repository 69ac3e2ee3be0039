/* snapshot_write.c: writes a snapshot beside the present one and puts it into its place. */
#include "snapshot.h"
#include "store.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct snapshot_writer {
  struct store *s;
  struct snapshot *snapshot; /* becomes the store's newest one */
  struct dir_name name;      /* of the temporary file */
  int fd;
  uint8_t *block; /* the block that is being filled, its header included */
  uint32_t filled;
  uint64_t number; /* of that block */
};

/* A device that cannot write a snapshot cannot be trusted with the log; one that is full can. */
static enum rkv_status note_failure(struct snapshot_writer *w, enum rkv_status status,
                                    const struct rkv_error *error) {
  if (status == RKV_IO) log_fail(&w->s->log, error);
  return status;
}

static void end_writer(struct snapshot_writer *w) {
  if (w->fd >= 0) (void)close(w->fd);
  snapshot_free(w->snapshot);
  free(w->block);
  free(w);
}

void snapshot_abort(void *writer) {
  struct snapshot_writer *w = writer;
  struct rkv_error ignored; /* what is left is dropped when the storage is opened */
  (void)dir_drop(&w->s->dir, w->name, &ignored);
  end_writer(w);
}

static struct snapshot_writer *new_writer(struct store *s, const struct rkv_snapshot_meta *meta) {
  struct snapshot_writer *w = calloc(1, sizeof *w);
  if (!w) return NULL;
  w->s = s;
  w->fd = -1;
  w->block = malloc(SNAPSHOT_BLOCK_HEADER + SNAPSHOT_BLOCK);
  w->snapshot = calloc(1, sizeof *w->snapshot);
  if (!w->block || !w->snapshot) {
    end_writer(w);
    return NULL;
  }
  w->snapshot->node_id = s->log.host->node_id;
  w->snapshot->meta = *meta;
  w->snapshot->meta.size = 0;
  (void)rkv_buf_share(meta->membership);
  (void)pthread_mutex_lock(&s->log.lock);
  w->name = dir_name(DIR_TEMPORARY, s->next_file++);
  (void)pthread_mutex_unlock(&s->log.lock);
  return w;
}

enum rkv_status snapshot_begin(void *storage, const struct rkv_snapshot_meta *meta, void **writer,
                               struct rkv_error *error) {
  struct store *s = storage;
  struct snapshot_writer *w = new_writer(s, meta);
  enum rkv_status status;
  if (!w) return rkv_fail(error, RKV_NO_MEMORY, "storage-wal: no memory for a snapshot");
  status = snapshot_header_size(meta, &w->snapshot->header_size, error);
  if (status == RKV_OK) status = segment_random(w->snapshot->uuid, SNAPSHOT_UUID, error);
  if (status == RKV_OK)
    status = dir_open_file(&s->dir, w->name, O_RDWR | O_CREAT | O_TRUNC, &w->fd, error);
  if (status == RKV_OK)
    *writer = w;
  else
    end_writer(w);
  return status;
}

static enum rkv_status flush_block(struct snapshot_writer *w, struct rkv_error *error) {
  enum rkv_status status;
  snapshot_block_seal(w->snapshot, w->number, w->filled, w->block);
  status = dir_write(w->fd, w->name, w->block, SNAPSHOT_BLOCK_HEADER + w->filled,
                     (off_t)snapshot_block_at(w->snapshot, w->number), error);
  w->number++;
  w->filled = 0;
  return note_failure(w, status, error);
}

enum rkv_status snapshot_write(void *writer, struct rkv_buf chunk, struct rkv_error *error) {
  struct snapshot_writer *w = writer;
  struct rkv_error why;
  enum rkv_status status = RKV_OK;
  for (size_t at = 0; at < chunk.len && status == RKV_OK;) {
    size_t len = chunk.len - at, room = SNAPSHOT_BLOCK - w->filled;
    if (len > room) len = room;
    memcpy(w->block + SNAPSHOT_BLOCK_HEADER + w->filled, chunk.data + at, len);
    w->filled += (uint32_t)len;
    at += len;
    if (w->filled == SNAPSHOT_BLOCK) status = flush_block(w, &why);
  }
  w->snapshot->meta.size += chunk.len;
  if (status != RKV_OK && error) *error = why;
  return status;
}

static enum rkv_status write_header(struct snapshot_writer *w, struct rkv_error *error) {
  uint8_t *header = malloc(w->snapshot->header_size);
  enum rkv_status status;
  if (!header) return rkv_fail(error, RKV_NO_MEMORY, "storage-wal: no memory for a snapshot");
  snapshot_encode(w->snapshot, header);
  status = dir_write(w->fd, w->name, header, w->snapshot->header_size, 0, error);
  free(header);
  return note_failure(w, status, error);
}

/* Gives the whole, durable file its name. */
static enum rkv_status put_in_place(struct snapshot_writer *w, struct rkv_error *error) {
  struct store *s = w->s;
  struct snapshot *old;
  struct rkv_error ignored;
  enum rkv_status status;
  (void)pthread_mutex_lock(&s->log.lock);
  w->snapshot->number = s->newest ? s->newest->number + 1 : 1;
  (void)pthread_mutex_unlock(&s->log.lock);
  status = dir_rename(&s->dir, w->name, dir_name(DIR_SNAPSHOT, w->snapshot->number), error);
  if (status == RKV_OK) status = store_raise_owner(s, 0, w->snapshot->number, error);
  if (status != RKV_OK) return note_failure(w, status, error);
  (void)pthread_mutex_lock(&s->log.lock);
  old = s->newest;
  s->newest = w->snapshot;
  s->log.snapshot = &s->newest->meta;
  (void)pthread_mutex_unlock(&s->log.lock);
  w->snapshot = NULL;
  if (old) (void)dir_drop(&s->dir, dir_name(DIR_SNAPSHOT, old->number), &ignored); /* or at open */
  snapshot_free(old);
  return RKV_OK;
}

enum rkv_status snapshot_commit(void *writer, struct rkv_error *error) {
  struct snapshot_writer *w = writer;
  struct rkv_error why;
  enum rkv_status status = RKV_OK;
  if (log_failed(&w->s->log))
    status = rkv_fail(&why, RKV_IO, "storage-wal: no snapshot after a failed write");
  if (status == RKV_OK && w->filled > 0) status = flush_block(w, &why);
  if (status == RKV_OK) status = write_header(w, &why);
  if (status == RKV_OK)
    status = note_failure(w, dir_sync_file(&w->s->dir, w->fd, w->name, &why), &why);
  if (status == RKV_OK) status = put_in_place(w, &why);
  if (status != RKV_OK) {
    if (error) *error = why;
    snapshot_abort(w);
    return status;
  }
  end_writer(w);
  return RKV_OK;
}
