/* writer.c: the thread that writes: takes what waits, one batch, one sync, completes.
 *
 * (W1) Nothing is completed before the write that makes it durable; all in the order of the calls.
 * (W2) A batch is carried out whole or not at all, so no crash leaves half of an operation. */
#include "store.h"

#include <stdlib.h>

enum { VOTE_SIZE = 17, IDENTITY_SIZE = 25, PURGED_SIZE = 16 }; /* bytes of the values, see db.h */
enum { DROPPED_SINGLY_MAX = 256 };
#define BATCH_BYTES_MAX (8 * MIB) /* a batch with more of payload gets no more operations */

/* What goes to the database at once. */
struct batch {
  rocksdb_writebatch_t *rocks;
  const struct op *last; /* operation of it */
  uint64_t bytes;
  bool entries;     /* some are appended */
  rkv_index purged; /* 0: nothing is */
};

static void put_entry(const struct db *db, rocksdb_writebatch_t *rocks,
                      const struct rkv_entry *entry) {
  uint8_t key[DB_KEY], head[DB_ENTRY_HEAD];
  const char *keys[] = {(const char *)key};
  const char *values[] = {(const char *)head,
                          entry->payload.len > 0 ? (const char *)entry->payload.data : ""};
  const size_t key_sizes[] = {sizeof key}, value_sizes[] = {sizeof head, entry->payload.len};
  db_key(key, entry->id.index);
  rkv_put_le(head, entry->id.term, 8);
  rkv_put_le(head + 8, entry->kind, 4);
  rocksdb_writebatch_putv_cf(rocks, db->families[DB_LOG], 1, keys, key_sizes, 2, values,
                             value_sizes);
}

static void put_vote(const struct db *db, rocksdb_writebatch_t *rocks, struct rkv_vote vote) {
  uint8_t value[VOTE_SIZE];
  rkv_put_le(value, vote.term, 8);
  rkv_put_le(value + 8, vote.node_id, 8);
  value[16] = vote.committed;
  db_put(db, rocks, "vote", value, sizeof value);
}

static void put_identity(const struct db *db, rocksdb_writebatch_t *rocks,
                         const struct rkv_identity *identity) {
  uint8_t value[IDENTITY_SIZE];
  rkv_put_le(value, identity->cluster.high, 8);
  rkv_put_le(value + 8, identity->cluster.low, 8);
  rkv_put_le(value + 16, identity->incarnation, 8);
  value[24] = identity->settled;
  db_put(db, rocks, "identity", value, sizeof value);
}

/* Each range that was dropped costs every later read time, until RocksDB makes a file of its
 * memory: so short ones are dropped entry by entry. */
static void drop(const struct db *db, rocksdb_writebatch_t *rocks, const struct op *op) {
  if (op->first_dropped > op->last_dropped) return;
  if (op->last_dropped - op->first_dropped >= DROPPED_SINGLY_MAX) {
    db_drop_range(db, rocks, DB_LOG, op->first_dropped, op->last_dropped);
    return;
  }
  for (rkv_index index = op->first_dropped; index <= op->last_dropped; index++) {
    uint8_t key[DB_KEY];
    db_key(key, index);
    rocksdb_writebatch_delete_cf(rocks, db->families[DB_LOG], (const char *)key, sizeof key);
  }
}

static void put_purge(const struct db *db, rocksdb_writebatch_t *rocks, const struct op *op) {
  uint8_t value[PURGED_SIZE];
  rkv_put_le(value, op->id.term, 8);
  rkv_put_le(value + 8, op->id.index, 8);
  db_put(db, rocks, "purged", value, sizeof value);
  drop(db, rocks, op);
}

/* Entries that were truncated meanwhile are put like the others: the truncation follows. */
static void add(const struct db *db, struct batch *b, const struct op *op) {
  b->last = op;
  b->bytes += op->bytes;
  if (op->refused) return;
  switch (op->type) {
  case OP_APPEND:
    for (size_t i = 0; i < op->count; i++) put_entry(db, b->rocks, &op->entries[i]);
    b->entries = true;
    break;
  case OP_VOTE: put_vote(db, b->rocks, op->vote); break;
  case OP_IDENTITY: put_identity(db, b->rocks, &op->identity); break;
  case OP_TRUNCATE: drop(db, b->rocks, op); break;
  case OP_PURGE:
    put_purge(db, b->rocks, op);
    b->purged = op->id.index;
    break;
  }
}

static enum rkv_status write_batch(struct store *s, struct batch *b, struct rkv_error *error) {
  enum rkv_status status;
  if (rocksdb_writebatch_count(b->rocks) == 0) return RKV_OK; /* all refused */
  status = b->entries ? room_await(s, b->bytes, error) : RKV_OK;
  if (status == RKV_OK) status = db_write(&s->db, b->rocks, error);
  if (status != RKV_OK) return status;
  atomic_fetch_add_explicit(&s->counts.syncs, 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&s->counts.written_bytes, b->bytes, memory_order_relaxed);
  return RKV_OK;
}

/* Writes operations from `op` to `last`, or as many as a batch takes, and completes them. */
static enum rkv_status write_some(struct store *s, const struct op *op, const struct op *last,
                                  struct rkv_error *error) {
  struct batch b = {.rocks = rocksdb_writebatch_create()};
  enum rkv_status status;
  for (; b.bytes < BATCH_BYTES_MAX; op = op->next) {
    add(&s->db, &b, op);
    if (op == last) break;
  }
  status = write_batch(s, &b, error);
  rocksdb_writebatch_destroy(b.rocks);
  if (status != RKV_OK) return status;
  queue_finish(s, b.last);
  return b.purged > 0 ? db_return_space(&s->db, DB_LOG, 0, b.purged, error) : RKV_OK;
}

void *writer_main(void *arg) {
  struct store *s = arg;
  (void)pthread_mutex_lock(&s->lock);
  for (;;) {
    struct rkv_error error;
    const struct op *first, *last;
    bool failed;
    while (!s->first && !s->closing) (void)pthread_cond_wait(&s->work, &s->lock);
    first = s->first;
    last = s->last;
    failed = s->failed.status != RKV_OK;
    (void)pthread_mutex_unlock(&s->lock);
    if (!first) break;
    if (!failed && write_some(s, first, last, &error) != RKV_OK) {
      store_fail(s, &error);
      failed = true;
    }
    if (failed) queue_finish(s, NULL);
    (void)pthread_mutex_lock(&s->lock);
  }
  return NULL;
}
