/* plugin.c: storage-rocksdb, a log storage in a RocksDB: options and descriptor. */
#include "open.h"
#include "read.h"

#include <storage-parts/declare.h>

static const struct rkv_option options[] = {
    DECLARE_DIR("directory of this node's database; made if it is not there"),
    ROCKS_OPTION_LIST(DECLARE_OPTION)};
enum { OPTION_COUNT = sizeof options / sizeof options[0] };

static enum rkv_status rocks_open(const struct rkv_host *host, const struct rkv_config *config,
                                  void **storage, struct rkv_error *error) {
  struct rocks_options values;
  struct store *store;
  enum rkv_status status;
  size_t n = 0;
  if (config->count != OPTION_COUNT)
    return rkv_fail(error, RKV_BROKEN, "%u option values instead of %d", config->count,
                    OPTION_COUNT);
  values.dir = config->values[n++].text;
#define ROCKS_OPTION_TAKE(name, type, default_, min, max, flags, help)                             \
  values.name = config->values[n++].number;
  ROCKS_OPTION_LIST(ROCKS_OPTION_TAKE)
#undef ROCKS_OPTION_TAKE
  status = store_open(host, &values, &store, error);
  if (status == RKV_OK) *storage = store;
  return status;
}

static const struct rkv_storage_ops ops = {
    .open = rocks_open, .close = store_close, .read = read_entries, DECLARE_OPERATIONS};

DECLARE_PLUGIN("storage-rocksdb",
               "log, vote and snapshots in a RocksDB; what is acknowledged is on the disk",
               RKV_CAP_FINDS_DAMAGE, options, ops);
