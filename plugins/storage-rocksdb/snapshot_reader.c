/* snapshot_reader.c: reads the newest snapshot; it stays as it is until it is closed. */
#include "snapshot.h"
#include "store.h"

#include <inttypes.h>
#include <stdlib.h>

struct snapshot_reader {
  struct snapshot *snapshot;
  uint64_t number;      /* of the chunk that is held */
  struct rkv_buf chunk; /* empty: none is */
};

enum rkv_status snapshot_open(void *storage, void **reader, struct rkv_snapshot_meta *meta,
                              struct rkv_error *error) {
  struct store *s = storage;
  struct snapshot_reader *r = calloc(1, sizeof *r);
  if (!r) return rkv_fail(error, RKV_NO_MEMORY, "storage-rocksdb: no memory to read a snapshot");
  (void)pthread_mutex_lock(&s->log.lock);
  r->snapshot = s->newest;
  if (r->snapshot) (void)atomic_fetch_add(&r->snapshot->refs, 1);
  (void)pthread_mutex_unlock(&s->log.lock);
  if (!r->snapshot) {
    free(r);
    return rkv_fail(error, RKV_NOT_FOUND, "storage-rocksdb: no snapshot yet");
  }
  *meta = r->snapshot->meta;
  (void)rkv_buf_share(meta->membership);
  *reader = r;
  return RKV_OK;
}

void snapshot_close(void *reader) {
  struct snapshot_reader *r = reader;
  rkv_buf_drop(&r->chunk);
  snapshot_drop(r->snapshot);
  free(r);
}

/* Copies the chunk out of RocksDB; it must be there and as long as it has to be. */
static enum rkv_status take(struct snapshot_reader *r, const rocksdb_pinnableslice_t *found,
                            uint64_t number, struct rkv_error *error) {
  const struct rkv_host *host = r->snapshot->s->log.host;
  uint64_t left = r->snapshot->meta.size - number * DB_CHUNK;
  size_t wanted = left < DB_CHUNK ? (size_t)left : DB_CHUNK, len = 0;
  const char *value = found ? rocksdb_pinnableslice_value(found, &len) : NULL;
  uint8_t *room;
  if (len != wanted)
    return rkv_fail(error, RKV_CORRUPT,
                    "%s: snapshot %" PRIu64 ", chunk %" PRIu64 ": expected %zu bytes, found %zu",
                    r->snapshot->s->db.dir, r->snapshot->number, number, wanted, len);
  room = host->buf_alloc(host->ctx, len, &r->chunk);
  if (!room) return rkv_fail(error, RKV_NO_MEMORY, "storage-rocksdb: no memory for %zu bytes", len);
  memcpy(room, value, len);
  r->number = number;
  return RKV_OK;
}

static enum rkv_status fetch(struct snapshot_reader *r, uint64_t number, struct rkv_error *error) {
  const struct db *db = &r->snapshot->s->db;
  rocksdb_pinnableslice_t *found;
  uint8_t key[2 * DB_KEY];
  char *text = NULL;
  enum rkv_status status;
  rkv_buf_drop(&r->chunk);
  db_key(key, r->snapshot->number);
  db_key(key + DB_KEY, number);
  found = rocksdb_get_pinned_cf(db->rocks, db->reading, db->families[DB_SNAPSHOTS],
                                (const char *)key, sizeof key, &text);
  status = db_result(db, text, error);
  if (status == RKV_OK) status = take(r, found, number, error);
  if (found) rocksdb_pinnableslice_destroy(found);
  return status;
}

enum rkv_status snapshot_read(void *reader, uint64_t offset, size_t max, struct rkv_buf *chunk,
                              struct rkv_error *error) {
  struct snapshot_reader *r = reader;
  uint64_t number = offset / DB_CHUNK;
  enum rkv_status status = RKV_OK;
  *chunk = rkv_buf_none();
  if (offset >= r->snapshot->meta.size) return RKV_OK;
  if (r->chunk.len == 0 || r->number != number) status = fetch(r, number, error);
  if (status != RKV_OK) return status;
  *chunk = rkv_buf_share(rkv_buf_slice(r->chunk, (size_t)(offset % DB_CHUNK), max));
  return RKV_OK;
}
