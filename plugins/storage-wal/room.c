/* room.c: makes what is staged durable, and goes on to the next segment. */
#include "room.h"

#include "lack.h"

#include <assert.h>
#include <inttypes.h>

#define CONTROL_BYTES_MAX (64 * KIB)
enum { CONTROL_SHARE = 16, LARGE_RETRY_MS = 500 };

/* ---- durable ---- */

enum rkv_status room_settle(struct writer *w, struct rkv_error *error) {
  struct store *s = w->s;
  enum rkv_status status = stage_flush(&w->stage, error);
  if (status != RKV_OK || w->batch == w->stage.offset) return status;
  status = folder_sync_file(&s->log.folder, w->stage.fd, w->stage.name.text, error);
  if (status != RKV_OK) return status;
  log_count_sync(&s->log, w->stage.offset - w->batch);
  w->batch = w->stage.offset;
  return RKV_OK;
}

/* ---- records ---- */

enum rkv_status room_put(struct writer *w, struct record *record, struct rkv_buf payload,
                         struct rkv_error *error) {
  enum rkv_status status;
  assert(w->stage.offset + record_size(payload.len) <= w->segment->size);
  assert(w->batch >= HEAD_SIZE && w->batch <= w->stage.offset); /* (W2) */
  record->prev = w->prev;
  record->batch = (uint32_t)w->batch;
  record->length = (uint32_t)payload.len;
  record->payload_crc = record_payload_crc(w->segment->seed, payload.data, payload.len);
  w->closed = record->type == RECORD_CLOSE;
  status = stage_record(&w->stage, record, w->segment->seed, payload, error);
  w->prev = record->header_crc;
  return status;
}

/* ---- a purge that goes ahead (W4) ---- */

/* True if the newest purge in the queue may go ahead, and gives a segment back. Under the lock. */
static bool may_purge_ahead(const struct writer *w) {
  const struct store *s = w->s;
  return log_may_purge(&s->log, w->purged.index) && s->oldest != s->active &&
         s->oldest->highest <= s->log.held.purged.index &&
         w->stage.offset + RECORD_HEADER <= w->segment->size;
}

/* Under the lock, which it leaves meanwhile. Everything staged is durable. */
static enum rkv_status purge_ahead(struct writer *w, struct rkv_error *error) {
  struct store *s = w->s;
  struct rkv_log_id up_to = s->log.held.purged;
  struct record record = {.type = RECORD_PURGE, .term = up_to.term, .index = up_to.index};
  enum rkv_status status;
  assert(w->batch == w->stage.offset && up_to.index <= s->log.durable_last); /* (W4) */
  log_unlock(&s->log);
  w->purged = up_to;
  status = room_put(w, &record, rkv_buf_none(), error);
  if (status == RKV_OK) status = room_settle(w, error);
  log_lock(&s->log);
  if (status != RKV_OK) return status;
  s->active->end = w->stage.offset;
  s->log.durable_purged = up_to.index;
  store_release_segments(s);
  return RKV_OK;
}

/* ---- room ---- */

uint64_t room_reserved(const struct writer *w) {
  uint64_t share = w->segment->size / CONTROL_SHARE;
  if (w->s->spare_count > 0) return 0;
  return share < CONTROL_BYTES_MAX ? share : CONTROL_BYTES_MAX;
}

bool room_has(struct writer *w, uint64_t size, bool control) {
  bool fits;
  log_lock(&w->s->log);
  fits = w->stage.offset + size + (control ? 0 : room_reserved(w)) <= w->segment->size;
  log_unlock(&w->s->log);
  return fits;
}

/* Waits for a spare and tells the first one. Errors: those of log_hopes. */
static enum rkv_status await_spare(struct writer *w, uint64_t *number, bool *recycled,
                                   struct rkv_error *error) {
  struct store *s = w->s;
  enum rkv_status status = RKV_OK;
  log_lock(&s->log);
  s->writer_waits = true;
  log_signal(&s->log, &s->chores);
  while (s->spare_count == 0 && status == RKV_OK) {
    bool lacks = log_lack(&s->log) != RKV_OK;
    status = log_hopes(&s->log, lacks, error);
    if (status == RKV_OK && lacks && may_purge_ahead(w))
      status = purge_ahead(w, error);
    else if (status == RKV_OK)
      log_wait(&s->log, &s->log.work);
  }
  s->writer_waits = false;
  *number = s->spares[0];
  *recycled = s->spare_recycled[0];
  log_unlock(&s->log);
  return status;
}

/* There is a spare, but no room to make it as large as the record needs: waits a while, or makes
 * room. */
static enum rkv_status pause_for_room(struct writer *w, struct rkv_error *error) {
  struct store *s = w->s;
  enum rkv_status status = RKV_OK;
  bool purges;
  log_lock(&s->log);
  purges = may_purge_ahead(w);
  if (purges) status = purge_ahead(w, error);
  log_unlock(&s->log);
  return purges ? status : log_pause(&s->log, LARGE_RETRY_MS, error);
}

/* Goes on in the segment that begins with `head`. */
static enum rkv_status go_on_in(struct writer *w, const struct head *head, int fd,
                                struct rkv_error *error) {
  struct store *s = w->s;
  struct segment *segment = NULL;
  enum rkv_status status = segment_new(head, &segment, error);
  folder_close_file(&s->log.folder, w->stage.fd);
  w->stage.fd = fd;
  if (status == RKV_OK) status = store_raise_owner(s, head->sequence, 0, error);
  if (status != RKV_OK) {
    segment_free_all(segment);
    return status;
  }
  log_lock(&s->log);
  w->segment->end = w->stage.offset;
  w->segment->next = segment;
  s->active = segment;
  store_drop_spare(s);
  log_signal(&s->log, &s->chores);
  log_unlock(&s->log);
  atomic_fetch_add_explicit(&s->segments, 1, memory_order_relaxed);
  w->segment = segment;
  w->stage.name = dir_name(DIR_LOG, segment->sequence);
  w->stage.offset = w->batch = HEAD_SIZE;
  w->prev = head->crc;
  return RKV_OK;
}

/* Goes on in a new segment with room for `size` bytes. Everything staged is durable. */
static enum rkv_status rotate(struct writer *w, uint64_t spare, bool recycled, uint64_t size,
                              struct rkv_error *error) {
  struct store *s = w->s;
  uint64_t large = HEAD_SIZE + size, normal = s->options.segment_bytes;
  for (;;) {
    struct head head = {.format = store_format(s),
                        .node_id = s->log.host->node_id,
                        .sequence = w->segment->sequence + 1,
                        .size = large > normal ? large : normal,
                        .prev_end = w->stage.offset,
                        .recycled = recycled,
                        .vote = w->vote,
                        .identity = w->identity,
                        .purged = w->purged,
                        .last = w->last};
    int fd;
    enum rkv_status status = segment_begin(&s->log.folder, spare, &head, &fd, error);
    if (status == RKV_OK) {
      lack_note(s, RKV_OK, 0, LACK_WAITS, NULL); /* the keeper, which has a spare, notes nothing */
      return go_on_in(w, &head, fd, error);
    }
    if (!log_passes(status)) return status;
    lack_note(s, status, head.size, LACK_WAITS, error);
    status = pause_for_room(w, error);
    if (status != RKV_OK) return status;
  }
}

enum rkv_status room_make(struct writer *w, const struct op *op, uint64_t size, bool control,
                          struct rkv_error *error) {
  uint64_t spare;
  bool recycled;
  enum rkv_status status;
  if (room_has(w, size, control)) return RKV_OK;
  status = room_settle(w, error);
  if (status != RKV_OK) return status;
  assert(w->batch == w->stage.offset); /* (W1) */
  store_finish(w->s, op, false, w->stage.offset);
  status = await_spare(w, &spare, &recycled, error);
  if (status != RKV_OK || w->stage.offset + size <= w->segment->size) return status;
  return rotate(w, spare, recycled, size, error);
}
