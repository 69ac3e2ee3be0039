/* disk_snapshot.c: snapshots of the simulated disk: written and read by storage-wal, compared here.
 *
 * (K6) What is read of a snapshot is what was written. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "disk_internal.h"
#include "sim.h"

enum { PIECE = 65536 };

struct block {
  struct rkv_buf_owner owner;
  uint8_t bytes[];
};

static void block_free(struct rkv_buf_owner *owner) {
  free(owner);
}

/* Both, one behind the other; the references are taken over. */
static struct rkv_buf joined(struct rkv_buf a, struct rkv_buf b) {
  struct block *block = malloc(sizeof *block + a.len + b.len);
  assert(block);
  block->owner = (struct rkv_buf_owner){.refs = 1, .free = block_free};
  if (a.len > 0) memcpy(block->bytes, a.data, a.len);
  if (b.len > 0) memcpy(block->bytes + a.len, b.data, b.len);
  struct rkv_buf both = {.data = block->bytes, .len = a.len + b.len, .owner = &block->owner};
  rkv_buf_drop(&a);
  rkv_buf_drop(&b);
  return both;
}

void disk_attempt_free(struct disk_attempt *attempt) {
  rkv_buf_drop(&attempt->meta.membership);
  rkv_buf_drop(&attempt->content);
  *attempt = (struct disk_attempt){0};
}

/* ---- write ---- */

struct writer {
  struct disk *disk;
  void *inner;
  struct disk_attempt written;
};

enum rkv_status disk_writer_begin(void *storage, const struct rkv_snapshot_meta *meta,
                                  void **writer, struct rkv_error *error) {
  struct disk *d = storage;
  struct writer *wr = calloc(1, sizeof *wr);
  assert(wr);
  enum rkv_status status = wal_ops.snapshot_begin(d->inner, meta, &wr->inner, error);
  if (status != RKV_OK) {
    free(wr);
    return disk_note_damage(d, status);
  }
  wr->disk = d;
  wr->written.meta = *meta;
  wr->written.meta.membership = rkv_buf_share(meta->membership);
  *writer = wr;
  return RKV_OK;
}

enum rkv_status disk_writer_write(void *writer, struct rkv_buf chunk, struct rkv_error *error) {
  struct writer *wr = writer;
  wr->written.content = joined(wr->written.content, rkv_buf_share(chunk));
  return disk_note_damage(wr->disk, wal_ops.snapshot_write(wr->inner, chunk, error));
}

static void end(struct writer *wr) {
  disk_attempt_free(&wr->written);
  free(wr);
}

void disk_writer_abort(void *writer) {
  struct writer *wr = writer;
  wal_ops.snapshot_abort(wr->inner);
  end(wr);
}

enum rkv_status disk_writer_commit(void *writer, struct rkv_error *error) {
  struct writer *wr = writer;
  struct disk *d = wr->disk;
  bool failed = d->failed;
  enum rkv_status status = wal_ops.snapshot_commit(wr->inner, error);
  if (status == RKV_OK && failed && !device_is_dead(d->device))
    sim_fail(sim_of(d->world), "node %" PRIu64 ": a snapshot is there after its disk failed",
             d->id);
  wr->written.meta.size = wr->written.content.len;
  if (status == RKV_OK) {
    state_snapshot(&d->state, &wr->written.meta, wr->written.content);
  } else {
    disk_attempt_free(&d->attempt);
    d->attempt = wr->written;
  }
  wr->written = (struct disk_attempt){0};
  end(wr);
  return disk_note_damage(d, status);
}

/* ---- read ---- */

struct reader {
  struct disk *disk;
  void *inner;
  struct rkv_buf content;
};

static bool same_meta(const struct rkv_snapshot_meta *a, const struct rkv_snapshot_meta *b) {
  return rkv_log_id_equal(a->last, b->last) &&
         rkv_log_id_equal(a->membership_id, b->membership_id) && a->size == b->size &&
         memcmp(a->id, b->id, sizeof a->id) == 0 && rkv_buf_equal(a->membership, b->membership);
}

enum rkv_status disk_reader_open(void *storage, void **reader, struct rkv_snapshot_meta *meta,
                                 struct rkv_error *error) {
  struct disk *d = storage;
  void *inner;
  enum rkv_status status = wal_ops.snapshot_open(d->inner, &inner, meta, error);
  if (status != RKV_OK) return disk_note_damage(d, status);
  if (!same_meta(meta, &d->state.meta))
    sim_fail(sim_of(d->world), "node %" PRIu64 ": its disk has another snapshot than the newest",
             d->id);
  struct reader *r = calloc(1, sizeof *r);
  assert(r);
  *r = (struct reader){d, inner, rkv_buf_share(d->state.content)};
  *reader = r;
  return RKV_OK;
}

enum rkv_status disk_reader_read(void *reader, uint64_t offset, size_t max, struct rkv_buf *chunk,
                                 struct rkv_error *error) {
  struct reader *r = reader;
  enum rkv_status status = wal_ops.snapshot_read(r->inner, offset, max, chunk, error);
  if (status != RKV_OK) return disk_note_damage(r->disk, status);
  size_t from = offset < r->content.len ? (size_t)offset : r->content.len;
  struct rkv_buf want = rkv_buf_slice(r->content, from, chunk->len);
  if (!rkv_buf_equal(*chunk, want) || (chunk->len == 0 && max > 0 && from < r->content.len))
    sim_fail(sim_of(r->disk->world), "node %" PRIu64 ": its disk gives other bytes of a snapshot",
             r->disk->id);
  return RKV_OK;
}

void disk_reader_close(void *reader) {
  struct reader *r = reader;
  wal_ops.snapshot_close(r->inner);
  rkv_buf_drop(&r->content);
  free(r);
}

enum rkv_status disk_read_snapshot(void *inner, struct rkv_buf *content, struct rkv_error *error) {
  struct rkv_snapshot_meta meta = {0};
  void *reader;
  *content = rkv_buf_none();
  enum rkv_status status = wal_ops.snapshot_open(inner, &reader, &meta, error);
  if (status == RKV_NOT_FOUND) return RKV_OK;
  if (status != RKV_OK) return status;
  rkv_buf_drop(&meta.membership);
  for (;;) {
    struct rkv_buf chunk = rkv_buf_none();
    status = wal_ops.snapshot_read(reader, content->len, PIECE, &chunk, error);
    if (status != RKV_OK || chunk.len == 0) break;
    *content = joined(*content, chunk);
  }
  wal_ops.snapshot_close(reader);
  if (status != RKV_OK) rkv_buf_drop(content);
  return status;
}
