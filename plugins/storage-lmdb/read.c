/* read.c: gives durable entries back, from the database, each as a copy. */
#include "store.h"

#include <storage-parts/ids.h>
#include <storage-parts/reading.h>

#include <inttypes.h>

static const struct map *map_of(const struct reading *r) {
  return &((const struct store *)r->log)->map;
}

/* Gives the entry with this value. */
static enum rkv_status give_value(struct reading *r, const MDB_val *value,
                                  struct rkv_error *error) {
  const uint8_t *bytes = value->mv_data;
  rkv_term term;
  uint32_t kind;
  if (record_get_entry(r->at, bytes, value->mv_size, &term, &kind))
    return reading_give_copy(r, term, kind, bytes + RECORD_HEAD, value->mv_size - RECORD_HEAD,
                             error);
  return rkv_fail(error, RKV_CORRUPT, "%s: entry %" PRIu64 ": its checksum does not fit",
                  map_of(r)->path, r->at);
}

static enum rkv_status give_seen(struct reading *r, MDB_cursor *cursor, struct rkv_error *error) {
  uint8_t number[IDS_KEY];
  MDB_val key = {sizeof number, number}, value;
  enum rkv_status status = RKV_OK;
  int result;
  put_key(number, r->at);
  result = mdb_cursor_get(cursor, &key, &value, MDB_SET_KEY);
  if (result == MDB_NOTFOUND && reading_is_past(r)) return RKV_OK; /* it is looked at anew */
  while (result == MDB_SUCCESS && status == RKV_OK && r->at <= r->to &&
         get_key(key.mv_data) == r->at) {
    status = give_value(r, &value, error);
    if (status == RKV_OK && r->at <= r->to) result = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
  }
  if (status != RKV_OK || result == MDB_SUCCESS || (result == MDB_NOTFOUND && r->count > 0))
    return status;
  return map_result(map_of(r), result, "find an entry", error);
}

static bool find(struct reading *r, rkv_index last) {
  (void)r;
  (void)last;
  return true;
}

static enum rkv_status give(struct reading *r, struct rkv_error *error) {
  struct map *m = &((struct store *)r->log)->map;
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
  struct reading r = {.log = storage, .ops = &ops};
  return reading_run(&r, from, to, bytes_max, entries, capacity, count, error);
}
