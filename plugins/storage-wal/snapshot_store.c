/* snapshot_store.c: writes a snapshot into a file beside the present one, and reads the newest one
 * by checked blocks. */
#include "snapshot.h"
#include "store.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* ---- write ---- */

struct file_writer {
  struct snapshot_writer base; /* the first member */
  struct dir_name name;        /* of the temporary file */
  int fd;                      /* -1: there is none, or it has its name */
};

static struct store *store_of_snapshot(const struct snapshot *snapshot) {
  return (struct store *)snapshot->log;
}

static struct snapshot_file *file_of(struct snapshot *snapshot) {
  return (struct snapshot_file *)snapshot;
}

static enum rkv_status begin(struct snapshot_writer *writer, struct rkv_error *error) {
  struct file_writer *w = (struct file_writer *)writer;
  struct store *s = store_of_snapshot(writer->snapshot);
  struct snapshot_file *file = file_of(writer->snapshot);
  enum rkv_status status;
  w->fd = -1;
  file->node_id = s->log.host->node_id;
  log_lock(&s->log);
  w->name = dir_name(DIR_TEMPORARY, s->next_file++);
  log_unlock(&s->log);
  status = snapshot_header_size(&file->base.meta, &file->header_size, error);
  if (status == RKV_OK) status = segment_random(&s->dir, file->uuid, SNAPSHOT_UUID, error);
  if (status != RKV_OK) return status;
  return dir_open_file(&s->dir, w->name, O_RDWR | O_CREAT | O_TRUNC, &w->fd, error);
}

/* A file that cannot be dropped now is dropped when the storage is opened. */
static void end(struct snapshot_writer *writer) {
  struct file_writer *w = (struct file_writer *)writer;
  const struct dir *dir = &store_of_snapshot(writer->snapshot)->dir;
  struct rkv_error ignored;
  if (w->fd < 0) return;
  dir_close_file(dir, w->fd);
  (void)dir_drop(dir, w->name, &ignored);
}

static enum rkv_status write_block(struct snapshot_writer *writer, struct rkv_error *error) {
  struct file_writer *w = (struct file_writer *)writer;
  const struct snapshot_file *file = file_of(writer->snapshot);
  snapshot_block_seal(file, writer->number, writer->filled, writer->block);
  return dir_write(&store_of_snapshot(writer->snapshot)->dir, w->fd, w->name, writer->block,
                   SNAPSHOT_BLOCK_HEADER + writer->filled,
                   (off_t)snapshot_block_at(file, writer->number), error);
}

static enum rkv_status write_header(const struct file_writer *w, struct rkv_error *error) {
  const struct snapshot_file *file = file_of(w->base.snapshot);
  uint8_t *header = malloc(file->header_size);
  enum rkv_status status;
  if (!header) return rkv_fail(error, RKV_NO_MEMORY, "storage-wal: no memory for a snapshot");
  snapshot_encode(file, header);
  status = dir_write(&store_of_snapshot(w->base.snapshot)->dir, w->fd, w->name, header,
                     file->header_size, 0, error);
  free(header);
  return status;
}

/* Gives the whole, durable file its name. */
static enum rkv_status put_in_place(struct file_writer *w, struct rkv_error *error) {
  struct snapshot *snapshot = w->base.snapshot;
  struct store *s = store_of_snapshot(snapshot);
  enum rkv_status status;
  log_lock(&s->log);
  snapshot->number = s->log.newest ? s->log.newest->number + 1 : 1;
  log_unlock(&s->log);
  status = dir_rename(&s->dir, w->name, dir_name(DIR_SNAPSHOT, snapshot->number), error);
  if (status == RKV_OK) status = store_raise_owner(s, 0, snapshot->number, error);
  if (status != RKV_OK) return status;
  dir_close_file(&s->dir, w->fd);
  w->fd = -1;
  return RKV_OK;
}

static enum rkv_status finish(struct snapshot_writer *writer, struct rkv_error *error) {
  struct file_writer *w = (struct file_writer *)writer;
  enum rkv_status status = write_header(w, error);
  if (status == RKV_OK)
    status = dir_sync_file(&store_of_snapshot(writer->snapshot)->dir, w->fd, w->name, error);
  return status == RKV_OK ? put_in_place(w, error) : status;
}

static void snapshot_drop(struct snapshot *snapshot) {
  struct rkv_error ignored; /* what stays is dropped when the storage is opened */
  (void)dir_drop(&store_of_snapshot(snapshot)->dir, dir_name(DIR_SNAPSHOT, snapshot->number),
                 &ignored);
}

/* ---- read ---- */

struct file_reader {
  struct snapshot_reader base; /* the first member */
  int fd;                      /* -1: none */
};

static enum rkv_status snapshot_open_file(struct snapshot_reader *reader, struct rkv_error *error) {
  struct file_reader *r = (struct file_reader *)reader;
  struct dir_name name = dir_name(DIR_SNAPSHOT, reader->snapshot->number);
  return dir_open_file(&store_of_snapshot(reader->snapshot)->dir, name, O_RDONLY, &r->fd, error);
}

static void snapshot_close_file(struct snapshot_reader *reader) {
  const struct file_reader *r = (const struct file_reader *)reader;
  dir_close_file(&store_of_snapshot(reader->snapshot)->dir, r->fd);
}

static enum rkv_status read_block(struct snapshot_reader *reader, uint64_t number, uint32_t len,
                                  struct rkv_buf *block, struct rkv_error *error) {
  const struct file_reader *r = (const struct file_reader *)reader;
  const struct rkv_host *host = reader->snapshot->log->host;
  struct dir_name name = dir_name(DIR_SNAPSHOT, reader->snapshot->number);
  enum rkv_status status;
  uint8_t *bytes = host->buf_alloc(host->ctx, (size_t)SNAPSHOT_BLOCK_HEADER + len, block);
  if (!bytes)
    return rkv_fail(error, RKV_NO_MEMORY, "storage-wal: no memory for a snapshot's bytes");
  status = snapshot_read_block(&store_of_snapshot(reader->snapshot)->dir, r->fd, name,
                               file_of(reader->snapshot), number, bytes, &len, error);
  if (status == RKV_OK)
    *block = rkv_buf_slice(*block, SNAPSHOT_BLOCK_HEADER, len);
  else
    rkv_buf_drop(block);
  return status;
}

const struct snapshots_ops snapshot_ops = {.snapshot_size = sizeof(struct snapshot_file),
                                           .writer_size = sizeof(struct file_writer),
                                           .reader_size = sizeof(struct file_reader),
                                           .block_head = SNAPSHOT_BLOCK_HEADER,
                                           .block_bytes = SNAPSHOT_BLOCK,
                                           .begin = begin,
                                           .write = write_block,
                                           .finish = finish,
                                           .end = end,
                                           .drop = snapshot_drop,
                                           .open = snapshot_open_file,
                                           .close = snapshot_close_file,
                                           .read = read_block};
