/* life.h: a storage from its directory to its end: its log, its writer thread, what it reports. */
#ifndef STORAGE_PARTS_LIFE_H
#define STORAGE_PARTS_LIFE_H

#include "log.h"

/* As rkv_storage_ops.open, of the storage with these operations; what it does to files and threads
 * is done by these tables. Each is borrowed until life_close. */
enum rkv_status life_open(const struct log_ops *ops, const struct rkv_host *host,
                          const struct rkv_config *config, const struct files *files,
                          const struct threads *threads, void **storage, struct rkv_error *error);
/* As in rkv_storage_ops. */
void life_close(void *storage);

#endif
