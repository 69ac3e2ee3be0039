/* storage-mem.c: log, vote and snapshot in RAM; the smallest complete example of a storage.
 *
 * A skeleton for authors too, so it compiles as C++ (hence the casts). Payloads are shared, never
 * copied. `lock` guards log, purged and newest; each operation completes, without it, at once.
 *
 * (I1) log[head .. head + count) are the entries purged.index + 1 .. purged.index + count.
 * (I2) A committed snapshot never changes: its readers read it without the lock. */
#include <rkv/rkv.h>

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

enum { LOG_MIN = 64, LOG_SPARE = 8 }; /* smallest array; how many times too large it may be */

struct run { /* of entries */
  struct rkv_entry *at;
  size_t head, count, capacity;
};

/* First its own writer, then the newest snapshot, then what readers still hold: one object. */
struct snapshot {
  struct rkv_buf_owner owner; /* one reference per reader, one of the storage */
  struct storage *storage;
  struct rkv_snapshot_meta meta;
  struct run chunks; /* as they were written, shared; id.index: the offset of a chunk */
};

struct storage {
  const struct rkv_host *host;
  pthread_mutex_t lock;
  struct run log;
  struct rkv_storage_state state; /* without `last`, which the log has */
  struct snapshot *newest;
  struct rkv_error failed; /* why nothing succeeds any more; status RKV_OK: nothing failed */
};

/* Makes room behind the last entry; in place, without allocating, if the size is about right. */
static bool make_room(struct run *run, size_t entries) {
  size_t capacity = 2 * (run->count + entries) + LOG_MIN;
  bool fits = capacity <= run->capacity && run->capacity / LOG_SPARE <= capacity;
  struct rkv_entry *at = run->at;
  if (entries <= run->capacity - run->head - run->count) return true;
  if (!fits) at = (struct rkv_entry *)malloc(capacity * sizeof *at);
  if (!at) return false;
  if (run->count > 0) memmove(at, run->at + run->head, run->count * sizeof *at);
  if (!fits) free(run->at), run->at = at, run->capacity = capacity;
  run->head = 0;
  return true;
}

static void complete(struct storage *s, struct rkv_completion *to) {
  to->done(to, (enum rkv_status)s->failed.status, s->failed.status != RKV_OK ? &s->failed : NULL);
}

/* Ends all success and tells the node why; the first reason stays. Not under the lock. */
static void give_up(struct storage *s, enum rkv_status status, rkv_index index, const char *what) {
  if (s->failed.status != RKV_OK) return;
  rkv_fail(&s->failed, status, "storage-mem: entry %" PRIu64 " %s", index, what);
  s->host->fatal(s->host->ctx, status, s->failed.text);
}

static enum rkv_status mem_open(const struct rkv_host *host, const struct rkv_config *config,
                                void **storage, struct rkv_error *error) {
  struct storage *s = (struct storage *)calloc(1, sizeof *s);
  (void)config;
  if (!s) return rkv_fail(error, RKV_NO_MEMORY, "storage-mem: no memory");
  (void)pthread_mutex_init(&s->lock, NULL); /* a default mutex: cannot fail on Linux */
  s->host = host, *storage = s;
  return RKV_OK;
}

static enum rkv_status mem_load(void *storage, struct rkv_storage_state *state,
                                struct rkv_error *error) {
  struct storage *s = (struct storage *)storage;
  (void)error, (void)pthread_mutex_lock(&s->lock);
  *state = s->state, (void)rkv_buf_share(state->snapshot.membership);
  state->last = s->log.count > 0 ? s->log.at[s->log.head + s->log.count - 1].id : s->state.purged;
  (void)pthread_mutex_unlock(&s->lock);
  return RKV_OK;
}

static void mem_save_vote(void *storage, struct rkv_vote vote, struct rkv_completion *completion) {
  struct storage *s = (struct storage *)storage;
  if (s->failed.status == RKV_OK) s->state.vote = vote;
  complete(s, completion);
}

static void mem_save_identity(void *storage, struct rkv_identity id, struct rkv_completion *done) {
  struct storage *s = (struct storage *)storage;
  if (s->failed.status == RKV_OK) s->state.identity = id;
  complete(s, done);
}

static void mem_append(void *storage, const struct rkv_entry *entries, size_t count,
                       struct rkv_completion *completion) {
  struct storage *s = (struct storage *)storage;
  rkv_index next = s->state.purged.index + s->log.count + 1;
  if (count == 0 || entries[0].id.index != next || entries[count - 1].id.index - next != count - 1)
    give_up(s, RKV_BROKEN, next, "was due, and append had others or none");
  (void)pthread_mutex_lock(&s->lock);
  bool room = s->failed.status == RKV_OK && make_room(&s->log, count);
  for (size_t n = 0; n < count && room; n++)
    s->log.at[s->log.head + s->log.count++] = entries[n], (void)rkv_buf_share(entries[n].payload);
  (void)pthread_mutex_unlock(&s->lock);
  if (!room) give_up(s, RKV_NO_MEMORY, next, "finds no memory");
  complete(s, completion);
}

static void mem_truncate(void *storage, rkv_index after) {
  struct storage *s = (struct storage *)storage;
  if (after < s->state.purged.index)
    give_up(s, RKV_BROKEN, after + 1, "is purged, and truncate was to drop it");
  if (s->failed.status != RKV_OK) return;
  (void)pthread_mutex_lock(&s->lock);
  while (s->log.count > 0 && s->state.purged.index + s->log.count > after)
    rkv_buf_drop(&s->log.at[s->log.head + --s->log.count].payload);
  (void)pthread_mutex_unlock(&s->lock);
}

static void mem_purge(void *storage, struct rkv_log_id up_to) {
  struct storage *s = (struct storage *)storage;
  (void)pthread_mutex_lock(&s->lock);
  for (; s->log.count > 0 && s->log.at[s->log.head].id.index <= up_to.index; s->log.count--)
    rkv_buf_drop(&s->log.at[s->log.head++].payload);
  if (s->state.purged.index < up_to.index) s->state.purged = up_to;
  (void)pthread_mutex_unlock(&s->lock);
}

static enum rkv_status mem_read(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                                struct rkv_entry *entries, size_t capacity, size_t *count,
                                struct rkv_error *error) {
  struct storage *s = (struct storage *)storage;
  enum rkv_status status = RKV_OK;
  uint64_t bytes = 0;
  *count = 0;
  (void)pthread_mutex_lock(&s->lock);
  if (from <= s->state.purged.index)
    status = rkv_fail(error, RKV_NOT_FOUND,
                      "storage-mem: entry %" PRIu64 " is purged (first: %" PRIu64 ")", from,
                      s->state.purged.index + 1);
  if (to > s->state.purged.index + s->log.count) to = s->state.purged.index + s->log.count;
  for (; status == RKV_OK && *count < capacity && from <= to; from++) {
    const struct rkv_entry *entry = &s->log.at[s->log.head + (from - s->state.purged.index - 1)];
    assert(entry->id.index == from); /* (I1) */
    bytes += entry->payload.len;
    if (*count > 0 && bytes > bytes_max) break;
    entries[(*count)++] = *entry;
    (void)rkv_buf_share(entry->payload);
  }
  (void)pthread_mutex_unlock(&s->lock);
  return status;
}

static void snapshot_free(struct rkv_buf_owner *owner) {
  struct snapshot *s = (struct snapshot *)owner;
  while (s->chunks.count > 0) rkv_buf_drop(&s->chunks.at[--s->chunks.count].payload);
  rkv_buf_drop(&s->meta.membership), free(s->chunks.at), free(s);
}

/* Ends a writer, a reader, or the storage's hold on a snapshot (NULL: none). */
static void snapshot_drop(void *shared) {
  struct rkv_buf reference = {NULL, 0, (struct rkv_buf_owner *)shared};
  rkv_buf_drop(&reference);
}

static void mem_close(void *storage) {
  struct storage *s = (struct storage *)storage;
  while (s->log.count > 0) rkv_buf_drop(&s->log.at[s->log.head + --s->log.count].payload);
  snapshot_drop(s->newest), (void)pthread_mutex_destroy(&s->lock);
  free(s->log.at), free(s);
}

static enum rkv_status mem_snapshot_begin(void *storage, const struct rkv_snapshot_meta *meta,
                                          void **writer, struct rkv_error *error) {
  struct snapshot *s = (struct snapshot *)calloc(1, sizeof *s);
  if (!s) return rkv_fail(error, RKV_NO_MEMORY, "storage-mem: no memory for a snapshot");
  s->owner.refs = 1, s->owner.free = snapshot_free;
  s->storage = (struct storage *)storage, s->meta = *meta, s->meta.size = 0, *writer = s;
  (void)rkv_buf_share(meta->membership);
  return RKV_OK;
}

static enum rkv_status mem_snapshot_write(void *writer, struct rkv_buf chunk,
                                          struct rkv_error *error) {
  struct snapshot *s = (struct snapshot *)writer;
  struct rkv_entry entry = {{0, s->meta.size}, 0, 0, chunk};
  assert(s != s->storage->newest); /* (I2) */
  if (!make_room(&s->chunks, 1)) return rkv_fail(error, RKV_NO_MEMORY, "storage-mem: no memory");
  s->chunks.at[s->chunks.count++] = entry;
  (void)rkv_buf_share(chunk), s->meta.size += chunk.len;
  return RKV_OK;
}

static enum rkv_status mem_snapshot_commit(void *writer, struct rkv_error *error) {
  struct snapshot *s = (struct snapshot *)writer, *old;
  (void)error, (void)pthread_mutex_lock(&s->storage->lock);
  old = s->storage->newest, s->storage->newest = s, s->storage->state.snapshot = s->meta;
  (void)pthread_mutex_unlock(&s->storage->lock);
  snapshot_drop(old); /* its readers keep it */
  return RKV_OK;
}

static enum rkv_status mem_snapshot_open(void *storage, void **reader,
                                         struct rkv_snapshot_meta *meta, struct rkv_error *error) {
  struct storage *s = (struct storage *)storage;
  (void)pthread_mutex_lock(&s->lock);
  struct snapshot *newest = s->newest;
  struct rkv_buf reference = {NULL, 0, newest ? &newest->owner : NULL};
  (void)rkv_buf_share(reference);
  (void)pthread_mutex_unlock(&s->lock);
  if (!newest) return rkv_fail(error, RKV_NOT_FOUND, "storage-mem: no snapshot yet");
  *reader = newest, *meta = newest->meta, (void)rkv_buf_share(meta->membership);
  return RKV_OK;
}

static enum rkv_status mem_snapshot_read(void *reader, uint64_t offset, size_t max,
                                         struct rkv_buf *chunk, struct rkv_error *error) {
  struct snapshot *s = (struct snapshot *)reader;
  const struct rkv_entry *at = s->chunks.at;
  (void)error, *chunk = rkv_buf_none();
  if (offset >= s->meta.size) return RKV_OK;
  at += offset * s->chunks.count / s->meta.size; /* the right one if all have one size */
  while (at->id.index + at->payload.len <= offset) at++;
  while (at->id.index > offset) at--;
  *chunk = rkv_buf_share(rkv_buf_slice(at->payload, (size_t)(offset - at->id.index), max));
  return RKV_OK;
}

static const struct rkv_storage_ops ops = {
    .open = mem_open,
    .close = mem_close,
    .load = mem_load,
    .save_vote = mem_save_vote,
    .save_identity = mem_save_identity,
    .append = mem_append,
    .truncate = mem_truncate,
    .purge = mem_purge,
    .read = mem_read,
    .snapshot_begin = mem_snapshot_begin,
    .snapshot_write = mem_snapshot_write,
    .snapshot_commit = mem_snapshot_commit,
    .snapshot_abort = snapshot_drop,
    .snapshot_open = mem_snapshot_open,
    .snapshot_read = mem_snapshot_read,
    .snapshot_close = snapshot_drop,
};

RKV_PLUGIN(STORAGE, "storage-mem", "1.0.0",
           "log, vote and snapshot in RAM; nothing survives the process", 0, RKV_NO_OPTIONS, ops);
