/* broken_snapshot.c: snapshots, each with its faults. */
#include "broken.h"
#include "broken_squeeze.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LARGE_BYTES = 10000000, BESIDE_NS = 2000000 };

/* A writer or reader around the good one. */
struct view {
  struct broken *b;
  void *good;
  struct rkv_snapshot_meta meta;
  struct rkv_buf *chunks; /* of a snapshot that can be seen too early: all chunks so far */
  size_t count;
  uint64_t written; /* bytes */
};

/* A file beside the snapshot while it is written. */
static void temporary(const struct broken *b, bool there) {
  char path[1024];
  int fd = -1;
  if (b->fault != FAULT_temporary_stays) return;
  (void)snprintf(path, sizeof path, "%s/being-written", b->dir);
  if (there) fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  if (!there) (void)unlink(path);
  if (fd >= 0) (void)close(fd);
}

enum rkv_status broken_snapshot_begin(void *storage, const struct rkv_snapshot_meta *meta,
                                      void **writer, struct rkv_error *error) {
  struct broken *b = storage;
  struct view *w = calloc(1, sizeof *w);
  struct rkv_snapshot_meta given = *meta;
  enum rkv_status status;
  if (b->fault == FAULT_snapshot_32_bits) given.last.index &= UINT32_MAX;
  if (b->fault == FAULT_snapshot_membership_lost) given.membership = rkv_buf_none();
  status = b->good->snapshot_begin(b->it, &given, &w->good, error);
  w->b = b;
  w->meta = *meta;
  (void)rkv_buf_share(w->meta.membership);
  if (status == RKV_OK) temporary(b, true);
  if (status == RKV_OK) (void)atomic_fetch_add(&b->writers, 1);
  if (status == RKV_OK)
    *writer = w;
  else
    free(w);
  return status;
}

static void writer_ends(struct view *w) {
  (void)atomic_fetch_sub(&w->b->writers, 1);
  temporary(w->b, false);
}

static void view_end(struct view *v) {
  for (size_t i = 0; i < v->count; i++) rkv_buf_drop(&v->chunks[i]);
  free(v->chunks);
  rkv_buf_drop(&v->meta.membership);
  free(v);
}

/* What was written so far becomes the newest snapshot, and the writing goes on. */
static void show_early(struct view *w, struct rkv_error *error) {
  const struct rkv_storage_ops *good = w->b->good;
  (void)good->snapshot_commit(w->good, error);
  (void)good->snapshot_begin(w->b->it, &w->meta, &w->good, error);
  for (size_t i = 0; i < w->count; i++) (void)good->snapshot_write(w->good, w->chunks[i], error);
}

enum rkv_status broken_snapshot_write(void *writer, struct rkv_buf chunk, struct rkv_error *error) {
  struct view *w = writer;
  bool lost = w->b->fault == FAULT_end_of_large_snapshot_lost && w->written > LARGE_BYTES;
  enum rkv_status status = lost ? RKV_OK : w->b->good->snapshot_write(w->good, chunk, error);
  w->written += chunk.len;
  if (status != RKV_OK && w->b->fault == FAULT_failure_takes_a_file) broken_take_file(w->b);
  if (w->b->fault == FAULT_snapshot_seen_early) {
    w->chunks = realloc(w->chunks, (w->count + 1) * sizeof *w->chunks);
    w->chunks[w->count++] = rkv_buf_share(chunk);
    show_early(w, error);
  }
  return status;
}

enum rkv_status broken_snapshot_commit(void *writer, struct rkv_error *error) {
  struct view *w = writer;
  struct broken *b = w->b;
  enum rkv_status status;
  if (b->fault == FAULT_told_size_is_checked && w->meta.size > 0 && w->meta.size != w->written) {
    broken_snapshot_abort(writer);
    return rkv_fail(error, RKV_INVALID, "broken: another size was told");
  }
  if (b->fault == FAULT_kind_lost_beside_snapshot) /* time for the log to do something meanwhile */
    (void)nanosleep(&(struct timespec){0, BESIDE_NS}, NULL);
  status = b->good->snapshot_commit(w->good, error);
  if (status != RKV_OK && b->fault == FAULT_failure_takes_a_file) broken_take_file(b);
  if (status == RKV_OK) b->committed = true, b->size_told = w->meta.size;
  writer_ends(w);
  view_end(w);
  return status;
}

void broken_snapshot_abort(void *writer) {
  struct view *w = writer;
  struct rkv_error error;
  writer_ends(w);
  if (w->b->fault == FAULT_abort_commits)
    (void)w->b->good->snapshot_commit(w->good, &error);
  else
    w->b->good->snapshot_abort(w->good);
  view_end(w);
}

enum rkv_status broken_snapshot_open(void *storage, void **reader, struct rkv_snapshot_meta *meta,
                                     struct rkv_error *error) {
  struct broken *b = storage;
  struct view *r = calloc(1, sizeof *r);
  enum rkv_status status = b->good->snapshot_open(b->it, &r->good, meta, error);
  r->b = b;
  if (status == RKV_OK && b->fault == FAULT_snapshot_of_this_life && !b->committed) {
    rkv_buf_drop(&meta->membership);
    b->good->snapshot_close(r->good);
    status = rkv_fail(error, RKV_NOT_FOUND, "broken: a snapshot of another life");
  }
  if (status == RKV_OK && b->fault == FAULT_size_as_told && b->size_told) meta->size = b->size_told;
  if (status == RKV_OK && b->fault == FAULT_empty_state_is_not_found && meta->last.index == 0) {
    rkv_buf_drop(&meta->membership);
    b->good->snapshot_close(r->good);
    status = rkv_fail(error, RKV_NOT_FOUND, "broken: a snapshot of nothing");
  }
  if (status == RKV_OK)
    *reader = r;
  else
    free(r);
  return status;
}

enum rkv_status broken_snapshot_read(void *reader, uint64_t offset, size_t max,
                                     struct rkv_buf *chunk, struct rkv_error *error) {
  struct view *r = reader;
  enum rkv_status status;
  if (r->b->fault == FAULT_reader_changes_snapshot) { /* goes on with the newest snapshot instead */
    struct rkv_snapshot_meta meta;
    r->b->good->snapshot_close(r->good);
    (void)r->b->good->snapshot_open(r->b->it, &r->good, &meta, error);
    rkv_buf_drop(&meta.membership);
  }
  if (r->b->fault == FAULT_snapshot_end_wrong && offset > 0 && max > 4096) offset -= 1;
  status = r->b->good->snapshot_read(r->good, offset, max, chunk, error);
  if (status == RKV_OK && r->b->fault == FAULT_squeezed_chunk_wrong && squeezes(*chunk))
    squeeze_wrong(r->b->host, chunk, chunk->len - 1);
  return status;
}

void broken_snapshot_close(void *reader) {
  struct view *r = reader;
  r->b->good->snapshot_close(r->good);
  view_end(r);
}
