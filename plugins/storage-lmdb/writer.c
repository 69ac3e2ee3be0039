/* writer.c: the thread that writes: takes what waits, one transaction, one sync, completes.
 *
 * (W1) Nothing is completed before the commit that makes it durable; all in the order of the calls.
 * (W2) While entries wait for room, a purge of entries that are durable goes ahead of them, for it
 *      may be what makes room: nothing that waits before it can change what it drops. */
#include "store.h"

#include <storage-parts/declare.h>
#include <storage-parts/ids.h>

#include <assert.h>

enum {
  RETRY_MS = 250,
  DROPS_MAX = 200, /* pages of purged entries that go at once: their list fits in one page */
  OP_PAGES = 16,   /* that a batch takes beside its values */
};
#define BATCH_BYTES_MAX (8 * MIB) /* a batch with more of payload gets no more operations */

static const struct rkv_log_id nothing = {0, 0};

/* ---- one transaction ---- */

static enum rkv_status put_entry(const struct store *s, MDB_txn *txn, const struct rkv_entry *entry,
                                 struct rkv_error *error) {
  uint8_t number[IDS_KEY];
  MDB_val key = {sizeof number, number}, value = {RECORD_HEAD + entry->payload.len, NULL};
  int result;
  put_key(number, entry->id.index);
  result = mdb_put(txn, MAP_TABLE, &key, &value, MDB_APPEND | MDB_RESERVE);
  if (result != MDB_SUCCESS) return map_result(&s->map, result, "write an entry", error);
  record_put_entry(value.mv_data, entry);
  if (entry->payload.len > 0)
    memcpy((uint8_t *)value.mv_data + RECORD_HEAD, entry->payload.data, entry->payload.len);
  return RKV_OK;
}

/* Drops entries from..to until about `max` pages are free; *gone: up to which none is left. */
static enum rkv_status drop(const struct store *s, MDB_txn *txn, rkv_index from, rkv_index to,
                            uint64_t max, rkv_index *gone, struct rkv_error *error) {
  uint8_t number[IDS_KEY];
  MDB_val key = {sizeof number, number}, value;
  MDB_cursor *cursor;
  int result = mdb_cursor_open(txn, MAP_TABLE, &cursor);
  if (result != MDB_SUCCESS) return map_result(&s->map, result, "drop entries", error);
  for (uint64_t n = 0; n / s->map.page_bytes < max && *gone < to && result == MDB_SUCCESS;) {
    put_key(number, from);
    key = (MDB_val){sizeof number, number};
    result = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    if (result == MDB_NOTFOUND || (result == MDB_SUCCESS && get_key(key.mv_data) > to)) {
      *gone = to;
      result = MDB_SUCCESS;
    } else if (result == MDB_SUCCESS) {
      *gone = get_key(key.mv_data);
      from = *gone + 1;
      n += map_cost(&s->map, value.mv_size);
      result = mdb_cursor_del(cursor, 0);
    }
  }
  mdb_cursor_close(cursor);
  return map_result(&s->map, result, "drop entries", error);
}

/* Entries that were truncated meanwhile are put like the others: the truncation follows. */
static enum rkv_status put_op(const struct store *s, MDB_txn *txn, struct state *state,
                              const struct op *op, struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  rkv_index gone = 0;
  if (op->refused) return RKV_OK;
  switch (op->type) {
  case OP_APPEND:
    for (size_t i = 0; i < op->count && status == RKV_OK; i++)
      status = put_entry(s, txn, &op->entries[i], error);
    break;
  case OP_VOTE: state->vote = op->vote; break;
  case OP_IDENTITY: state->identity = op->identity; break;
  case OP_TRUNCATE:
    status = drop(s, txn, op->first_dropped, op->last_dropped, UINT64_MAX, &gone, error);
    break;
  case OP_PURGE: /* not below what went ahead (W2) */
    if (op->id.index > state->purged.index) state->purged = op->id;
    break;
  }
  return status;
}

/* Operations `op` to `last`, and a purge (index 0: none), as one; some of what is purged is dropped
 * with it. Without an operation (NULL) the state is written even if it is the same. */
static enum rkv_status write_once(struct store *s, const struct op *op, const struct op *last,
                                  struct rkv_log_id up_to, struct rkv_error *error) {
  rkv_index gone = s->dropped;
  struct state state;
  bool changed = !op;
  MDB_txn *txn;
  enum rkv_status status = map_begin(&s->map, &txn, &state, error);
  if (up_to.index > state.purged.index) state.purged = up_to;
  for (; op && status == RKV_OK; op = op->next) {
    status = put_op(s, txn, &state, op, error);
    changed = changed || op->type != OP_APPEND;
    if (op == last) break;
  }
  assert(op == last || status != RKV_OK); /* (W1) */
  if (status == RKV_OK && gone < state.purged.index)
    status = drop(s, txn, gone + 1, state.purged.index, DROPS_MAX, &gone, error);
  status = map_end(&s->map, txn, changed ? &state : NULL, status, error);
  if (status != RKV_OK) return status;
  s->purged = state.purged.index;
  s->dropped = gone;
  log_count_sync(&s->log, 0);
  return RKV_OK;
}

/* Drops all that is purged. */
static enum rkv_status drop_all(struct store *s, struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  while (status == RKV_OK && s->dropped < s->purged)
    status = write_once(s, NULL, NULL, nothing, error);
  return status;
}

/* ---- room ---- */

/* LMDB takes pages again that the transaction before the last one freed: so one more follows. */
static enum rkv_status purge_ahead(struct store *s, struct rkv_log_id up_to,
                                   struct rkv_error *error) {
  enum rkv_status status = write_once(s, NULL, NULL, up_to, error);
  assert(status != RKV_OK || s->purged == up_to.index); /* (W2) */
  if (status == RKV_OK) status = drop_all(s, error);
  return status == RKV_OK ? write_once(s, NULL, NULL, nothing, error) : status;
}

/* Pages that a batch may take. */
static uint64_t pages_of(const struct store *s, const struct op *op, const struct op *last) {
  uint64_t cost = OP_PAGES * s->map.page_bytes;
  for (;; op = op->next) {
    for (size_t i = 0; op->type == OP_APPEND && !op->refused && i < op->count; i++)
      cost += map_cost(&s->map, op->entries[i].payload.len + RECORD_HEAD);
    if (op == last) return cost / s->map.page_bytes + 1;
  }
}

/* Makes the map larger, leaving `left` bytes on the device, or has a purge go ahead, or waits. */
static enum rkv_status make_room(struct store *s, uint64_t pages, uint64_t left,
                                 struct rkv_error *error) {
  struct rkv_log_id up_to;
  enum rkv_status status = map_grow(&s->map, pages, left, error);
  log_note_lack(&s->log, status, status == RKV_OK ? NULL : error->text);
  if (!log_passes(status)) return status;
  up_to = queue_purge_ahead(&s->log, s->purged);
  if (up_to.index > 0) status = purge_ahead(s, up_to, error);
  return log_passes(status) ? log_pause(&s->log, RETRY_MS, error) : status;
}

/* ---- batches ---- */

static enum rkv_status write_batch(struct store *s, const struct op *op,
                                   const struct queue_batch *b, struct rkv_error *error) {
  uint64_t pages = pages_of(s, op, b->last);
  for (;;) {
    enum rkv_status status = RKV_NO_SPACE;
    if (!b->entries || map_has(&s->map, pages)) status = write_once(s, op, b->last, nothing, error);
    if (status == RKV_OK) log_note_lack(&s->log, RKV_OK, NULL);
    if (status != RKV_NO_SPACE) return status;
    status = make_room(s, pages, b->entries ? log_next_snapshot(&s->log, MIB) : 0, error);
    if (status != RKV_OK) return status;
  }
}

enum rkv_status writer_write(struct log *log, struct op *op, const struct op *last,
                             struct rkv_error *error) {
  struct store *s = (struct store *)log;
  struct queue_batch b = queue_gather(op, last, BATCH_BYTES_MAX);
  enum rkv_status status = folder_check_place(&log->folder, error);
  if (status == RKV_OK) status = write_batch(s, op, &b, error);
  if (status != RKV_OK) return status;
  atomic_fetch_add_explicit(&log->counts.written_bytes, b.bytes, memory_order_relaxed);
  queue_finish(log, b.last);
  status = drop_all(s, error);
  return status == RKV_NO_SPACE ? RKV_OK : status; /* the rest goes with the next batch */
}
