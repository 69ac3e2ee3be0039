/* values.c: numbers to bytes and back. */
#include "values.h"

#include <string.h>

enum { VOTE_SIZE = 17, IDENTITY_SIZE = 25, PURGED_SIZE = 16 }; /* bytes */

void values_put_vote(const struct db *db, rocksdb_writebatch_t *batch, struct rkv_vote vote) {
  uint8_t value[VOTE_SIZE];
  rkv_put_le(value, vote.term, 8);
  rkv_put_le(value + 8, vote.node_id, 8);
  value[16] = vote.committed;
  db_put(db, batch, "vote", value, sizeof value);
}

void values_put_identity(const struct db *db, rocksdb_writebatch_t *batch,
                         const struct rkv_identity *identity) {
  uint8_t value[IDENTITY_SIZE];
  rkv_put_le(value, identity->cluster.high, 8);
  rkv_put_le(value + 8, identity->cluster.low, 8);
  rkv_put_le(value + 16, identity->incarnation, 8);
  value[24] = identity->settled;
  db_put(db, batch, "identity", value, sizeof value);
}

void values_put_purged(const struct db *db, rocksdb_writebatch_t *batch, struct rkv_log_id up_to) {
  uint8_t value[PURGED_SIZE];
  rkv_put_le(value, up_to.term, 8);
  rkv_put_le(value + 8, up_to.index, 8);
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
  uint8_t vote[VOTE_SIZE], identity[IDENTITY_SIZE], purged[PURGED_SIZE];
  enum rkv_status status = get(db, "vote", vote, sizeof vote, error);
  if (status == RKV_OK) status = get(db, "identity", identity, sizeof identity, error);
  if (status == RKV_OK) status = get(db, "purged", purged, sizeof purged, error);
  if (status != RKV_OK) return status;
  held->vote = (struct rkv_vote){rkv_get_le(vote, 8), rkv_get_le(vote + 8, 8), vote[16] != 0};
  held->identity =
      (struct rkv_identity){.cluster = {rkv_get_le(identity, 8), rkv_get_le(identity + 8, 8)},
                            .incarnation = rkv_get_le(identity + 16, 8),
                            .settled = identity[24] != 0};
  held->purged = (struct rkv_log_id){rkv_get_le(purged, 8), rkv_get_le(purged + 8, 8)};
  return RKV_OK;
}
