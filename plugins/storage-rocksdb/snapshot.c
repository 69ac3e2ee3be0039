/* snapshot.c: which snapshot is the newest one, and the end of those that are not. */
#include "snapshot.h"

#include "dir.h"
#include "store.h"

#include <stdlib.h>

/* The description: number, last, membership id, size as u64 each, the id, the membership. */
enum { NUMBERS = 6, HEAD = 8 * NUMBERS + RKV_SNAPSHOT_ID_MAX };

/* ---- description ---- */

enum rkv_status snapshot_describe(const struct snapshot *snapshot, struct rkv_error *error) {
  const struct rkv_snapshot_meta *meta = &snapshot->meta;
  const uint64_t numbers[NUMBERS] = {snapshot->number,          meta->last.term,
                                     meta->last.index,          meta->membership_id.term,
                                     meta->membership_id.index, meta->size};
  struct store *s = (struct store *)snapshot->log;
  uint8_t *value = malloc(HEAD + meta->membership.len);
  rocksdb_writebatch_t *batch;
  enum rkv_status status;
  if (!value) return rkv_fail(error, RKV_NO_MEMORY, "storage-rocksdb: no memory for a snapshot");
  for (int i = 0; i < NUMBERS; i++) rkv_put_le(value + (size_t)8 * (size_t)i, numbers[i], 8);
  memcpy(value + HEAD - RKV_SNAPSHOT_ID_MAX, meta->id, RKV_SNAPSHOT_ID_MAX);
  if (meta->membership.len > 0) memcpy(value + HEAD, meta->membership.data, meta->membership.len);
  batch = rocksdb_writebatch_create();
  db_put(&s->db, batch, "snapshot", value, HEAD + meta->membership.len);
  status = ledger_write(&s->ledger, &s->db, batch, error);
  rocksdb_writebatch_destroy(batch);
  free(value);
  return status;
}

static enum rkv_status parse(struct snapshot *snapshot, const uint8_t *value, size_t len,
                             struct rkv_error *error) {
  const struct rkv_host *host = snapshot->log->host;
  struct rkv_snapshot_meta *meta = &snapshot->meta;
  uint64_t numbers[NUMBERS];
  uint8_t *room;
  if (len < HEAD || len > HEAD + SNAPSHOT_MEMBERSHIP_MAX)
    return rkv_fail(error, RKV_CORRUPT, "%s: the newest snapshot is described by %zu bytes",
                    ((const struct store *)snapshot->log)->db.dir, len);
  for (int i = 0; i < NUMBERS; i++) numbers[i] = rkv_get_le(value + (size_t)8 * (size_t)i, 8);
  snapshot->number = numbers[0];
  meta->last = (struct rkv_log_id){numbers[1], numbers[2]};
  meta->membership_id = (struct rkv_log_id){numbers[3], numbers[4]};
  meta->size = numbers[5];
  memcpy(meta->id, value + HEAD - RKV_SNAPSHOT_ID_MAX, RKV_SNAPSHOT_ID_MAX);
  meta->id[RKV_SNAPSHOT_ID_MAX - 1] = '\0';
  if (len == HEAD) return RKV_OK;
  room = host->buf_alloc(host->ctx, len - HEAD, &meta->membership);
  if (!room) return rkv_fail(error, RKV_NO_MEMORY, "storage-rocksdb: no memory for a snapshot");
  memcpy(room, value + HEAD, len - HEAD);
  return RKV_OK;
}

/* ---- chunks that nobody needs ---- */

static enum rkv_status drop_chunks(struct store *s, uint64_t from, uint64_t to,
                                   struct rkv_error *error) {
  rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
  enum rkv_status status;
  db_drop_range(&s->db, batch, DB_SNAPSHOTS, from, to);
  status = ledger_write(&s->ledger, &s->db, batch, error);
  rocksdb_writebatch_destroy(batch);
  return status == RKV_OK ? db_return_space(&s->db, DB_SNAPSHOTS, from, to, error) : status;
}

void snapshot_drop(struct snapshot *snapshot) {
  struct store *s = (struct store *)snapshot->log;
  struct rkv_error error;
  if (snapshot->meta.size > 0 &&
      drop_chunks(s, snapshot->number, snapshot->number, &error) != RKV_OK)
    log_fail(&s->log, &error);
}

/* The number of the first (last: of the last) chunk there is, 0: there is none. Errors: RKV_IO,
 * RKV_CORRUPT. */
static enum rkv_status edge(const struct store *s, bool last, uint64_t *number,
                            struct rkv_error *error) {
  rocksdb_iterator_t *i =
      rocksdb_create_iterator_cf(s->db.rocks, s->db.reading, s->db.families[DB_SNAPSHOTS]);
  size_t len = 0;
  const char *key = NULL;
  char *text = NULL;
  *number = 0;
  if (last)
    rocksdb_iter_seek_to_last(i);
  else
    rocksdb_iter_seek_to_first(i);
  if (rocksdb_iter_valid(i)) key = rocksdb_iter_key(i, &len);
  if (len >= IDS_KEY) *number = get_key((const uint8_t *)key);
  rocksdb_iter_get_error(i, &text);
  rocksdb_iter_destroy(i);
  return db_result(&s->db, text, error);
}

static enum rkv_status edges(const struct store *s, uint64_t *first, uint64_t *last,
                             struct rkv_error *error) {
  enum rkv_status status = edge(s, false, first, error);
  return status == RKV_OK ? edge(s, true, last, error) : status;
}

enum rkv_status snapshot_drop_others(struct store *s, struct rkv_error *error) {
  uint64_t newest = s->log.newest ? s->log.newest->number : 0, first, last;
  enum rkv_status status = edges(s, &first, &last, error);
  if (status != RKV_OK) return status;
  s->next_snapshot = (last > newest ? last : newest) + 1;
  if (first > 0 && first < newest) status = drop_chunks(s, 0, newest - 1, error);
  if (status == RKV_OK && last > newest) status = drop_chunks(s, newest + 1, last, error);
  return status == RKV_OK ? folder_drop(&s->log.folder, DIR_SNAPSHOT_NEW, error) : status;
}

/* ---- the newest ---- */

static enum rkv_status read_described(struct store *s, uint8_t *value, size_t max,
                                      struct rkv_error *error) {
  struct snapshot *snapshot;
  size_t len;
  enum rkv_status status = db_get(&s->db, "snapshot", value, max, &len, error);
  if (status != RKV_OK) return status == RKV_NOT_FOUND ? RKV_OK : status;
  snapshot = snapshots_new(&s->log);
  if (!snapshot) return rkv_fail(error, RKV_NO_MEMORY, "storage-rocksdb: no memory for a snapshot");
  status = parse(snapshot, value, len, error);
  if (status == RKV_OK)
    s->log.newest = snapshot;
  else
    snapshots_drop(snapshot);
  return status;
}

enum rkv_status snapshot_find(struct store *s, struct rkv_error *error) {
  const size_t max = HEAD + SNAPSHOT_MEMBERSHIP_MAX;
  uint8_t *value = malloc(max);
  uint64_t first, last;
  enum rkv_status status;
  if (!value) return rkv_fail(error, RKV_NO_MEMORY, "storage-rocksdb: no memory for a snapshot");
  status = read_described(s, value, max, error);
  free(value);
  return status == RKV_OK ? edges(s, &first, &last, error) : status;
}
