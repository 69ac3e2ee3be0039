/* open.c: opens and closes the storage. */
#include "open.h"

#include "keeper.h"
#include "snapshot.h"
#include "writer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

/* ---- what the log does to the index ---- */

static struct store *store_of_log(struct log *log) {
  return (struct store *)log;
}

static enum rkv_status log_take(struct log *log, const struct op *op, struct rkv_error *error) {
  struct index *index = &store_of_log(log)->index;
  enum rkv_status status = RKV_OK;
  for (size_t i = 0; i < op->count; i++)
    if (op->entries[i].kind > UINT16_MAX)
      return rkv_fail(error, RKV_BROKEN, "storage-wal: entry %" PRIu64 " of kind %u (at most %u)",
                      op->entries[i].id.index, op->entries[i].kind, UINT16_MAX);
  for (size_t i = 0; i < op->count && status == RKV_OK; i++)
    status = index_note_term(index, op->entries[i].id, error);
  return status;
}

static void log_drop(struct log *log, const struct op *op) {
  struct index *index = &store_of_log(log)->index;
  if (op->type == OP_TRUNCATE)
    index_truncate(index, op->id.index);
  else if (op->id.index < log->held.last.index)
    index_purge(index, op->id.index);
  else
    index_clear(index);
}

static rkv_term term(struct log *log, rkv_index index) {
  return index_term(&store_of_log(log)->index, index);
}

static const struct log_ops log_ops = {.plugin = "storage-wal",
                                       .section = STORE_LOG,
                                       .snapshots = &snapshot_ops,
                                       .take = log_take,
                                       .drop = log_drop,
                                       .term = term};

/* ---- open ---- */

static uint64_t read_segments(void *store) {
  return atomic_load_explicit(&((struct store *)store)->segments, memory_order_relaxed);
}

static uint64_t read_no_descriptors(void *store) {
  return log_lack(&((struct store *)store)->log) == RKV_FULL;
}

static enum rkv_status register_metrics(struct store *s, struct rkv_error *error) {
  const struct rkv_host *host = s->log.host;
  enum rkv_status status = log_register(&s->log, error);
  s->metrics[0] = (struct rkv_metric){"segments", "log files in use", read_segments, s};
  s->metrics[1] = (struct rkv_metric){"no_descriptors",
                                      "1 while there is no file descriptor for another log file",
                                      read_no_descriptors, s};
  for (size_t i = 0; i < STORE_METRICS && status == RKV_OK; i++)
    status = host->metric_register(host->ctx, &s->metrics[i], error);
  return status;
}

/* A log without a segment gets its first one. */
static enum rkv_status begin_log(struct store *s, struct recovery *r, struct rkv_error *error) {
  struct head head = {.format = store_format(s),
                      .node_id = s->log.host->node_id,
                      .sequence = 1,
                      .size = s->options.segment_bytes};
  enum rkv_status status;
  assert(s->owner.fd >= 0); /* (O1) */
  status = keeper_make_first(s, error);
  if (status != RKV_OK) return status;
  head.recycled = s->spare_recycled[0];
  status = segment_begin(&s->dir, s->spares[0], &head, &r->fd, error);
  if (status == RKV_OK) status = store_raise_owner(s, head.sequence, 0, error);
  if (status != RKV_OK) return status;
  store_drop_spare(s);
  r->prev = head.crc;
  r->closed = true;
  r->file_size = head.size;
  status = segment_new(&head, &r->active, error);
  r->oldest = r->active;
  return status;
}

/* Logs what was found. */
static void report(const struct store *s, const struct recovery *r, uint64_t began_ns) {
  if (r->torn)
    rkv_log(s->log.host, RKV_LOG_WARN, STORE_LOG,
            "%s: offset %" PRIu64 ": a write that a crash cut off is dropped: %s",
            dir_name(DIR_LOG, r->active->sequence).text, r->active->end, r->torn_why);
  if (!s->options.sync)
    rkv_log(s->log.host, RKV_LOG_WARN, STORE_LOG,
            "sync = false: what is acknowledged may be lost with the machine's power");
  rkv_log(s->log.host, RKV_LOG_INFO, STORE_LOG,
          "opened dir=%s first=%" PRIu64 " last=%" PRIu64 " snapshot=%" PRIu64 " records=%" PRIu64
          " took_ms=%" PRIu64,
          s->options.dir, r->image.held.purged.index + 1, r->image.held.last.index,
          s->log.newest ? s->log.newest->meta.last.index : 0, r->records,
          (s->log.host->now_ns(s->log.host->ctx) - began_ns) / 1000000);
}

/* Takes the recovered log over. */
static enum rkv_status take_over(struct store *s, struct recovery *r, struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  if (r->file_size < r->active->size)
    status = segment_fill(&s->dir, dir_name(DIR_LOG, r->active->sequence), r->fd, r->file_size,
                          r->active->size, error);
  if (status == RKV_OK) status = writer_new(s, r, error);
  if (status != RKV_OK) return status;
  assert(recover_is_whole(r)); /* (V3) */
  log_begin(&s->log, &r->image.held);
  s->index = r->image.index;
  s->oldest = r->oldest;
  s->active = r->active;
  r->image = (struct image){0};
  r->oldest = r->active = NULL;
  for (const struct segment *segment = s->oldest; segment; segment = segment->next)
    (void)atomic_fetch_add_explicit(&s->segments, 1, memory_order_relaxed);
  store_release_segments(s);
  return RKV_OK;
}

/* Makes rkv-owner (O1) or raises what it says (O2). A directory of format 1 goes on without it
 * while its device has no room for one. */
static enum rkv_status settle_owner(struct store *s, struct recovery *r, struct rkv_error *error) {
  uint64_t segment = r->active ? r->active->sequence : 0;
  uint64_t snapshot = s->log.newest ? s->log.newest->number : 0;
  enum rkv_status status;
  s->owner = r->owner;
  r->owner.fd = -1;
  if (s->owner.fd >= 0) return store_raise_owner(s, segment, snapshot, error);
  s->owner.segment = segment;
  s->owner.snapshot = snapshot;
  status = owner_make(&s->dir, s->log.host->node_id, &s->owner, error);
  if (status != RKV_NO_SPACE || !r->active) return status;
  rkv_log(s->log.host, RKV_LOG_WARN, STORE_LOG,
          "device full: files that go missing are not noticed until the next start: %s",
          error->text);
  return RKV_OK;
}

/* Reads everything before anything is changed: a refusal leaves the directory as it was. */
static enum rkv_status open_files(struct store *s, struct rkv_error *error) {
  uint64_t began_ns = s->log.host->now_ns(s->log.host->ctx);
  struct recovery r;
  enum rkv_status status = dir_open(&s->dir, s->dir.files, s->options.dir, s->options.sync, error);
  if (status != RKV_OK) return status;
  status = recover(&s->dir, s->log.host->node_id, NULL, &r, error);
  if (status != RKV_OK) return status;
  status = snapshot_find(s, error);
  if (status == RKV_OK)
    status = whole_snapshot(&r.owner, s->log.newest ? s->log.newest->number : 0, error);
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
  const struct threads *threads = s->log.threads;
  if (threads->start(threads->ctx, &s->writer_thread, writer_main, s) != 0)
    return rkv_fail(error, RKV_NO_MEMORY, "no thread for the log");
  if (threads->start(threads->ctx, &s->keeper_thread, keeper_main, s) == 0) return RKV_OK;
  log_close(&s->log);
  threads->join(threads->ctx, s->writer_thread);
  return rkv_fail(error, RKV_NO_MEMORY, "no thread for the log's segments");
}

static void store_free(struct store *s) {
  writer_free(s->writer);
  index_free(&s->index);
  segment_free_all(s->oldest);
  snapshots_drop(s->log.newest);
  owner_close(&s->dir, &s->owner);
  dir_close(&s->dir);
  (void)pthread_cond_destroy(&s->chores);
  log_destroy(&s->log);
  (void)pthread_mutex_destroy(&s->owner_lock);
  free(s);
}

enum rkv_status store_open(const struct rkv_host *host, const struct wal_options *options,
                           const struct files *files, const struct threads *threads,
                           struct store **store, struct rkv_error *error) {
  struct store *s = calloc(1, sizeof *s);
  enum rkv_status status;
  if (!s) return rkv_fail(error, RKV_NO_MEMORY, "no memory for the storage");
  log_init(&s->log, host, &log_ops, threads, options->queue_bytes_max);
  s->options = *options;
  s->dir.files = files;
  s->dir.fd = s->owner.fd = -1;
  s->next_file = 1;
  (void)pthread_mutex_init(&s->owner_lock, NULL);
  threads_init_condition(&s->chores);
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
  const struct threads *threads = s->log.threads;
  log_close(&s->log);
  threads->join(threads->ctx, s->writer_thread);
  threads->join(threads->ctx, s->keeper_thread);
  store_free(s);
}
