/* db.c: opens RocksDB and speaks to it. */
#include "db.h"

#include "logger.h"

#include <storage-parts/refuse.h>

#include <rkv/membership.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

enum { BACKGROUND_JOBS = 2, BLOCK_BYTES = 16 * 1024 };
enum { WAL_BUFFERS = 4 }; /* RocksDB's own log may grow to so many write buffers */
#define VOTE_BUFFER_BYTES (256 * KIB)

static const char *const names[DB_FAMILIES] = {"default", "log", "vote", "snapshots"};

static bool begins(const char *text, const char *with) {
  return strncmp(text, with, strlen(with)) == 0;
}

/* The log file that RocksDB means; 0: none. */
static uint64_t log_meant(const char *text) {
  static const char words[] = "log number: ";
  const char *at = strstr(text, words);
  return at ? strtoull(at + sizeof words - 1, NULL, 10) : 0;
}

static enum rkv_status fail(const struct db *db, const char *text, struct rkv_error *error) {
  enum rkv_status status = begins(text, "Corruption") ? RKV_CORRUPT : RKV_IO;
  uint64_t log = status == RKV_CORRUPT ? log_meant(text) : 0;
  if (strstr(text, "Too many open files")) {
    errno = strstr(text, "open files in system") ? ENFILE : EMFILE;
    return refuse_errno(db->dir, "open a file for RocksDB", error);
  }
  if (strstr(text, "No space left") || strstr(text, "Space limit")) status = RKV_NO_SPACE;
  if (begins(text, "IO error") && (strstr(text, "lock file") || strstr(text, "lock hold")))
    return rkv_fail(error, RKV_UNAVAILABLE,
                    "%s: another node or tool uses this directory (stop it first): %s", db->dir,
                    text);
  if (log > 0) return rkv_fail(error, status, "%s/%06" PRIu64 ".log: %s", db->dir, log, text);
  return rkv_fail(error, status, "%s: %s", db->dir, text);
}

/* One line, which says the directory once; of a file that is missing RocksDB says the name that it
 * had in LevelDB. */
static void tidy(const struct db *db, char *text) {
  size_t len = strlen(db->dir);
  for (char *at = text; (at = strstr(at, ".ldb"));) memcpy(at, ".sst", 4);
  for (char *at = text; len > 0 && (at = strstr(at, db->dir)); at++) {
    size_t cut = len + 1;
    if (at[len] != '/') continue;
    if (at > text && at[-1] != ' ') { /* some of its texts end where the file begins */
      *at++ = ' ';
      cut--;
    }
    memmove(at, at + cut, strlen(at + cut) + 1);
  }
  for (char *at = text; *at; at++)
    if (*at == '\n') *at = ' ';
}

enum rkv_status db_result(const struct db *db, char *text, struct rkv_error *error) {
  enum rkv_status status;
  if (!text) return RKV_OK;
  tidy(db, text);
  status = fail(db, text, error);
  rocksdb_free(text);
  return status;
}

/* ---- open ---- */

/* Every batch must be whole: one that a crash tore is cut off before (tail.c), or, where nothing
 * may be changed, the end of what is read. */
static void set_files(rocksdb_options_t *o, const struct rocks_options *options, enum db_way way) {
  rocksdb_options_set_create_if_missing(o, way == DB_MAKE);
  rocksdb_options_set_create_missing_column_families(o, way == DB_MAKE);
  rocksdb_options_set_paranoid_checks(o, 1);
  rocksdb_options_set_wal_recovery_mode(o, way == DB_LOOK ? rocksdb_point_in_time_recovery
                                                          : rocksdb_absolute_consistency_recovery);
  rocksdb_options_set_max_total_wal_size(o, WAL_BUFFERS * options->write_buffer_bytes);
  rocksdb_options_set_max_background_jobs(o, BACKGROUND_JOBS);
  rocksdb_options_set_write_buffer_size(o, options->write_buffer_bytes);
  rocksdb_options_set_compression(o, rocksdb_no_compression);
}

static void set_table(rocksdb_options_t *o, const struct rocks_options *options) {
  rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
  rocksdb_cache_t *cache = rocksdb_cache_create_lru(options->cache_bytes);
  rocksdb_block_based_options_set_block_cache(table, cache);
  rocksdb_block_based_options_set_block_size(table, BLOCK_BYTES);
  rocksdb_options_set_block_based_table_factory(o, table);
  rocksdb_cache_destroy(cache); /* the table holds on to it */
  rocksdb_block_based_options_destroy(table);
}

/* A log file of RocksDB that is missing is noticed by the first, and both are only settable by
 * their names. */
static rocksdb_options_t *make_options(struct db *db, const struct rocks_options *options,
                                       const struct rkv_host *host, enum db_way way,
                                       struct rkv_error *error) {
  rocksdb_options_t *base = rocksdb_options_create(), *o = rocksdb_options_create();
  char *text = NULL;
  rocksdb_get_options_from_string(base,
                                  way == DB_SAVE ? "track_and_verify_wals_in_manifest=true;"
                                                   "avoid_flush_during_recovery=true"
                                                 : "track_and_verify_wals_in_manifest=true",
                                  o, &text);
  rocksdb_options_destroy(base);
  if (db_result(db, text, error) != RKV_OK) {
    rocksdb_options_destroy(o);
    return NULL;
  }
  logger_use(o, host);
  set_files(o, options, way);
  set_table(o, options);
  return o;
}

static enum rkv_status open_rocks(struct db *db, const struct rocks_options *options,
                                  enum db_way way, struct rkv_error *error) {
  const rocksdb_options_t *families[DB_FAMILIES];
  rocksdb_options_t *small = rocksdb_options_create_copy(db->sst);
  char *text = NULL;
  rocksdb_options_set_write_buffer_size(small, VOTE_BUFFER_BYTES);
  for (int i = 0; i < DB_FAMILIES; i++) families[i] = i == DB_LOG ? db->sst : small;
  db->rocks = way == DB_LOOK
                  ? rocksdb_open_for_read_only_column_families(
                        db->sst, options->dir, DB_FAMILIES, names, families, db->families, 0, &text)
                  : rocksdb_open_column_families(db->sst, options->dir, DB_FAMILIES, names,
                                                 families, db->families, &text);
  rocksdb_options_destroy(small);
  return db_result(db, text, error);
}

static enum rkv_status cut_tail(const struct db *db, const struct rkv_host *host,
                                const struct tail *tail, struct rkv_error *error) {
  enum rkv_status status = tail_cut(db->dir, tail, error);
  if (status == RKV_OK && tail->torn)
    rkv_log(host, RKV_LOG_WARN, "rocksdb",
            "log %06" PRIu64 " was cut at byte %" PRIu64
            ": what stood there was torn by a crash and never acknowledged",
            tail->file, tail->offset);
  return status;
}

uint64_t db_sequence(const struct db *db) {
  return rocksdb_get_latest_sequence_number(db->rocks);
}

enum rkv_status db_first_log(const struct db *db, uint64_t *number, struct rkv_error *error) {
  if (rocksdb_property_int(db->rocks, "rocksdb.min-log-number-to-keep", number) == 0) return RKV_OK;
  return rkv_fail(error, RKV_IO, "%s: RocksDB does not tell which log files it needs", db->dir);
}

/* Every whole batch that is in the log files was taken. */
static enum rkv_status check_taken(const struct db *db, uint64_t sequence,
                                   struct rkv_error *error) {
  uint64_t taken = db_sequence(db);
  if (taken >= sequence) return RKV_OK;
  return rkv_fail(error, RKV_CORRUPT,
                  "%s: RocksDB took changes up to %" PRIu64 " from its log, which holds %" PRIu64,
                  db->dir, taken, sequence);
}

enum rkv_status db_open(struct db *db, const struct rocks_options *options,
                        const struct rkv_host *host, enum db_way way, const struct tail *tail,
                        struct rkv_error *error) {
  enum rkv_status status;
  *db = (struct db){.dir = options->dir};
  status = way == DB_LOOK ? RKV_OK : cut_tail(db, host, tail, error);
  if (status != RKV_OK) return status;
  db->sst = make_options(db, options, host, way, error);
  if (!db->sst) return (enum rkv_status)(error ? error->status : RKV_IO);
  db->durable = rocksdb_writeoptions_create();
  rocksdb_writeoptions_set_sync(db->durable, options->sync != 0);
  db->reading = rocksdb_readoptions_create();
  status = open_rocks(db, options, way, error);
  return status == RKV_OK ? check_taken(db, tail->sequence, error) : status;
}

void db_close(struct db *db) {
  if (!db->sst) return;
  if (db->rocks) {
    for (int i = 0; i < DB_FAMILIES; i++) rocksdb_column_family_handle_destroy(db->families[i]);
    rocksdb_close(db->rocks);
  }
  rocksdb_writeoptions_destroy(db->durable);
  rocksdb_readoptions_destroy(db->reading);
  rocksdb_options_destroy(db->sst);
  *db = (struct db){0};
}

/* ---- values ---- */

enum rkv_status db_get(const struct db *db, const char *key, uint8_t *value, size_t max,
                       size_t *len, struct rkv_error *error) {
  char *text = NULL, *found = rocksdb_get_cf(db->rocks, db->reading, db->families[DB_VOTE], key,
                                             strlen(key), len, &text);
  enum rkv_status status = db_result(db, text, error);
  if (status == RKV_OK && !found)
    status = rkv_fail(error, RKV_NOT_FOUND, "%s: no %s was saved", db->dir, key);
  if (status == RKV_OK) memcpy(value, found, *len < max ? *len : max);
  rocksdb_free(found);
  return status;
}

enum rkv_status db_write(const struct db *db, rocksdb_writebatch_t *batch,
                         struct rkv_error *error) {
  char *text = NULL;
  rocksdb_write(db->rocks, db->durable, batch, &text);
  return db_result(db, text, error);
}

/* RocksDB writes the number of its first change, u64, to the begin of a batch; a u32 behind says
 * how many it has. */
uint64_t db_last_change(rocksdb_writebatch_t *batch) {
  size_t size;
  const char *data = rocksdb_writebatch_data(batch, &size);
  return rkv_get_le((const uint8_t *)data, 8) + (uint64_t)rocksdb_writebatch_count(batch) - 1;
}

void db_put(const struct db *db, rocksdb_writebatch_t *batch, const char *key, const uint8_t *value,
            size_t len) {
  rocksdb_writebatch_put_cf(batch, db->families[DB_VOTE], key, strlen(key), (const char *)value,
                            len);
}

/* Sorts behind every key that begins with `to`, before those of the next number. */
static void key_behind(uint8_t out[IDS_KEY + 1], uint64_t to) {
  put_key(out, to);
  out[IDS_KEY] = 0xff;
}

void db_drop_range(const struct db *db, rocksdb_writebatch_t *batch, enum db_family family,
                   uint64_t from, uint64_t to) {
  uint8_t first[IDS_KEY], behind[IDS_KEY + 1];
  put_key(first, from);
  key_behind(behind, to);
  rocksdb_writebatch_delete_range_cf(batch, db->families[family], (const char *)first, IDS_KEY,
                                     (const char *)behind, sizeof behind);
}

enum rkv_status db_return_space(const struct db *db, enum db_family family, uint64_t from,
                                uint64_t to, struct rkv_error *error) {
  uint8_t first[IDS_KEY], behind[IDS_KEY + 1];
  char *text = NULL;
  put_key(first, from);
  key_behind(behind, to);
  rocksdb_delete_file_in_range_cf(db->rocks, db->families[family], (const char *)first, IDS_KEY,
                                  (const char *)behind, sizeof behind, &text);
  return db_result(db, text, error);
}

static enum rkv_status db_flush_family(const struct db *db, enum db_family family,
                                       const rocksdb_flushoptions_t *how, struct rkv_error *error) {
  char *text = NULL;
  rocksdb_flush_cf(db->rocks, how, db->families[family], &text);
  return db_result(db, text, error);
}

enum rkv_status db_reclaim(const struct db *db, uint64_t purged, struct rkv_error *error) {
  uint8_t first[IDS_KEY], behind[IDS_KEY + 1];
  rocksdb_flushoptions_t *how = rocksdb_flushoptions_create();
  enum rkv_status status = db_flush_family(db, DB_LOG, how, error);
  if (status == RKV_OK) status = db_flush_family(db, DB_VOTE, how, error);
  if (status == RKV_OK) status = db_flush_family(db, DB_SNAPSHOTS, how, error);
  rocksdb_flushoptions_destroy(how);
  if (status != RKV_OK) return status;
  put_key(first, 0);
  key_behind(behind, purged);
  rocksdb_compact_range_cf(db->rocks, db->families[DB_LOG], (const char *)first, IDS_KEY,
                           (const char *)behind, sizeof behind);
  return RKV_OK;
}
