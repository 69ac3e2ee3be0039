/* open.c: opens the storage, and frees it. */
#include "dir.h"
#include "room.h"
#include "snapshot.h"
#include "values.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- what the database says ---- */

/* The last entry; what is left of purged ones is none. */
static enum rkv_status load_last(const struct store *s, rocksdb_iterator_t *i, struct held *held,
                                 struct rkv_error *error) {
  size_t key_len, len;
  const char *key, *value;
  held->last = held->purged;
  rocksdb_iter_seek_to_last(i);
  if (!rocksdb_iter_valid(i)) return RKV_OK;
  key = rocksdb_iter_key(i, &key_len);
  value = rocksdb_iter_value(i, &len);
  if (key_len != IDS_KEY || len < DB_ENTRY_HEAD)
    return rkv_fail(error, RKV_CORRUPT, "%s: the last entry has a key of %zu and %zu bytes",
                    s->db.dir, key_len, len);
  if (get_key((const uint8_t *)key) > held->purged.index)
    held->last =
        (struct rkv_log_id){rkv_get_le((const uint8_t *)value, 8), get_key((const uint8_t *)key)};
  return RKV_OK;
}

/* The first entry held follows the purged ones. */
static enum rkv_status check_first(const struct store *s, rocksdb_iterator_t *i,
                                   const struct held *held, struct rkv_error *error) {
  uint8_t wanted[IDS_KEY];
  size_t len = 0;
  const char *key;
  rkv_index found = 0;
  if (held->last.index == held->purged.index) return RKV_OK;
  put_key(wanted, held->purged.index + 1);
  rocksdb_iter_seek(i, (const char *)wanted, IDS_KEY);
  if (rocksdb_iter_valid(i) && (key = rocksdb_iter_key(i, &len)) && len == IDS_KEY)
    found = get_key((const uint8_t *)key);
  if (found == held->purged.index + 1) return RKV_OK;
  return rkv_fail(error, RKV_CORRUPT, "%s: expected entry %" PRIu64 ", found %" PRIu64, s->db.dir,
                  held->purged.index + 1, found);
}

static enum rkv_status load_log(const struct store *s, struct held *held, struct rkv_error *error) {
  rocksdb_iterator_t *i =
      rocksdb_create_iterator_cf(s->db.rocks, s->db.reading, s->db.families[DB_LOG]);
  char *text = NULL;
  enum rkv_status status = load_last(s, i, held, error);
  if (status == RKV_OK) status = check_first(s, i, held, error);
  rocksdb_iter_get_error(i, &text);
  if (text) status = db_result(&s->db, text, error);
  rocksdb_iter_destroy(i);
  return status;
}

/* ---- open ---- */

/* After an orderly close no crash can have torn the log. */
static enum rkv_status check_closed(const struct store *s, const struct tail *tail,
                                    struct rkv_error *error) {
  if (!tail->torn) return RKV_OK;
  return rkv_fail(error, RKV_CORRUPT,
                  "%s/%06" PRIu64 ".log: byte %" PRIu64
                  " is not what was written: no crash tore it, the storage was closed in order",
                  s->options.dir, tail->file, tail->offset);
}

static enum rkv_status load(struct store *s, struct rkv_error *error) {
  struct held held = {0};
  enum rkv_status status = values_get(&s->db, &held, error);
  if (status == RKV_OK) status = load_log(s, &held, error);
  if (status != RKV_OK) return status;
  log_begin(&s->log, &held);
  s->purged = s->reclaimed = held.purged.index;
  return snapshot_find(s, error);
}

/* RocksDB changes files while it is opened: so what can be refused is looked at before, without. */
static enum rkv_status load_unchanged(struct store *s, const struct tail *tail,
                                      struct rkv_error *error) {
  enum rkv_status status = dir_check_made(&s->log.folder, error);
  if (status == RKV_OK) status = db_open(&s->db, &s->options, s->log.host, DB_LOOK, tail, error);
  if (status == RKV_OK) status = ledger_check(&s->ledger, &s->db, tail, error);
  if (status == RKV_OK) status = load(s, error);
  db_close(&s->db);
  return status;
}

/* It writes nothing to its log meanwhile: `closed` is still true when it is open. */
static enum rkv_status open_db(struct store *s, bool frugal, const struct tail *tail,
                               struct rkv_error *error) {
  bool new = s->ledger.owner.state == CLAIM_NEW;
  enum db_way way = frugal ? DB_SAVE : DB_WORK;
  enum rkv_status status;
  if (new) way = DB_MAKE;
  status = db_open(&s->db, &s->options, s->log.host, way, tail, error);
  if (status == RKV_OK && new) status = load(s, error);
  if (status == RKV_OK) status = ledger_begin(&s->ledger, &s->db, tail, error);
  return status == RKV_OK ? snapshot_drop_others(s, error) : status;
}

/* Looks whether all is there that was. */
static enum rkv_status check_files(struct store *s, const struct tail *tail,
                                   struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  if (s->ledger.owner.state == CLAIM_NEW) return RKV_OK;
  if (s->ledger.owner.state == CLAIM_CLOSED) status = check_closed(s, tail, error);
  return status == RKV_OK ? load_unchanged(s, tail, error) : status;
}

static enum rkv_status open_files(struct store *s, struct tail *tail, struct rkv_error *error) {
  bool frugal = false;
  enum rkv_status status = room_to_open(s, &frugal, error);
  if (status == RKV_OK) status = tail_find(s->options.dir, tail, error);
  if (status == RKV_OK) status = check_files(s, tail, error);
  if (status == RKV_OK) status = open_db(s, frugal, tail, error);
  s->opened = status == RKV_OK;
  return status;
}

DECLARE_TAKE(rocks_take_options, rocks_options, ROCKS_OPTION_LIST)

enum rkv_status store_open(struct log *log, const struct rkv_config *config,
                           struct rkv_error *error) {
  struct store *s = (struct store *)log;
  struct folder *folder = &log->folder;
  struct tail *tail;
  enum rkv_status status;
  ledger_init(&s->ledger, log);
  status = rocks_take_options(config, &s->options, error);
  if (status != RKV_OK) return status;
  log->queue_bytes_max = s->options.queue_bytes_max;
  folder->path = s->options.dir;
  folder->sync = s->options.sync != 0;
  status = folder_open(folder, error);
  if (status == RKV_OK) status = dir_check_kinds(folder, error);
  if (status == RKV_OK) status = dir_settle(folder, error);
  if (status == RKV_OK) status = ledger_open(&s->ledger, error);
  if (status != RKV_OK) return status;
  tail = malloc(sizeof *tail);
  if (!tail) return rkv_fail(error, RKV_NO_MEMORY, "no memory for the names of log files");
  status = open_files(s, tail, error);
  free(tail);
  return status;
}

void store_free(struct log *log) {
  struct store *s = (struct store *)log;
  db_close(&s->db);
  if (s->opened && log->failed.status == RKV_OK && s->options.sync)
    (void)ledger_close(&s->ledger, NULL);
  ledger_free(&s->ledger);
}
