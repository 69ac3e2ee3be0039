/* snapshot_files.c: writes a snapshot beside the present one, and reads the newest. */
#include "snapshot_files.h"

#include "crc32c.h"
#include "folder.h"
#include "little.h"
#include "owned.h"
#include "refuse.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT 1u
enum {
  BLOCK = 256 * 1024, /* data bytes of a block; the last one may be shorter */
  BLOCK_HEAD = 4,
  AT_CRC = 8,
  AT_FORMAT = 12,
  AT_NODE = 16,
  AT_NUMBERS = 24,
  NUMBERS = 7,
  AT_ID = AT_NUMBERS + 8 * NUMBERS,
  HEAD = AT_ID + RKV_SNAPSHOT_ID_MAX,
  MEMBERSHIP_MAX = 1024 * 1024, /* bytes */
  NAME = 32,
};
static const uint8_t magic[AT_CRC] = {'R', 'K', 'V', 'S', 'N', 'A', 'P', 'L'};
struct snapshot_file_writer {
  struct snapshot_writer base; /* the first member */
  char name[NAME];             /* of the temporary file */
  int fd;                      /* -1: none */
};

struct snapshot_file_reader {
  struct snapshot_reader base; /* the first member */
  int fd;                      /* -1: none */
};

static struct snapshot_files *place_of(const struct snapshot *snapshot) {
  return (struct snapshot_files *)snapshot->log;
}

static enum rkv_status file_no_memory(const struct log *log, struct rkv_error *error) {
  return rkv_fail(error, RKV_NO_MEMORY, "%s: no memory for a snapshot", log->ops->plugin);
}

static void name_it(char name[NAME], const char *prefix, uint64_t number) {
  (void)snprintf(name, NAME, "%s%016" PRIx64, prefix, number);
}

static uint64_t block_at(const struct snapshot *snapshot, uint64_t number) {
  return HEAD + snapshot->meta.membership.len + number * (BLOCK_HEAD + BLOCK);
}

static enum rkv_status file_refuse(const struct snapshot_files *s, const char *name,
                                   const char *what, struct rkv_error *error) {
  char path[PATH_MAX];
  (void)snprintf(path, sizeof path, "%.3000s/%s", s->path, name);
  return refuse_errno(path, what, error);
}

static enum rkv_status drop_file(const struct snapshot_files *s, const char *name,
                                 struct rkv_error *error) {
  if (s->files->unlink(s->files->ctx, s->dir, name) == 0 || errno == ENOENT) return RKV_OK;
  return file_refuse(s, name, "remove", error);
}

/* ---- write ---- */

static enum rkv_status file_put(const struct snapshot_file_writer *w, const uint8_t *bytes,
                                size_t len, uint64_t at, struct rkv_error *error) {
  const struct snapshot_files *s = place_of(w->base.snapshot);
  for (size_t done = 0; done < len;) {
    struct iovec piece = {(void *)(uintptr_t)(bytes + done), len - done};
    ssize_t got = s->files->write(s->files->ctx, w->fd, &piece, 1, (off_t)(at + done));
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) errno = ENOSPC;
    if (got <= 0) return file_refuse(s, w->name, "write", error);
    done += (size_t)got;
  }
  return RKV_OK;
}

static enum rkv_status file_begin(struct snapshot_writer *writer, struct rkv_error *error) {
  struct snapshot_file_writer *w = (struct snapshot_file_writer *)writer;
  struct snapshot_files *s = place_of(writer->snapshot);
  w->fd = -1;
  if (writer->snapshot->meta.membership.len > MEMBERSHIP_MAX)
    return rkv_fail(error, RKV_TOO_LARGE, "%s: a membership of %zu bytes (at most %d)",
                    s->log.ops->plugin, writer->snapshot->meta.membership.len, MEMBERSHIP_MAX);
  log_lock(&s->log);
  name_it(w->name, SNAPSHOT_FILES_TEMPORARY, s->next_file++);
  log_unlock(&s->log);
  return folder_open_file(s->files, s->dir, w->name, O_RDWR | O_CREAT | O_TRUNC, &w->fd, error);
}

/* What is left is dropped when the storage is opened. */
static void file_end(struct snapshot_writer *writer) {
  struct snapshot_file_writer *w = (struct snapshot_file_writer *)writer;
  const struct snapshot_files *s = place_of(writer->snapshot);
  struct rkv_error ignored;
  if (w->fd < 0) return;
  s->files->close(s->files->ctx, w->fd);
  (void)drop_file(s, w->name, &ignored);
}

static enum rkv_status file_write_block(struct snapshot_writer *writer, struct rkv_error *error) {
  put_u32(writer->block,
          crc32c((uint32_t)writer->number, writer->block + BLOCK_HEAD, writer->filled));
  return file_put((struct snapshot_file_writer *)writer, writer->block, BLOCK_HEAD + writer->filled,
                  block_at(writer->snapshot, writer->number), error);
}

static enum rkv_status write_head(const struct snapshot_file_writer *w, struct rkv_error *error) {
  const struct snapshot *snapshot = w->base.snapshot;
  const struct rkv_snapshot_meta *meta = &snapshot->meta;
  const struct snapshot_files *s = place_of(snapshot);
  const uint64_t numbers[NUMBERS] = {
      snapshot->number,          meta->last.term, meta->last.index,    meta->membership_id.term,
      meta->membership_id.index, meta->size,      meta->membership.len};
  size_t len = HEAD + meta->membership.len;
  uint8_t *head = calloc(1, len);
  enum rkv_status status;
  if (!head) return file_no_memory(&s->log, error);
  memcpy(head, magic, sizeof magic);
  put_u32(head + AT_FORMAT, FORMAT);
  put_u64(head + AT_NODE, snapshot->log->host->node_id);
  for (size_t i = 0; i < NUMBERS; i++) put_u64(head + AT_NUMBERS + 8 * i, numbers[i]);
  memcpy(head + AT_ID, meta->id, RKV_SNAPSHOT_ID_MAX);
  if (meta->membership.len > 0) memcpy(head + HEAD, meta->membership.data, meta->membership.len);
  put_u32(head + AT_CRC, crc32c(0, head + AT_FORMAT, len - AT_FORMAT));
  status = file_put(w, head, len, 0, error);
  if (status == RKV_OK && s->files->sync(s->files->ctx, w->fd) != 0)
    status = file_refuse(s, w->name, "sync", error);
  free(head);
  return status;
}

/* The file gets its name, then the storage says that it is the newest. */
static enum rkv_status name_newest(struct snapshot_file_writer *w, struct rkv_error *error) {
  struct snapshot_files *s = place_of(w->base.snapshot);
  char name[NAME];
  enum rkv_status status = folder_check_place(s->files, s->path, s->dir, error);
  if (status != RKV_OK) return status;
  name_it(name, SNAPSHOT_FILES_NAME, w->base.snapshot->number);
  if (s->files->rename(s->files->ctx, s->dir, w->name, name) != 0)
    return file_refuse(s, w->name, "rename", error);
  (void)snprintf(w->name, sizeof w->name, "%s", name); /* what `end` drops, unless it counts */
  if (s->files->sync_dir(s->files->ctx, s->dir) != 0)
    return file_refuse(s, name, "sync the name of", error);
  status = s->count(s, w->base.snapshot->number, error);
  if (status == RKV_OK) s->newest = w->base.snapshot->number;
  return status;
}

/* One at a time: each has a number of its own. */
static enum rkv_status file_finish(struct snapshot_writer *writer, struct rkv_error *error) {
  struct snapshot_file_writer *w = (struct snapshot_file_writer *)writer;
  struct snapshot_files *s = place_of(writer->snapshot);
  enum rkv_status status;
  s->log.threads->lock(s->log.threads->ctx, &s->finishing);
  writer->snapshot->number = s->newest + 1;
  status = write_head(w, error);
  if (status == RKV_OK) status = name_newest(w, error);
  (void)pthread_mutex_unlock(&s->finishing);
  if (status != RKV_OK) return status;
  s->files->close(s->files->ctx, w->fd);
  w->fd = -1;
  return RKV_OK;
}

static void file_drop(struct snapshot *snapshot) {
  char name[NAME];
  struct rkv_error ignored; /* it is dropped when the storage is opened */
  name_it(name, SNAPSHOT_FILES_NAME, snapshot->number);
  (void)drop_file(place_of(snapshot), name, &ignored);
}

/* ---- read ---- */

static enum rkv_status file_get(const struct snapshot_files *s, int fd, const char *name,
                                uint8_t *bytes, size_t len, uint64_t at, struct rkv_error *error) {
  ssize_t got = s->files->read(s->files->ctx, fd, bytes, len, (off_t)at);
  if (got < 0) return file_refuse(s, name, "read", error);
  if ((size_t)got == len) return RKV_OK;
  return rkv_fail(error, RKV_CORRUPT, "%s/%s: offset %" PRIu64 ": expected %zu bytes, found %zd",
                  s->path, name, at, len, got);
}

static enum rkv_status file_open(const struct snapshot_files *s, uint64_t number, char name[NAME],
                                 int *fd, struct rkv_error *error) {
  struct stat info;
  name_it(name, SNAPSHOT_FILES_NAME, number);
  *fd = -1;
  if (s->files->look(s->files->ctx, s->dir, name, &info) != 0 && errno == ENOENT)
    return rkv_fail(error, RKV_CORRUPT, "%s/%s is missing", s->path, name);
  return folder_open_file(s->files, s->dir, name, O_RDONLY, fd, error);
}

static enum rkv_status open_reader(struct snapshot_reader *r, struct rkv_error *error) {
  char name[NAME];
  return file_open(place_of(r->snapshot), r->snapshot->number, name,
                   &((struct snapshot_file_reader *)r)->fd, error);
}

static void close_reader(struct snapshot_reader *r) {
  const struct snapshot_files *s = place_of(r->snapshot);
  int fd = ((struct snapshot_file_reader *)r)->fd;
  if (fd >= 0) s->files->close(s->files->ctx, fd);
}

static enum rkv_status file_read_block(struct snapshot_reader *r, uint64_t number, uint32_t len,
                                       struct rkv_buf *block, struct rkv_error *error) {
  const struct snapshot_files *s = place_of(r->snapshot);
  const struct rkv_host *host = s->log.host;
  uint8_t *bytes = host->buf_alloc(host->ctx, len, block), head[BLOCK_HEAD];
  uint64_t at = block_at(r->snapshot, number);
  char name[NAME];
  int fd = ((struct snapshot_file_reader *)r)->fd;
  enum rkv_status status;
  if (!bytes) return file_no_memory(&s->log, error);
  name_it(name, SNAPSHOT_FILES_NAME, r->snapshot->number);
  status = file_get(s, fd, name, head, sizeof head, at, error);
  if (status == RKV_OK) status = file_get(s, fd, name, bytes, len, at + BLOCK_HEAD, error);
  if (status == RKV_OK && get_u32(head) != crc32c((uint32_t)number, bytes, len))
    status = rkv_fail(error, RKV_CORRUPT, "%s/%s: offset %" PRIu64 ": its checksum does not fit",
                      s->path, name, at);
  if (status != RKV_OK) rkv_buf_drop(block);
  return status;
}

const struct snapshots_ops snapshot_files_ops = {.snapshot_size = sizeof(struct snapshot),
                                                 .writer_size = sizeof(struct snapshot_file_writer),
                                                 .reader_size = sizeof(struct snapshot_file_reader),
                                                 .block_head = BLOCK_HEAD,
                                                 .block_bytes = BLOCK,
                                                 .begin = file_begin,
                                                 .write = file_write_block,
                                                 .finish = file_finish,
                                                 .end = file_end,
                                                 .drop = file_drop,
                                                 .open = open_reader,
                                                 .close = close_reader,
                                                 .read = file_read_block};

/* ---- the newest, at the start ---- */

/* The file is as long as the header says. */
static bool has_length(const struct snapshot *snapshot, int fd) {
  const struct snapshot_files *s = place_of(snapshot);
  uint64_t blocks = (snapshot->meta.size + BLOCK - 1) / BLOCK;
  struct stat info;
  return s->files->look_at(s->files->ctx, fd, &info) == 0 &&
         (uint64_t)info.st_size ==
             block_at(snapshot, 0) + snapshot->meta.size + blocks * BLOCK_HEAD;
}

static enum rkv_status file_take_head(struct snapshot *snapshot, const uint8_t *head,
                                      const char *name, struct rkv_error *error) {
  const struct rkv_host *host = snapshot->log->host;
  struct rkv_snapshot_meta *meta = &snapshot->meta;
  uint64_t numbers[NUMBERS];
  uint8_t *room;
  enum rkv_status status = owned_check_format(name, get_u32(head + AT_FORMAT), FORMAT, error);
  if (status == RKV_OK)
    status = owned_check_node(name, get_u64(head + AT_NODE), host->node_id, error);
  if (status != RKV_OK) return status;
  for (size_t i = 0; i < NUMBERS; i++) numbers[i] = get_u64(head + AT_NUMBERS + 8 * i);
  meta->last = (struct rkv_log_id){numbers[1], numbers[2]};
  meta->membership_id = (struct rkv_log_id){numbers[3], numbers[4]};
  meta->size = numbers[5];
  memcpy(meta->id, head + AT_ID, RKV_SNAPSHOT_ID_MAX);
  meta->id[RKV_SNAPSHOT_ID_MAX - 1] = '\0';
  if (numbers[6] == 0) return RKV_OK;
  room = host->buf_alloc(host->ctx, numbers[6], &meta->membership);
  if (!room) return file_no_memory(snapshot->log, error);
  memcpy(room, head + HEAD, numbers[6]);
  return RKV_OK;
}

static enum rkv_status read_head(struct snapshot *snapshot, int fd, const char *name, uint8_t *head,
                                 struct rkv_error *error) {
  const struct snapshot_files *s = place_of(snapshot);
  const uint8_t *len_at = head + AT_NUMBERS + 8 * (NUMBERS - 1);
  enum rkv_status status = file_get(s, fd, name, head, HEAD, 0, error);
  bool whole = status == RKV_OK && memcmp(head, magic, sizeof magic) == 0 &&
               get_u64(len_at) <= MEMBERSHIP_MAX;
  size_t len = whole ? (size_t)get_u64(len_at) : 0;
  if (status == RKV_OK && len > 0) status = file_get(s, fd, name, head + HEAD, len, HEAD, error);
  if (status != RKV_OK) return status;
  if (whole && get_u32(head + AT_CRC) == crc32c(0, head + AT_FORMAT, HEAD + len - AT_FORMAT))
    status = file_take_head(snapshot, head, name, error);
  else
    whole = false;
  if (status == RKV_OK && whole && has_length(snapshot, fd)) return RKV_OK;
  if (status != RKV_OK) return status;
  return rkv_fail(error, RKV_CORRUPT, "%s/%s: expected a snapshot, found other bytes", s->path,
                  name);
}

enum rkv_status snapshot_files_find(struct snapshot_files *s, struct rkv_error *error) {
  char name[NAME];
  uint8_t *head;
  struct snapshot *snapshot;
  enum rkv_status status;
  int fd;
  if (s->newest == 0) return RKV_OK;
  status = file_open(s, s->newest, name, &fd, error);
  if (status != RKV_OK) return status;
  head = malloc(HEAD + MEMBERSHIP_MAX);
  snapshot = snapshots_new(&s->log);
  if (head && snapshot)
    status = read_head(snapshot, fd, name, head, error);
  else
    status = file_no_memory(&s->log, error);
  free(head);
  s->files->close(s->files->ctx, fd);
  if (status != RKV_OK) {
    snapshots_drop(snapshot);
    return status;
  }
  snapshot->number = s->newest;
  s->log.newest = snapshot;
  return RKV_OK;
}

static enum rkv_status drop_other(void *arg, const char *name, struct rkv_error *error) {
  const struct snapshot_files *s = arg;
  char newest[NAME];
  name_it(newest, SNAPSHOT_FILES_NAME, s->newest);
  if (strncmp(name, SNAPSHOT_FILES_TEMPORARY, strlen(SNAPSHOT_FILES_TEMPORARY)) != 0 &&
      (strncmp(name, SNAPSHOT_FILES_NAME, strlen(SNAPSHOT_FILES_NAME)) != 0 ||
       strcmp(name, newest) == 0))
    return RKV_OK;
  return drop_file(s, name, error);
}

enum rkv_status snapshot_files_drop_others(struct snapshot_files *s, struct rkv_error *error) {
  return folder_each_name(s->files, s->path, s->dir, drop_other, s, error);
}
