/* rows.c: what is written into rows, and read back: numbers, in this machine's order. */
#include "store.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 8 };

static enum rkv_status set(struct db *db, const char *name, const void *bytes, size_t len,
                           struct rkv_error *error) {
  sqlite3_stmt *at = db->statements[STATEMENT_SET];
  if (sqlite3_bind_text(at, 1, name, -1, SQLITE_STATIC) != SQLITE_OK ||
      sqlite3_bind_blob64(at, 2, bytes, len, SQLITE_STATIC) != SQLITE_OK)
    return db_failed(db, name, error);
  return db_run(db, STATEMENT_SET, error);
}

/* Copies a row's bytes; its length is right only if *len is it. Absent: *len stays 0. */
static enum rkv_status get(struct db *db, const char *name, void *bytes, size_t room, size_t *len,
                           struct rkv_error *error) {
  sqlite3_stmt *at = db->statements[STATEMENT_GET];
  enum rkv_status status = RKV_OK;
  int code;
  *len = 0;
  (void)sqlite3_bind_text(at, 1, name, -1, SQLITE_STATIC);
  code = db_step(db, STATEMENT_GET);
  if (code != SQLITE_ROW && code != SQLITE_DONE) status = db_failed(db, name, error);
  if (code == SQLITE_ROW) {
    size_t has = (size_t)sqlite3_column_bytes(at, 0);
    const void *from = sqlite3_column_blob(at, 0);
    if (has > room || has == 0 || !from)
      status = rkv_fail(error, RKV_CORRUPT, "%s/" DB_NAME ": the row %s has %zu bytes", db->dir,
                        name, has);
    else
      memcpy(bytes, from, *len = has);
  }
  db_reset(db, STATEMENT_GET);
  return status;
}

/* A row of `count` numbers, zeros if it is absent. */
static enum rkv_status get_words(struct db *db, const char *name, uint64_t *words, size_t count,
                                 struct rkv_error *error) {
  size_t len;
  enum rkv_status status;
  memset(words, 0, count * sizeof *words);
  status = get(db, name, words, count * sizeof *words, &len, error);
  if (status == RKV_OK && len != 0 && len != count * sizeof *words)
    return rkv_fail(error, RKV_CORRUPT, "%s/" DB_NAME ": the row %s is cut off", db->dir, name);
  return status;
}

enum rkv_status db_set_vote(struct db *db, struct rkv_vote vote, struct rkv_error *error) {
  uint64_t words[] = {vote.term, vote.node_id, vote.committed};
  return set(db, "vote", words, sizeof words, error);
}

enum rkv_status db_set_identity(struct db *db, struct rkv_identity id, struct rkv_error *error) {
  uint64_t words[] = {id.cluster.high, id.cluster.low, id.incarnation, id.settled};
  return set(db, "identity", words, sizeof words, error);
}

enum rkv_status db_set_purged(struct db *db, struct rkv_log_id id, struct rkv_error *error) {
  uint64_t words[] = {id.term, id.index};
  return set(db, "purged", words, sizeof words, error);
}

/* Numbers, name and membership in one row, so that they never disagree. */
struct snapshot_row {
  uint64_t words[WORDS_MAX - 2]; /* last, membership_id, size, file */
  char id[RKV_SNAPSHOT_ID_MAX];
  uint8_t membership[];
};

enum rkv_status db_set_snapshot(struct db *db, const struct rkv_snapshot_meta *meta, uint64_t file,
                                struct rkv_error *error) {
  size_t len = sizeof(struct snapshot_row) + meta->membership.len;
  struct snapshot_row *row = calloc(1, len);
  enum rkv_status status;
  if (!row) return rkv_fail(error, RKV_NO_MEMORY, "storage-sqlite: no memory");
  row->words[0] = meta->last.term, row->words[1] = meta->last.index;
  row->words[2] = meta->membership_id.term, row->words[3] = meta->membership_id.index;
  row->words[4] = meta->size, row->words[5] = file;
  memcpy(row->id, meta->id, sizeof row->id);
  if (meta->membership.len > 0)
    memcpy(row->membership, meta->membership.data, meta->membership.len);
  status = set(db, "snapshot", row, len, error);
  free(row);
  return status;
}

static enum rkv_status get_snapshot(struct db *db, const struct rkv_host *host, struct rows *rows,
                                    struct rkv_error *error) {
  struct rkv_snapshot_meta *meta = &rows->snapshot;
  struct snapshot_row *row = calloc(1, sizeof *row + MEMBERSHIP_BYTES);
  size_t len = 0, members;
  enum rkv_status status = RKV_NO_MEMORY;
  if (row)
    status = get(db, "snapshot", row, sizeof *row + MEMBERSHIP_BYTES, &len, error);
  else
    (void)rkv_fail(error, RKV_NO_MEMORY, "storage-sqlite: no memory");
  if (status == RKV_OK && len > 0 && len < sizeof *row)
    status = rkv_fail(error, RKV_CORRUPT, "%s/" DB_NAME ": the row snapshot is cut off", db->dir);
  if (status == RKV_OK && len > 0) {
    members = len - sizeof *row;
    meta->last = (struct rkv_log_id){row->words[0], row->words[1]};
    meta->membership_id = (struct rkv_log_id){row->words[2], row->words[3]};
    meta->size = row->words[4];
    rows->file = row->words[5];
    memcpy(meta->id, row->id, sizeof meta->id - 1);
    if (members > 0) {
      uint8_t *at = host->buf_alloc(host->ctx, members, &meta->membership);
      if (at) memcpy(at, row->membership, members);
      if (!at) status = rkv_fail(error, RKV_NO_MEMORY, "storage-sqlite: no memory");
    }
  }
  free(row);
  return status;
}

enum rkv_status db_put(struct db *db, const struct rkv_entry *entry, struct rkv_error *error) {
  sqlite3_stmt *at = db->statements[STATEMENT_PUT];
  const void *bytes = entry->payload.len > 0 ? (const void *)entry->payload.data : "";
  if (sqlite3_bind_int64(at, 1, (int64_t)entry->id.index) != SQLITE_OK ||
      sqlite3_bind_int64(at, 2, (int64_t)entry->id.term) != SQLITE_OK ||
      sqlite3_bind_int64(at, 3, entry->kind) != SQLITE_OK ||
      sqlite3_bind_blob64(at, 4, bytes, entry->payload.len, SQLITE_STATIC) != SQLITE_OK)
    return db_failed(db, "an entry", error);
  return db_run(db, STATEMENT_PUT, error);
}

enum rkv_status db_get_rows(struct db *db, const struct rkv_host *host, struct rows *rows,
                            struct rkv_error *error) {
  uint64_t words[WORDS_MAX];
  enum rkv_status status = get_words(db, "vote", words, 3, error);
  if (status == RKV_OK) rows->vote = (struct rkv_vote){words[0], words[1], words[2] != 0};
  if (status == RKV_OK) status = get_words(db, "identity", words, 4, error);
  if (status == RKV_OK)
    rows->identity = (struct rkv_identity){{words[0], words[1]}, words[2], words[3] != 0};
  if (status == RKV_OK) status = get_words(db, "purged", words, 2, error);
  if (status == RKV_OK) rows->purged = (struct rkv_log_id){words[0], words[1]};
  return status == RKV_OK ? get_snapshot(db, host, rows, error) : status;
}

enum rkv_status db_count_life(struct db *db, struct rkv_error *error) {
  uint64_t lives;
  enum rkv_status status = get_words(db, "lives", &lives, 1, error);
  lives++;
  return status == RKV_OK ? set(db, "lives", &lives, sizeof lives, error) : status;
}
