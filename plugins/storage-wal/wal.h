/* wal.h: the storage as a whole, without the plugin around it: for the plugin, and for tests that
 * give it other files and threads than the kernel's. */
#ifndef WAL_WAL_H
#define WAL_WAL_H

#include "options.h"

#include <storage-parts/files.h>

#define WAL_OPTION_COUNT(name, type, default_, min, max, flags, help) +1
enum { WAL_OPTIONS = 1 WAL_OPTION_LIST(WAL_OPTION_COUNT) };
#undef WAL_OPTION_COUNT

/* As rkv_storage_ops.open, with what the storage does to files and threads done by these tables,
 * which are borrowed until it is closed. *config has `dir`, then the options of WAL_OPTION_LIST. */
enum rkv_status wal_open_on(const struct rkv_host *host, const struct rkv_config *config,
                            const struct files *files, const struct threads *threads,
                            void **storage, struct rkv_error *error);

/* Its operations; `open` is wal_open_on with the kernel's files and threads. */
extern const struct rkv_storage_ops wal_ops;

#endif
