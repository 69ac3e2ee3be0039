/* open.c: opens the storage, and frees it. */
#include "open.h"

#include "keeper.h"
#include "writer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- open ---- */

static uint64_t read_segments(void *store) {
  return atomic_load_explicit(&((struct store *)store)->segments, memory_order_relaxed);
}

static uint64_t read_no_descriptors(void *store) {
  return log_lack(&((struct store *)store)->log) == RKV_FULL;
}

static enum rkv_status register_metrics(struct store *s, struct rkv_error *error) {
  const struct rkv_host *host = s->log.host;
  enum rkv_status status = RKV_OK;
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
  status = segment_begin(&s->log.folder, s->spares[0], &head, &r->fd, error);
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

/* Takes the recovered log over. */
static enum rkv_status take_over(struct store *s, struct recovery *r, struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  if (r->file_size < r->active->size)
    status = segment_fill(&s->log.folder, dir_name(DIR_LOG, r->active->sequence), r->fd,
                          r->file_size, r->active->size, error);
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
  status = owner_make(&s->log.folder, s->log.host->node_id, &s->owner, error);
  if (status != RKV_NO_SPACE || !r->active) return status;
  rkv_log(s->log.host, RKV_LOG_WARN, STORE_LOG,
          "device full: files that go missing are not noticed until the next start: %s",
          error->text);
  return RKV_OK;
}

/* Reads everything before anything is changed: a refusal leaves the directory as it was. */
static enum rkv_status open_files(struct store *s, struct recovery *r, struct rkv_error *error) {
  struct log *log = &s->log;
  uint64_t *numbers = NULL;
  size_t count = 0;
  enum rkv_status status = dir_list(&log->folder, DIR_SNAPSHOT, &numbers, &count, error);
  if (status == RKV_OK && count > 0) status = snapshot_files_find(log, numbers[count - 1], error);
  free(numbers);
  if (status == RKV_OK)
    status = whole_snapshot(&r->owner, log->newest ? log->newest->number : 0, error);
  if (status == RKV_OK) status = settle_owner(s, r, error);
  if (status == RKV_OK) status = keeper_adopt(s, error);
  if (status == RKV_OK) status = snapshot_files_drop_others(log, error);
  if (status == RKV_OK && !r->active) status = begin_log(s, r, error);
  if (status == RKV_OK && r->torn)
    rkv_log(log->host, RKV_LOG_WARN, STORE_LOG,
            "%s: offset %" PRIu64 ": a write that a crash cut off is dropped: %s",
            dir_name(DIR_LOG, r->active->sequence).text, r->active->end, r->torn_why);
  return status == RKV_OK ? take_over(s, r, error) : status;
}

/* Puts the directory before the text of a leaf, which knows files by their names alone. */
static enum rkv_status placed(const char *dir, enum rkv_status status, struct rkv_error *error) {
  char text[RKV_ERROR_TEXT_MAX];
  if (status == RKV_OK || strstr(error->text, dir)) return status;
  memcpy(text, error->text, sizeof text);
  return rkv_fail(error, status, "%.200s: %s", dir, text);
}

DECLARE_TAKE(wal_take_options, wal_options, WAL_OPTION_LIST)

static enum rkv_status store_open(struct log *log, const struct rkv_config *config,
                                  struct rkv_error *error) {
  struct store *s = store_of_log(log);
  struct recovery r;
  enum rkv_status status;
  s->owner.fd = -1;
  (void)pthread_mutex_init(&s->owner_lock, NULL);
  threads_init_condition(&s->chores);
  status = wal_take_options(config, &s->options, error);
  if (status != RKV_OK) return status;
  s->options.segment_bytes -= s->options.segment_bytes % RECORD_ALIGN;
  log->queue_bytes_max = s->options.queue_bytes_max;
  log->folder.path = s->options.dir;
  log->folder.sync = s->options.sync != 0;
  status = folder_open(&log->folder, error);
  if (status == RKV_OK) status = recover(&log->folder, log->host->node_id, NULL, &r, error);
  if (status != RKV_OK) return placed(s->options.dir, status, error);
  status = open_files(s, &r, error);
  recover_free(&r);
  if (status == RKV_OK) status = register_metrics(s, error);
  if (status == RKV_OK && log->threads->start(log->threads->ctx, &s->keeper, keeper_main, s) != 0)
    status = rkv_fail(error, RKV_NO_MEMORY, "no thread for the log's segments");
  return placed(s->options.dir, status, error);
}

/* ---- close ---- */

static void end_keeper(struct store *s) {
  log_lock(&s->log);
  s->closed = true;
  log_signal(&s->log, &s->chores);
  log_unlock(&s->log);
  s->log.threads->join(s->log.threads->ctx, s->keeper);
}

static void store_free(struct log *log) {
  struct store *s = store_of_log(log);
  if (s->keeper) end_keeper(s);
  writer_free(s->writer);
  index_free(&s->index);
  segment_free_all(s->oldest);
  owner_close(&log->folder, &s->owner);
  (void)pthread_cond_destroy(&s->chores);
  (void)pthread_mutex_destroy(&s->owner_lock);
}

static enum rkv_status note_snapshot(struct log *log, uint64_t number, struct rkv_error *error) {
  return store_raise_owner(store_of_log(log), 0, number, error);
}

const struct log_ops store_log_ops = {.plugin = "storage-wal",
                                      .section = STORE_LOG,
                                      .size = sizeof(struct store),
                                      .snapshots = &snapshot_files_ops,
                                      .open = store_open,
                                      .write = writer_write,
                                      .written = writer_end,
                                      .free = store_free,
                                      .note_snapshot = note_snapshot,
                                      .take = log_take,
                                      .drop = log_drop,
                                      .term = term};
