/* writer.c: the thread that writes: takes what waits, one batch, one sync, completes.
 *
 * (W1) Nothing is completed before the write that makes it durable; all in the order of the calls.
 *      RocksDB carries a batch out whole or not at all, so no crash leaves half of an operation.
 * (W2) While entries wait for room, a purge of entries that are durable goes ahead of them, since
 *      it may make the room: no operation before it in the queue changes what it drops. */
#include "room.h"
#include "values.h"

#include <assert.h>

enum { DROPPED_SINGLY_MAX = 256, RETRY_MS = 250 };
#define BATCH_BYTES_MAX (8 * MIB) /* a batch with more of payload gets no more operations */

static void put_entry(const struct db *db, rocksdb_writebatch_t *rocks,
                      const struct rkv_entry *entry) {
  uint8_t key[IDS_KEY], head[DB_ENTRY_HEAD];
  const char *keys[] = {(const char *)key};
  const char *values[] = {(const char *)head,
                          entry->payload.len > 0 ? (const char *)entry->payload.data : ""};
  const size_t key_sizes[] = {sizeof key}, value_sizes[] = {sizeof head, entry->payload.len};
  put_key(key, entry->id.index);
  rkv_put_le(head, entry->id.term, 8);
  rkv_put_le(head + 8, entry->kind, 4);
  rocksdb_writebatch_putv_cf(rocks, db->families[DB_LOG], 1, keys, key_sizes, 2, values,
                             value_sizes);
}

/* Each range that was dropped costs every later read time, until RocksDB makes a file of its
 * memory: so short ones are dropped entry by entry. */
static void drop(const struct db *db, rocksdb_writebatch_t *rocks, rkv_index from, rkv_index to) {
  if (from > to) return;
  if (to - from >= DROPPED_SINGLY_MAX) {
    db_drop_range(db, rocks, DB_LOG, from, to);
    return;
  }
  for (rkv_index index = from; index <= to; index++) {
    uint8_t key[IDS_KEY];
    put_key(key, index);
    rocksdb_writebatch_delete_cf(rocks, db->families[DB_LOG], (const char *)key, sizeof key);
  }
}

/* Drops nothing twice: a purge may have gone ahead (W2). */
static void put_purge(struct store *s, rocksdb_writebatch_t *rocks, struct rkv_log_id up_to,
                      rkv_index last) {
  if (up_to.index <= s->purged) return;
  values_put_purged(&s->db, rocks, up_to);
  drop(&s->db, rocks, s->purged + 1, last);
  s->purged = up_to.index;
}

/* Entries that were truncated meanwhile are put, too: the truncation follows them. */
static void put_op(struct store *s, rocksdb_writebatch_t *rocks, const struct op *op) {
  const struct db *db = &s->db;
  if (op->refused) return;
  switch (op->type) {
  case OP_APPEND:
    for (size_t i = 0; i < op->count; i++) put_entry(db, rocks, &op->entries[i]);
    break;
  case OP_VOTE: values_put_vote(db, rocks, op->vote); break;
  case OP_IDENTITY: values_put_identity(db, rocks, &op->identity); break;
  case OP_TRUNCATE: drop(db, rocks, op->first_dropped, op->last_dropped); break;
  case OP_PURGE: put_purge(s, rocks, op->id, op->last_dropped); break;
  }
}

static enum rkv_status write_durably(struct store *s, rocksdb_writebatch_t *rocks, uint64_t bytes,
                                     struct rkv_error *error) {
  enum rkv_status status;
  if (rocksdb_writebatch_count(rocks) == 0) return RKV_OK; /* all refused */
  status = ledger_write(&s->ledger, &s->db, rocks, error);
  if (status != RKV_OK) return status;
  log_count_sync(&s->log, bytes);
  return RKV_OK;
}

/* ---- waiting for room ---- */

static enum rkv_status purge_ahead(struct store *s, struct rkv_log_id up_to,
                                   struct rkv_error *error) {
  rocksdb_writebatch_t *rocks = rocksdb_writebatch_create();
  enum rkv_status status;
  assert(up_to.index > s->purged); /* (W2) */
  put_purge(s, rocks, up_to, up_to.index);
  status = write_durably(s, rocks, sizeof up_to, error);
  rocksdb_writebatch_destroy(rocks);
  return status;
}

/* Purged entries take room until RocksDB has written its files anew. */
static enum rkv_status reclaim(struct store *s, struct rkv_error *error) {
  s->reclaimed = s->purged;
  return db_reclaim(&s->db, s->purged, error);
}

static enum rkv_status await_room(struct store *s, uint64_t bytes, struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  while (status == RKV_OK && !room_for_entries(s, bytes)) {
    struct rkv_log_id up_to = queue_purge_ahead(&s->log, s->purged);
    if (up_to.index > 0)
      status = purge_ahead(s, up_to, error);
    else if (s->reclaimed < s->purged)
      status = reclaim(s, error);
    else
      status = log_pause(&s->log, RETRY_MS, error);
  }
  return status;
}

/* ---- batches ---- */

enum rkv_status writer_write(struct log *log, struct op *op, const struct op *last,
                             struct rkv_error *error) {
  struct store *s = (struct store *)log;
  struct queue_batch b = queue_gather(op, last, BATCH_BYTES_MAX);
  rocksdb_writebatch_t *rocks;
  rkv_index purged;
  enum rkv_status status = b.entries ? await_room(s, b.bytes, error) : RKV_OK;
  if (status != RKV_OK) return status;
  purged = s->purged;
  rocks = rocksdb_writebatch_create();
  for (;; op = op->next) {
    put_op(s, rocks, op);
    if (op == b.last) break;
  }
  status = write_durably(s, rocks, b.bytes, error);
  rocksdb_writebatch_destroy(rocks);
  if (status != RKV_OK) return status;
  assert(op == b.last); /* (W1) */
  queue_finish(log, b.last);
  return s->purged > purged ? db_return_space(&s->db, DB_LOG, 0, s->purged, error) : RKV_OK;
}
