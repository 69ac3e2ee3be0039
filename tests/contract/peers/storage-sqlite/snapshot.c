/* snapshot.c: snapshots: a file that is written beside the present one, then named in a row. */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct writer {
  struct store *store;
  struct rkv_snapshot_meta meta;
  uint64_t file;
  char name[NAME_BYTES];
  int fd;
};

/* The commit waits for its row. */
struct waiting {
  struct rkv_completion completion;
  pthread_mutex_t lock;
  pthread_cond_t told;
  bool done;
  enum rkv_status status;
  struct rkv_error error;
};

static void drop_file(const struct store *s, uint64_t file) {
  char name[NAME_BYTES];
  if (file == 0) return;
  db_snapshot_name(file, name);
  (void)unlinkat(s->place.fd, name, 0);
}

static void writer_free(struct writer *w) {
  if (w->fd >= 0) (void)close(w->fd);
  rkv_buf_drop(&w->meta.membership);
  free(w);
}

enum rkv_status sqlite_snapshot_begin(void *storage, const struct rkv_snapshot_meta *meta,
                                      void **writer, struct rkv_error *error) {
  struct store *s = storage;
  struct writer *w = calloc(1, sizeof *w);
  if (!w) return rkv_fail(error, RKV_NO_MEMORY, "storage-sqlite: no memory for a snapshot");
  (void)pthread_mutex_lock(&s->lock);
  w->file = s->rows.file + 1;
  (void)pthread_mutex_unlock(&s->lock);
  w->store = s;
  w->meta = *meta;
  w->meta.size = 0;
  (void)rkv_buf_share(w->meta.membership);
  db_snapshot_name(w->file, w->name);
  w->fd = openat(s->place.fd, w->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (w->fd < 0) {
    enum rkv_status status = place_failed(&s->place, w->name, error);
    writer_free(w);
    return status;
  }
  *writer = w;
  return RKV_OK;
}

enum rkv_status sqlite_snapshot_write(void *writer, struct rkv_buf chunk, struct rkv_error *error) {
  struct writer *w = writer;
  for (size_t at = 0; at < chunk.len;) {
    ssize_t put = write(w->fd, chunk.data + at, chunk.len - at);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return place_failed(&w->store->place, w->name, error);
    at += (size_t)put;
    w->meta.size += (uint64_t)put;
  }
  return RKV_OK;
}

static void on_told(struct rkv_completion *completion, enum rkv_status status,
                    const struct rkv_error *error) {
  struct waiting *waiting = (struct waiting *)completion;
  (void)pthread_mutex_lock(&waiting->lock);
  waiting->done = true;
  waiting->status = status;
  if (error) waiting->error = *error;
  (void)pthread_cond_signal(&waiting->told);
  (void)pthread_mutex_unlock(&waiting->lock);
}

/* Names the file in its row; durable when it returns. */
static enum rkv_status name_it(struct writer *w, struct rkv_error *error) {
  struct waiting waiting = {.completion.done = on_told};
  struct op *op = op_new(w->store, OP_SNAPSHOT, &waiting.completion, 0);
  if (!op) return rkv_fail(error, RKV_NO_MEMORY, "storage-sqlite: no memory for a snapshot");
  op->meta = &w->meta;
  op->file = w->file;
  (void)pthread_mutex_init(&waiting.lock, NULL);
  (void)pthread_cond_init(&waiting.told, NULL);
  log_issue(w->store, op);
  (void)pthread_mutex_lock(&waiting.lock);
  while (!waiting.done) (void)pthread_cond_wait(&waiting.told, &waiting.lock);
  (void)pthread_mutex_unlock(&waiting.lock);
  (void)pthread_cond_destroy(&waiting.told);
  (void)pthread_mutex_destroy(&waiting.lock);
  if (waiting.status != RKV_OK) *error = waiting.error;
  return waiting.status;
}

enum rkv_status sqlite_snapshot_commit(void *writer, struct rkv_error *error) {
  struct writer *w = writer;
  struct store *s = w->store;
  enum rkv_status status = RKV_OK;
  if (s->place.sync && fsync(w->fd) != 0) status = place_failed(&s->place, w->name, error);
  if (status == RKV_OK) status = place_sync_names(&s->place, error);
  if (status == RKV_OK) status = name_it(w, error);
  /* Of a failed row nobody knows whether it is there: the file stays, and open decides. */
  if (status != RKV_OK && s->failed == RKV_OK) drop_file(s, w->file);
  if (status == RKV_OK) drop_file(s, w->file - 1);
  writer_free(w);
  return status;
}

void sqlite_snapshot_abort(void *writer) {
  struct writer *w = writer;
  drop_file(w->store, w->file);
  writer_free(w);
}

/* ---- reading ---- */

struct reader {
  struct store *store;
  int fd;
  uint64_t size;
};

enum rkv_status sqlite_snapshot_open(void *storage, void **reader, struct rkv_snapshot_meta *meta,
                                     struct rkv_error *error) {
  struct store *s = storage;
  struct reader *r = calloc(1, sizeof *r);
  enum rkv_status status = RKV_OK;
  char name[NAME_BYTES];
  if (!r) return rkv_fail(error, RKV_NO_MEMORY, "storage-sqlite: no memory for a reader");
  (void)pthread_mutex_lock(&s->lock); /* until it is open: the next commit removes the file */
  db_snapshot_name(s->rows.file, name);
  if (s->rows.file == 0)
    status = rkv_fail(error, RKV_NOT_FOUND, "%s: there is no snapshot yet", s->place.dir);
  else if ((r->fd = openat(s->place.fd, name, O_RDONLY | O_CLOEXEC)) < 0)
    status = place_failed(&s->place, name, error);
  if (status == RKV_OK) {
    r->store = s;
    r->size = s->rows.snapshot.size;
    *meta = s->rows.snapshot;
    (void)rkv_buf_share(meta->membership);
    *reader = r;
  }
  (void)pthread_mutex_unlock(&s->lock);
  if (status != RKV_OK) free(r);
  return status;
}

enum rkv_status sqlite_snapshot_read(void *reader, uint64_t offset, size_t max,
                                     struct rkv_buf *chunk, struct rkv_error *error) {
  struct reader *r = reader;
  const struct rkv_host *host = r->store->host;
  size_t len = offset < r->size ? (size_t)(r->size - offset) : 0;
  uint8_t *bytes;
  *chunk = rkv_buf_none();
  if (len > max) len = max;
  if (len == 0) return RKV_OK;
  bytes = host->buf_alloc(host->ctx, len, chunk);
  if (!bytes) return rkv_fail(error, RKV_NO_MEMORY, "storage-sqlite: no memory for a chunk");
  for (size_t at = 0; at < len;) {
    ssize_t got = pread(r->fd, bytes + at, len - at, (off_t)(offset + at));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      rkv_buf_drop(chunk);
      if (got < 0) return place_failed(&r->store->place, "a snapshot", error);
      return rkv_fail(error, RKV_CORRUPT, "%s: a snapshot's file ends before its end",
                      r->store->place.dir);
    }
    at += (size_t)got;
  }
  return RKV_OK;
}

void sqlite_snapshot_close(void *reader) {
  struct reader *r = reader;
  (void)close(r->fd);
  free(r);
}
