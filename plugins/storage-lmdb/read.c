/* read.c: gives durable entries back, from the database, each as a copy. */
#include "read.h"

#include <storage-parts/reading.h>

#include <inttypes.h>
#include <string.h>

static struct store *store_of(const struct reading *r) {
  return (struct store *)r->log;
}

/* The log has changed since the reading was let go on: what is not there need not be. */
static bool has_changed(struct reading *r) {
  bool changed;
  log_lock(r->log);
  changed = r->log->cuts != r->cuts || r->at <= r->log->held.purged.index;
  log_unlock(r->log);
  return changed;
}

/* Gives the entry with this value. */
static enum rkv_status give_value(struct reading *r, const MDB_val *value,
                                  struct rkv_error *error) {
  const struct rkv_host *host = r->log->host;
  struct rkv_entry entry;
  uint8_t *room;
  size_t len;
  if (!record_get_entry(r->at, value->mv_data, value->mv_size, &entry))
    return rkv_fail(error, RKV_CORRUPT, "%s: entry %" PRIu64 ": its checksum does not fit",
                    store_of(r)->map.path, r->at);
  len = value->mv_size - RECORD_HEAD;
  if (!reading_fits(r, len)) return RKV_OK;
  if (len > 0) {
    room = host->buf_alloc(host->ctx, len, &entry.payload);
    if (!room) return rkv_fail(error, RKV_NO_MEMORY, "storage-lmdb: no memory for %zu bytes", len);
    memcpy(room, (const uint8_t *)value->mv_data + RECORD_HEAD, len);
  }
  reading_give(r, &entry);
  return RKV_OK;
}

static enum rkv_status give_seen(struct reading *r, MDB_cursor *cursor, struct rkv_error *error) {
  uint8_t number[RECORD_KEY];
  MDB_val key = {sizeof number, number}, value;
  enum rkv_status status = RKV_OK;
  int result;
  record_key(number, r->at);
  result = mdb_cursor_get(cursor, &key, &value, MDB_SET_KEY);
  if (result == MDB_NOTFOUND && has_changed(r)) return RKV_OK; /* it is looked at anew */
  while (result == MDB_SUCCESS && status == RKV_OK && r->at <= r->to &&
         record_number(key.mv_data) == r->at) {
    status = give_value(r, &value, error);
    if (status == RKV_OK && r->at <= r->to) result = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
  }
  if (status != RKV_OK || result == MDB_SUCCESS || (result == MDB_NOTFOUND && r->count > 0))
    return status;
  return map_result(&store_of(r)->map, result, "find an entry", error);
}

static bool find(struct reading *r, rkv_index last) {
  (void)r;
  (void)last;
  return true;
}

static enum rkv_status give(struct reading *r, struct rkv_error *error) {
  struct map *m = &store_of(r)->map;
  MDB_txn *txn;
  MDB_cursor *cursor;
  enum rkv_status status = map_read(m, &txn, &cursor, error);
  if (status == RKV_OK) status = give_seen(r, cursor, error);
  map_read_end(m, txn, cursor);
  return status;
}

enum rkv_status read_entries(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                             struct rkv_entry *entries, size_t capacity, size_t *count,
                             struct rkv_error *error) {
  static const struct reading_ops ops = {.find = find, .give = give};
  struct reading r = {.log = storage,
                      .ops = &ops,
                      .at = from,
                      .to = to,
                      .bytes_max = bytes_max,
                      .entries = entries,
                      .capacity = capacity};
  return reading_run(&r, count, error);
}
