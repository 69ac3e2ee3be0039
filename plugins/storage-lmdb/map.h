/* map.h: the LMDB under the storage: opened as we need it, its file grown, its transactions, and
 * the state that each of them may change.
 *
 * LMDB's own lock file is not used (MDB_NOLOCK): the directory is locked by one process, and what
 * LMDB asks of that process is kept here:
 *
 * A device that cannot read a page that is mapped ends the process (SIGBUS).
 *
 * (M1) The file is as long as the map, and its bytes are on the device, before the map is: no page
 *      that LMDB writes needs room, and none that it reads is missing.
 * (M2) One transaction writes at a time: between map_begin and map_end `writing` is held.
 * (M3) No transaction that reads outlives a commit, or the map under it: `reading` is held by each,
 *      and by the commit alone. No pointer into the map leaves a transaction. */
#ifndef LMDB_MAP_H
#define LMDB_MAP_H

#include "record.h"

#include <storage-parts/folder.h>

#include <lmdb.h>
#include <pthread.h>

#define MAP_FILE "data.mdb" /* in the storage's directory */

struct map {
  const struct folder *folder; /* borrowed */
  char path[PATH_MAX];         /* of the file in it */
  int file;                    /* its descriptor; -1: none */
  MDB_env *env;                /* NULL: none */
  uint64_t bytes;              /* of the map (`writing`) */
  uint64_t page_bytes;
  bool lost;          /* it could not be mapped again (both locks to change it) */
  uint64_t spare;     /* pages found free, less those that may be used since (`writing`) */
  struct state state; /* as in the database, once it was read (`writing`) */
  pthread_mutex_t writing;
  pthread_rwlock_t reading;
};

/* `folder` is borrowed until map_close, which frees also what an error of map_open left. */
void map_init(struct map *m, const struct folder *folder);
/* Opens the database in the directory, or makes an empty one in the place of whatever is there.
 * Errors: RKV_CORRUPT, RKV_IO, RKV_NO_SPACE, RKV_FULL without a descriptor, RKV_NO_MEMORY. */
enum rkv_status map_open(struct map *m, bool make, struct rkv_error *error);
void map_close(struct map *m);

/* Refuses what LMDB refused; `what` completes "cannot". Errors: RKV_NO_SPACE if the map is full;
 * RKV_CORRUPT; RKV_NO_MEMORY; those of refuse_errno. */
enum rkv_status map_result(const struct map *m, int result, const char *what,
                           struct rkv_error *error);

/* ---- writing ---- */

/* Begins a transaction, with the state as it is; map_end must follow, whatever is returned. */
enum rkv_status map_begin(struct map *m, MDB_txn **txn, struct state *state,
                          struct rkv_error *error);
/* With RKV_OK commits it durably, with this state (NULL: it has not changed); else drops it.
 * Errors: `status`; RKV_NO_SPACE if the map is full, and nothing was written; RKV_IO, which is
 * final. */
enum rkv_status map_end(struct map *m, MDB_txn *txn, const struct state *state,
                        enum rkv_status status, struct rkv_error *error);

/* True if so many pages can be written, and some are left for what frees others. */
bool map_has(struct map *m, uint64_t pages);
/* Makes the map larger by so many pages, better by more, as long as `left` bytes stay free on the
 * device. By the writer alone. Errors: RKV_NO_SPACE; RKV_IO. */
enum rkv_status map_grow(struct map *m, uint64_t pages, uint64_t left, struct rkv_error *error);
/* Bytes of pages that a value of `len` bytes may take. */
uint64_t map_cost(const struct map *m, uint64_t len);

/* ---- reading ---- */

/* Calls `read` with a cursor on the table, in a transaction that ends when it returns. Errors:
 * those of `read`, of map_result; RKV_IO. */
enum rkv_status map_read(struct map *m, MDB_dbi table,
                         enum rkv_status (*read)(void *arg, MDB_cursor *cursor,
                                                 struct rkv_error *error),
                         void *arg, struct rkv_error *error);

/* The only table. */
enum { MAP_TABLE = 1 };

#endif
