/* open.h: the storage from its directory to its end. */
#ifndef LMDB_OPEN_H
#define LMDB_OPEN_H

#include "store.h"

/* Opens the directory and starts the writer. Errors: those of rkv_storage_ops.open. */
enum rkv_status store_open(const struct rkv_host *host, const struct lmdb_options *options,
                           struct store **store, struct rkv_error *error);
void store_close(void *storage);

#endif
