/* store.h: the running storage: what its files share.
 *
 * The log (storage-parts/log.h) has the queue and the writer thread, which writes what waits in one
 * transaction, commits it with one sync, and completes it. A durable entry is in the database. */
#ifndef LMDB_STORE_H
#define LMDB_STORE_H

#include "map.h"
#include "record.h"

#include <storage-parts/log.h>

struct store {
  struct log log; /* the first member: its operations take a store */
  struct map map;
  struct state state; /* as in the database (map.writing) */
  rkv_index purged;   /* what the database knows to be purged (the writer) */
  rkv_index dropped;  /* purged entries up to here are gone (the writer) */
};

/* ---- store.c ---- */

/* Begins a transaction, with the state as it is; store_end must follow, whatever is returned. */
enum rkv_status store_begin(struct store *s, MDB_txn **txn, struct state *state,
                            struct rkv_error *error);
/* With RKV_OK makes it durable, with this state (NULL: it has not changed). Errors: those of
 * map_end. */
enum rkv_status store_end(struct store *s, MDB_txn *txn, const struct state *state,
                          enum rkv_status status, struct rkv_error *error);

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
