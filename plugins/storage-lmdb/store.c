/* store.c: transactions, and the state that stands beside the entries. */
#include "store.h"

#include <storage-parts/ids.h>

enum rkv_status store_begin(struct store *s, MDB_txn **txn, struct state *state,
                            struct rkv_error *error) {
  enum rkv_status status = map_begin(&s->map, txn, error);
  *state = s->state;
  return status;
}

static enum rkv_status put_state(const struct store *s, MDB_txn *txn, const struct state *state,
                                 struct rkv_error *error) {
  uint8_t number[IDS_KEY], bytes[RECORD_STATE];
  MDB_val key = {sizeof number, number}, value = {sizeof bytes, bytes};
  put_key(number, 0);
  record_put_state(bytes, state);
  return map_result(&s->map, mdb_put(txn, MAP_TABLE, &key, &value, 0), "write the state", error);
}

enum rkv_status store_end(struct store *s, MDB_txn *txn, const struct state *state,
                          enum rkv_status status, struct rkv_error *error) {
  if (status == RKV_OK && state) status = put_state(s, txn, state, error);
  status = map_end(&s->map, txn, status, error);
  if (status == RKV_OK && state) s->state = *state;
  map_leave(&s->map);
  return status;
}
