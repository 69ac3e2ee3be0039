/* open.h: the storage from its directory to its end. */
#ifndef WAL_OPEN_H
#define WAL_OPEN_H

#include "store.h"

/* Opens the directory and starts the threads, both by these tables, which are borrowed until
 * store_close. Errors: those of rkv_storage_ops.open. */
enum rkv_status store_open(const struct rkv_host *host, const struct wal_options *options,
                           const struct files *files, const struct threads *threads,
                           struct store **store, struct rkv_error *error);
void store_close(void *storage);

#endif
