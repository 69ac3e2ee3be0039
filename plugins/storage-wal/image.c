/* image.c: the effects of the log's records on what it holds. */
#include "image.h"

#include <inttypes.h>

static enum rkv_status replay_entry(struct image *image, const struct record *r,
                                    struct segment *segment, uint64_t offset,
                                    struct rkv_error *error) {
  struct rkv_log_id id = {r->term, r->index};
  enum rkv_status status;
  if (image->held.last.index == UINT64_MAX)
    return rkv_fail(error, RKV_CORRUPT,
                    "expected no entry behind the greatest index, found entry %" PRIu64, r->index);
  if (r->index != image->held.last.index + 1)
    return rkv_fail(error, RKV_CORRUPT, "expected entry %" PRIu64 ", found entry %" PRIu64,
                    image->held.last.index + 1, r->index);
  status = index_place(&image->index, r->index, 1, segment, offset, error);
  if (status == RKV_OK) status = index_note_term(&image->index, id, error);
  if (status == RKV_OK) image->held.last = id;
  return status;
}

/* The record's own id counts and no entry is looked up: the one it names may have stood in a
 * segment that is dropped. */
static void replay_truncate(struct image *image, struct rkv_log_id id) {
  if (id.index >= image->held.last.index) return;
  index_truncate(&image->index, id.index);
  image->held.last = id;
}

static void replay_purge(struct image *image, struct rkv_log_id id) {
  image->held.purged = id;
  if (id.index < image->held.last.index) {
    index_purge(&image->index, id.index);
  } else {
    image->held.last = id;
    index_clear(&image->index);
  }
}

enum rkv_status image_replay(struct image *image, const struct record *r, struct segment *segment,
                             uint64_t offset, struct rkv_error *error) {
  struct rkv_log_id id = {r->term, r->index};
  switch (r->type) {
  case RECORD_ENTRY: return replay_entry(image, r, segment, offset, error);
  case RECORD_VOTE:
    image->held.vote = (struct rkv_vote){r->term, r->index, r->kind != 0};
    return RKV_OK;
  case RECORD_INCARNATION: image->incarnation = r->index; return RKV_OK;
  case RECORD_CLUSTER:
    image->held.identity.cluster = (struct rkv_cluster_id){r->term, r->index};
    image->held.identity.settled = r->kind != 0;
    image->held.identity.incarnation = image->incarnation;
    return RKV_OK;
  case RECORD_TRUNCATE:
    if (id.index < image->held.purged.index)
      return rkv_fail(error, RKV_CORRUPT,
                      "expected no truncation below entry %" PRIu64
                      ", found one after entry %" PRIu64,
                      image->held.purged.index, id.index);
    replay_truncate(image, id);
    return RKV_OK;
  case RECORD_PURGE:
    if (id.index > image->held.purged.index) replay_purge(image, id);
    return RKV_OK;
  default: return RKV_OK; /* CLOSE and BEGIN say nothing about the log */
  }
}
