/* snapshot_reader.c: reads the newest snapshot, block by checked block. */
#include "snapshot.h"
#include "store.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { READ_MAX = 4 * 1024 * 1024 }; /* bytes given at once */
#define NO_BLOCK UINT64_MAX

struct snapshot_reader {
  struct store *s;
  struct snapshot snapshot;
  struct dir_name name;
  int fd; /* its file may have lost its name since */
  uint8_t *block;
  uint64_t number; /* of the block in memory; NO_BLOCK: none */
  uint32_t length;
};

void snapshot_close(void *reader) {
  struct snapshot_reader *r = reader;
  if (r->fd >= 0) (void)close(r->fd);
  rkv_buf_drop(&r->snapshot.meta.membership);
  free(r->block);
  free(r);
}

/* The number of the newest snapshot, 0 if there is none. */
static uint64_t newest_number(struct store *s) {
  uint64_t number;
  (void)pthread_mutex_lock(&s->log.lock);
  number = s->newest ? s->newest->number : 0;
  (void)pthread_mutex_unlock(&s->log.lock);
  return number;
}

/* Opens the newest file. One that lost its name meanwhile has a successor. */
static enum rkv_status open_newest(struct snapshot_reader *r, struct rkv_error *error) {
  for (;;) {
    uint64_t number = newest_number(r->s);
    enum rkv_status status;
    if (number == 0) return rkv_fail(error, RKV_NOT_FOUND, "storage-wal: no snapshot yet");
    r->name = dir_name(DIR_SNAPSHOT, number);
    status = dir_open_file(&r->s->dir, r->name, O_RDONLY, &r->fd, error);
    if (status == RKV_OK || newest_number(r->s) == number) return status;
  }
}

enum rkv_status snapshot_open(void *storage, void **reader, struct rkv_snapshot_meta *meta,
                              struct rkv_error *error) {
  struct store *s = storage;
  struct snapshot_reader *r = calloc(1, sizeof *r);
  enum rkv_status status;
  if (!r) return rkv_fail(error, RKV_NO_MEMORY, "storage-wal: no memory to read a snapshot");
  r->s = s;
  r->fd = -1;
  r->number = NO_BLOCK;
  r->block = malloc(SNAPSHOT_BLOCK_HEADER + SNAPSHOT_BLOCK);
  if (r->block)
    status = open_newest(r, error);
  else
    status = rkv_fail(error, RKV_NO_MEMORY, "storage-wal: no memory to read a snapshot");
  if (status == RKV_OK)
    status = snapshot_read_header(r->fd, r->name, s->log.host, s->log.host->node_id, &r->snapshot,
                                  error);
  if (status != RKV_OK) {
    snapshot_close(r);
    return status;
  }
  *meta = r->snapshot.meta;
  (void)rkv_buf_share(meta->membership);
  *reader = r;
  return RKV_OK;
}

static enum rkv_status have_block(struct snapshot_reader *r, uint64_t number,
                                  struct rkv_error *error) {
  enum rkv_status status;
  if (r->number == number) return RKV_OK;
  r->number = NO_BLOCK;
  status = snapshot_read_block(r->fd, r->name, &r->snapshot, number, r->block, &r->length, error);
  if (status == RKV_OK) r->number = number;
  return status;
}

enum rkv_status snapshot_read(void *reader, uint64_t offset, size_t max, struct rkv_buf *chunk,
                              struct rkv_error *error) {
  struct snapshot_reader *r = reader;
  const struct rkv_host *host = r->s->log.host;
  uint64_t left = offset < r->snapshot.meta.size ? r->snapshot.meta.size - offset : 0;
  size_t len = max < READ_MAX ? max : (size_t)READ_MAX;
  enum rkv_status status = RKV_OK;
  uint8_t *room;
  *chunk = rkv_buf_none();
  if (len > left) len = (size_t)left;
  if (len == 0) return RKV_OK;
  room = host->buf_alloc(host->ctx, len, chunk);
  if (!room) return rkv_fail(error, RKV_NO_MEMORY, "storage-wal: no memory for a snapshot's bytes");
  for (size_t at = 0; at < len && status == RKV_OK;) {
    size_t from = (size_t)((offset + at) % SNAPSHOT_BLOCK), part;
    status = have_block(r, (offset + at) / SNAPSHOT_BLOCK, error);
    if (status != RKV_OK) break;
    part = r->length - from < len - at ? r->length - from : len - at;
    memcpy(room + at, r->block + SNAPSHOT_BLOCK_HEADER + from, part);
    at += part;
  }
  if (status != RKV_OK) rkv_buf_drop(chunk);
  return status;
}
