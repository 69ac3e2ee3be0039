/* active_log.h: which log file RocksDB writes to. */
#ifndef ROCKS_ACTIVE_LOG_H
#define ROCKS_ACTIVE_LOG_H

#include <rocksdb/c.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Its number, which only grows; 0: RocksDB cannot tell. Any thread. */
uint64_t active_log(rocksdb_t *rocks);

#ifdef __cplusplus
}
#endif

#endif
