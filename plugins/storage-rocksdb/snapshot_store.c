/* snapshot_store.c: writes a snapshot beside the present one, and reads the newest.
 *
 * Its chunks go to a file of RocksDB's own kind, which RocksDB takes over as it is: neither its log
 * nor its memory sees them, so that a large snapshot does not keep the log waiting. */
#include "dir.h"
#include "room.h"
#include "snapshot.h"

#include <storage-parts/refuse.h>

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <unistd.h>

static struct store *store_of_snapshot(const struct snapshot *snapshot) {
  return (struct store *)snapshot->log;
}

/* ---- write ---- */

struct chunk_writer {
  struct snapshot_writer base;   /* the first member */
  rocksdb_sstfilewriter_t *file; /* NULL until there is a chunk */
  char path[PATH_MAX];
};

static enum rkv_status begin(struct snapshot_writer *writer, struct rkv_error *error) {
  struct chunk_writer *w = (struct chunk_writer *)writer;
  struct store *s = store_of_snapshot(writer->snapshot);
  const struct rkv_snapshot_meta *meta = &writer->snapshot->meta;
  if (meta->membership.len > SNAPSHOT_MEMBERSHIP_MAX)
    return rkv_fail(error, RKV_TOO_LARGE, "storage-rocksdb: a membership of %zu bytes (at most %d)",
                    meta->membership.len, SNAPSHOT_MEMBERSHIP_MAX);
  if (snprintf(w->path, sizeof w->path, "%s/" DIR_SNAPSHOT_NEW, s->db.dir) >= (int)sizeof w->path)
    return rkv_fail(error, RKV_IO, "%s: the path is too long", s->db.dir);
  log_lock(&s->log);
  writer->snapshot->number = s->next_snapshot++;
  log_unlock(&s->log);
  return RKV_OK;
}

static void end(struct snapshot_writer *writer) {
  struct chunk_writer *w = (struct chunk_writer *)writer;
  if (w->file) rocksdb_sstfilewriter_destroy(w->file);
  (void)unlink(w->path);
}

/* A crash may leave the name beside that of a file that is RocksDB's: it must go, not be written
 * over, which would be the end of that one. */
static enum rkv_status snapshot_open_file(struct chunk_writer *w, struct rkv_error *error) {
  const struct db *db = &store_of_snapshot(w->base.snapshot)->db;
  rocksdb_envoptions_t *env;
  char *text = NULL;
  if (unlink(w->path) != 0 && errno != ENOENT) return refuse_errno(w->path, "remove it", error);
  env = rocksdb_envoptions_create();
  w->file = rocksdb_sstfilewriter_create(env, db->sst);
  rocksdb_envoptions_destroy(env);
  rocksdb_sstfilewriter_open(w->file, w->path, &text);
  return db_result(db, text, error);
}

static enum rkv_status write_chunk(struct snapshot_writer *writer, struct rkv_error *error) {
  struct chunk_writer *w = (struct chunk_writer *)writer;
  struct store *s = store_of_snapshot(writer->snapshot);
  uint8_t key[2 * IDS_KEY];
  char *text = NULL;
  enum rkv_status status = RKV_OK;
  if (!room_for_snapshot(s, writer->filled))
    return rkv_fail(error, RKV_NO_SPACE, "%s: no room for a snapshot (make room)", s->db.dir);
  if (!w->file) status = snapshot_open_file(w, error);
  if (status != RKV_OK) return status;
  put_key(key, writer->snapshot->number);
  put_key(key + IDS_KEY, writer->number);
  rocksdb_sstfilewriter_put(w->file, (const char *)key, sizeof key, (const char *)writer->block,
                            writer->filled, &text);
  return db_result(&s->db, text, error);
}

/* The chunks become RocksDB's. */
static enum rkv_status hand_over(struct chunk_writer *w, struct rkv_error *error) {
  const struct db *db = &store_of_snapshot(w->base.snapshot)->db;
  const char *paths[] = {w->path};
  rocksdb_ingestexternalfileoptions_t *move;
  char *text = NULL;
  enum rkv_status status;
  if (!w->file) return RKV_OK; /* an empty one */
  rocksdb_sstfilewriter_finish(w->file, &text);
  status = db_result(db, text, error);
  if (status != RKV_OK) return status;
  text = NULL;
  move = rocksdb_ingestexternalfileoptions_create();
  rocksdb_ingestexternalfileoptions_set_move_files(move, 1);
  rocksdb_ingest_external_file_cf(db->rocks, db->families[DB_SNAPSHOTS], paths, 1, move, &text);
  rocksdb_ingestexternalfileoptions_destroy(move);
  return db_result(db, text, error);
}

/* Its chunks are RocksDB's and nothing names them: they go at once, as a whole, for which it takes
 * no room in RocksDB's log. If that fails too, the next open drops them. */
static void take_back(const struct snapshot *snapshot) {
  struct rkv_error ignored;
  (void)db_return_space(&store_of_snapshot(snapshot)->db, DB_SNAPSHOTS, snapshot->number,
                        snapshot->number, &ignored);
}

static enum rkv_status finish(struct snapshot_writer *writer, struct rkv_error *error) {
  enum rkv_status status = hand_over((struct chunk_writer *)writer, error);
  if (status != RKV_OK) return status;
  status = snapshot_describe(writer->snapshot, error);
  if (status == RKV_NO_SPACE || status == RKV_FULL) take_back(writer->snapshot);
  return status;
}

/* ---- read ---- */

/* Copies the chunk out of RocksDB; it must be there and as long as it has to be. */
static enum rkv_status snapshot_take(const struct snapshot *snapshot,
                                     const rocksdb_pinnableslice_t *found, uint64_t number,
                                     uint32_t wanted, struct rkv_buf *chunk,
                                     struct rkv_error *error) {
  const struct rkv_host *host = snapshot->log->host;
  size_t len = 0;
  const char *value = found ? rocksdb_pinnableslice_value(found, &len) : NULL;
  uint8_t *room;
  if (len != wanted)
    return rkv_fail(error, RKV_CORRUPT,
                    "%s: snapshot %" PRIu64 ", chunk %" PRIu64 ": expected %" PRIu32
                    " bytes, found %zu",
                    store_of_snapshot(snapshot)->db.dir, snapshot->number, number, wanted, len);
  room = host->buf_alloc(host->ctx, len, chunk);
  if (!room) return rkv_fail(error, RKV_NO_MEMORY, "storage-rocksdb: no memory for %zu bytes", len);
  memcpy(room, value, len);
  return RKV_OK;
}

static enum rkv_status read_chunk(struct snapshot_reader *r, uint64_t number, uint32_t len,
                                  struct rkv_buf *chunk, struct rkv_error *error) {
  const struct db *db = &store_of_snapshot(r->snapshot)->db;
  rocksdb_pinnableslice_t *found;
  uint8_t key[2 * IDS_KEY];
  char *text = NULL;
  enum rkv_status status;
  put_key(key, r->snapshot->number);
  put_key(key + IDS_KEY, number);
  found = rocksdb_get_pinned_cf(db->rocks, db->reading, db->families[DB_SNAPSHOTS],
                                (const char *)key, sizeof key, &text);
  status = db_result(db, text, error);
  if (status == RKV_OK) status = snapshot_take(r->snapshot, found, number, len, chunk, error);
  if (found) rocksdb_pinnableslice_destroy(found);
  return status;
}

const struct snapshots_ops snapshot_ops = {.snapshot_size = sizeof(struct snapshot),
                                           .writer_size = sizeof(struct chunk_writer),
                                           .reader_size = sizeof(struct snapshot_reader),
                                           .block_bytes = DB_CHUNK,
                                           .begin = begin,
                                           .write = write_chunk,
                                           .finish = finish,
                                           .end = end,
                                           .drop = snapshot_drop,
                                           .read = read_chunk};
