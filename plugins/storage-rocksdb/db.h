/* db.h: the RocksDB under the storage: opened as we need it, errors as an rkv_status. A leaf.
 *
 *   family      key                              value
 *   log         index                            term u64, kind u32, payload
 *   vote        "vote"                           term u64, node u64, committed u8
 *               "identity"                       cluster 2 x u64, incarnation u64, settled u8
 *               "purged"                         term u64, index u64
 *               "snapshot"                       the newest snapshot (snapshot.c)
 *   snapshots   snapshot number, chunk number    DB_CHUNK bytes, the last one fewer
 *
 * Numbers in keys are big-endian, so that they sort; in values little-endian. RocksDB checks every
 * block and every record of its own log by a checksum; what those cannot tell: tail.h. */
#ifndef ROCKS_DB_H
#define ROCKS_DB_H

#include "options.h"
#include "tail.h"

#include <storage-parts/ids.h>

#include <rocksdb/c.h>
#include <stdbool.h>

enum { DB_CHUNK = 256 * 1024, DB_ENTRY_HEAD = 12 };
enum db_family { DB_DEFAULT, DB_LOG, DB_VOTE, DB_SNAPSHOTS, DB_FAMILIES };

struct db {
  const char *dir;
  rocksdb_t *rocks;
  rocksdb_column_family_handle_t *families[DB_FAMILIES];
  rocksdb_writeoptions_t *durable;
  rocksdb_readoptions_t *reading;
  rocksdb_options_t *sst; /* how a file of snapshot chunks is written */
};

/* X(NAME): what for. MAKE: there may be none yet, or an unfinished one. LOOK: nothing on the device
 * is changed, nothing can be written; what is torn of `tail` is left out. WORK: it is cut off.
 * SAVE: as WORK, and no files are made of RocksDB's log, for which there may be no room. */
#define DB_WAY_LIST(X) X(MAKE) X(LOOK) X(WORK) X(SAVE)

enum db_way {
#define DB_WAY_ENUM(name) DB_##name,
  DB_WAY_LIST(DB_WAY_ENUM)
#undef DB_WAY_ENUM
};

/* A database that is missing is refused, but by MAKE. `options->dir` and `host` are borrowed until
 * db_close.
 * Errors: RKV_UNAVAILABLE if a tool of RocksDB's uses it; RKV_CORRUPT, RKV_IO, RKV_NO_SPACE,
 * RKV_FULL without a file descriptor, RKV_NO_MEMORY. */
enum rkv_status db_open(struct db *db, const struct rocks_options *options,
                        const struct rkv_host *host, enum db_way way, const struct tail *tail,
                        struct rkv_error *error);
void db_close(struct db *db);

/* Turns RocksDB's text, which it frees, into a refusal; NULL: RKV_OK. RKV_FULL: there is no free
 * file descriptor. */
enum rkv_status db_result(const struct db *db, char *text, struct rkv_error *error);

/* The value of a key in the family `vote`; at most `max` bytes are copied, *len is its size.
 * Errors: RKV_NOT_FOUND, RKV_CORRUPT, RKV_IO. */
enum rkv_status db_get(const struct db *db, const char *key, uint8_t *value, size_t max,
                       size_t *len, struct rkv_error *error);

/* Carries the batch out as one, durably (unless sync is off); ledger_write does, and notes it. */
enum rkv_status db_write(const struct db *db, rocksdb_writebatch_t *batch, struct rkv_error *error);
/* RocksDB's number of the last change in a batch that was carried out. */
uint64_t db_last_change(rocksdb_writebatch_t *batch);

/* ---- how far it is ---- */

/* RocksDB's number of the last change it holds. */
uint64_t db_sequence(const struct db *db);
/* The first log file with something that is nowhere else; all smaller numbers may be missing.
 * Errors: RKV_IO. */
enum rkv_status db_first_log(const struct db *db, uint64_t *number, struct rkv_error *error);

/* ---- batches ---- */

void db_put(const struct db *db, rocksdb_writebatch_t *batch, const char *key, const uint8_t *value,
            size_t len);
/* Drops the numbers `from`..`to`, both included. */
void db_drop_range(const struct db *db, rocksdb_writebatch_t *batch, enum db_family family,
                   uint64_t from, uint64_t to);
/* Returns the space of files that hold nothing but these numbers, which are dropped already. */
enum rkv_status db_return_space(const struct db *db, enum db_family family, uint64_t from,
                                uint64_t to, struct rkv_error *error);

/* Has RocksDB write anew what holds log entries up to `purged`, which are dropped already, and let
 * go of its own log: takes time, and room for a while, and leaves more. */
enum rkv_status db_reclaim(const struct db *db, uint64_t purged, struct rkv_error *error);

#endif
