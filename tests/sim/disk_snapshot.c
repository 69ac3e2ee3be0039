/* disk_snapshot.c: snapshots on a simulated disk: a file written aside, synced, named, and the
 * directory synced. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "disk_internal.h"

struct writer {
  struct disk *disk;
  struct rkv_snapshot_meta meta;
  struct device_file *data; /* without a name */
};

enum rkv_status disk_writer_begin(void *storage, const struct rkv_snapshot_meta *meta,
                                  void **writer, struct rkv_error *error) {
  struct writer *wr = calloc(1, sizeof *wr);
  (void)error;
  assert(wr);
  wr->disk = storage;
  wr->data = device_file_new();
  wr->meta = *meta;
  wr->meta.membership = rkv_buf_share(meta->membership);
  *writer = wr;
  return RKV_OK;
}

/* A full device refuses the snapshot and nothing else; after an error nothing succeeds (K1). */
static enum rkv_status ended(struct disk *d, enum rkv_status status, struct rkv_error *error) {
  if (status == RKV_OK) return RKV_OK;
  if (status != RKV_NO_SPACE) disk_fail(d, status, "simulated disk: a snapshot's write failed");
  return rkv_fail(error, status, "simulated disk: the snapshot was not written");
}

enum rkv_status disk_writer_write(void *writer, struct rkv_buf chunk, struct rkv_error *error) {
  struct writer *wr = writer;
  struct bytes b = {0};
  bytes_put(&b, chunk.data, chunk.len);
  enum rkv_status status =
      wr->disk->failed ? RKV_IO : device_write(&wr->disk->device, wr->data, &b);
  free(b.data);
  return ended(wr->disk, status, error);
}

void disk_writer_abort(void *writer) {
  struct writer *wr = writer;
  rkv_buf_drop(&wr->meta.membership);
  device_file_drop(wr->data);
  free(wr);
}

static enum rkv_status put_in_place(struct disk *d, const struct bytes *whole) {
  struct device_file *file = device_file_new();
  enum rkv_status status = device_write(&d->device, file, whole);
  if (status == RKV_OK) status = device_sync(&d->device, file);
  if (status != RKV_OK) {
    device_file_drop(file);
    return status;
  }
  status = device_name(&d->device, DEVICE_SNAPSHOT, file);
  if (status == RKV_OK) status = device_sync_names(&d->device);
  return status;
}

enum rkv_status disk_writer_commit(void *writer, struct rkv_error *error) {
  struct writer *wr = writer;
  struct disk *d = wr->disk;
  struct bytes whole = {0};
  uint64_t chain = 0;
  record_snapshot(&whole, &wr->meta, &wr->data->bytes);
  record_seal(&whole, 0, &chain);
  enum rkv_status status = d->failed ? RKV_IO : put_in_place(d, &whole);
  free(whole.data);
  if (status == RKV_OK) {
    wr->meta.size = wr->data->bytes.len;
    state_snapshot(&d->state, &wr->meta);
    wr->meta.membership = rkv_buf_none();
  }
  disk_writer_abort(writer);
  return ended(d, status, error);
}

struct reader {
  struct disk *disk;
  struct device_file *file;
  size_t data_at, size;
};

enum rkv_status disk_reader_open(void *storage, void **reader, struct rkv_snapshot_meta *meta,
                                 struct rkv_error *error) {
  struct disk *d = storage;
  struct device_file *file = d->device.names[DEVICE_SNAPSHOT].cached;
  size_t data_at;
  if (!file) return rkv_fail(error, RKV_NOT_FOUND, "no snapshot");
  if (device_read_fails(&d->device)) return rkv_fail(error, RKV_IO, "simulated disk: read failed");
  enum rkv_status status = record_read_snapshot(&file->bytes, meta, &data_at, error);
  if (status == RKV_CORRUPT) d->met_damage = file->damage > 0;
  if (status != RKV_OK) return status;
  struct reader *r = calloc(1, sizeof *r);
  assert(r);
  *r = (struct reader){d, device_file_share(file), data_at, (size_t)meta->size};
  *reader = r;
  return RKV_OK;
}

struct piece {
  struct rkv_buf_owner owner;
  uint8_t bytes[];
};

static void piece_free(struct rkv_buf_owner *owner) {
  free(owner);
}

/* A copy: what is read is not damaged any more. */
static struct rkv_buf copy_of(const uint8_t *data, size_t len) {
  struct piece *piece = malloc(sizeof *piece + len);
  assert(piece);
  piece->owner = (struct rkv_buf_owner){.refs = 1, .free = piece_free};
  memcpy(piece->bytes, data, len);
  return (struct rkv_buf){.data = piece->bytes, .len = len, .owner = &piece->owner};
}

enum rkv_status disk_reader_read(void *reader, uint64_t offset, size_t max, struct rkv_buf *chunk,
                                 struct rkv_error *error) {
  struct reader *r = reader;
  if (device_read_fails(&r->disk->device))
    return rkv_fail(error, RKV_IO, "simulated disk: read failed");
  if (!record_is_whole(&r->file->bytes, 0)) {
    r->disk->met_damage = r->file->damage > 0;
    return rkv_fail(error, RKV_CORRUPT, "simulated disk: the snapshot is damaged");
  }
  if (offset >= r->size) {
    *chunk = rkv_buf_none();
    return RKV_OK;
  }
  size_t left = r->size - (size_t)offset;
  *chunk = copy_of(r->file->bytes.data + r->data_at + offset, left < max ? left : max);
  return RKV_OK;
}

void disk_reader_close(void *reader) {
  struct reader *r = reader;
  device_file_drop(r->file);
  free(r);
}
