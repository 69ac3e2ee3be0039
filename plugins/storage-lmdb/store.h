/* store.h: the running storage: what its files share.
 *
 * The log (storage-parts/log.h) has the queue and the writer thread, which writes what waits in one
 * transaction, commits it with one sync, and completes it. A durable entry is in the database. */
#ifndef LMDB_STORE_H
#define LMDB_STORE_H

#include "map.h"

#include <storage-parts/log.h>

struct store {
  struct log log; /* the first member: its operations take a store */
  struct map map;
  rkv_index purged;  /* what the database knows to be purged (the writer) */
  rkv_index dropped; /* purged entries up to here are gone (the writer) */
};

/* ---- load.c ---- */

/* Reads the state and both ends of the log into the log of `store`: for map_read, before the writer
 * runs. Errors: RKV_CORRUPT, RKV_IO. */
enum rkv_status load(void *store, MDB_cursor *cursor, struct rkv_error *error);

/* ---- writer.c ---- */

/* As log_ops.write. */
enum rkv_status writer_write(struct log *log, struct op *first, const struct op *last,
                             struct rkv_error *error);

/* ---- read.c ---- */

/* As in rkv_storage_ops. */
enum rkv_status read_entries(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                             struct rkv_entry *entries, size_t capacity, size_t *count,
                             struct rkv_error *error);

#endif
