/* plugin.h: what plugin.c hands on of the ABI's calls. */
#ifndef WAL_PLUGIN_H
#define WAL_PLUGIN_H

#include "store.h"

/* Opens the directory and starts the threads. Errors: those of rkv_storage_ops.open. */
enum rkv_status store_open(const struct rkv_host *host, const struct wal_options *options,
                           struct store **store, struct rkv_error *error);
void store_close(void *storage);
enum rkv_status store_load(void *storage, struct rkv_storage_state *state, struct rkv_error *error);

#endif
