/* disk_snapshot.c: snapshots on a simulated disk: written aside, durable at once when committed. */
#include <assert.h>
#include <stdlib.h>

#include "disk_internal.h"

struct writer {
  struct disk *disk;
  struct rkv_snapshot_meta meta;
  struct bytes data;
};

enum rkv_status disk_writer_begin(void *storage, const struct rkv_snapshot_meta *meta,
                                  void **writer, struct rkv_error *error) {
  struct writer *wr = calloc(1, sizeof *wr);
  (void)error;
  assert(wr);
  wr->disk = storage;
  wr->meta = *meta;
  wr->meta.membership = rkv_buf_share(meta->membership);
  *writer = wr;
  return RKV_OK;
}

enum rkv_status disk_writer_write(void *writer, struct rkv_buf chunk, struct rkv_error *error) {
  (void)error;
  bytes_put(&((struct writer *)writer)->data, chunk.data, chunk.len);
  return RKV_OK;
}

void disk_writer_abort(void *writer) {
  struct writer *wr = writer;
  rkv_buf_drop(&wr->meta.membership);
  free(wr->data.data);
  free(wr);
}

struct block {
  struct rkv_buf_owner owner;
  uint8_t *bytes;
};

static void block_free(struct rkv_buf_owner *owner) {
  free(((struct block *)owner)->bytes);
  free(owner);
}

/* A file of its own, written, synced and renamed: durable at once, and not in the log's order. */
enum rkv_status disk_writer_commit(void *writer, struct rkv_error *error) {
  struct writer *wr = writer;
  struct disk *d = wr->disk;
  if (d->failed) {
    disk_writer_abort(writer);
    return rkv_fail(error, RKV_IO, "simulated disk: failed before");
  }
  struct block *block = malloc(sizeof *block);
  assert(block);
  *block = (struct block){.owner = {.refs = 1, .free = block_free}, .bytes = wr->data.data};
  struct rkv_buf data = {.data = wr->data.data, .len = wr->data.len, .owner = &block->owner};
  struct bytes tail = {0};
  bytes_put(&tail, d->image.data + d->synced, d->image.len - d->synced);
  size_t before = d->image.len;
  d->image.len = d->synced;
  record_snapshot(&d->image, &wr->meta, data);
  size_t grown = d->image.len - d->synced;
  d->synced = d->image.len;
  bytes_put(&d->image, tail.data, tail.len);
  assert(d->image.len == before + grown);
  for (struct disk_op *op = d->first; op; op = op->next) op->end += grown;
  d->grown += grown;
  free(tail.data);
  state_snapshot(&d->state, &wr->meta, data);
  free(wr);
  return RKV_OK;
}

struct reader {
  struct rkv_buf data;
};

enum rkv_status disk_reader_open(void *storage, void **reader, struct rkv_snapshot_meta *meta,
                                 struct rkv_error *error) {
  struct disk *d = storage;
  if (d->state.meta.last.index == 0) return rkv_fail(error, RKV_NOT_FOUND, "no snapshot");
  struct reader *r = calloc(1, sizeof *r);
  assert(r);
  r->data = rkv_buf_share(d->state.snapshot);
  *meta = d->state.meta;
  meta->membership = rkv_buf_share(d->state.meta.membership);
  *reader = r;
  return RKV_OK;
}

enum rkv_status disk_reader_read(void *reader, uint64_t offset, size_t max, struct rkv_buf *chunk,
                                 struct rkv_error *error) {
  struct reader *r = reader;
  (void)error;
  *chunk = rkv_buf_share(rkv_buf_slice(r->data, (size_t)offset, max));
  return RKV_OK;
}

void disk_reader_close(void *reader) {
  struct reader *r = reader;
  rkv_buf_drop(&r->data);
  free(r);
}
