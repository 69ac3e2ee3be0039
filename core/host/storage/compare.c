/* compare.c: holds a copy against its source. */
#include <host/storage/compare.h>

#include <host/storage/walk.h>

#include <inttypes.h>
#include <string.h>

static enum rkv_status differ(const struct subject *to, const char *what, struct rkv_error *error) {
  return rkv_fail(error, RKV_CORRUPT, "%s: %s: not as in the source (empty it and copy again)",
                  subject_name(to), what);
}

static bool same_vote(struct rkv_vote a, struct rkv_vote b) {
  return a.term == b.term && a.node_id == b.node_id && a.committed == b.committed;
}

static bool same_meta(const struct rkv_snapshot_meta *a, const struct rkv_snapshot_meta *b) {
  return rkv_log_id_equal(a->last, b->last) && a->size == b->size &&
         rkv_log_id_equal(a->membership_id, b->membership_id) &&
         rkv_buf_equal(a->membership, b->membership) && strncmp(a->id, b->id, sizeof a->id) == 0;
}

static enum rkv_status compare_entry(const struct subject *to, const struct rkv_entry *a,
                                     const struct rkv_entry *b, struct rkv_error *error) {
  char what[64];
  if (b && rkv_log_id_equal(a->id, b->id) && a->kind == b->kind &&
      rkv_buf_equal(a->payload, b->payload))
    return RKV_OK;
  (void)snprintf(what, sizeof what, "entry %" PRIu64, a->id.index);
  return differ(to, what, error);
}

static enum rkv_status compare_logs(const struct subject *from, const struct subject *to,
                                    rkv_index last, struct progress *progress,
                                    struct rkv_error *error) {
  struct walk a = {0}, b = {0};
  const struct rkv_entry *left = NULL, *right = NULL;
  enum rkv_status status = walk_begin(&a, from, last, error);
  if (status == RKV_OK) status = walk_begin(&b, to, last, error);
  if (status == RKV_OK)
    progress_begin(progress, "comparing entries", last - from->state.purged.index);
  while (status == RKV_OK) {
    status = walk_entry(&a, &left, error);
    if (status != RKV_OK || !left) break;
    status = walk_entry(&b, &right, error);
    if (status == RKV_OK) status = compare_entry(to, left, right, error);
    progress_add(progress, 1);
  }
  walk_end(&a);
  walk_end(&b);
  return status;
}

static enum rkv_status compare_chunks(struct snapshot_walk *a, struct snapshot_walk *b,
                                      struct progress *progress, struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  if (!same_meta(&a->meta, &b->meta))
    return differ(b->subject, "the snapshot's description", error);
  progress_begin(progress, "comparing bytes", a->meta.size);
  for (size_t done = 0; status == RKV_OK;) { /* of a's chunk */
    if (done == a->chunk.len) {
      status = snapshot_walk_next(a, WALK_BYTES, error);
      if (status != RKV_OK || a->chunk.len == 0) break;
      done = 0;
    }
    status = snapshot_walk_next(b, a->chunk.len - done, error);
    if (status == RKV_OK && (b->chunk.len == 0 || b->chunk.len > a->chunk.len - done ||
                             memcmp(a->chunk.data + done, b->chunk.data, b->chunk.len) != 0))
      status = differ(b->subject, "the snapshot's bytes", error);
    done += b->chunk.len;
    progress_add(progress, b->chunk.len);
  }
  return status;
}

static enum rkv_status compare_snapshots(const struct subject *from, const struct subject *to,
                                         struct progress *progress, struct rkv_error *error) {
  struct snapshot_walk a = {0}, b = {0};
  enum rkv_status status;
  if (from->state.snapshot.last.index == 0 && to->state.snapshot.last.index == 0) return RKV_OK;
  if (!rkv_log_id_equal(from->state.snapshot.last, to->state.snapshot.last))
    return differ(to, "the newest snapshot", error);
  status = snapshot_walk_begin(&a, from, error);
  if (status == RKV_OK) status = snapshot_walk_begin(&b, to, error);
  if (status == RKV_OK) status = compare_chunks(&a, &b, progress, error);
  snapshot_walk_end(&a);
  snapshot_walk_end(&b);
  return status;
}

enum rkv_status compare_storages(const struct subject *from, const struct subject *to,
                                 struct rkv_log_id last, struct progress *progress,
                                 struct rkv_error *error) {
  enum rkv_status status;
  if (!same_vote(from->state.vote, to->state.vote)) return differ(to, "the vote", error);
  if (!rkv_log_id_equal(from->state.purged, to->state.purged))
    return differ(to, "the first entry", error);
  if (!rkv_log_id_equal(last, to->state.last)) return differ(to, "the last entry", error);
  status = compare_snapshots(from, to, progress, error);
  if (status == RKV_OK) status = compare_logs(from, to, last.index, progress, error);
  return status;
}
