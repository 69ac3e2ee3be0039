/* values.h: vote, identity and what is purged, as they stand in the family `vote` (db.h). */
#ifndef ROCKS_VALUES_H
#define ROCKS_VALUES_H

#include "db.h"

#include <storage-parts/log.h>

void values_put_vote(const struct db *db, rocksdb_writebatch_t *batch, struct rkv_vote vote);
void values_put_identity(const struct db *db, rocksdb_writebatch_t *batch,
                         const struct rkv_identity *identity);
void values_put_purged(const struct db *db, rocksdb_writebatch_t *batch, struct rkv_log_id up_to);

/* Reads all of them, zeros where none was saved. Errors: RKV_CORRUPT, RKV_IO. */
enum rkv_status values_get(const struct db *db, struct held *held, struct rkv_error *error);

#endif
