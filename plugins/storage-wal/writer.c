/* writer.c: the thread that writes the log: takes what waits, writes it, syncs once, completes.
 *
 * (W1) Nothing is completed before the sync that makes it durable; all in the order of the calls.
 * (W2) Records carry where their batch began: everything before that was durable.
 * (W3) While no spare segment is there, entries leave room for votes and other small records: a
 *      node on a full device can still vote after a start. */
#include "stage.h"
#include "store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SYNC_BYTES_MAX (8 * MIB) /* a batch is not taken further than that */
#define CONTROL_BYTES_MAX (64 * KIB)
enum { CONTROL_SHARE = 16, LARGE_RETRY_MS = 500 };

struct writer {
  struct store *s;
  struct segment *segment; /* the active one */
  struct stage stage;
  uint32_t prev;        /* checksum of the last record */
  uint64_t batch;       /* offset up to which the segment is durable */
  bool closed;          /* the last record is one of an orderly close */
  struct rkv_vote vote; /* what a new segment's header carries over: the state after the records */
  struct rkv_log_id purged, last;
};

enum rkv_status writer_new(struct store *s, struct recovery *r, struct rkv_error *error) {
  struct writer *w = calloc(1, sizeof *w);
  if (!w || !stage_init(&w->stage)) {
    free(w);
    return rkv_fail(error, RKV_NO_MEMORY, "no memory for the writer of the log");
  }
  w->s = s;
  w->segment = r->active;
  w->stage.fd = r->fd;
  w->stage.name = dir_name(DIR_LOG, r->active->sequence);
  w->stage.offset = w->batch = r->active->end;
  w->prev = r->prev;
  w->closed = r->closed;
  w->vote = r->image.vote;
  w->purged = r->image.purged;
  w->last = r->image.last;
  r->fd = -1;
  s->writer = w;
  return RKV_OK;
}

void writer_free(struct writer *w) {
  if (!w) return;
  (void)close(w->stage.fd);
  stage_free(&w->stage);
  free(w);
}

/* ---- durable ---- */

/* Everything staged is on the device when it returns RKV_OK. */
static enum rkv_status settle(struct writer *w, struct rkv_error *error) {
  struct store *s = w->s;
  enum rkv_status status = stage_flush(&w->stage, error);
  if (status != RKV_OK || w->batch == w->stage.offset) return status;
  status = dir_sync_file(&s->dir, w->stage.fd, w->stage.name, error);
  if (status != RKV_OK) return status;
  atomic_fetch_add_explicit(&s->counts.syncs, 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&s->counts.written_bytes, w->stage.offset - w->batch,
                            memory_order_relaxed);
  w->batch = w->stage.offset;
  return RKV_OK;
}

/* ---- room ---- */

/* What entries leave to other records (W3). Under the lock. */
static uint64_t reserved(const struct writer *w) {
  uint64_t share = w->segment->size / CONTROL_SHARE;
  if (w->s->spare_count > 0) return 0;
  return share < CONTROL_BYTES_MAX ? share : CONTROL_BYTES_MAX;
}

static bool has_room(struct writer *w, uint64_t size, bool control) {
  bool fits;
  (void)pthread_mutex_lock(&w->s->lock);
  fits = w->stage.offset + size + (control ? 0 : reserved(w)) <= w->segment->size;
  (void)pthread_mutex_unlock(&w->s->lock);
  return fits;
}

/* The next spare; waits for one as long as there is hope. */
static enum rkv_status await_spare(struct writer *w, uint64_t *number, bool *recycled,
                                   struct rkv_error *error) {
  struct store *s = w->s;
  enum rkv_status status = RKV_OK;
  (void)pthread_mutex_lock(&s->lock);
  s->writer_waits = true;
  (void)pthread_cond_signal(&s->chores);
  while (s->spare_count == 0 && status == RKV_OK) {
    if (s->failed.status != RKV_OK)
      status = rkv_fail(error, (enum rkv_status)s->failed.status, "%s", s->failed.text);
    else if (s->closing && atomic_load_explicit(&s->counts.full, memory_order_relaxed))
      status = rkv_fail(error, RKV_CANCELLED, "storage-wal: closed while the device was full");
    else
      (void)pthread_cond_wait(&s->work, &s->lock);
  }
  s->writer_waits = false;
  *number = s->spares[0];
  *recycled = s->spare_recycled[0];
  (void)pthread_mutex_unlock(&s->lock);
  return status;
}

/* A file is large enough for all records but the largest: then the device may be too full. */
static enum rkv_status pause_for_room(struct writer *w, struct rkv_error *error) {
  struct store *s = w->s;
  struct timespec until;
  enum rkv_status status = RKV_OK;
  (void)clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += LARGE_RETRY_MS * 1000000L;
  until.tv_sec += until.tv_nsec / 1000000000L;
  until.tv_nsec %= 1000000000L;
  (void)pthread_mutex_lock(&s->lock);
  if (s->failed.status == RKV_OK && !s->closing)
    (void)pthread_cond_timedwait(&s->work, &s->lock, &until);
  if (s->failed.status != RKV_OK)
    status = rkv_fail(error, (enum rkv_status)s->failed.status, "%s", s->failed.text);
  else if (s->closing)
    status = rkv_fail(error, RKV_CANCELLED, "storage-wal: closed while the device was full");
  (void)pthread_mutex_unlock(&s->lock);
  return status;
}

/* Goes on in the segment that begins with `head`. */
static enum rkv_status go_on_in(struct writer *w, const struct head *head, int fd,
                                struct rkv_error *error) {
  struct store *s = w->s;
  struct segment *segment;
  enum rkv_status status = segment_new(head, &segment, error);
  (void)close(w->stage.fd);
  w->stage.fd = fd;
  if (status != RKV_OK) return status;
  (void)pthread_mutex_lock(&s->lock);
  w->segment->end = w->stage.offset;
  w->segment->next = segment;
  s->active = segment;
  keeper_taken(s);
  (void)pthread_cond_signal(&s->chores);
  (void)pthread_mutex_unlock(&s->lock);
  atomic_fetch_add_explicit(&s->counts.segments, 1, memory_order_relaxed);
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
  struct head head = {.node_id = s->host->node_id,
                      .sequence = w->segment->sequence + 1,
                      .size = s->options.segment_bytes,
                      .prev_end = w->stage.offset,
                      .recycled = recycled,
                      .vote = w->vote,
                      .purged = w->purged,
                      .last = w->last};
  int fd;
  enum rkv_status status = RKV_OK;
  if (head.size < HEAD_SIZE + size) head.size = HEAD_SIZE + size;
  for (;;) {
    status = segment_begin(&s->dir, spare, &head, &fd, error);
    if (status != RKV_NO_SPACE && status != RKV_FULL) break;
    rkv_log(s->host, RKV_LOG_WARN, STORE_LOG, "no room for a log file of %" PRIu64 " bytes: %s",
            head.size, error->text);
    status = pause_for_room(w, error);
    if (status != RKV_OK) return status;
  }
  return status == RKV_OK ? go_on_in(w, &head, fd, error) : status;
}

/* Makes room for a record of `size` bytes, which belongs to `op`: what stands before is completed
 * first, so that nobody waits for a spare who need not. */
static enum rkv_status make_room(struct writer *w, const struct op *op, uint64_t size, bool control,
                                 struct rkv_error *error) {
  uint64_t spare;
  bool recycled;
  enum rkv_status status;
  if (has_room(w, size, control)) return RKV_OK;
  status = settle(w, error);
  if (status != RKV_OK) return status;
  queue_finish(w->s, op, w->stage.offset);
  status = await_spare(w, &spare, &recycled, error);
  if (status != RKV_OK || w->stage.offset + size <= w->segment->size) return status;
  return rotate(w, spare, recycled, size, error);
}

/* ---- records ---- */

static enum rkv_status put(struct writer *w, struct record *record, struct rkv_buf payload,
                           struct rkv_error *error) {
  record->prev = w->prev;
  record->batch = (uint32_t)w->batch;
  record->length = (uint32_t)payload.len;
  record->payload_crc = record_payload_crc(w->segment->seed, payload.data, payload.len);
  w->closed = record->type == RECORD_CLOSE;
  enum rkv_status status = stage_record(&w->stage, record, w->segment->seed, payload, error);
  w->prev = record->header_crc;
  return status;
}

/* How many of the operation's next entries fit here; they get their place in the index (L2). */
static enum rkv_status place(struct writer *w, const struct op *op, size_t *count, bool *end,
                             struct rkv_error *error) {
  struct store *s = w->s;
  enum rkv_status status = RKV_OK;
  uint64_t at = w->stage.offset;
  size_t n = 0;
  (void)pthread_mutex_lock(&s->lock);
  while (op->staged + n < op->live && n < INDEX_RUN_ENTRIES &&
         at - w->stage.offset < INDEX_RUN_BYTES) {
    uint64_t size = record_size(op->entries[op->staged + n].payload.len);
    if (at + size + reserved(w) > w->segment->size) break;
    at += size;
    n++;
  }
  if (n > 0)
    status = index_place(&s->image.index, op->entries[op->staged].id.index, w->segment,
                         w->stage.offset, error);
  *end = op->staged + n >= op->live;
  (void)pthread_mutex_unlock(&s->lock);
  *count = n;
  return status;
}

static enum rkv_status write_entries(struct writer *w, struct op *op, struct rkv_error *error) {
  for (;;) {
    enum rkv_status status;
    size_t count;
    bool end;
    status = place(w, op, &count, &end, error);
    for (size_t i = 0; i < count && status == RKV_OK; i++) {
      const struct rkv_entry *entry = &op->entries[op->staged++];
      struct record record = {.type = RECORD_ENTRY,
                              .kind = (uint16_t)entry->kind,
                              .term = entry->id.term,
                              .index = entry->id.index};
      status = put(w, &record, entry->payload, error);
      w->last = entry->id;
    }
    if (status == RKV_OK && count == 0 && !end)
      status = make_room(w, op, record_size(op->entries[op->staged].payload.len), false, error);
    if (status != RKV_OK || end) return status;
  }
}

static enum rkv_status write_control(struct writer *w, const struct op *op,
                                     struct rkv_error *error) {
  struct record record = {.type = op->type, .term = op->id.term, .index = op->id.index};
  enum rkv_status status = make_room(w, op, RECORD_HEADER, true, error);
  if (status != RKV_OK) return status;
  if (op->type == RECORD_VOTE) {
    record.term = op->vote.term;
    record.index = op->vote.node_id;
    record.kind = op->vote.committed;
    w->vote = op->vote;
  }
  if (op->type == RECORD_PURGE) w->purged = op->id;
  if (op->type == RECORD_PURGE && op->id.index >= w->last.index) w->last = op->id;
  if (op->type == RECORD_TRUNCATE && op->id.index < w->last.index) w->last = op->id;
  return put(w, &record, rkv_buf_none(), error);
}

/* ---- batches ---- */

/* Writes operations from `op` to `last` and completes them; perhaps not all at once. */
static enum rkv_status write_batch(struct writer *w, struct op *op, const struct op *last,
                                   struct rkv_error *error) {
  const struct op *next;
  enum rkv_status status;
  for (;; op = op->next) {
    if (op->refused)
      status = RKV_OK;
    else if (op->type == RECORD_ENTRY)
      status = write_entries(w, op, error);
    else
      status = write_control(w, op, error);
    if (status != RKV_OK) return status;
    if (op == last || w->stage.offset - w->batch >= SYNC_BYTES_MAX) break;
  }
  status = settle(w, error);
  if (status != RKV_OK) return status;
  (void)pthread_mutex_lock(&w->s->lock);
  next = op->next;
  (void)pthread_mutex_unlock(&w->s->lock);
  queue_finish(w->s, next, w->stage.offset);
  return RKV_OK;
}

/* Says in the log that nothing was cut off: so later damage cannot be taken for a crash. */
static void write_close(struct writer *w) {
  struct record record = {.type = RECORD_CLOSE};
  struct rkv_error error;
  enum rkv_status status;
  if (w->closed || store_failed(w->s) || !has_room(w, RECORD_HEADER, true)) return;
  status = put(w, &record, rkv_buf_none(), &error);
  if (status == RKV_OK) status = settle(w, &error);
  if (status != RKV_OK) store_fail(w->s, &error);
}

void *writer_main(void *arg) {
  struct store *s = arg;
  struct writer *w = s->writer;
  (void)pthread_mutex_lock(&s->lock);
  for (;;) {
    struct rkv_error error;
    struct op *first, *last;
    bool failed;
    while (!s->first && !s->closing) (void)pthread_cond_wait(&s->work, &s->lock);
    first = s->first;
    last = s->last;
    failed = s->failed.status != RKV_OK;
    (void)pthread_mutex_unlock(&s->lock);
    if (!first) break;
    if (!failed && write_batch(w, first, last, &error) != RKV_OK) {
      store_fail(s, &error);
      failed = true;
    }
    if (failed) queue_finish(s, NULL, 0);
    (void)pthread_mutex_lock(&s->lock);
  }
  write_close(w);
  (void)pthread_mutex_lock(&s->lock);
  s->writer_done = true;
  (void)pthread_cond_signal(&s->chores);
  (void)pthread_mutex_unlock(&s->lock);
  return NULL;
}
