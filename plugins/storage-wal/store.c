/* store.c: opens and closes the storage, and says what it holds. */
#include "store.h"

#include "plugin.h"
#include "snapshot.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- failure ---- */

void store_fail(struct store *s, const struct rkv_error *why) {
  bool first;
  (void)pthread_mutex_lock(&s->lock);
  first = s->failed.status == RKV_OK;
  if (first) s->failed = *why;
  (void)pthread_cond_signal(&s->work);
  (void)pthread_cond_signal(&s->chores);
  (void)pthread_mutex_unlock(&s->lock);
  if (first && why->status != RKV_CANCELLED)
    s->host->fatal(s->host->ctx, (enum rkv_status)why->status, why->text);
}

bool store_failed(struct store *s) {
  bool failed;
  (void)pthread_mutex_lock(&s->lock);
  failed = s->failed.status != RKV_OK;
  (void)pthread_mutex_unlock(&s->lock);
  return failed;
}

enum rkv_status store_raise_owner(struct store *s, uint64_t segment, uint64_t snapshot,
                                  struct rkv_error *error) {
  enum rkv_status status;
  (void)pthread_mutex_lock(&s->owner_lock);
  status = owner_raise(&s->dir, &s->owner, segment, snapshot, error);
  (void)pthread_mutex_unlock(&s->owner_lock);
  return status;
}

uint32_t store_format(const struct store *s) {
  return s->owner.fd >= 0 ? HEAD_FORMAT : HEAD_FORMAT_ALONE;
}

/* (L3) What is queued to be dropped is not durably dropped yet; what a purge that is durable covers
 * is, whatever is queued. */
void store_release_segments(struct store *s) {
  const struct segment *held = index_oldest(&s->image.index), *needed = s->oldest;
  if (!held) held = s->active;
  if (s->drops_queued == 0) needed = held;
  while (needed != held && needed->highest <= s->durable_purged) needed = needed->next;
  s->needed = needed->sequence;
  if (s->oldest->sequence < s->needed) (void)pthread_cond_signal(&s->chores);
}

/* ---- open ---- */

static uint64_t read_metric(void *number) {
  return atomic_load_explicit((atomic_uint_least64_t *)number, memory_order_relaxed);
}

static enum rkv_status register_metrics(struct store *s, struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  size_t n = 0;
#define STORE_METRIC_FILL(name, help)                                                              \
  s->metrics[n++] = (struct rkv_metric){#name, help, read_metric, &s->counts.name};
  STORE_METRIC_LIST(STORE_METRIC_FILL)
#undef STORE_METRIC_FILL
  for (size_t i = 0; i < n && status == RKV_OK; i++)
    status = s->host->metric_register(s->host->ctx, &s->metrics[i], error);
  return status;
}

/* A log without a segment gets its first one. */
static enum rkv_status begin_log(struct store *s, struct recovery *r, struct rkv_error *error) {
  struct head head = {.format = store_format(s),
                      .node_id = s->host->node_id,
                      .sequence = 1,
                      .size = s->options.segment_bytes};
  enum rkv_status status = keeper_make_first(s, error);
  if (status != RKV_OK) return status;
  head.recycled = s->spare_recycled[0];
  status = segment_begin(&s->dir, s->spares[0], &head, &r->fd, error);
  if (status == RKV_OK) status = store_raise_owner(s, head.sequence, 0, error);
  if (status != RKV_OK) return status;
  keeper_taken(s);
  r->prev = head.crc;
  r->closed = true;
  r->file_size = head.size;
  status = segment_new(&head, &r->active, error);
  r->oldest = r->active;
  return status;
}

/* Says what was found. */
static void report(const struct store *s, const struct recovery *r, uint64_t began_ns) {
  if (r->torn)
    rkv_log(s->host, RKV_LOG_WARN, STORE_LOG,
            "%s: offset %" PRIu64 ": a write that a crash cut off is dropped: %s",
            dir_name(DIR_LOG, r->active->sequence).text, r->active->end, r->torn_why);
  if (!s->options.sync)
    rkv_log(s->host, RKV_LOG_WARN, STORE_LOG,
            "sync = false: what is acknowledged may be lost with the machine's power");
  rkv_log(s->host, RKV_LOG_INFO, STORE_LOG,
          "opened dir=%s first=%" PRIu64 " last=%" PRIu64 " snapshot=%" PRIu64 " records=%" PRIu64
          " took_ms=%" PRIu64,
          s->options.dir, r->image.purged.index + 1, r->image.last.index,
          s->newest ? s->newest->meta.last.index : 0, r->records,
          (s->host->now_ns(s->host->ctx) - began_ns) / 1000000);
}

/* Takes the recovered log over. */
static enum rkv_status take_over(struct store *s, struct recovery *r, struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  if (r->file_size < r->active->size)
    status = segment_fill(&s->dir, dir_name(DIR_LOG, r->active->sequence), r->fd, r->file_size,
                          r->active->size, error);
  if (status == RKV_OK) status = writer_new(s, r, error);
  if (status != RKV_OK) return status;
  s->image = r->image;
  s->durable_last = r->image.last.index;
  s->durable_purged = r->image.purged.index;
  s->oldest = r->oldest;
  s->active = r->active;
  r->image = (struct image){0};
  r->oldest = r->active = NULL;
  for (const struct segment *segment = s->oldest; segment; segment = segment->next)
    (void)atomic_fetch_add_explicit(&s->counts.segments, 1, memory_order_relaxed);
  store_release_segments(s);
  return RKV_OK;
}

/* (O1, O2) A directory of format 1 goes on without an owner where there is no room for one. */
static enum rkv_status settle_owner(struct store *s, struct recovery *r, struct rkv_error *error) {
  uint64_t segment = r->active ? r->active->sequence : 0;
  uint64_t snapshot = s->newest ? s->newest->number : 0;
  enum rkv_status status;
  s->owner = r->owner;
  r->owner.fd = -1;
  if (s->owner.fd >= 0) return store_raise_owner(s, segment, snapshot, error);
  s->owner.segment = segment;
  s->owner.snapshot = snapshot;
  status = owner_make(&s->dir, s->host->node_id, &s->owner, error);
  if (status != RKV_NO_SPACE || !r->active) return status;
  rkv_log(s->host, RKV_LOG_WARN, STORE_LOG,
          "device full: files that go missing are not noticed until the next start: %s",
          error->text);
  return RKV_OK;
}

/* Reads everything before anything is changed: a refusal leaves the directory as it was. */
static enum rkv_status open_files(struct store *s, struct rkv_error *error) {
  uint64_t began_ns = s->host->now_ns(s->host->ctx);
  struct recovery r;
  enum rkv_status status = dir_open(&s->dir, s->options.dir, s->options.sync, error);
  if (status != RKV_OK) return status;
  status = recover(&s->dir, s->host->node_id, NULL, &r, error);
  if (status != RKV_OK) return status;
  status = snapshot_find(s, error);
  if (status == RKV_OK) status = whole_snapshot(&r.owner, s->newest ? s->newest->number : 0, error);
  if (status == RKV_OK) status = settle_owner(s, &r, error);
  if (status == RKV_OK) status = keeper_adopt(s, error);
  if (status == RKV_OK) status = snapshot_drop_old(s, error);
  if (status == RKV_OK && !r.active) status = begin_log(s, &r, error);
  if (status == RKV_OK) report(s, &r, began_ns);
  if (status == RKV_OK) status = take_over(s, &r, error);
  recover_free(&r);
  return status;
}

static enum rkv_status start_threads(struct store *s, struct rkv_error *error) {
  if (pthread_create(&s->writer_thread, NULL, writer_main, s) != 0)
    return rkv_fail(error, RKV_NO_MEMORY, "no thread for the log");
  if (pthread_create(&s->keeper_thread, NULL, keeper_main, s) == 0) return RKV_OK;
  (void)pthread_mutex_lock(&s->lock);
  s->closing = true;
  (void)pthread_cond_signal(&s->work);
  (void)pthread_mutex_unlock(&s->lock);
  (void)pthread_join(s->writer_thread, NULL);
  return rkv_fail(error, RKV_NO_MEMORY, "no thread for the log's segments");
}

static void store_free(struct store *s) {
  writer_free(s->writer);
  index_free(&s->image.index);
  segment_free_all(s->oldest);
  snapshot_free(s->newest);
  owner_close(&s->owner);
  dir_close(&s->dir);
  (void)pthread_cond_destroy(&s->work);
  (void)pthread_cond_destroy(&s->chores);
  (void)pthread_mutex_destroy(&s->lock);
  (void)pthread_mutex_destroy(&s->owner_lock);
  free(s);
}

/* Waits with a limit are measured by a clock that nobody sets. */
static void init_condition(pthread_cond_t *condition) {
  pthread_condattr_t attributes;
  (void)pthread_condattr_init(&attributes);
  (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  (void)pthread_cond_init(condition, &attributes);
  (void)pthread_condattr_destroy(&attributes);
}

enum rkv_status store_open(const struct rkv_host *host, const struct wal_options *options,
                           struct store **store, struct rkv_error *error) {
  struct store *s = calloc(1, sizeof *s);
  enum rkv_status status;
  if (!s) return rkv_fail(error, RKV_NO_MEMORY, "no memory for the storage");
  s->host = host;
  s->options = *options;
  s->dir.fd = s->owner.fd = -1;
  s->next_file = 1;
  (void)pthread_mutex_init(&s->lock, NULL);
  (void)pthread_mutex_init(&s->owner_lock, NULL);
  init_condition(&s->work);
  init_condition(&s->chores);
  status = open_files(s, error);
  if (status == RKV_OK) status = register_metrics(s, error);
  if (status == RKV_OK) status = start_threads(s, error);
  if (status == RKV_OK)
    *store = s;
  else
    store_free(s);
  return status;
}

void store_close(void *storage) {
  struct store *s = storage;
  (void)pthread_mutex_lock(&s->lock);
  s->closing = true;
  if (s->refusal.status == RKV_OK)
    (void)rkv_fail(&s->refusal, RKV_CANCELLED, "storage-wal: closed");
  (void)pthread_cond_signal(&s->work);
  (void)pthread_cond_signal(&s->chores);
  (void)pthread_mutex_unlock(&s->lock);
  (void)pthread_join(s->writer_thread, NULL);
  (void)pthread_join(s->keeper_thread, NULL);
  store_free(s);
}

enum rkv_status store_load(void *storage, struct rkv_storage_state *state,
                           struct rkv_error *error) {
  struct store *s = storage;
  (void)error;
  memset(state, 0, sizeof *state);
  (void)pthread_mutex_lock(&s->lock);
  state->vote = s->image.vote;
  state->identity = s->image.identity;
  state->purged = s->image.purged;
  state->last = s->image.last;
  if (s->newest) state->snapshot = s->newest->meta;
  (void)rkv_buf_share(state->snapshot.membership);
  (void)pthread_mutex_unlock(&s->lock);
  return RKV_OK;
}
