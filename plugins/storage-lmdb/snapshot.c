/* snapshot.c: writes a snapshot beside the present one, and reads the newest. */
#include "snapshot.h"

#include "owner.h"

#include <storage-parts/crc32c.h>
#include <storage-parts/folder.h>
#include <storage-parts/little.h>
#include <storage-parts/owned.h>
#include <storage-parts/refuse.h>

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
static const struct files *const files = &files_posix;

struct file_writer {
  struct snapshot_writer base; /* the first member */
  char name[NAME];             /* of the temporary file */
  int fd;                      /* -1: none */
};

struct file_reader {
  struct snapshot_reader base; /* the first member */
  int fd;                      /* -1: none */
};

static struct store *store_of(const struct snapshot *snapshot) {
  return (struct store *)snapshot->log;
}

static void name_it(char name[NAME], const char *prefix, uint64_t number) {
  (void)snprintf(name, NAME, "%s%016" PRIx64, prefix, number);
}

static uint64_t block_at(const struct snapshot *snapshot, uint64_t number) {
  return HEAD + snapshot->meta.membership.len + number * (BLOCK_HEAD + BLOCK);
}

static enum rkv_status refuse(const struct store *s, const char *name, const char *what,
                              struct rkv_error *error) {
  char path[PATH_MAX];
  (void)snprintf(path, sizeof path, "%.3000s/%s", s->options.dir, name);
  return refuse_errno(path, what, error);
}

static enum rkv_status drop_file(const struct store *s, const char *name, struct rkv_error *error) {
  if (files->unlink(files->ctx, s->dir, name) == 0 || errno == ENOENT) return RKV_OK;
  return refuse(s, name, "remove", error);
}

/* ---- write ---- */

static enum rkv_status put(const struct file_writer *w, const uint8_t *bytes, size_t len,
                           uint64_t at, struct rkv_error *error) {
  for (size_t done = 0; done < len;) {
    struct iovec piece = {(void *)(uintptr_t)(bytes + done), len - done};
    ssize_t got = files->write(files->ctx, w->fd, &piece, 1, (off_t)(at + done));
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) errno = ENOSPC;
    if (got <= 0) return refuse(store_of(w->base.snapshot), w->name, "write", error);
    done += (size_t)got;
  }
  return RKV_OK;
}

static enum rkv_status begin(struct snapshot_writer *writer, struct rkv_error *error) {
  struct file_writer *w = (struct file_writer *)writer;
  struct store *s = store_of(writer->snapshot);
  w->fd = -1;
  if (writer->snapshot->meta.membership.len > MEMBERSHIP_MAX)
    return rkv_fail(error, RKV_TOO_LARGE, "storage-lmdb: a membership of %zu bytes (at most %d)",
                    writer->snapshot->meta.membership.len, MEMBERSHIP_MAX);
  log_lock(&s->log);
  name_it(w->name, OWNER_TEMPORARY, s->next_file++);
  log_unlock(&s->log);
  return folder_open_file(files, s->dir, w->name, O_RDWR | O_CREAT | O_TRUNC, &w->fd, error);
}

/* What is left is dropped when the storage is opened. */
static void end(struct snapshot_writer *writer) {
  struct file_writer *w = (struct file_writer *)writer;
  struct rkv_error ignored;
  if (w->fd < 0) return;
  files->close(files->ctx, w->fd);
  (void)drop_file(store_of(writer->snapshot), w->name, &ignored);
}

static enum rkv_status write_block(struct snapshot_writer *writer, struct rkv_error *error) {
  put_u32(writer->block,
          crc32c((uint32_t)writer->number, writer->block + BLOCK_HEAD, writer->filled));
  return put((struct file_writer *)writer, writer->block, BLOCK_HEAD + writer->filled,
             block_at(writer->snapshot, writer->number), error);
}

static enum rkv_status write_head(const struct file_writer *w, struct rkv_error *error) {
  const struct snapshot *snapshot = w->base.snapshot;
  const struct rkv_snapshot_meta *meta = &snapshot->meta;
  const uint64_t numbers[NUMBERS] = {
      snapshot->number,          meta->last.term, meta->last.index,    meta->membership_id.term,
      meta->membership_id.index, meta->size,      meta->membership.len};
  size_t len = HEAD + meta->membership.len;
  uint8_t *head = calloc(1, len);
  enum rkv_status status;
  if (!head) return rkv_fail(error, RKV_NO_MEMORY, "storage-lmdb: no memory for a snapshot");
  memcpy(head, magic, sizeof magic);
  put_u32(head + AT_FORMAT, FORMAT);
  put_u64(head + AT_NODE, snapshot->log->host->node_id);
  for (size_t i = 0; i < NUMBERS; i++) put_u64(head + AT_NUMBERS + 8 * i, numbers[i]);
  memcpy(head + AT_ID, meta->id, RKV_SNAPSHOT_ID_MAX);
  if (meta->membership.len > 0) memcpy(head + HEAD, meta->membership.data, meta->membership.len);
  put_u32(head + AT_CRC, crc32c(0, head + AT_FORMAT, len - AT_FORMAT));
  status = put(w, head, len, 0, error);
  if (status == RKV_OK && files->sync(files->ctx, w->fd) != 0)
    status = refuse(store_of(snapshot), w->name, "sync", error);
  free(head);
  return status;
}

/* The file gets its name, then the database says that it is the newest. */
static enum rkv_status name_newest(struct file_writer *w, MDB_txn *txn, struct rkv_error *error) {
  struct store *s = store_of(w->base.snapshot);
  struct state state = s->state;
  char name[NAME];
  enum rkv_status status = folder_check_place(files, s->options.dir, s->dir, error);
  if (status != RKV_OK) return status;
  state.snapshot = w->base.snapshot->number;
  name_it(name, OWNER_SNAPSHOT, state.snapshot);
  if (files->rename(files->ctx, s->dir, w->name, name) != 0)
    return refuse(s, w->name, "rename", error);
  (void)snprintf(w->name, sizeof w->name, "%s", name); /* what `end` drops, unless it counts */
  if (files->sync_dir(files->ctx, s->dir) != 0) return refuse(s, name, "sync the name of", error);
  return store_put_state(s, txn, &state, error);
}

static enum rkv_status finish(struct snapshot_writer *writer, struct rkv_error *error) {
  struct file_writer *w = (struct file_writer *)writer;
  struct store *s = store_of(writer->snapshot);
  MDB_txn *txn;
  enum rkv_status status = map_begin(&s->map, &txn, error);
  writer->snapshot->number = s->state.snapshot + 1;
  if (status == RKV_OK) status = write_head(w, error);
  if (status == RKV_OK) status = name_newest(w, txn, error);
  status = map_end(&s->map, txn, status, error);
  if (status == RKV_OK) s->state.snapshot = writer->snapshot->number;
  map_leave(&s->map);
  if (status != RKV_OK) return status;
  files->close(files->ctx, w->fd);
  w->fd = -1;
  return RKV_OK;
}

static void drop(struct snapshot *snapshot) {
  char name[NAME];
  struct rkv_error ignored; /* it is dropped when the storage is opened */
  name_it(name, OWNER_SNAPSHOT, snapshot->number);
  (void)drop_file(store_of(snapshot), name, &ignored);
}

/* ---- read ---- */

static enum rkv_status get(const struct store *s, int fd, const char *name, uint8_t *bytes,
                           size_t len, uint64_t at, struct rkv_error *error) {
  ssize_t got = files->read(files->ctx, fd, bytes, len, (off_t)at);
  if (got < 0) return refuse(s, name, "read", error);
  if ((size_t)got == len) return RKV_OK;
  return rkv_fail(error, RKV_CORRUPT, "%s/%s: offset %" PRIu64 ": expected %zu bytes, found %zd",
                  s->options.dir, name, at, len, got);
}

static enum rkv_status open_file(const struct store *s, uint64_t number, char name[NAME], int *fd,
                                 struct rkv_error *error) {
  struct stat info;
  name_it(name, OWNER_SNAPSHOT, number);
  *fd = -1;
  if (files->look(files->ctx, s->dir, name, &info) != 0 && errno == ENOENT)
    return rkv_fail(error, RKV_CORRUPT, "%s/%s is missing", s->options.dir, name);
  return folder_open_file(files, s->dir, name, O_RDONLY, fd, error);
}

static enum rkv_status open_reader(struct snapshot_reader *r, struct rkv_error *error) {
  char name[NAME];
  return open_file(store_of(r->snapshot), r->snapshot->number, name, &((struct file_reader *)r)->fd,
                   error);
}

static void close_reader(struct snapshot_reader *r) {
  if (((struct file_reader *)r)->fd >= 0) files->close(files->ctx, ((struct file_reader *)r)->fd);
}

static enum rkv_status read_block(struct snapshot_reader *r, uint64_t number, uint32_t len,
                                  struct rkv_buf *block, struct rkv_error *error) {
  const struct store *s = store_of(r->snapshot);
  const struct rkv_host *host = s->log.host;
  uint8_t *bytes = host->buf_alloc(host->ctx, len, block), head[BLOCK_HEAD];
  uint64_t at = block_at(r->snapshot, number);
  char name[NAME];
  int fd = ((struct file_reader *)r)->fd;
  enum rkv_status status;
  if (!bytes) return rkv_fail(error, RKV_NO_MEMORY, "storage-lmdb: no memory for a snapshot");
  name_it(name, OWNER_SNAPSHOT, r->snapshot->number);
  status = get(s, fd, name, head, sizeof head, at, error);
  if (status == RKV_OK) status = get(s, fd, name, bytes, len, at + BLOCK_HEAD, error);
  if (status == RKV_OK && get_u32(head) != crc32c((uint32_t)number, bytes, len))
    status = rkv_fail(error, RKV_CORRUPT, "%s/%s: offset %" PRIu64 ": its checksum does not fit",
                      s->options.dir, name, at);
  if (status != RKV_OK) rkv_buf_drop(block);
  return status;
}

const struct snapshots_ops snapshot_ops = {.snapshot_size = sizeof(struct snapshot),
                                           .writer_size = sizeof(struct file_writer),
                                           .reader_size = sizeof(struct file_reader),
                                           .block_head = BLOCK_HEAD,
                                           .block_bytes = BLOCK,
                                           .begin = begin,
                                           .write = write_block,
                                           .finish = finish,
                                           .end = end,
                                           .drop = drop,
                                           .open = open_reader,
                                           .close = close_reader,
                                           .read = read_block};

/* ---- the newest, at the start ---- */

/* The file is as long as the header says. */
static bool has_length(const struct snapshot *snapshot, int fd) {
  uint64_t blocks = (snapshot->meta.size + BLOCK - 1) / BLOCK;
  struct stat info;
  return files->look_at(files->ctx, fd, &info) == 0 &&
         (uint64_t)info.st_size ==
             block_at(snapshot, 0) + snapshot->meta.size + blocks * BLOCK_HEAD;
}

static enum rkv_status take_head(struct snapshot *snapshot, const uint8_t *head, const char *name,
                                 struct rkv_error *error) {
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
  if (!room) return rkv_fail(error, RKV_NO_MEMORY, "storage-lmdb: no memory for a snapshot");
  memcpy(room, head + HEAD, numbers[6]);
  return RKV_OK;
}

static enum rkv_status read_head(struct snapshot *snapshot, int fd, const char *name, uint8_t *head,
                                 struct rkv_error *error) {
  const struct store *s = store_of(snapshot);
  const uint8_t *len_at = head + AT_NUMBERS + 8 * (NUMBERS - 1);
  enum rkv_status status = get(s, fd, name, head, HEAD, 0, error);
  bool whole = status == RKV_OK && memcmp(head, magic, sizeof magic) == 0 &&
               get_u64(len_at) <= MEMBERSHIP_MAX;
  size_t len = whole ? (size_t)get_u64(len_at) : 0;
  if (status == RKV_OK && len > 0) status = get(s, fd, name, head + HEAD, len, HEAD, error);
  if (status != RKV_OK) return status;
  if (whole && get_u32(head + AT_CRC) == crc32c(0, head + AT_FORMAT, HEAD + len - AT_FORMAT))
    status = take_head(snapshot, head, name, error);
  else
    whole = false;
  if (status == RKV_OK && whole && has_length(snapshot, fd)) return RKV_OK;
  if (status != RKV_OK) return status;
  return rkv_fail(error, RKV_CORRUPT, "%s/%s: expected a snapshot, found other bytes",
                  s->options.dir, name);
}

enum rkv_status snapshot_find(struct store *s, struct rkv_error *error) {
  char name[NAME];
  uint8_t *head;
  struct snapshot *snapshot;
  enum rkv_status status;
  int fd;
  if (s->state.snapshot == 0) return RKV_OK;
  status = open_file(s, s->state.snapshot, name, &fd, error);
  if (status != RKV_OK) return status;
  head = malloc(HEAD + MEMBERSHIP_MAX);
  snapshot = snapshots_new(&s->log);
  if (head && snapshot)
    status = read_head(snapshot, fd, name, head, error);
  else
    status = rkv_fail(error, RKV_NO_MEMORY, "storage-lmdb: no memory for a snapshot");
  free(head);
  files->close(files->ctx, fd);
  if (status != RKV_OK) {
    snapshots_drop(snapshot);
    return status;
  }
  snapshot->number = s->state.snapshot;
  s->log.newest = snapshot;
  return RKV_OK;
}

static enum rkv_status drop_other(void *arg, const char *name, struct rkv_error *error) {
  const struct store *s = arg;
  char newest[NAME];
  name_it(newest, OWNER_SNAPSHOT, s->state.snapshot);
  if (strncmp(name, OWNER_TEMPORARY, strlen(OWNER_TEMPORARY)) != 0 &&
      (strncmp(name, OWNER_SNAPSHOT, strlen(OWNER_SNAPSHOT)) != 0 || strcmp(name, newest) == 0))
    return RKV_OK;
  return drop_file(s, name, error);
}

enum rkv_status snapshot_drop_others(struct store *s, struct rkv_error *error) {
  return folder_each_name(files, s->options.dir, s->dir, drop_other, s, error);
}
