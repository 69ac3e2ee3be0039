/* wal.c: the storage as a table of operations. */
#include "wal.h"

#include "open.h"
#include "read.h"

enum rkv_status wal_open_on(const struct rkv_host *host, const struct rkv_config *config,
                            const struct files *files, const struct threads *threads,
                            void **storage, struct rkv_error *error) {
  return life_open(&store_log_ops, host, config, files, threads, storage, error);
}

DECLARE_OPEN(wal_open, store_log_ops)

const struct rkv_storage_ops wal_ops = {.open = wal_open, .read = read_entries, DECLARE_OPERATIONS};
