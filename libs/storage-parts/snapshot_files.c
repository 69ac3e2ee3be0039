/* snapshot_files.c: writes a snapshot into a file beside the present one, and reads the newest one
 * by checked blocks. */
#include "snapshot_files.h"

#include <fcntl.h>
#include <stdlib.h>

struct snapshot_file_writer {
  struct snapshot_writer base; /* the first member */
  struct numbered_name name;   /* of the temporary file */
  int fd;                      /* -1: there is none, or it has its name */
};

struct snapshot_file_reader {
  struct snapshot_reader base; /* the first member */
  int fd;                      /* -1: none */
};

static const struct folder *folder_of(const struct snapshot *snapshot) {
  return &snapshot->log->folder;
}

static struct snapshot_file *file_of(struct snapshot *snapshot) {
  return (struct snapshot_file *)snapshot;
}

static struct numbered_name name_of(const struct snapshot *snapshot) {
  return numbered_name(snapshot_files_name, snapshot->number);
}

static enum rkv_status file_no_memory(const struct snapshot *snapshot, struct rkv_error *error) {
  return rkv_fail(error, RKV_NO_MEMORY, "%s: no memory for a snapshot", snapshot->log->ops->plugin);
}

/* ---- write ---- */

static enum rkv_status file_begin(struct snapshot_writer *writer, struct rkv_error *error) {
  struct snapshot_file_writer *w = (struct snapshot_file_writer *)writer;
  struct snapshot_file *file = file_of(writer->snapshot);
  struct log *log = writer->snapshot->log;
  enum rkv_status status;
  w->fd = -1;
  file->node_id = log->host->node_id;
  log_lock(log);
  w->name = numbered_name(snapshot_files_temporary, log->next_file++);
  log_unlock(log);
  status = snapshot_file_head_bytes(&file->base.meta, &file->base.head_bytes, error);
  if (status == RKV_OK) status = folder_random(&log->folder, file->uuid, sizeof file->uuid, error);
  if (status != RKV_OK) return status;
  return folder_open_file(&log->folder, w->name.text, O_RDWR | O_CREAT | O_TRUNC, &w->fd, error);
}

/* A file that cannot be dropped now is dropped when the storage is opened. */
static void file_end(struct snapshot_writer *writer) {
  struct snapshot_file_writer *w = (struct snapshot_file_writer *)writer;
  struct rkv_error ignored;
  if (w->fd < 0) return;
  folder_close_file(folder_of(writer->snapshot), w->fd);
  (void)folder_drop(folder_of(writer->snapshot), w->name.text, &ignored);
}

static enum rkv_status file_write_block(struct snapshot_writer *writer, struct rkv_error *error) {
  struct snapshot_file_writer *w = (struct snapshot_file_writer *)writer;
  const struct snapshot_file *file = file_of(writer->snapshot);
  snapshot_file_seal_block(file, writer->number, writer->filled, writer->block);
  return folder_write(folder_of(writer->snapshot), w->fd, w->name.text, writer->block,
                      SNAPSHOT_FILE_BLOCK_HEAD + writer->filled,
                      snapshot_file_block_at(file, writer->number), error);
}

static enum rkv_status write_head(const struct snapshot_file_writer *w, struct rkv_error *error) {
  struct snapshot *snapshot = w->base.snapshot;
  uint8_t *head = malloc(snapshot->head_bytes);
  enum rkv_status status;
  if (!head) return file_no_memory(snapshot, error);
  snapshot_file_encode(file_of(snapshot), head);
  status =
      folder_write(folder_of(snapshot), w->fd, w->name.text, head, snapshot->head_bytes, 0, error);
  free(head);
  return status;
}

/* Gives the whole, durable file its name. */
static enum rkv_status put_in_place(struct snapshot_file_writer *w, struct rkv_error *error) {
  struct snapshot *snapshot = w->base.snapshot;
  struct log *log = snapshot->log;
  enum rkv_status status;
  log_lock(log);
  snapshot->number = log->newest ? log->newest->number + 1 : 1;
  log_unlock(log);
  status = folder_rename(&log->folder, w->name.text, name_of(snapshot).text, error);
  if (status != RKV_OK) return status;
  status = log->ops->note_snapshot(log, snapshot->number, error);
  if (log_passes(status)) w->name = name_of(snapshot); /* nothing was noted: file_end drops it */
  if (status != RKV_OK) return status;
  folder_close_file(&log->folder, w->fd);
  w->fd = -1;
  return RKV_OK;
}

static enum rkv_status file_finish(struct snapshot_writer *writer, struct rkv_error *error) {
  struct snapshot_file_writer *w = (struct snapshot_file_writer *)writer;
  enum rkv_status status = write_head(w, error);
  if (status == RKV_OK)
    status = folder_sync_file(folder_of(writer->snapshot), w->fd, w->name.text, error);
  return status == RKV_OK ? put_in_place(w, error) : status;
}

static void file_drop(struct snapshot *snapshot) {
  struct rkv_error ignored; /* what stays is dropped when the storage is opened */
  (void)folder_drop(folder_of(snapshot), name_of(snapshot).text, &ignored);
}

/* ---- read ---- */

static enum rkv_status open_reader(struct snapshot_reader *r, struct rkv_error *error) {
  return folder_open_file(folder_of(r->snapshot), name_of(r->snapshot).text, O_RDONLY,
                          &((struct snapshot_file_reader *)r)->fd, error);
}

static void close_reader(struct snapshot_reader *r) {
  folder_close_file(folder_of(r->snapshot), ((const struct snapshot_file_reader *)r)->fd);
}

static enum rkv_status file_read_block(struct snapshot_reader *r, uint64_t number, uint32_t len,
                                       struct rkv_buf *block, struct rkv_error *error) {
  struct snapshot *snapshot = r->snapshot;
  const struct rkv_host *host = snapshot->log->host;
  enum rkv_status status;
  uint8_t *bytes = host->buf_alloc(host->ctx, (size_t)SNAPSHOT_FILE_BLOCK_HEAD + len, block);
  if (!bytes) return file_no_memory(snapshot, error);
  status = snapshot_file_read_block(
      folder_of(snapshot), ((const struct snapshot_file_reader *)r)->fd, name_of(snapshot).text,
      file_of(snapshot), number, bytes, &len, error);
  if (status == RKV_OK)
    *block = rkv_buf_slice(*block, SNAPSHOT_FILE_BLOCK_HEAD, len);
  else
    rkv_buf_drop(block);
  return status;
}

const struct snapshots_ops snapshot_files_ops = {.snapshot_size = sizeof(struct snapshot_file),
                                                 .writer_size = sizeof(struct snapshot_file_writer),
                                                 .reader_size = sizeof(struct snapshot_file_reader),
                                                 .block_head = SNAPSHOT_FILE_BLOCK_HEAD,
                                                 .block_bytes = SNAPSHOT_FILE_BLOCK,
                                                 .begin = file_begin,
                                                 .write = file_write_block,
                                                 .finish = file_finish,
                                                 .end = file_end,
                                                 .drop = file_drop,
                                                 .open = open_reader,
                                                 .close = close_reader,
                                                 .read = file_read_block};

/* ---- the newest, at the start ---- */

static enum rkv_status read_newest(struct snapshot *snapshot, struct rkv_error *error) {
  const struct log *log = snapshot->log;
  const struct folder *folder = &log->folder;
  struct numbered_name name = name_of(snapshot);
  int fd;
  enum rkv_status status;
  if (folder_lacks(folder, name.text))
    return rkv_fail(error, RKV_CORRUPT, "%s/%s is missing", folder->path, name.text);
  status = folder_open_file(folder, name.text, O_RDONLY, &fd, error);
  if (status != RKV_OK) return status;
  /* A life without sync, or one that was killed, may have written it. */
  status = folder_sync_file(folder, fd, name.text, error);
  if (status == RKV_OK)
    status = snapshot_file_read_head(folder, fd, name.text, log->host, log->host->node_id,
                                     file_of(snapshot), error);
  folder_close_file(folder, fd);
  return status;
}

enum rkv_status snapshot_files_find(struct log *log, uint64_t number, struct rkv_error *error) {
  struct snapshot *snapshot;
  enum rkv_status status = RKV_NO_MEMORY;
  if (number == 0) return RKV_OK;
  snapshot = snapshots_new(log);
  if (!snapshot) return rkv_fail(error, status, "%s: no memory for a snapshot", log->ops->plugin);
  snapshot->number = number;
  status = read_newest(snapshot, error);
  if (status == RKV_OK)
    log->newest = snapshot;
  else
    snapshots_drop(snapshot);
  return status;
}

enum rkv_status snapshot_files_drop_others(struct log *log, struct rkv_error *error) {
  uint64_t newest = log->newest ? log->newest->number : 0;
  enum rkv_status status = numbered_drop(&log->folder, snapshot_files_temporary, 0, error);
  return status == RKV_OK ? numbered_drop(&log->folder, snapshot_files_name, newest, error)
                          : status;
}
