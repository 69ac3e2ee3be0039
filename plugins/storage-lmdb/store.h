/* store.h: the running storage: what its files share.
 *
 * The log (storage-parts/log.h) has the queue and the writer thread, which writes what waits in one
 * transaction, commits it with one sync, and completes it. A durable entry is in the database. */
#ifndef LMDB_STORE_H
#define LMDB_STORE_H

#include "map.h"
#include "options.h"
#include "record.h"

#include <storage-parts/snapshot_files.h>

#define STORE_LOG "lmdb"

struct store {
  struct snapshot_files base; /* the first member; its first one is the log, whose operations take
                                 a store */
  struct lmdb_options options;
  struct map map;
  struct state state; /* as in the database (map.writing) */
  rkv_index purged;   /* what the database knows to be purged (the writer) */
  rkv_index dropped;  /* purged entries up to here are gone (the writer) */
  struct thread *writer_thread;
};

/* Puts the state into the database. */
enum rkv_status store_put_state(const struct store *s, MDB_txn *txn, const struct state *state,
                                struct rkv_error *error);
/* Bytes that entries leave free for the next snapshot. Takes the log's lock. */
uint64_t store_left(struct store *s);

#endif
