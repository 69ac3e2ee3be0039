/* walk.c: reads logs in batches and snapshots in chunks. */
#include <host/storage/walk.h>

#include <node/kernel/outcome.h>

#include <inttypes.h>
#include <stdlib.h>

/* ---- the log ---- */

enum rkv_status walk_begin(struct walk *w, const struct subject *subject, rkv_index to,
                           struct rkv_error *error) {
  *w = (struct walk){.subject = subject, .next = subject->state.purged.index + 1, .to = to};
  w->entries = calloc(WALK_ENTRIES, sizeof *w->entries);
  return w->entries ? RKV_OK : rkv_fail(error, RKV_NO_MEMORY, "out of memory");
}

static void walk_drop(struct walk *w) {
  for (size_t i = 0; i < w->count; i++) rkv_buf_drop(&w->entries[i].payload);
  w->at = w->count = 0;
}

enum rkv_status walk_batch(struct walk *w, struct rkv_error *error) {
  const struct subject *s = w->subject;
  enum rkv_status status;
  walk_drop(w);
  if (w->next > w->to) return RKV_OK;
  status = s->ops->read(s->storage, w->next, w->to, WALK_BYTES, w->entries, WALK_ENTRIES, &w->count,
                        outcome_clear(error));
  status = subject_said(s, status, "read", error);
  if (status != RKV_OK) {
    w->count = 0;
    return status;
  }
  for (size_t i = 0; i < w->count; i++)
    if (w->entries[i].id.index != w->next + i)
      return rkv_fail(error, RKV_CORRUPT, "%s: entry %" PRIu64 " stands where %" PRIu64 " should",
                      subject_name(s), w->entries[i].id.index, w->next + i);
  if (w->count == 0)
    return rkv_fail(error, RKV_CORRUPT, "%s: entry %" PRIu64 " of %" PRIu64 " is missing",
                    subject_name(s), w->next, w->to);
  w->next += w->count;
  return RKV_OK;
}

enum rkv_status walk_entry(struct walk *w, const struct rkv_entry **entry,
                           struct rkv_error *error) {
  enum rkv_status status = w->at < w->count ? RKV_OK : walk_batch(w, error);
  *entry = status == RKV_OK && w->count > 0 ? &w->entries[w->at++] : NULL;
  return status;
}

void walk_end(struct walk *w) {
  if (w->entries) walk_drop(w);
  free(w->entries);
  w->entries = NULL;
}

/* ---- the newest snapshot ---- */

enum rkv_status snapshot_walk_begin(struct snapshot_walk *w, const struct subject *s,
                                    struct rkv_error *error) {
  enum rkv_status status;
  *w = (struct snapshot_walk){.subject = s};
  status = s->ops->snapshot_open(s->storage, &w->reader, &w->meta, outcome_clear(error));
  status = subject_said(s, status, "snapshot_open", error);
  if (status != RKV_OK) w->reader = NULL;
  return status;
}

enum rkv_status snapshot_walk_next(struct snapshot_walk *w, size_t max, struct rkv_error *error) {
  const struct subject *s = w->subject;
  enum rkv_status status;
  rkv_buf_drop(&w->chunk);
  status = s->ops->snapshot_read(w->reader, w->offset, max, &w->chunk, outcome_clear(error));
  status = subject_said(s, status, "snapshot_read", error);
  if (status != RKV_OK) {
    w->chunk = rkv_buf_none();
    return status;
  }
  w->offset += w->chunk.len;
  if (w->offset > w->meta.size || (w->chunk.len == 0 && w->offset < w->meta.size))
    return rkv_fail(error, RKV_CORRUPT, "%s: the snapshot ends at byte %" PRIu64 " of %" PRIu64,
                    subject_name(s), w->offset, w->meta.size);
  return RKV_OK;
}

void snapshot_walk_end(struct snapshot_walk *w) {
  rkv_buf_drop(&w->chunk);
  rkv_buf_drop(&w->meta.membership);
  if (w->reader) w->subject->ops->snapshot_close(w->reader);
  w->reader = NULL;
}
