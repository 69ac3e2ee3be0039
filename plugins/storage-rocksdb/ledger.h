/* ledger.h: what RocksDB's log files must hold when they are opened next: notes in rkv-owner.
 *
 * RocksDB knows which of its log files must be there and how long they are, but not of the one that
 * it writes to: without that one, or with nothing in it, the database opens to what it held before.
 *
 * (N1) Nothing is acknowledged before a note names the log file that holds it, and is as durable as
 *      what is acknowledged. That costs a write to rkv-owner per log file: later changes in the
 *      same file need none.
 * (N2) A note is kept as long as RocksDB needs the file: later all that the file holds is in other
 *      files. */
#ifndef ROCKS_LEDGER_H
#define ROCKS_LEDGER_H

#include "db.h"
#include "owner.h"

#include <pthread.h>

struct ledger {
  const struct log *log; /* borrowed */
  pthread_mutex_t lock;  /* for what follows: log and snapshots are written by two threads */
  struct owner owner;    /* as in the file, but for the sequence of the last note */
  uint64_t active;       /* RocksDB's log file when it was looked at last */
};

/* `log` is borrowed until ledger_free. */
void ledger_init(struct ledger *l, const struct log *log);
void ledger_free(struct ledger *l);

/* Takes the log's directory, which is open, and reads the notes. Errors: those of owner_take. */
enum rkv_status ledger_open(struct ledger *l, struct rkv_error *error);

/* Holds the notes against what RocksDB found without changing anything. Errors: RKV_CORRUPT, with
 * the file that is missing or shorter than it was. */
enum rkv_status ledger_check(const struct ledger *l, const struct db *db, const struct tail *tail,
                             struct rkv_error *error);

/* RocksDB is open for good: what it took from its log counts as acknowledged (N1). Says `made`. */
enum rkv_status ledger_begin(struct ledger *l, const struct db *db, const struct tail *tail,
                             struct rkv_error *error);

/* db_write, noted. Any thread. Errors: those of db_write, and nothing was written; RKV_IO, also
 * where something was. */
enum rkv_status ledger_write(struct ledger *l, const struct db *db, rocksdb_writebatch_t *batch,
                             struct rkv_error *error);

/* After the last write, when RocksDB is closed: writes `closed` and the notes. */
enum rkv_status ledger_close(struct ledger *l, struct rkv_error *error);

#endif
