/* plugin.c: storage-rocksdb, a log storage in a RocksDB: options and descriptor. */
#include "open.h"
#include "read.h"

#include <storage-parts/declare.h>

static const struct rkv_option options[] = {
    DECLARE_DIR("directory of this node's database; made if it is not there"),
    ROCKS_OPTION_LIST(DECLARE_OPTION)};

DECLARE_TAKE(rocks_take_options, rocks_options, ROCKS_OPTION_LIST)

static enum rkv_status rocks_open(const struct rkv_host *host, const struct rkv_config *config,
                                  void **storage, struct rkv_error *error) {
  struct rocks_options values;
  struct store *store;
  enum rkv_status status = rocks_take_options(config, &values, error);
  if (status == RKV_OK) status = store_open(host, &values, &store, error);
  if (status == RKV_OK) *storage = store;
  return status;
}

static const struct rkv_storage_ops ops = {
    .open = rocks_open, .close = store_close, .read = read_entries, DECLARE_OPERATIONS};

DECLARE_PLUGIN("storage-rocksdb",
               "log, vote and snapshots in a RocksDB; what is acknowledged is on the disk",
               RKV_CAP_FINDS_DAMAGE, options, ops);
