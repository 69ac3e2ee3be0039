/* plugin.c: storage-wal, a log storage in files: options and descriptor. */
#include "wal.h"

static const struct rkv_option options[] = {
    DECLARE_DIR("directory of this node's log and snapshots; made if it is not there"),
    WAL_OPTION_LIST(DECLARE_OPTION)};
_Static_assert(sizeof options / sizeof options[0] == WAL_OPTIONS, "the table is the list");

DECLARE_PLUGIN("storage-wal", RKV_VERSION,
               "log, vote and snapshots in files; what is acknowledged is on the disk",
               RKV_CAP_FINDS_DAMAGE, options, wal_ops);
