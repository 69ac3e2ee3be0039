/* plugin.c: storage-lmdb, a log storage in an LMDB: options and descriptor. */
#include "open.h"
#include "read.h"

static const struct rkv_option options[] = {
    DECLARE_DIR("directory of this node's database; made if it is not there"),
    LMDB_OPTION_LIST(DECLARE_OPTION)};

DECLARE_TAKE(lmdb_take_options, lmdb_options, LMDB_OPTION_LIST)

static enum rkv_status lmdb_open(const struct rkv_host *host, const struct rkv_config *config,
                                 void **storage, struct rkv_error *error) {
  struct lmdb_options values;
  struct store *store;
  enum rkv_status status = lmdb_take_options(config, &values, error);
  if (status == RKV_OK) status = store_open(host, &values, &store, error);
  if (status == RKV_OK) *storage = store;
  return status;
}

static const struct rkv_storage_ops ops = {
    .open = lmdb_open, .close = store_close, .read = read_entries, DECLARE_OPERATIONS};

DECLARE_PLUGIN("storage-lmdb",
               "log and vote in an LMDB, snapshots in files; what is acknowledged is on the disk",
               0, options, ops);
