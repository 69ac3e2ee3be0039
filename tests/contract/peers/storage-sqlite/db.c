/* db.c: the database: opened, recovered, read through, written. */
#include "store.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What SQLite may do by itself must not change what is still to be judged: it recovers in memory
 * (the log ahead) or is rehearsed on a copy (the rollback journal). One connection, locked for
 * good, needs no shared memory; checkpoints are made by db_checkpoint, whose failure is seen. */
#define PRAGMAS                                                                                    \
  "PRAGMA locking_mode = EXCLUSIVE; PRAGMA mmap_size = 0; PRAGMA journal_size_limit = -1; "        \
  "PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -4000;"
#define SCHEMA                                                                                     \
  "CREATE TABLE log(idx INTEGER PRIMARY KEY, term INTEGER NOT NULL, kind INTEGER NOT NULL, "       \
  "payload BLOB NOT NULL); CREATE TABLE state(name TEXT PRIMARY KEY, value BLOB NOT NULL) "        \
  "WITHOUT ROWID;"

static const char *const texts[STATEMENTS] = {
#define STATEMENT_TEXT(name, text) text,
    STATEMENT_LIST(STATEMENT_TEXT)
#undef STATEMENT_TEXT
};
static const char *const modes[] = {"PRAGMA journal_mode = WAL", "PRAGMA journal_mode = PERSIST"};

enum rkv_status db_failed(const struct db *db, const char *what, struct rkv_error *error) {
  int code = sqlite3_errcode(db->handle) & 0xff;
  enum rkv_status status = code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? RKV_CORRUPT
                           : code == SQLITE_FULL                           ? RKV_NO_SPACE
                           : code == SQLITE_NOMEM                          ? RKV_NO_MEMORY
                                                                           : RKV_IO;
  return rkv_fail(error, status, "%s/" DB_NAME ": %s: %s (errno %d)", db->dir, what,
                  sqlite3_errmsg(db->handle), sqlite3_system_errno(db->handle));
}

static enum rkv_status run_text(struct db *db, const char *text, struct rkv_error *error) {
  return sqlite3_exec(db->handle, text, NULL, NULL, NULL) == SQLITE_OK ? RKV_OK
                                                                       : db_failed(db, text, error);
}

int db_step(struct db *db, enum statement statement) {
  return sqlite3_step(db->statements[statement]);
}

void db_reset(struct db *db, enum statement statement) {
  (void)sqlite3_reset(db->statements[statement]);
  (void)sqlite3_clear_bindings(db->statements[statement]);
}

enum rkv_status db_run(struct db *db, enum statement statement, struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  if (db_step(db, statement) != SQLITE_DONE) status = db_failed(db, texts[statement], error);
  db_reset(db, statement);
  return status;
}

/* ---- reading it through ---- */

static enum rkv_status quick_check(struct db *db, struct rkv_error *error) {
  sqlite3_stmt *at = NULL;
  enum rkv_status status = RKV_OK;
  if (sqlite3_prepare_v2(db->handle, "PRAGMA quick_check(1)", -1, &at, NULL) != SQLITE_OK ||
      sqlite3_step(at) != SQLITE_ROW)
    status = db_failed(db, "quick_check", error);
  else if (strcmp((const char *)sqlite3_column_text(at, 0), "ok") != 0)
    status = rkv_fail(error, RKV_CORRUPT, "%s/" DB_NAME ": %.200s", db->dir,
                      (const char *)sqlite3_column_text(at, 0));
  (void)sqlite3_finalize(at);
  if (status != RKV_OK) error->text[strcspn(error->text, "\n")] = '\0';
  return status;
}

/* The log is a run from purged + 1 on, without holes. */
static enum rkv_status check_log(struct db *db, struct rows *rows, struct rkv_error *error) {
  sqlite3_stmt *at = NULL;
  uint64_t count, low, high;
  if (sqlite3_prepare_v2(db->handle,
                         "SELECT count(*), min(idx), max(idx), (SELECT term FROM log ORDER BY idx "
                         "DESC LIMIT 1) FROM log",
                         -1, &at, NULL) != SQLITE_OK ||
      sqlite3_step(at) != SQLITE_ROW) {
    (void)db_failed(db, "the log", error);
    (void)sqlite3_finalize(at);
    return (enum rkv_status)error->status;
  }
  count = (uint64_t)sqlite3_column_int64(at, 0);
  low = (uint64_t)sqlite3_column_int64(at, 1);
  high = (uint64_t)sqlite3_column_int64(at, 2);
  rows->last = rows->purged;
  if (count > 0) rows->last = (struct rkv_log_id){(uint64_t)sqlite3_column_int64(at, 3), high};
  (void)sqlite3_finalize(at);
  if (count == 0 || (low == rows->purged.index + 1 && high == rows->purged.index + count))
    return RKV_OK;
  return rkv_fail(error, RKV_CORRUPT,
                  "%s/" DB_NAME ": %" PRIu64 " entries from %" PRIu64 " to %" PRIu64
                  " stand behind the purged %" PRIu64,
                  db->dir, count, low, high, rows->purged.index);
}

void db_snapshot_name(uint64_t file, char name[NAME_BYTES]) {
  (void)snprintf(name, NAME_BYTES, SNAPSHOT_START "%" PRIu64, file);
}

static enum rkv_status check_snapshot(const struct place *place, const struct rows *rows,
                                      struct rkv_error *error) {
  char name[NAME_BYTES];
  int64_t size;
  if (rows->file == 0) return RKV_OK;
  db_snapshot_name(rows->file, name);
  size = place_size(place, name);
  if (size >= 0 && (uint64_t)size == rows->snapshot.size) return RKV_OK;
  return rkv_fail(error, RKV_CORRUPT, "%s/%s %s (snapshot %s, %" PRIu64 " bytes)", place->dir, name,
                  size < 0    ? "is missing"
                  : size == 0 ? "is empty"
                              : "has another length",
                  rows->snapshot.id, rows->snapshot.size);
}

static enum rkv_status read_through(struct db *db, const struct place *place,
                                    const struct rkv_host *host, struct rows *rows,
                                    struct rkv_error *error) {
  enum rkv_status status = quick_check(db, error);
  memset(rows, 0, sizeof *rows);
  for (int i = 0; i < STATEMENTS && status == RKV_OK; i++)
    if (sqlite3_prepare_v3(db->handle, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &db->statements[i],
                           NULL) != SQLITE_OK)
      status =
          rkv_fail(error, RKV_CORRUPT, "%s/" DB_NAME ": %s", db->dir, sqlite3_errmsg(db->handle));
  if (status == RKV_OK) status = db_get_rows(db, host, rows, error);
  if (status == RKV_OK) status = check_log(db, rows, error);
  if (status == RKV_OK) status = check_snapshot(place, rows, error);
  if (status != RKV_OK) rkv_buf_drop(&rows->snapshot.membership);
  return status;
}

/* ---- opening it ---- */

static enum rkv_status begin(struct db *db, const struct place *place, const char *name, bool make,
                             enum journal journal, struct rkv_error *error) {
  char path[PATH_BYTES];
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (make ? SQLITE_OPEN_CREATE : 0);
  int keep = 1;
  enum rkv_status status;
  place_path(place, name, path);
  memset(db, 0, sizeof *db);
  db->dir = place->dir;
  if (sqlite3_open_v2(path, &db->handle, flags, NULL) != SQLITE_OK)
    return db_failed(db, "open", error);
  (void)sqlite3_extended_result_codes(db->handle, 0);
  (void)sqlite3_file_control(db->handle, NULL, SQLITE_FCNTL_PERSIST_WAL, &keep);
  (void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  status = run_text(db, PRAGMAS, error);
  if (status == RKV_OK)
    status =
        run_text(db, place->sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = OFF", error);
  if (status == RKV_OK && (make || journal == JOURNAL_ROLLBACK))
    status = run_text(db, modes[journal], error);
  return status;
}

void db_close(struct db *db) {
  for (int i = 0; i < STATEMENTS; i++) (void)sqlite3_finalize(db->statements[i]);
  (void)sqlite3_close(db->handle);
  memset(db, 0, sizeof *db);
}

/* A transaction that did not end is to be rolled back in the database's file. */
static bool must_roll_back(const struct place *place) {
  static const uint8_t magic[8] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7};
  uint8_t head[sizeof magic];
  int fd;
  bool hot;
  if (place->journal != JOURNAL_ROLLBACK) return false;
  fd = openat(place->fd, JOURNAL_NAME, O_RDONLY | O_CLOEXEC);
  hot = fd >= 0 && read(fd, head, sizeof head) == (ssize_t)sizeof head &&
        memcmp(head, magic, sizeof magic) == 0;
  if (fd >= 0) (void)close(fd);
  return hot;
}

/* On copies; if there is no room for them, it is not rehearsed. */
static enum rkv_status rehearse(struct place *place, const struct rkv_host *host,
                                struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  struct rows rows;
  struct db db;
  if (place_copy(place, DB_NAME, CHECK_NAME) &&
      place_copy(place, JOURNAL_NAME, CHECK_NAME "-journal")) {
    status = begin(&db, place, CHECK_NAME, false, JOURNAL_ROLLBACK, error);
    if (status == RKV_OK) status = read_through(&db, place, host, &rows, error);
    if (status == RKV_OK) rkv_buf_drop(&rows.snapshot.membership);
    db_close(&db);
  }
  place_sweep(place, CHECK_NAME, NULL);
  return status == RKV_CORRUPT ? status : RKV_OK;
}

/* In another journal than before: what was needed of that one is in the database first. */
static enum rkv_status change_journal(struct db *db, struct place *place, enum journal journal,
                                      struct rkv_error *error) {
  enum rkv_status status = db_end(db, place, error);
  return status == RKV_OK ? run_text(db, modes[journal], error) : status;
}

/* A first transaction makes the journal's file, which is needed from then on. An open place has
 * one: then nothing is written, for there may be no room. */
static enum rkv_status go_in_service(struct db *db, struct place *place, enum journal journal,
                                     struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  if (place->state == PLACE_OPEN && journal == place->journal) return RKV_OK;
  if (journal != place->journal) status = change_journal(db, place, journal, error);
  if (status == RKV_OK) status = db_count_life(db, error);
  return status == RKV_OK ? place_note(place, PLACE_OPEN, journal, error) : status;
}

static int count_pages(void *ahead, sqlite3 *handle, const char *name, int pages) {
  (void)handle, (void)name;
  *(int *)ahead = pages;
  return SQLITE_OK;
}

/* A new database, or the one that is there, up to where nothing of it is refused any more. */
static enum rkv_status take(struct db *db, struct place *place, enum journal journal,
                            const struct rkv_host *host, struct rows *rows,
                            struct rkv_error *error) {
  bool make = place->state == PLACE_NEW;
  enum rkv_status status = RKV_OK;
  if (make) {
    status = place_note(place, PLACE_NEW, journal, error);
    place_sweep(place, DB_NAME, NULL);
  } else {
    status = place_settle(place, error);
    if (status == RKV_OK && must_roll_back(place)) status = rehearse(place, host, error);
  }
  if (status == RKV_OK) status = begin(db, place, DB_NAME, make, place->journal, error);
  if (status == RKV_OK && make) status = run_text(db, "BEGIN;" SCHEMA "COMMIT;", error);
  return status == RKV_OK ? read_through(db, place, host, rows, error) : status;
}

enum rkv_status db_open(struct db *db, struct place *place, enum journal journal,
                        const struct rkv_host *host, struct rows *rows, struct rkv_error *error) {
  bool aside = place->state == PLACE_CLOSED && place_put_aside(place);
  bool closed = place->state == PLACE_CLOSED;
  char name[NAME_BYTES];
  enum rkv_status status;
  memset(db, 0, sizeof *db);
  status = take(db, place, journal, host, rows, error);
  if (status != RKV_OK) {
    db_close(db);
    if (closed) place_put_back(place, aside);
    return status;
  }
  (void)sqlite3_wal_hook(db->handle, count_pages, &db->ahead);
  status = go_in_service(db, place, journal, error);
  if (status != RKV_OK) return rkv_buf_drop(&rows->snapshot.membership), status;
  place_drop_aside(place);
  db_snapshot_name(rows->file, name);
  place_sweep(place, SNAPSHOT_START, name);
  place_sweep(place, CHECK_NAME, NULL);
  return RKV_OK;
}

enum rkv_status db_checkpoint(struct db *db, int how, struct rkv_error *error) {
  if (sqlite3_wal_checkpoint_v2(db->handle, NULL, how, NULL, NULL) != SQLITE_OK)
    return db_failed(db, "checkpoint", error);
  db->ahead = 0;
  return RKV_OK;
}

enum rkv_status db_end(struct db *db, struct place *place, struct rkv_error *error) {
  enum rkv_status status = db_checkpoint(db, SQLITE_CHECKPOINT_FULL, error);
  return status == RKV_OK ? place_note(place, PLACE_CLOSED, place->journal, error) : status;
}
