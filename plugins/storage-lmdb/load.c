/* load.c: reads the state and the ends of the log. */
#include "store.h"

#include <storage-parts/ids.h>

#include <inttypes.h>

/* The number of the cursor's key; 0: none of ours. */
static uint64_t number_of(const MDB_val *key) {
  return key->mv_size == IDS_KEY ? get_key(key->mv_data) : 0;
}

/* The cursor's entry is `wanted`; nothing but its id is taken. */
static enum rkv_status take_entry(const struct store *s, const MDB_val *key, const MDB_val *value,
                                  rkv_index wanted, struct rkv_log_id *id,
                                  struct rkv_error *error) {
  rkv_index found = number_of(key);
  uint32_t kind;
  id->index = wanted;
  if (found == wanted && record_get_entry(wanted, value->mv_data, value->mv_size, &id->term, &kind))
    return RKV_OK;
  return rkv_fail(error, RKV_CORRUPT, "%s: expected entry %" PRIu64 ", found %s %" PRIu64,
                  s->map.path, wanted, found == wanted ? "other bytes as" : "entry", found);
}

/* Both ends of the log; what is left of purged entries is none. */
static enum rkv_status load_ends(const struct store *s, MDB_cursor *cursor, struct held *held,
                                 struct rkv_error *error) {
  uint8_t first[IDS_KEY];
  MDB_val key = {sizeof first, first}, value;
  enum rkv_status status;
  int result;
  held->last = held->purged;
  put_key(first, held->purged.index + 1);
  result = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
  if (result == MDB_NOTFOUND) return RKV_OK;
  if (result != MDB_SUCCESS) return map_result(&s->map, result, "find the first entry", error);
  status = take_entry(s, &key, &value, held->purged.index + 1, &held->last, error);
  if (status != RKV_OK) return status;
  result = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
  if (result != MDB_SUCCESS) return map_result(&s->map, result, "find the last entry", error);
  return take_entry(s, &key, &value, number_of(&key), &held->last, error);
}

enum rkv_status load(void *store, MDB_cursor *cursor, struct rkv_error *error) {
  struct store *s = store;
  struct state *state = &s->map.state;
  struct held held;
  MDB_val key, value;
  enum rkv_status status;
  int result = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
  if (result != MDB_SUCCESS) return map_result(&s->map, result, "find the state", error);
  if (key.mv_size != IDS_KEY || number_of(&key) != 0 ||
      !record_get_state(value.mv_data, value.mv_size, state))
    return rkv_fail(error, RKV_CORRUPT, "%s: holds no state of a node", s->map.path);
  held = (struct held){.vote = state->vote, .identity = state->identity, .purged = state->purged};
  s->purged = s->dropped = state->purged.index;
  result = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
  if (result == MDB_SUCCESS && number_of(&key) > 0 && number_of(&key) <= s->dropped)
    s->dropped = number_of(&key) - 1; /* a crash left it */
  status = load_ends(s, cursor, &held, error);
  if (status == RKV_OK) log_begin(&s->log, &held);
  return status;
}
