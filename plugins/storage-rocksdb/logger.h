/* logger.h: RocksDB's lines go to the node's log, not to a file of its own.
 *
 * A file would be one more thing that can fail: after the first write to it that failed, Debian's
 * RocksDB, which is built with its asserts, ends the process. */
#ifndef ROCKS_LOGGER_H
#define ROCKS_LOGGER_H

#include <rkv/plugin.h>
#include <rocksdb/c.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Errors and warnings of databases opened with these options are lines of the host's log; `host`
 * outlives them all. */
void logger_use(rocksdb_options_t *options, const struct rkv_host *host);

#ifdef __cplusplus
}
#endif

#endif
