/* values.c: numbers to bytes and back. */
#include "values.h"

#include <string.h>

enum { VOTE_SIZE = IDS_VOTE + 1, IDENTITY_SIZE = IDS_IDENTITY + 1 }; /* bytes */

void values_put_vote(const struct db *db, rocksdb_writebatch_t *batch, struct rkv_vote vote) {
  uint8_t value[VOTE_SIZE];
  put_vote(value, vote);
  value[IDS_VOTE] = vote.committed;
  db_put(db, batch, "vote", value, sizeof value);
}

void values_put_identity(const struct db *db, rocksdb_writebatch_t *batch,
                         const struct rkv_identity *identity) {
  uint8_t value[IDENTITY_SIZE];
  put_identity(value, *identity);
  value[IDS_IDENTITY] = identity->settled;
  db_put(db, batch, "identity", value, sizeof value);
}

void values_put_purged(const struct db *db, rocksdb_writebatch_t *batch, struct rkv_log_id up_to) {
  uint8_t value[IDS_LOG_ID];
  put_log_id(value, up_to);
  db_put(db, batch, "purged", value, sizeof value);
}

/* A value of exactly `size` bytes; all zeros if none was saved. */
static enum rkv_status get(const struct db *db, const char *key, uint8_t *value, size_t size,
                           struct rkv_error *error) {
  size_t len;
  enum rkv_status status;
  memset(value, 0, size);
  status = db_get(db, key, value, size, &len, error);
  if (status == RKV_NOT_FOUND) return RKV_OK;
  if (status == RKV_OK && len != size)
    return rkv_fail(error, RKV_CORRUPT, "%s: the saved %s has %zu bytes instead of %zu", db->dir,
                    key, len, size);
  return status;
}

enum rkv_status values_get(const struct db *db, struct held *held, struct rkv_error *error) {
  uint8_t vote[VOTE_SIZE], identity[IDENTITY_SIZE], purged[IDS_LOG_ID];
  enum rkv_status status = get(db, "vote", vote, sizeof vote, error);
  if (status == RKV_OK) status = get(db, "identity", identity, sizeof identity, error);
  if (status == RKV_OK) status = get(db, "purged", purged, sizeof purged, error);
  if (status != RKV_OK) return status;
  held->vote = get_vote(vote, vote[IDS_VOTE] != 0);
  held->identity = get_identity(identity, identity[IDS_IDENTITY] != 0);
  held->purged = get_log_id(purged);
  return RKV_OK;
}
