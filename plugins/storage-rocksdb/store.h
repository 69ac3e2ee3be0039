/* store.h: the running storage: what its files share.
 *
 * The log (storage-parts/log.h) has the queue and the writer thread, which makes one batch of what
 * waits, writes it with one sync, and completes it. A durable entry is in the database. */
#ifndef ROCKS_STORE_H
#define ROCKS_STORE_H

#include "db.h"
#include "ledger.h"

#include <storage-parts/queue.h>

struct store {
  struct log log; /* the first member: its operations take a store */
  struct rocks_options options;
  bool opened; /* all of it: what it holds is known to be whole */
  struct db db;
  struct ledger ledger;

  rkv_index purged;    /* what the database knows to be purged (the writer) */
  rkv_index reclaimed; /* of it, what RocksDB was asked to make room of (the writer) */

  uint64_t next_snapshot; /* its number (the log's lock) */
};

/* ---- open.c ---- */

/* As log_ops.open and free. */
enum rkv_status store_open(struct log *log, const struct rkv_config *config,
                           struct rkv_error *error);
void store_free(struct log *log);

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
