/* plugin.c: storage-rocksdb, a log storage in a RocksDB: options and descriptor. */
#include "open.h"
#include "read.h"
#include "snapshot.h"

#include <storage-parts/reading.h>

static const struct rkv_option options[] = {
    {.name = "dir",
     .help = "directory of this node's database; made if it is not there",
     .type = RKV_OPTION_PATH,
     .flags = RKV_OPTION_REQUIRED},
#define ROCKS_OPTION_ROW(name_, type_, default_, min_, max_, flags_, help_)                        \
  {.name = #name_,                                                                                 \
   .default_text = default_,                                                                       \
   .help = help_,                                                                                  \
   .min = min_,                                                                                    \
   .max = max_,                                                                                    \
   .type = RKV_OPTION_##type_,                                                                     \
   .flags = flags_},
    ROCKS_OPTION_LIST(ROCKS_OPTION_ROW)
#undef ROCKS_OPTION_ROW
};
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
    .open = rocks_open,
    .close = store_close,
    .load = reading_load,
    .save_vote = queue_save_vote,
    .save_identity = queue_save_identity,
    .append = queue_append,
    .truncate = queue_truncate,
    .purge = queue_purge,
    .read = read_entries,
    .snapshot_begin = snapshot_begin,
    .snapshot_write = snapshot_write,
    .snapshot_commit = snapshot_commit,
    .snapshot_abort = snapshot_abort,
    .snapshot_open = snapshot_open,
    .snapshot_read = snapshot_read,
    .snapshot_close = snapshot_close,
};

extern RKV_PLUGIN_EXPORT const struct rkv_plugin rkv_plugin_entry;
const struct rkv_plugin rkv_plugin_entry = {
    .magic = RKV_PLUGIN_MAGIC,
    .abi_major = RKV_ABI_MAJOR,
    .abi_minor = RKV_ABI_MINOR,
    .struct_size = sizeof(struct rkv_plugin),
    .kind = RKV_KIND_STORAGE,
    .name = "storage-rocksdb",
    .version = RKV_VERSION,
    .description = "log, vote and snapshots in a RocksDB; what is acknowledged is on the disk",
    .capabilities = RKV_CAP_DURABLE,
    .options = options,
    .option_count = OPTION_COUNT,
    .option_size = sizeof(struct rkv_option),
    .ops = &ops,
    .ops_size = sizeof ops,
};
