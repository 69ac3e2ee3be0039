/* plugin.c: storage-rocksdb, a log storage in a RocksDB: options and descriptor. */
#include "snapshot.h"
#include "store.h"

static const struct rkv_option options[] = {
    DECLARE_DIR("directory of this node's database; made if it is not there"),
    ROCKS_OPTION_LIST(DECLARE_OPTION)};

static const struct log_ops log_ops = {.plugin = "storage-rocksdb",
                                       .section = "rocksdb",
                                       .size = sizeof(struct store),
                                       .snapshots = &snapshot_ops,
                                       .open = store_open,
                                       .write = writer_write,
                                       .free = store_free,
                                       .read = read_entries};

DECLARE_OPEN(rocks_open, log_ops)

static const struct rkv_storage_ops ops = {
    .open = rocks_open, .read = read_entries, DECLARE_OPERATIONS};

DECLARE_PLUGIN("storage-rocksdb", RKV_VERSION,
               "log, vote and snapshots in a RocksDB; what is acknowledged is on the disk",
               RKV_CAP_FINDS_DAMAGE, options, ops);
