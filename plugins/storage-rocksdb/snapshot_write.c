/* snapshot_write.c: writes a snapshot beside the present one and puts it into its place.
 *
 * Its chunks go to a file of RocksDB's own kind, which RocksDB takes over as it is: neither its log
 * nor its memory sees them, so that a large snapshot does not keep the log waiting. */
#include "room.h"
#include "snapshot.h"

#include <storage-parts/refuse.h>

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

struct snapshot_writer {
  struct store *s;
  struct snapshot *snapshot;     /* becomes the store's newest one */
  rocksdb_sstfilewriter_t *file; /* NULL until there is a chunk */
  char path[PATH_MAX];
  uint8_t *chunk; /* the chunk that is being filled */
  uint32_t filled;
  uint64_t number; /* of that chunk */
};

/* A device that cannot write a snapshot cannot be trusted with the log; one that is full can, and
 * so can one that no descriptor was left for. */
static enum rkv_status note_failure(struct snapshot_writer *w, enum rkv_status status,
                                    const struct rkv_error *error) {
  if (status == RKV_IO || status == RKV_CORRUPT) log_fail(&w->s->log, error);
  return status;
}

static void end_writer(struct snapshot_writer *w) {
  if (w->file) rocksdb_sstfilewriter_destroy(w->file);
  (void)unlink(w->path);
  snapshot_drop(w->snapshot);
  free(w->chunk);
  free(w);
}

void snapshot_abort(void *writer) {
  end_writer(writer);
}

static struct snapshot_writer *new_writer(struct store *s, const struct rkv_snapshot_meta *meta) {
  struct snapshot_writer *w = calloc(1, sizeof *w);
  struct snapshot *snapshot = calloc(1, sizeof *snapshot);
  uint8_t *chunk = malloc(DB_CHUNK);
  if (!w || !snapshot || !chunk) {
    free(w);
    free(snapshot);
    free(chunk);
    return NULL;
  }
  snapshot->s = s;
  snapshot->meta = *meta;
  snapshot->meta.size = 0;
  (void)rkv_buf_share(meta->membership);
  atomic_init(&snapshot->refs, 1);
  (void)pthread_mutex_lock(&s->log.lock);
  snapshot->number = s->next_snapshot++;
  (void)pthread_mutex_unlock(&s->log.lock);
  w->s = s;
  w->snapshot = snapshot;
  w->chunk = chunk;
  return w;
}

enum rkv_status snapshot_begin(void *storage, const struct rkv_snapshot_meta *meta, void **writer,
                               struct rkv_error *error) {
  struct store *s = storage;
  struct snapshot_writer *w;
  if (meta->membership.len > SNAPSHOT_MEMBERSHIP_MAX)
    return rkv_fail(error, RKV_TOO_LARGE, "storage-rocksdb: a membership of %zu bytes (at most %d)",
                    meta->membership.len, SNAPSHOT_MEMBERSHIP_MAX);
  w = new_writer(s, meta);
  if (!w) return rkv_fail(error, RKV_NO_MEMORY, "storage-rocksdb: no memory for a snapshot");
  if (snprintf(w->path, sizeof w->path, "%s/snapshot.new", s->db.dir) < (int)sizeof w->path) {
    *writer = w;
    return RKV_OK;
  }
  end_writer(w);
  return rkv_fail(error, RKV_IO, "%s: the path is too long", s->db.dir);
}

/* A crash may leave the name beside that of a file that is RocksDB's: it must go, not be written
 * over, which would be the end of that one. */
static enum rkv_status open_file(struct snapshot_writer *w, struct rkv_error *error) {
  const struct db *db = &w->s->db;
  rocksdb_envoptions_t *env;
  char *text = NULL;
  if (unlink(w->path) != 0 && errno != ENOENT) return refuse_errno(w->path, "remove it", error);
  env = rocksdb_envoptions_create();
  w->file = rocksdb_sstfilewriter_create(env, db->sst);
  rocksdb_envoptions_destroy(env);
  rocksdb_sstfilewriter_open(w->file, w->path, &text);
  return db_result(db, text, error);
}

static enum rkv_status flush_chunk(struct snapshot_writer *w, struct rkv_error *error) {
  const struct db *db = &w->s->db;
  uint8_t key[2 * DB_KEY];
  char *text = NULL;
  enum rkv_status status = RKV_OK;
  if (!room_for_snapshot(w->s, w->filled))
    return rkv_fail(error, RKV_NO_SPACE, "%s: no room for a snapshot (make room)", db->dir);
  if (!w->file) status = open_file(w, error);
  if (status != RKV_OK) return note_failure(w, status, error);
  db_key(key, w->snapshot->number);
  db_key(key + DB_KEY, w->number++);
  rocksdb_sstfilewriter_put(w->file, (const char *)key, sizeof key, (const char *)w->chunk,
                            w->filled, &text);
  w->filled = 0;
  return note_failure(w, db_result(db, text, error), error);
}

enum rkv_status snapshot_write(void *writer, struct rkv_buf chunk, struct rkv_error *error) {
  struct snapshot_writer *w = writer;
  struct rkv_error why;
  enum rkv_status status = RKV_OK;
  for (size_t at = 0; at < chunk.len && status == RKV_OK;) {
    size_t len = chunk.len - at, room = DB_CHUNK - w->filled;
    if (len > room) len = room;
    memcpy(w->chunk + w->filled, chunk.data + at, len);
    w->filled += (uint32_t)len;
    at += len;
    if (w->filled == DB_CHUNK) status = flush_chunk(w, &why);
  }
  w->snapshot->meta.size += chunk.len;
  if (status != RKV_OK && error) *error = why;
  return status;
}

/* The chunks become RocksDB's. */
static enum rkv_status hand_over(struct snapshot_writer *w, struct rkv_error *error) {
  const struct db *db = &w->s->db;
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
static void take_back(const struct snapshot_writer *w) {
  struct rkv_error ignored;
  (void)db_return_space(&w->s->db, DB_SNAPSHOTS, w->snapshot->number, w->snapshot->number,
                        &ignored);
}

static enum rkv_status describe(struct snapshot_writer *w, struct rkv_error *error) {
  enum rkv_status status = snapshot_describe(w->snapshot, error);
  if (status == RKV_NO_SPACE || status == RKV_FULL) take_back(w);
  return note_failure(w, status, error);
}

enum rkv_status snapshot_commit(void *writer, struct rkv_error *error) {
  struct snapshot_writer *w = writer;
  struct store *s = w->s;
  struct snapshot *old;
  struct rkv_error why;
  enum rkv_status status = RKV_OK;
  if (log_failed(&s->log))
    status = rkv_fail(&why, RKV_IO, "storage-rocksdb: no snapshot after a failed write");
  if (status == RKV_OK && w->filled > 0) status = flush_chunk(w, &why);
  if (status == RKV_OK) status = note_failure(w, hand_over(w, &why), &why);
  if (status == RKV_OK) status = describe(w, &why);
  if (status == RKV_OK) {
    (void)pthread_mutex_lock(&s->log.lock);
    old = s->newest;
    s->newest = w->snapshot;
    s->log.snapshot = &s->newest->meta;
    w->snapshot = NULL;
    (void)pthread_mutex_unlock(&s->log.lock);
    if (old) atomic_store(&old->replaced, true);
    snapshot_drop(old);
  } else if (error) {
    *error = why;
  }
  end_writer(w);
  return status;
}
