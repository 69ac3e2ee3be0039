/* compare.c: holds a copy against its source. */
#include <host/storage/compare.h>

#include <host/storage/walk.h>
#include <node/moved.h>

#include <inttypes.h>
#include <string.h>

static enum rkv_status differ(struct comparison *c, const char *what, struct rkv_error *error) {
  c->differs = true;
  return rkv_fail(error, RKV_IO, "%s: %s: not as in the source", subject_name(c->to), what);
}

static enum rkv_status compare_entry(struct comparison *c, const struct rkv_entry *a,
                                     const struct rkv_entry *b, struct rkv_error *error) {
  char what[64];
  if (b && moved_is_same_entry(a, b)) return RKV_OK;
  (void)snprintf(what, sizeof what, "entry %" PRIu64, a->id.index);
  return differ(c, what, error);
}

static enum rkv_status compare_logs(struct comparison *c, struct rkv_error *error) {
  const rkv_index last = c->last.index;
  struct walk a = {0}, b = {0};
  const struct rkv_entry *left = NULL, *right = NULL;
  enum rkv_status status = walk_begin(&a, c->from, last, error);
  if (status == RKV_OK) status = walk_begin(&b, c->to, last, error);
  if (status == RKV_OK)
    progress_begin(c->progress, "comparing the log", PROGRESS_ENTRIES,
                   last - c->from->state.purged.index);
  while (status == RKV_OK) {
    status = walk_entry(&a, &left, error);
    if (status != RKV_OK || !left) break;
    status = walk_entry(&b, &right, error);
    if (status == RKV_OK) status = compare_entry(c, left, right, error);
    progress_add(c->progress, 1);
  }
  walk_end(&a);
  walk_end(&b);
  return status;
}

static enum rkv_status compare_chunks(struct comparison *c, struct snapshot_walk *a,
                                      struct snapshot_walk *b, struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  if (!moved_is_same_meta(&a->meta, &b->meta))
    return differ(c, "the snapshot's description", error);
  progress_begin(c->progress, "comparing the snapshot", PROGRESS_BYTES, a->meta.size);
  for (size_t done = 0; status == RKV_OK;) { /* of a's chunk */
    if (done == a->chunk.len) {
      status = snapshot_walk_next(a, WALK_BYTES, error);
      if (status != RKV_OK || a->chunk.len == 0) break;
      done = 0;
    }
    status = snapshot_walk_next(b, a->chunk.len - done, error);
    if (status == RKV_OK && (b->chunk.len == 0 || b->chunk.len > a->chunk.len - done ||
                             memcmp(a->chunk.data + done, b->chunk.data, b->chunk.len) != 0))
      status = differ(c, "the snapshot's bytes", error);
    done += b->chunk.len;
    progress_add(c->progress, b->chunk.len);
  }
  return status;
}

static enum rkv_status compare_snapshots(struct comparison *c, struct rkv_error *error) {
  const struct rkv_log_id from = c->from->state.snapshot.last, to = c->to->state.snapshot.last;
  struct snapshot_walk a = {0}, b = {0};
  enum rkv_status status;
  if (!rkv_log_id_equal(from, to) || subject_has_snapshot(c->from) != subject_has_snapshot(c->to))
    return differ(c, "the newest snapshot", error);
  if (!subject_has_snapshot(c->from)) return RKV_OK;
  status = snapshot_walk_begin(&a, c->from, error);
  if (status == RKV_OK) status = snapshot_walk_begin(&b, c->to, error);
  if (status == RKV_OK) status = compare_chunks(c, &a, &b, error);
  snapshot_walk_end(&a);
  snapshot_walk_end(&b);
  return status;
}

enum rkv_status compare_storages(struct comparison *c, struct rkv_error *error) {
  const struct rkv_storage_state *from = &c->from->state, *to = &c->to->state;
  enum rkv_status status;
  c->differs = false;
  if (rkv_vote_compare(from->vote, to->vote) != RKV_EQUAL) return differ(c, "the vote", error);
  if (!rkv_log_id_equal(from->purged, to->purged)) return differ(c, "the first entry", error);
  if (!rkv_log_id_equal(c->last, to->last)) return differ(c, "the last entry", error);
  status = compare_snapshots(c, error);
  return status == RKV_OK ? compare_logs(c, error) : status;
}
