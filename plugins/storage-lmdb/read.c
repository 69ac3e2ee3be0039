/* read.c: gives durable entries back, from the database, each as a copy. */
#include "store.h"

#include <storage-parts/ids.h>
#include <storage-parts/reading.h>

#include <inttypes.h>

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
                  ((const struct store *)r->log)->map.path, r->at);
}

static enum rkv_status give_seen(void *reading, MDB_cursor *cursor, struct rkv_error *error) {
  struct reading *r = reading;
  const rkv_index first = r->at;
  uint8_t number[IDS_KEY];
  MDB_val key = {sizeof number, number}, value;
  int result;
  put_key(number, first);
  result = mdb_cursor_get(cursor, &key, &value, MDB_SET_KEY);
  if (result == MDB_NOTFOUND && reading_is_past(r)) return RKV_OK; /* it is looked at anew */
  for (; result == MDB_SUCCESS && get_key(key.mv_data) == r->at;
       result = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
    enum rkv_status status = give_value(r, &value, error);
    if (status != RKV_OK || r->at > r->to) return status;
  }
  if (result == MDB_SUCCESS || (result == MDB_NOTFOUND && r->at > first)) return RKV_OK;
  return map_result(&((const struct store *)r->log)->map, result, "find an entry", error);
}

static enum rkv_status give(struct reading *r, struct rkv_error *error) {
  return map_read(&((struct store *)r->log)->map, MAP_TABLE, give_seen, r, error);
}

enum rkv_status read_entries(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                             struct rkv_entry *entries, size_t capacity, size_t *count,
                             struct rkv_error *error) {
  static const struct reading_ops ops = {.give = give};
  struct reading r = {.log = storage, .ops = &ops};
  return reading_run(&r, from, to, bytes_max, entries, capacity, count, error);
}
