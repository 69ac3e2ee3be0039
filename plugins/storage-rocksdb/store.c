/* store.c: opens and closes the storage, and says what it holds. */
#include "store.h"

#include "dir.h"
#include "snapshot.h"

#include <inttypes.h>
#include <stdlib.h>

enum { VOTE_SIZE = 17, IDENTITY_SIZE = 25, PURGED_SIZE = 16 }; /* bytes of the values, see db.h */

/* ---- failure ---- */

void store_fail(struct store *s, const struct rkv_error *why) {
  bool first;
  (void)pthread_mutex_lock(&s->lock);
  first = s->failed.status == RKV_OK;
  if (first) s->failed = *why;
  (void)pthread_cond_signal(&s->work);
  (void)pthread_mutex_unlock(&s->lock);
  if (first && why->status != RKV_CANCELLED)
    s->host->fatal(s->host->ctx, (enum rkv_status)why->status, why->text);
}

bool store_failed(struct store *s) {
  bool failed;
  (void)pthread_mutex_lock(&s->lock);
  failed = s->failed.status != RKV_OK;
  (void)pthread_mutex_unlock(&s->lock);
  return failed;
}

/* ---- what the database says ---- */

/* A value of exactly `size` bytes; all zeros if none was saved. */
static enum rkv_status get(const struct store *s, const char *key, uint8_t *value, size_t size,
                           struct rkv_error *error) {
  size_t len;
  enum rkv_status status;
  memset(value, 0, size);
  status = db_get(&s->db, key, value, size, &len, error);
  if (status == RKV_NOT_FOUND) return RKV_OK;
  if (status == RKV_OK && len != size)
    return rkv_fail(error, RKV_CORRUPT, "%s: the saved %s has %zu bytes instead of %zu", s->db.dir,
                    key, len, size);
  return status;
}

static enum rkv_status load_vote(struct store *s, struct rkv_error *error) {
  uint8_t vote[VOTE_SIZE], identity[IDENTITY_SIZE], purged[PURGED_SIZE];
  enum rkv_status status = get(s, "vote", vote, sizeof vote, error);
  if (status == RKV_OK) status = get(s, "identity", identity, sizeof identity, error);
  if (status == RKV_OK) status = get(s, "purged", purged, sizeof purged, error);
  if (status != RKV_OK) return status;
  s->image.vote = (struct rkv_vote){rkv_get_le(vote, 8), rkv_get_le(vote + 8, 8), vote[16] != 0};
  s->image.identity =
      (struct rkv_identity){.cluster = {rkv_get_le(identity, 8), rkv_get_le(identity + 8, 8)},
                            .incarnation = rkv_get_le(identity + 16, 8),
                            .settled = identity[24] != 0};
  s->image.purged = (struct rkv_log_id){rkv_get_le(purged, 8), rkv_get_le(purged + 8, 8)};
  return RKV_OK;
}

/* The last entry; what is left of purged ones is none. */
static enum rkv_status load_last(struct store *s, rocksdb_iterator_t *i, struct rkv_error *error) {
  size_t key_len, len;
  const char *key, *value;
  s->image.last = s->image.purged;
  rocksdb_iter_seek_to_last(i);
  if (!rocksdb_iter_valid(i)) return RKV_OK;
  key = rocksdb_iter_key(i, &key_len);
  value = rocksdb_iter_value(i, &len);
  if (key_len != DB_KEY || len < DB_ENTRY_HEAD)
    return rkv_fail(error, RKV_CORRUPT, "%s: the last entry has a key of %zu and %zu bytes",
                    s->db.dir, key_len, len);
  if (db_key_number((const uint8_t *)key) > s->image.purged.index)
    s->image.last = (struct rkv_log_id){rkv_get_le((const uint8_t *)value, 8),
                                        db_key_number((const uint8_t *)key)};
  return RKV_OK;
}

/* The first entry held follows the purged ones. */
static enum rkv_status check_first(const struct store *s, rocksdb_iterator_t *i,
                                   struct rkv_error *error) {
  uint8_t wanted[DB_KEY];
  size_t len = 0;
  const char *key;
  rkv_index found = 0;
  if (s->image.last.index == s->image.purged.index) return RKV_OK;
  db_key(wanted, s->image.purged.index + 1);
  rocksdb_iter_seek(i, (const char *)wanted, DB_KEY);
  if (rocksdb_iter_valid(i) && (key = rocksdb_iter_key(i, &len)) && len == DB_KEY)
    found = db_key_number((const uint8_t *)key);
  if (found == s->image.purged.index + 1) return RKV_OK;
  return rkv_fail(error, RKV_CORRUPT, "%s: expected entry %" PRIu64 ", found %" PRIu64, s->db.dir,
                  s->image.purged.index + 1, found);
}

static enum rkv_status load_log(struct store *s, struct rkv_error *error) {
  rocksdb_iterator_t *i =
      rocksdb_create_iterator_cf(s->db.rocks, s->db.reading, s->db.families[DB_LOG]);
  char *text = NULL;
  enum rkv_status status = load_last(s, i, error);
  if (status == RKV_OK) status = check_first(s, i, error);
  rocksdb_iter_get_error(i, &text);
  if (text) status = db_result(&s->db, text, error);
  rocksdb_iter_destroy(i);
  s->image.last_known = true;
  s->durable_last = s->image.last.index;
  s->purged = s->reclaimed = s->image.purged.index;
  return status;
}

/* ---- open ---- */

static uint64_t read_metric(void *number) {
  return atomic_load_explicit((atomic_uint_least64_t *)number, memory_order_relaxed);
}

static enum rkv_status register_metrics(struct store *s, struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  size_t n = 0;
#define STORE_METRIC_FILL(name, help)                                                              \
  s->metrics[n++] = (struct rkv_metric){#name, help, read_metric, &s->counts.name};
  STORE_METRIC_LIST(STORE_METRIC_FILL)
#undef STORE_METRIC_FILL
  for (size_t i = 0; i < n && status == RKV_OK; i++)
    status = s->host->metric_register(s->host->ctx, &s->metrics[i], error);
  return status;
}

static void report(const struct store *s, uint64_t began_ns) {
  if (!s->options.sync)
    rkv_log(s->host, RKV_LOG_WARN, STORE_LOG,
            "sync = false: what is acknowledged may be lost with the machine's power");
  rkv_log(s->host, RKV_LOG_INFO, STORE_LOG,
          "opened dir=%s first=%" PRIu64 " last=%" PRIu64 " snapshot=%" PRIu64 " took_ms=%" PRIu64,
          s->options.dir, s->image.purged.index + 1, s->image.last.index,
          s->newest ? s->newest->meta.last.index : 0,
          (s->host->now_ns(s->host->ctx) - began_ns) / 1000000);
}

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
  enum rkv_status status = load_vote(s, error);
  if (status == RKV_OK) status = load_log(s, error);
  return status == RKV_OK ? snapshot_find(s, error) : status;
}

/* RocksDB changes files while it is opened: so what can be refused is looked at before, without. */
static enum rkv_status load_unchanged(struct store *s, const struct tail *tail,
                                      struct rkv_error *error) {
  enum rkv_status status = dir_check_made(s->options.dir, s->ledger.dir_lock, error);
  if (status == RKV_OK) status = db_open(&s->db, &s->options, s->host, DB_LOOK, tail, error);
  if (status == RKV_OK) status = ledger_check(&s->ledger, &s->db, tail, error);
  if (status == RKV_OK) status = load(s, error);
  db_close(&s->db);
  return status;
}

/* It writes nothing to its log meanwhile: `closed` is still true when it is open. */
static enum rkv_status open_db(struct store *s, bool frugal, const struct tail *tail,
                               struct rkv_error *error) {
  bool new = s->ledger.owner.state == OWNER_NEW;
  enum db_way way = frugal ? DB_SAVE : DB_WORK;
  enum rkv_status status;
  if (new) way = DB_MAKE;
  status = db_open(&s->db, &s->options, s->host, way, tail, error);
  if (status == RKV_OK && new) status = load(s, error);
  if (status == RKV_OK) status = ledger_begin(&s->ledger, &s->db, tail, error);
  return status == RKV_OK ? snapshot_drop_others(s, error) : status;
}

/* Looks whether all is there that was. */
static enum rkv_status check_files(struct store *s, const struct tail *tail,
                                   struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  if (s->ledger.owner.state == OWNER_NEW) return RKV_OK;
  if (s->ledger.owner.state == OWNER_CLOSED) status = check_closed(s, tail, error);
  return status == RKV_OK ? load_unchanged(s, tail, error) : status;
}

static enum rkv_status open_files(struct store *s, struct tail *tail, struct rkv_error *error) {
  uint64_t began_ns = s->host->now_ns(s->host->ctx);
  const char *dir = s->options.dir;
  bool frugal = false;
  enum rkv_status status = room_to_open(s, &frugal, error);
  if (status == RKV_OK) status = tail_find(dir, tail, error);
  if (status == RKV_OK) status = check_files(s, tail, error);
  if (status == RKV_OK) status = open_db(s, frugal, tail, error);
  s->opened = status == RKV_OK;
  if (status == RKV_OK) report(s, began_ns);
  return status;
}

static enum rkv_status open_dir(struct store *s, struct rkv_error *error) {
  struct tail *tail = malloc(sizeof *tail);
  enum rkv_status status =
      ledger_open(&s->ledger, s->options.dir, s->host->node_id, s->options.sync != 0, error);
  if (status == RKV_OK && !tail)
    status = rkv_fail(error, RKV_NO_MEMORY, "no memory for the names of log files");
  if (status == RKV_OK) status = open_files(s, tail, error);
  free(tail);
  return status;
}

static void store_free(struct store *s) {
  snapshot_drop(s->newest);
  db_close(&s->db);
  if (s->opened && s->failed.status == RKV_OK && s->options.sync)
    (void)ledger_close(&s->ledger, NULL);
  ledger_free(&s->ledger);
  (void)pthread_cond_destroy(&s->work);
  (void)pthread_mutex_destroy(&s->lock);
  free(s);
}

/* Waits with a limit are measured by a clock that nobody sets. */
static void init_condition(pthread_cond_t *condition) {
  pthread_condattr_t attributes;
  (void)pthread_condattr_init(&attributes);
  (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  (void)pthread_cond_init(condition, &attributes);
  (void)pthread_condattr_destroy(&attributes);
}

enum rkv_status store_open(const struct rkv_host *host, const struct rocks_options *options,
                           struct store **store, struct rkv_error *error) {
  struct rkv_error why;
  struct store *s = calloc(1, sizeof *s);
  enum rkv_status status;
  if (!s) return rkv_fail(error, RKV_NO_MEMORY, "no memory for the storage");
  s->host = host;
  s->options = *options;
  (void)pthread_mutex_init(&s->lock, NULL);
  init_condition(&s->work);
  status = open_dir(s, &why);
  if (status == RKV_OK) status = register_metrics(s, &why);
  if (status == RKV_OK && pthread_create(&s->writer_thread, NULL, writer_main, s) != 0)
    status = rkv_fail(&why, RKV_NO_MEMORY, "no thread for the log");
  if (status == RKV_OK)
    *store = s;
  else
    store_free(s);
  if (status != RKV_OK && error) *error = why;
  return status;
}

void store_close(void *storage) {
  struct store *s = storage;
  (void)pthread_mutex_lock(&s->lock);
  s->closing = true;
  if (s->refusal.status == RKV_OK)
    (void)rkv_fail(&s->refusal, RKV_CANCELLED, "storage-rocksdb: closed");
  (void)pthread_cond_signal(&s->work);
  (void)pthread_mutex_unlock(&s->lock);
  (void)pthread_join(s->writer_thread, NULL);
  store_free(s);
}

/* After a truncation the term of the last entry is only known to the entry itself. */
static enum rkv_status learn_last(struct store *s, rkv_index last, struct rkv_error *error) {
  struct rkv_entry entry;
  size_t count;
  enum rkv_status status = read_entries(s, last, last, 0, &entry, 1, &count, error);
  if (status != RKV_OK || count == 0) return status;
  (void)pthread_mutex_lock(&s->lock);
  if (s->image.last.index == last && !s->image.last_known) {
    s->image.last = entry.id;
    s->image.last_known = true;
  }
  (void)pthread_mutex_unlock(&s->lock);
  rkv_buf_drop(&entry.payload);
  return RKV_OK;
}

enum rkv_status store_load(void *storage, struct rkv_storage_state *state,
                           struct rkv_error *error) {
  struct store *s = storage;
  struct image image;
  enum rkv_status status = RKV_OK;
  (void)pthread_mutex_lock(&s->lock);
  image = s->image;
  (void)pthread_mutex_unlock(&s->lock);
  if (!image.last_known) status = learn_last(s, image.last.index, error);
  if (status != RKV_OK) return status;
  memset(state, 0, sizeof *state);
  (void)pthread_mutex_lock(&s->lock);
  state->vote = s->image.vote;
  state->identity = s->image.identity;
  state->purged = s->image.purged;
  state->last = s->image.last;
  if (s->newest) state->snapshot = s->newest->meta;
  (void)rkv_buf_share(state->snapshot.membership);
  (void)pthread_mutex_unlock(&s->lock);
  return RKV_OK;
}
