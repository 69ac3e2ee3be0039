/* writer.c: the thread that writes the log: takes what waits, writes it, syncs once, completes.
 *
 * (W1) Nothing is completed before the sync that makes it durable; all in the order of the calls.
 * (W2) Records carry where their batch began: everything before that was durable. */
#include "writer.h"

#include "room.h"

#include <assert.h>
#include <stdlib.h>

#define SYNC_BYTES_MAX (8 * MIB) /* a batch is not taken further than that */

enum rkv_status writer_new(struct store *s, struct recovery *r, struct rkv_error *error) {
  struct writer *w = calloc(1, sizeof *w);
  enum rkv_status status;
  if (!w || !stage_init(&w->stage, &s->log.folder)) {
    free(w);
    return rkv_fail(error, RKV_NO_MEMORY, "no memory for the writer of the log");
  }
  status = folder_random(&s->log.folder, &w->nonce, sizeof w->nonce, error);
  if (status != RKV_OK) {
    stage_free(&w->stage);
    free(w);
    return status;
  }
  w->s = s;
  w->segment = r->active;
  w->stage.fd = r->fd;
  w->stage.name = dir_name(DIR_LOG, r->active->sequence);
  w->stage.offset = w->batch = r->active->end;
  w->prev = r->prev;
  w->closed = r->closed;
  w->crashed = !r->closed || r->torn;
  w->identity = r->image.held.identity;
  w->vote = r->image.held.vote;
  w->purged = r->image.held.purged;
  w->last = r->image.held.last;
  r->fd = -1;
  s->writer = w;
  return RKV_OK;
}

void writer_free(struct writer *w) {
  if (!w) return;
  folder_close_file(w->stage.folder, w->stage.fd);
  stage_free(&w->stage);
  free(w);
}

/* ---- records ---- */

/* Counts how many of the operation's next entries fit into the segment, and gives them their place
 * in the index (S1). Entries that were truncated meanwhile are written, too, since records stand in
 * the order of the calls, but get no place. */
static enum rkv_status place(struct writer *w, const struct op *op, size_t *count, bool *end,
                             struct rkv_error *error) {
  struct store *s = w->s;
  enum rkv_status status = RKV_OK;
  uint64_t at = w->stage.offset;
  size_t n = 0;
  log_lock(&s->log);
  while (op->staged + n < op->count && n < INDEX_RUN_ENTRIES &&
         at - w->stage.offset < INDEX_RUN_BYTES) {
    uint64_t size = record_size(op->entries[op->staged + n].payload.len);
    if (at + size + room_reserved(w) > w->segment->size) break;
    at += size;
    n++;
  }
  if (n > 0 && op->staged < op->live)
    status = index_place(&s->index, op->entries[op->staged].id.index, n, w->segment,
                         w->stage.offset, error);
  if (n > 0 && op->entries[op->staged + n - 1].id.index > w->segment->highest)
    w->segment->highest = op->entries[op->staged + n - 1].id.index;
  assert(n == 0 || at + room_reserved(w) <= w->segment->size); /* (W3) */
  if (op->staged + n > op->live) s->index.cut = true;          /* no run goes on behind them */
  *end = op->staged + n == op->count;
  log_unlock(&s->log);
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
      status = room_put(w, &record, entry->payload, error);
      w->last = entry->id;
    }
    if (status == RKV_OK && count == 0 && !end)
      status = room_make(w, op, record_size(op->entries[op->staged].payload.len), false, error);
    if (status != RKV_OK || end) return status;
  }
}

/* Two records, which take effect with the second one: a crash between them leaves no mixture. */
static enum rkv_status write_identity(struct writer *w, const struct op *op,
                                      struct rkv_error *error) {
  const struct rkv_identity *identity = &op->identity;
  struct record incarnation = {.type = RECORD_INCARNATION, .index = identity->incarnation};
  struct record cluster = {.type = RECORD_CLUSTER,
                           .kind = identity->settled,
                           .term = identity->cluster.high,
                           .index = identity->cluster.low};
  enum rkv_status status = room_make(w, op, (uint64_t)2 * RECORD_HEADER, true, error);
  if (status == RKV_OK) status = room_put(w, &incarnation, rkv_buf_none(), error);
  if (status == RKV_OK) status = room_put(w, &cluster, rkv_buf_none(), error);
  w->identity = *identity;
  return status;
}

static uint16_t record_type(enum op_type type) {
  switch (type) {
  case OP_VOTE: return RECORD_VOTE;
  case OP_TRUNCATE: return RECORD_TRUNCATE;
  case OP_PURGE: return RECORD_PURGE;
  case OP_APPEND: return RECORD_ENTRY;
  default: return RECORD_CLUSTER;
  }
}

static enum rkv_status write_control(struct writer *w, const struct op *op,
                                     struct rkv_error *error) {
  struct record record = {
      .type = record_type(op->type), .term = op->id.term, .index = op->id.index};
  enum rkv_status status;
  if (op->type == OP_PURGE && op->id.index <= w->purged.index) return RKV_OK; /* (W4) */
  status = room_make(w, op, RECORD_HEADER, true, error);
  if (status != RKV_OK) return status;
  if (op->type == OP_VOTE) {
    record.term = op->vote.term;
    record.index = op->vote.node_id;
    record.kind = op->vote.committed;
    w->vote = op->vote;
  }
  if (op->type == OP_PURGE) w->purged = op->id;
  if (op->type == OP_PURGE && op->id.index >= w->last.index) w->last = op->id;
  if (op->type == OP_TRUNCATE && op->id.index < w->last.index) w->last = op->id;
  return room_put(w, &record, rkv_buf_none(), error);
}

/* The first record after a crash. */
static enum rkv_status write_begin(struct writer *w, const struct op *op, struct rkv_error *error) {
  struct record record = {.type = RECORD_BEGIN, .index = w->nonce};
  enum rkv_status status = room_make(w, op, RECORD_HEADER, true, error);
  if (status == RKV_OK) status = room_put(w, &record, rkv_buf_none(), error);
  w->crashed = false;
  return status;
}

/* ---- batches ---- */

/* Perhaps not all at once. */
enum rkv_status writer_write(struct log *log, struct op *op, const struct op *last,
                             struct rkv_error *error) {
  struct writer *w = ((struct store *)log)->writer;
  enum rkv_status status = w->crashed ? write_begin(w, op, error) : RKV_OK;
  if (status != RKV_OK) return status;
  for (;; op = op->next) {
    if (op->refused)
      status = RKV_OK;
    else if (op->type == OP_APPEND)
      status = write_entries(w, op, error);
    else if (op->type == OP_IDENTITY)
      status = write_identity(w, op, error);
    else
      status = write_control(w, op, error);
    if (status != RKV_OK) return status;
    if (op == last || w->stage.offset - w->batch >= SYNC_BYTES_MAX) break;
  }
  status = room_settle(w, error);
  if (status != RKV_OK) return status;
  assert(w->batch == w->stage.offset); /* (W1) */
  store_finish(w->s, op, true, w->stage.offset);
  return RKV_OK;
}

/* So later damage is not taken for a crash. */
void writer_end(struct log *log) {
  struct writer *w = ((struct store *)log)->writer;
  struct record record = {.type = RECORD_CLOSE};
  struct rkv_error error;
  enum rkv_status status;
  if (w->closed || log_failed(log) || !room_has(w, RECORD_HEADER, true)) return;
  status = room_put(w, &record, rkv_buf_none(), &error);
  if (status == RKV_OK) status = room_settle(w, &error);
  if (status != RKV_OK) log_fail(log, &error);
}
