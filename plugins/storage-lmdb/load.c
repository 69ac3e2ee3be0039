/* load.c: reads the state and the ends of the log. */
#include "load.h"

#include <storage-parts/ids.h>

#include <inttypes.h>

/* The number of the cursor's key; 0: none of ours. */
static uint64_t number_of(const MDB_val *key) {
  return key->mv_size == IDS_KEY ? get_key(key->mv_data) : 0;
}

/* The cursor's entry is `wanted`; nothing but its term is taken. */
static enum rkv_status take_entry(const struct store *s, const MDB_val *key, const MDB_val *value,
                                  rkv_index wanted, rkv_term *term, struct rkv_error *error) {
  rkv_index found = number_of(key);
  uint32_t kind;
  if (found == wanted && record_get_entry(wanted, value->mv_data, value->mv_size, term, &kind))
    return RKV_OK;
  return rkv_fail(error, RKV_CORRUPT, "%s: expected entry %" PRIu64 ", found %s %" PRIu64,
                  s->map.path, wanted, found == wanted ? "other bytes as" : "entry", found);
}

/* Both ends of the log; what is left of purged entries is none. */
static enum rkv_status load_ends(struct store *s, MDB_cursor *cursor, struct held *held,
                                 struct rkv_error *error) {
  uint8_t first[IDS_KEY];
  MDB_val key, value;
  rkv_term term;
  enum rkv_status status;
  int result = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
  if (result != MDB_SUCCESS) return map_result(&s->map, result, "find the last entry", error);
  held->last = held->purged;
  if (number_of(&key) <= held->purged.index) return RKV_OK;
  held->last.index = number_of(&key);
  status = take_entry(s, &key, &value, held->last.index, &held->last.term, error);
  if (status != RKV_OK) return status;
  put_key(first, held->purged.index + 1);
  key = (MDB_val){sizeof first, first};
  result = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
  if (result != MDB_SUCCESS) return map_result(&s->map, result, "find the first entry", error);
  return take_entry(s, &key, &value, held->purged.index + 1, &term, error);
}

static enum rkv_status load_from(struct store *s, MDB_cursor *cursor, struct held *held,
                                 struct rkv_error *error) {
  MDB_val key, value;
  int result = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
  if (result != MDB_SUCCESS && result != MDB_NOTFOUND)
    return map_result(&s->map, result, "find the state", error);
  if (result == MDB_NOTFOUND || key.mv_size != IDS_KEY || number_of(&key) != 0 ||
      !record_get_state(value.mv_data, value.mv_size, &s->state))
    return rkv_fail(error, RKV_CORRUPT, "%s: holds no state of a node", s->map.path);
  held->vote = s->state.vote;
  held->identity = s->state.identity;
  held->purged = s->state.purged;
  s->purged = s->dropped = s->state.purged.index;
  result = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
  if (result == MDB_SUCCESS && number_of(&key) > 0 && number_of(&key) <= s->dropped)
    s->dropped = number_of(&key) - 1; /* a crash left it */
  return load_ends(s, cursor, held, error);
}

enum rkv_status load(struct store *s, struct rkv_error *error) {
  struct held held;
  MDB_txn *txn;
  MDB_cursor *cursor;
  enum rkv_status status = map_read(&s->map, &txn, &cursor, error);
  if (status == RKV_OK) status = load_from(s, cursor, &held, error);
  map_read_end(&s->map, txn, cursor);
  if (status == RKV_OK) log_begin(&s->log, &held);
  return status;
}
