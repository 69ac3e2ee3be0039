/* recover.c: replays the segments in order and decides about their ends. */
#include "recover.h"

#include <storage-parts/owned.h>

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* One reading of a directory. */
struct walk {
  const struct folder *folder;
  rkv_node_id node_id;
  struct recover_watcher *watcher;
  struct recovery *r;
  struct scan scan; /* of the segment being read */
};

void recover_free(struct recovery *r) {
  index_free(&r->image.index);
  segment_free_all(r->oldest);
  folder_close_file(r->folder, r->fd);
  owner_close(r->folder, &r->owner);
  *r = (struct recovery){.folder = r->folder, .fd = -1, .owner.fd = -1};
}

static bool same_vote(struct rkv_vote a, struct rkv_vote b) {
  return a.term == b.term && a.node_id == b.node_id && a.committed == b.committed;
}

static bool same_identity(struct rkv_identity a, struct rkv_identity b) {
  return a.incarnation == b.incarnation && a.settled == b.settled &&
         rkv_cluster_id_equal(a.cluster, b.cluster);
}

/* Puts the place before the text. */
static enum rkv_status recover_placed(const struct scan *scan, uint64_t offset,
                                      enum rkv_status status, struct rkv_error *error) {
  char text[RKV_ERROR_TEXT_MAX];
  if (!error || (status != RKV_CORRUPT && status != RKV_NO_MEMORY)) return status;
  memcpy(text, error->text, sizeof text);
  return rkv_fail(error, status, "%s: offset %" PRIu64 ": %.*s", scan->name.text, offset,
                  (int)sizeof text - 128, text);
}

/* ---- the beginning of a segment ---- */

/* (V1) A segment's header repeats the state that the segments before it lead to. */
static enum rkv_status check_carried(const struct walk *w, uint64_t sequence,
                                     struct rkv_error *error) {
  const struct head *head = &w->scan.head;
  const struct image *image = &w->r->image;
  const char *name = w->scan.name.text;
  if (head->sequence != sequence)
    return rkv_fail(error, RKV_CORRUPT, "%s: expected segment %" PRIu64 ", found %" PRIu64, name,
                    sequence, head->sequence);
  if (!w->r->active) return RKV_OK;
  if (head->prev_end != w->r->active->end)
    return rkv_fail(error, RKV_CORRUPT,
                    "%s: expected the segment before to end at %" PRIu64
                    ", found its end at %" PRIu64,
                    name, head->prev_end, w->r->active->end);
  if (!same_vote(head->vote, image->held.vote) || !rkv_log_id_equal(head->last, image->held.last) ||
      !rkv_log_id_equal(head->purged, image->held.purged))
    return rkv_fail(error, RKV_CORRUPT,
                    "%s: expected last entry %" PRIu64 ", purged %" PRIu64 ", term %" PRIu64
                    ", found %" PRIu64 ", %" PRIu64 ", %" PRIu64 " in the segment before",
                    name, head->last.index, head->purged.index, head->vote.term,
                    image->held.last.index, image->held.purged.index, image->held.vote.term);
  if (!same_identity(head->identity, image->held.identity))
    return rkv_fail(error, RKV_CORRUPT,
                    "%s: expected incarnation %" PRIx64 ", found %" PRIx64
                    " or another cluster in the segment before",
                    name, head->identity.incarnation, image->held.identity.incarnation);
  return RKV_OK;
}

/* A segment of today's format stands beside an rkv-owner. */
static enum rkv_status check_owner(const struct walk *w, struct rkv_error *error) {
  if (w->r->owner.fd >= 0 || w->scan.head.format <= HEAD_FORMAT_ALONE) return RKV_OK;
  return rkv_fail(error, RKV_CORRUPT, "%s is missing beside %s", OWNED_FILE, w->scan.name.text);
}

static enum rkv_status begin_segment(struct walk *w, uint64_t sequence, struct rkv_error *error) {
  struct recovery *r = w->r;
  struct segment *segment = NULL;
  enum rkv_status status = check_carried(w, sequence, error);
  if (status == RKV_OK) status = check_owner(w, error);
  if (status == RKV_OK && w->node_id)
    status = owned_check_node(w->scan.name.text, w->scan.head.node_id, w->node_id, error);
  if (status == RKV_OK) status = segment_new(&w->scan.head, &segment, error);
  if (status != RKV_OK) return status;
  if (r->active) {
    assert(r->active->sequence + 1 == segment->sequence); /* (V1) */
    r->active->next = segment;
  } else {
    r->oldest = segment;
    r->image.held.vote = w->scan.head.vote;
    r->image.held.identity = w->scan.head.identity;
    r->image.held.purged = w->scan.head.purged;
    r->image.held.last = w->scan.head.last;
  }
  r->active = segment;
  if (w->watcher) w->watcher->head(w->watcher, &w->scan);
  return RKV_OK;
}

/* ---- its records ---- */

/* Replays up to the first place where no record stands. */
static enum rkv_status replay(struct walk *w, struct rkv_error *error) {
  struct recovery *r = w->r;
  struct scan *scan = &w->scan;
  for (;;) {
    bool found;
    enum rkv_status status = scan_next(scan, &found, error);
    if (status != RKV_OK || !found) return status;
    status = image_replay(&r->image, &scan->record, r->active, scan->at, error);
    if (status != RKV_OK) return recover_placed(scan, scan->at, status, error);
    r->closed = scan->record.type == RECORD_CLOSE;
    r->records++;
    r->active->end = scan->offset;
    if (scan->record.type == RECORD_ENTRY && scan->record.index > r->active->highest)
      r->active->highest = scan->record.index;
    if (w->watcher) w->watcher->record(w->watcher, scan);
  }
}

/* (V2) May the last segment end here? */
static enum rkv_status judge_end(struct walk *w, struct rkv_error *error) {
  struct scan_rest rest;
  struct scan *scan = &w->scan;
  enum rkv_status status = scan_behind(scan, &rest, error);
  if (status != RKV_OK) return status;
  if (rest.proof)
    return rkv_fail(error, RKV_CORRUPT,
                    "%s: offset %" PRIu64 ": %s; the record at offset %" PRIu64
                    " shows that it was whole once",
                    scan->name.text, scan->offset, scan->why, rest.proof_at);
  w->r->torn = scan->torn || rest.cut_batch_rest;
  memcpy(w->r->torn_why, scan->why, sizeof scan->why);
  return RKV_OK;
}

/* (V1) The header of the next segment says that this one ends at `end`. */
static enum rkv_status check_end(const struct walk *w, uint64_t end, struct rkv_error *error) {
  const struct scan *scan = &w->scan;
  if (scan->offset >= end) return RKV_OK; /* if it is greater, check_carried refuses */
  return rkv_fail(error, RKV_CORRUPT,
                  "%s: offset %" PRIu64
                  ": %s; the next segment shows that records go on to %" PRIu64,
                  scan->name.text, scan->offset, scan->why, end);
}

/* Makes durable what a process that was killed, or never synced, left in the page cache. The last
 * segment, whose end is to be judged, is then read from the device. */
static enum rkv_status settle(const struct folder *folder, int fd, struct numbered_name name,
                              bool is_last, struct rkv_error *error) {
  enum rkv_status status = folder_sync_file(folder, fd, name.text, error);
  if (status == RKV_OK && folder->sync && is_last) folder->files->forget(folder->files->ctx, fd);
  return status;
}

static enum rkv_status next_prev_end(const struct walk *w, uint64_t sequence, uint64_t *end,
                                     struct rkv_error *error) {
  struct numbered_name name = dir_name(DIR_LOG, sequence + 1);
  struct scan scan;
  int fd;
  enum rkv_status status = folder_open_file(w->folder, name.text, O_RDONLY, &fd, error);
  if (status != RKV_OK) return status;
  status = scan_begin(&scan, w->folder, fd, name, error);
  if (status == RKV_OK) {
    *end = scan.head.prev_end;
    scan_end(&scan);
  }
  folder_close_file(w->folder, fd);
  return status;
}

/* Reads one segment; the last one's descriptor is kept. */
static enum rkv_status read_segment(struct walk *w, uint64_t sequence, bool is_last,
                                    struct rkv_error *error) {
  struct numbered_name name = dir_name(DIR_LOG, sequence);
  uint64_t end = 0;
  int fd;
  enum rkv_status status =
      folder_open_file(w->folder, name.text, is_last && w->node_id ? O_RDWR : O_RDONLY, &fd, error);
  if (status != RKV_OK) return status;
  if (w->node_id) status = settle(w->folder, fd, name, is_last, error);
  if (status == RKV_OK) status = scan_begin(&w->scan, w->folder, fd, name, error);
  if (status != RKV_OK) goto out;
  status = begin_segment(w, sequence, error);
  if (status == RKV_OK) status = replay(w, error);
  if (status == RKV_OK && is_last) status = judge_end(w, error);
  if (status == RKV_OK && !is_last) status = next_prev_end(w, sequence, &end, error);
  if (status == RKV_OK && !is_last) status = check_end(w, end, error);
  assert(is_last || !w->r->torn); /* (V2) */
  w->r->prev = w->scan.prev;
  scan_end(&w->scan);
  if (status == RKV_OK && is_last) {
    w->r->fd = fd;
    return folder_file_size(w->folder, fd, name.text, &w->r->file_size, error);
  }
out:
  folder_close_file(w->folder, fd);
  return status;
}

bool recover_is_whole(const struct recovery *r) {
  rkv_index first = index_first(&r->image.index);
  if (r->image.held.last.index == r->image.held.purged.index) return true;
  return first != 0 && first <= r->image.held.purged.index + 1;
}

static enum rkv_status check_whole(const struct walk *w, uint64_t first_sequence,
                                   struct rkv_error *error) {
  const struct image *image = &w->r->image;
  rkv_index first = index_first(&image->index);
  if (recover_is_whole(w->r)) return RKV_OK;
  return rkv_fail(error, RKV_CORRUPT,
                  "%s is missing: expected entries from %" PRIu64 " on, found them from %" PRIu64
                  " on",
                  dir_name(DIR_LOG, first_sequence - 1).text, image->held.purged.index + 1, first);
}

enum rkv_status recover(const struct folder *folder, rkv_node_id node_id,
                        struct recover_watcher *watcher, struct recovery *r,
                        struct rkv_error *error) {
  struct walk w = {.folder = folder, .node_id = node_id, .watcher = watcher, .r = r};
  uint64_t *sequences = NULL;
  size_t count = 0;
  enum rkv_status status;
  *r = (struct recovery){.folder = folder, .fd = -1};
  status = owner_read(folder, node_id, &r->owner, error);
  if (status == RKV_OK) status = dir_list(folder, DIR_LOG, &sequences, &count, error);
  if (status == RKV_OK) status = whole_log(folder, &r->owner, sequences, count, error);
  for (size_t i = 0; i < count && status == RKV_OK; i++)
    status = read_segment(&w, sequences[i], i + 1 == count, error);
  if (status == RKV_OK && count > 0) status = check_whole(&w, sequences[0], error);
  free(sequences);
  if (status != RKV_OK) recover_free(r);
  return status;
}
