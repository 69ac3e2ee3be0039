/* store.c: the state that stands beside the entries, and the room that they leave. */
#include "store.h"

enum rkv_status store_put_state(const struct store *s, MDB_txn *txn, const struct state *state,
                                struct rkv_error *error) {
  uint8_t number[RECORD_KEY], bytes[RECORD_STATE];
  MDB_val key = {sizeof number, number}, value = {sizeof bytes, bytes};
  record_key(number, 0);
  record_put_state(bytes, state);
  return map_result(&s->map, mdb_put(txn, MAP_TABLE, &key, &value, 0), "write the state", error);
}

uint64_t store_left(struct store *s) {
  uint64_t bytes;
  log_lock(&s->base.log);
  bytes = log_next_snapshot(&s->base.log, MIB);
  log_unlock(&s->base.log);
  return bytes;
}
