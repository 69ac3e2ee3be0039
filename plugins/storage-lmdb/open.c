/* open.c: opens and closes the storage. */
#include "open.h"

#include "read.h"
#include "writer.h"

#include <storage-parts/claim.h>
#include <storage-parts/folder.h>

#include <inttypes.h>
#include <stdlib.h>

/* ---- what the database says ---- */

static enum rkv_status no_state(const struct store *s, struct rkv_error *error) {
  return rkv_fail(error, RKV_CORRUPT, "%s: holds no state of a node", s->map.path);
}

/* The cursor's entry is `wanted`; nothing but its log id is taken. */
static enum rkv_status take_entry(const struct store *s, const MDB_val *key, const MDB_val *value,
                                  rkv_index wanted, struct rkv_entry *entry,
                                  struct rkv_error *error) {
  rkv_index found = key->mv_size == RECORD_KEY ? record_number(key->mv_data) : 0;
  if (found == wanted && record_get_entry(wanted, value->mv_data, value->mv_size, entry))
    return RKV_OK;
  return rkv_fail(error, RKV_CORRUPT, "%s: expected entry %" PRIu64 ", found %s %" PRIu64,
                  s->map.path, wanted, found == wanted ? "other bytes as" : "entry", found);
}

/* Both ends of the log; what is left of purged entries is none. */
static enum rkv_status load_ends(struct store *s, MDB_cursor *cursor, struct held *held,
                                 struct rkv_error *error) {
  uint8_t number[RECORD_KEY];
  MDB_val key, value;
  struct rkv_entry entry;
  enum rkv_status status;
  int result = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
  if (result != MDB_SUCCESS || key.mv_size != RECORD_KEY)
    return map_result(&s->map, result ? result : MDB_CORRUPTED, "find the last entry", error);
  held->last = held->purged;
  if (record_number(key.mv_data) <= held->purged.index) return RKV_OK;
  held->last.index = record_number(key.mv_data);
  status = take_entry(s, &key, &value, held->last.index, &entry, error);
  if (status != RKV_OK) return status;
  held->last = entry.id;
  record_key(number, held->purged.index + 1);
  key = (MDB_val){sizeof number, number};
  result = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
  if (result != MDB_SUCCESS) return map_result(&s->map, result, "find the first entry", error);
  return take_entry(s, &key, &value, held->purged.index + 1, &entry, error);
}

static enum rkv_status load_from(struct store *s, MDB_cursor *cursor, struct held *held,
                                 struct rkv_error *error) {
  MDB_val key, value;
  int result = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
  if (result == MDB_NOTFOUND) return no_state(s, error);
  if (result != MDB_SUCCESS) return map_result(&s->map, result, "find the state", error);
  if (key.mv_size != RECORD_KEY || record_number(key.mv_data) != 0 ||
      !record_get_state(value.mv_data, value.mv_size, &s->state))
    return no_state(s, error);
  held->vote = s->state.vote;
  held->identity = s->state.identity;
  held->purged = s->state.purged;
  result = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
  s->purged = s->dropped = s->state.purged.index;
  if (result == MDB_SUCCESS && key.mv_size == RECORD_KEY &&
      record_number(key.mv_data) <= s->dropped)
    s->dropped = record_number(key.mv_data) - 1; /* a crash left it */
  return load_ends(s, cursor, held, error);
}

static enum rkv_status load(struct store *s, struct rkv_error *error) {
  struct held held = {.last_known = true};
  MDB_txn *txn;
  MDB_cursor *cursor;
  enum rkv_status status = map_read(&s->map, &txn, &cursor, error);
  if (status == RKV_OK) status = load_from(s, cursor, &held, error);
  map_read_end(&s->map, txn, cursor);
  if (status != RKV_OK) return status;
  log_begin(&s->base.log, &held);
  s->base.newest = s->state.snapshot;
  return snapshot_files_find(&s->base, error);
}

/* ---- open ---- */

static const struct log_ops log_ops = {.plugin = "storage-lmdb",
                                       .section = STORE_LOG,
                                       .snapshots = &snapshot_files_ops,
                                       .read = read_entries};

/* Makes a snapshot the newest one. */
static enum rkv_status count(struct snapshot_files *files, uint64_t number,
                             struct rkv_error *error) {
  struct store *s = (struct store *)files;
  struct state state;
  MDB_txn *txn;
  enum rkv_status status = map_begin(&s->map, &txn, error);
  state = s->state;
  state.snapshot = number;
  if (status == RKV_OK) status = store_put_state(s, txn, &state, error);
  status = map_end(&s->map, txn, status, error);
  if (status == RKV_OK) s->state = state;
  map_leave(&s->map);
  return status;
}

/* The state of a node that has none yet: no snapshot counts. */
static enum rkv_status begin_anew(struct store *s, const struct claim *claim,
                                  struct rkv_error *error) {
  enum rkv_status status = count(&s->base, 0, error);
  return status == RKV_OK ? claim_made(claim, error) : status;
}

static enum rkv_status open_dir(struct store *s, struct rkv_error *error) {
  static const char *const ours[] = {MAP_FILE, SNAPSHOT_FILES_NAME, SNAPSHOT_FILES_TEMPORARY, NULL};
  const char *path = s->options.dir;
  struct claim claim = {.files = &files_posix,
                        .path = path,
                        .plugin = log_ops.plugin,
                        .format = 1,
                        .node_id = s->base.log.host->node_id,
                        .ours = ours};
  bool made = false;
  enum rkv_status status = folder_open(&files_posix, path, &s->base.dir, error);
  claim.dir = s->base.dir;
  if (status == RKV_OK) status = folder_settle(&files_posix, path, claim.dir, error);
  if (status == RKV_OK) status = claim_take(&claim, &made, error);
  if (status == RKV_OK) status = map_open(&s->map, path, claim.dir, !made, error);
  if (status == RKV_OK && !made) status = begin_anew(s, &claim, error);
  if (status == RKV_OK) status = load(s, error);
  return status == RKV_OK ? snapshot_files_drop_others(&s->base, error) : status;
}

static void report(const struct store *s, uint64_t began_ns) {
  rkv_log(s->base.log.host, RKV_LOG_INFO, STORE_LOG,
          "opened dir=%s first=%" PRIu64 " last=%" PRIu64 " snapshot=%" PRIu64 " map_bytes=%" PRIu64
          " took_ms=%" PRIu64,
          s->options.dir, s->base.log.held.purged.index + 1, s->base.log.held.last.index,
          s->base.log.newest ? s->base.log.newest->meta.last.index : 0, s->map.bytes,
          (s->base.log.host->now_ns(s->base.log.host->ctx) - began_ns) / 1000000);
}

static void store_free(struct store *s) {
  snapshots_drop(s->base.log.newest);
  map_close(&s->map);
  if (s->base.dir >= 0) files_posix.close(files_posix.ctx, s->base.dir);
  (void)pthread_mutex_destroy(&s->base.finishing);
  log_destroy(&s->base.log);
  free(s);
}

enum rkv_status store_open(const struct rkv_host *host, const struct lmdb_options *options,
                           struct store **store, struct rkv_error *error) {
  uint64_t began_ns = host->now_ns(host->ctx);
  struct rkv_error why;
  struct store *s = calloc(1, sizeof *s);
  enum rkv_status status;
  if (!s) return rkv_fail(error, RKV_NO_MEMORY, "no memory for the storage");
  log_init(&s->base.log, host, &log_ops, &threads_posix, options->queue_bytes_max);
  map_init(&s->map);
  s->options = *options;
  s->base.files = &files_posix;
  s->base.path = options->dir;
  s->base.dir = -1;
  s->base.count = count;
  (void)pthread_mutex_init(&s->base.finishing, NULL);
  status = open_dir(s, &why);
  if (status == RKV_OK) report(s, began_ns);
  if (status == RKV_OK) status = log_register(&s->base.log, &why);
  if (status == RKV_OK &&
      threads_posix.start(threads_posix.ctx, &s->writer_thread, writer_main, s) != 0)
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
  log_close(&s->base.log);
  threads_posix.join(threads_posix.ctx, s->writer_thread);
  store_free(s);
}
