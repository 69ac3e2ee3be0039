/* plugin.c: storage-lmdb, a log storage in an LMDB: options, descriptor, and the storage from its
 * directory to its end. */
#include "store.h"

#include <storage-parts/claim.h>
#include <storage-parts/declare.h>
#include <storage-parts/snapshot_files.h>

/* X(name, TYPE, default, min, max, flags, help), those that are numbers. Appended, never reordered:
 * rkv_config has this order, `dir` first. */
#define LMDB_OPTION_LIST(X) DECLARE_QUEUE_BYTES_MAX(X)

struct lmdb_options {
  const char *dir;
  LMDB_OPTION_LIST(DECLARE_FIELD)
};

static const struct rkv_option options[] = {
    DECLARE_DIR("directory of this node's database; made if it is not there"),
    LMDB_OPTION_LIST(DECLARE_OPTION)};

DECLARE_TAKE(lmdb_take_options, lmdb_options, LMDB_OPTION_LIST)

static enum rkv_status note_snapshot(struct log *log, uint64_t number, struct rkv_error *error) {
  struct map *m = &((struct store *)log)->map;
  struct state state;
  MDB_txn *txn;
  enum rkv_status status = map_begin(m, &txn, &state, error);
  state.snapshot = number;
  return map_end(m, txn, &state, status, error);
}

/* Takes the directory, and makes the database if it is not made: the state of a node that has none
 * yet, without a snapshot. */
static enum rkv_status claim_map(struct store *s, struct rkv_error *error) {
  static const char *const ours[] = {MAP_FILE, SNAPSHOT_FILES_NAME "*",
                                     SNAPSHOT_FILES_TEMPORARY "*", NULL};
  const struct claim claim = {.log = &s->log, .format = 1, .ours = ours};
  enum claim_state state;
  enum rkv_status status = claim_take(&claim, &state, NULL, 0, error);
  if (status == RKV_OK) status = map_open(&s->map, state == CLAIM_NEW, error);
  if (status != RKV_OK || state != CLAIM_NEW) return status;
  status = note_snapshot(&s->log, 0, error);
  return status == RKV_OK ? claim_write(&claim, CLAIM_MADE, "", error) : status;
}

static enum rkv_status store_open(struct log *log, const struct rkv_config *config,
                                  struct rkv_error *error) {
  struct store *s = (struct store *)log;
  struct lmdb_options values = {0};
  enum rkv_status status;
  map_init(&s->map, &log->folder);
  status = lmdb_take_options(config, &values, error);
  if (status != RKV_OK) return status;
  log->folder.path = values.dir;
  log->queue_bytes_max = values.queue_bytes_max;
  status = folder_open(&log->folder, error);
  if (status == RKV_OK) status = claim_map(s, error);
  if (status == RKV_OK) status = map_read(&s->map, MAP_TABLE, load, s, error);
  if (status == RKV_OK) status = snapshot_files_find(log, s->map.state.snapshot, error);
  return status == RKV_OK ? snapshot_files_drop_others(log, error) : status;
}

static void store_free(struct log *log) {
  map_close(&((struct store *)log)->map);
}

static const struct log_ops log_ops = {.plugin = "storage-lmdb",
                                       .section = "lmdb",
                                       .size = sizeof(struct store),
                                       .snapshots = &snapshot_files_ops,
                                       .open = store_open,
                                       .write = writer_write,
                                       .free = store_free,
                                       .note_snapshot = note_snapshot,
                                       .read = read_entries};

DECLARE_OPEN(lmdb_open, log_ops)

static const struct rkv_storage_ops ops = {
    .open = lmdb_open, .read = read_entries, DECLARE_OPERATIONS};

DECLARE_PLUGIN("storage-lmdb", RKV_VERSION,
               "log and vote in an LMDB, snapshots in files; what is acknowledged is on the disk",
               0, options, ops);
