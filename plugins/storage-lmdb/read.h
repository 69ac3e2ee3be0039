/* read.h: reads of entries. */
#ifndef LMDB_READ_H
#define LMDB_READ_H

#include "store.h"

/* As in rkv_storage_ops. */
enum rkv_status read_entries(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                             struct rkv_entry *entries, size_t capacity, size_t *count,
                             struct rkv_error *error);

#endif
