/* store.h: a storage on SQLite, as a stranger writes one: from the public headers alone.
 *
 * Log, vote, identity and what is known of the snapshot are rows of one database; the snapshot's
 * bytes are a file beside it. A thread of its own carries out what waits, as one transaction, and
 * completes it in order. SQLite makes no checksums: a decaying disk is not noticed.
 *
 * `place.file`, `db` and the rows belong to whoever has `db_lock`; everything else that changes to
 * whoever has `lock`. Who needs both takes db_lock first. No completion is called under either.
 *
 * (Q1) Entries of the log below tail_first are rows of the database, and no operation that waits
 *      changes them, but purges.
 * (Q2) tail[0..tail_count) are the entries tail_first..last, in memory until they are rows. */
#ifndef STORAGE_SQLITE_H
#define STORAGE_SQLITE_H

#include <rkv/rkv.h>

#include <pthread.h>
#include <sqlite3.h>

enum {
  PATH_BYTES = 4096,
  NAME_BYTES = 64,
  BATCH_MAX = 512,               /* operations of one transaction */
  CHECKPOINT_PAGES = 1000,       /* of the log ahead: then it goes into the database */
  MEMBERSHIP_BYTES = 1024 * 1024 /* of a snapshot, as open takes it */
};

enum journal { JOURNAL_WAL, JOURNAL_ROLLBACK };

/* ---- the directory (place.c) ---- */

/* X(NAME, word): what the owner's file says of the directory. NEW: nothing in it was acknowledged.
 * OPEN: all files are needed. CLOSED: the database alone holds everything. */
#define PLACE_STATE_LIST(X) X(NEW, "new") X(OPEN, "open") X(CLOSED, "closed")

enum place_state {
#define PLACE_STATE_ENUM(name, word) PLACE_##name,
  PLACE_STATE_LIST(PLACE_STATE_ENUM)
#undef PLACE_STATE_ENUM
      PLACE_STATES
};

struct place {
  char dir[PATH_BYTES - NAME_BYTES]; /* so that a name fits behind it */
  int fd;                            /* of the directory: locked; -1: none */
  rkv_node_id node;
  bool sync;
  enum place_state state;
  enum journal journal; /* with which the database was used last */
};

/* Takes the directory: made if it is not there, locked, looked at. Nothing else changes. Errors:
 * RKV_FOREIGN, RKV_CORRUPT, RKV_IO. */
enum rkv_status place_open(struct place *place, struct rkv_error *error);
void place_close(struct place *place);
/* Notes state and journal durably. */
enum rkv_status place_note(struct place *place, enum place_state state, enum journal journal,
                           struct rkv_error *error);
/* All that lives before have written, and all names, are durable. */
enum rkv_status place_settle(const struct place *place, struct rkv_error *error);
enum rkv_status place_sync_names(const struct place *place, struct rkv_error *error);
/* Removes files whose names begin so, but one (NULL: all). */
void place_sweep(const struct place *place, const char *start, const char *but);
/* In a closed place the log ahead holds nothing that the database lacks: SQLite is to begin a new
 * one, and a refusal puts the old one back. True: there was one. */
bool place_put_aside(const struct place *place);
void place_put_back(const struct place *place, bool aside);
void place_drop_aside(const struct place *place);
void place_path(const struct place *place, const char *name, char path[PATH_BYTES]);
/* Bytes of a file; -1: it is not there. */
int64_t place_size(const struct place *place, const char *name);
bool place_copy(const struct place *place, const char *from, const char *to);
/* errno as an error about a file. */
enum rkv_status place_failed(const struct place *place, const char *name, struct rkv_error *error);

#define DB_NAME "log.db"
#define WAL_NAME DB_NAME "-wal"
#define JOURNAL_NAME DB_NAME "-journal"
#define CHECK_NAME "check.db" /* a copy on which a recovery is rehearsed */
#define SNAPSHOT_START "state-"

/* ---- the database (db.c, rows.c) ---- */

/* What the rows of `state` say. */
struct rows {
  struct rkv_vote vote;
  struct rkv_identity identity;
  struct rkv_log_id purged, last;
  struct rkv_snapshot_meta snapshot; /* owns its membership */
  uint64_t file;                     /* number of the snapshot's file; 0: none */
};

/* X(NAME, text). */
#define STATEMENT_LIST(X)                                                                          \
  X(BEGIN, "BEGIN IMMEDIATE")                                                                      \
  X(COMMIT, "COMMIT")                                                                              \
  X(PUT, "INSERT INTO log(idx, term, kind, payload) VALUES(?1, ?2, ?3, ?4)")                       \
  X(CUT_ABOVE, "DELETE FROM log WHERE idx > ?1")                                                   \
  X(CUT_TO, "DELETE FROM log WHERE idx <= ?1")                                                     \
  X(TERM, "SELECT term FROM log WHERE idx = ?1")                                                   \
  X(READ, "SELECT idx, term, kind, payload FROM log WHERE idx >= ?1 AND idx <= ?2 ORDER BY idx")   \
  X(SET, "INSERT OR REPLACE INTO state(name, value) VALUES(?1, ?2)")                               \
  X(GET, "SELECT value FROM state WHERE name = ?1")

enum statement {
#define STATEMENT_ENUM(name, text) STATEMENT_##name,
  STATEMENT_LIST(STATEMENT_ENUM)
#undef STATEMENT_ENUM
      STATEMENTS
};

struct db {
  sqlite3 *handle;
  sqlite3_stmt *statements[STATEMENTS];
  const char *dir; /* for errors */
  int ahead;       /* pages that are only in the log ahead */
};

/* Opens the database of a place that is taken, recovers it, and reads it through; makes one in a
 * new place. Refuses it (RKV_CORRUPT) without a change. */
enum rkv_status db_open(struct db *db, struct place *place, enum journal journal,
                        const struct rkv_host *host, struct rows *rows, struct rkv_error *error);
/* What is ahead goes into the database, and the place is noted as closed. */
enum rkv_status db_end(struct db *db, struct place *place, struct rkv_error *error);
void db_close(struct db *db);

/* One row or none: SQLITE_ROW or SQLITE_DONE, else the failure. The statement is to be reset. */
int db_step(struct db *db, enum statement statement);
void db_reset(struct db *db, enum statement statement);
/* Runs a statement that gives no row. */
enum rkv_status db_run(struct db *db, enum statement statement, struct rkv_error *error);
enum rkv_status db_failed(const struct db *db, const char *what, struct rkv_error *error);
enum rkv_status db_checkpoint(struct db *db, int how, struct rkv_error *error);

/* All but `last`; *rows is zeroed. The membership is given. */
enum rkv_status db_get_rows(struct db *db, const struct rkv_host *host, struct rows *rows,
                            struct rkv_error *error);
/* A transaction that changes nothing else. */
enum rkv_status db_count_life(struct db *db, struct rkv_error *error);
enum rkv_status db_set_vote(struct db *db, struct rkv_vote vote, struct rkv_error *error);
enum rkv_status db_set_identity(struct db *db, struct rkv_identity id, struct rkv_error *error);
enum rkv_status db_set_purged(struct db *db, struct rkv_log_id id, struct rkv_error *error);
enum rkv_status db_set_snapshot(struct db *db, const struct rkv_snapshot_meta *meta, uint64_t file,
                                struct rkv_error *error);
enum rkv_status db_put(struct db *db, const struct rkv_entry *entry, struct rkv_error *error);
void db_snapshot_name(uint64_t file, char name[NAME_BYTES]);

/* ---- the storage ---- */

enum kind { OP_VOTE, OP_IDENTITY, OP_APPEND, OP_TRUNCATE, OP_PURGE, OP_SNAPSHOT };

struct op {
  struct op *next;
  enum kind kind;
  uint64_t seq;
  struct rkv_completion *completion; /* NULL: none waits */
  struct rkv_vote vote;
  struct rkv_identity identity;
  struct rkv_log_id id;                 /* truncate: index = after; purge: up to */
  const struct rkv_snapshot_meta *meta; /* the writer's, which waits */
  uint64_t file;
  size_t count; /* of entries, which own their payloads */
  struct rkv_entry entries[];
};

struct kept {
  struct rkv_entry entry;
  uint64_t seq; /* of its append */
};

struct store {
  const struct rkv_host *host;
  struct place place;
  struct db db;
  pthread_mutex_t db_lock, lock;
  pthread_cond_t work, idle; /* with `lock`: something waits; all was carried out */
  pthread_t worker;
  struct rows rows; /* as they were carried out: under `lock`, changed under both */
  struct op *first, **end;
  uint64_t seq, done_seq; /* of the last operation handed in, and carried out */
  bool stop;
  enum rkv_status failed;             /* the first failure; nothing succeeds after it */
  struct rkv_error why;               /* set once, before `failed` */
  rkv_index purged, last, tail_first; /* of the log as it is read */
  struct kept *tail;
  size_t tail_head, tail_count, tail_room; /* (Q2): tail[tail_head + i] */
};

/* ---- (tail.c; under lock) ---- */

/* What an operation that was just handed in changes in the log as it is read. False: no memory. */
bool tail_show(struct store *s, const struct op *op);
/* The entries that operations up to `seq` appended are rows now (Q1). */
void tail_release(struct store *s, uint64_t seq);
void tail_free(struct store *s);

/* ---- (log.c, read.c) ---- */

/* Begins with what `rows` says. False: no thread. */
bool log_start(struct store *s);
/* Carries out what waits, then ends the worker. */
void log_stop(struct store *s);
/* Hands in an operation, which is given. Never blocks. */
void log_issue(struct store *s, struct op *op);
struct op *op_new(struct store *s, enum kind kind, struct rkv_completion *completion, size_t count);
enum rkv_status log_read(struct store *s, rkv_index from, rkv_index to, uint64_t bytes_max,
                         struct rkv_entry *entries, size_t capacity, size_t *count,
                         struct rkv_error *error);

/* ---- operations (snapshot.c) ---- */

enum rkv_status sqlite_snapshot_begin(void *storage, const struct rkv_snapshot_meta *meta,
                                      void **writer, struct rkv_error *error);
enum rkv_status sqlite_snapshot_write(void *writer, struct rkv_buf chunk, struct rkv_error *error);
enum rkv_status sqlite_snapshot_commit(void *writer, struct rkv_error *error);
void sqlite_snapshot_abort(void *writer);
enum rkv_status sqlite_snapshot_open(void *storage, void **reader, struct rkv_snapshot_meta *meta,
                                     struct rkv_error *error);
enum rkv_status sqlite_snapshot_read(void *reader, uint64_t offset, size_t max,
                                     struct rkv_buf *chunk, struct rkv_error *error);
void sqlite_snapshot_close(void *reader);

#endif
