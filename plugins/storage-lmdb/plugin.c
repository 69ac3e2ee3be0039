/* plugin.c: storage-lmdb, a log storage in an LMDB: options and descriptor. */
#include "open.h"
#include "read.h"

static const struct rkv_option options[] = {
    DECLARE_DIR("directory of this node's database; made if it is not there"),
    LMDB_OPTION_LIST(DECLARE_OPTION)};
enum { OPTION_COUNT = sizeof options / sizeof options[0] };

static enum rkv_status lmdb_open(const struct rkv_host *host, const struct rkv_config *config,
                                 void **storage, struct rkv_error *error) {
  struct lmdb_options values;
  struct store *store;
  enum rkv_status status;
  size_t n = 0;
  if (config->count != OPTION_COUNT)
    return rkv_fail(error, RKV_BROKEN, "%u option values instead of %d", config->count,
                    OPTION_COUNT);
  values.dir = config->values[n++].text;
#define LMDB_OPTION_TAKE(name, type, default_, min, max, flags, help)                              \
  values.name = config->values[n++].number;
  LMDB_OPTION_LIST(LMDB_OPTION_TAKE)
#undef LMDB_OPTION_TAKE
  status = store_open(host, &values, &store, error);
  if (status == RKV_OK) *storage = store;
  return status;
}

static const struct rkv_storage_ops ops = {
    .open = lmdb_open, .close = store_close, .read = read_entries, DECLARE_OPERATIONS};

DECLARE_PLUGIN("storage-lmdb",
               "log and vote in an LMDB, snapshots in files; what is acknowledged is on the disk",
               0, options, ops);
