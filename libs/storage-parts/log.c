/* log.c: the state of a running log: its failure, what it lacks, its numbers. */
#include "log.h"

#include <assert.h>
#include <inttypes.h>

enum { NS_OF_MS = 1000000 };

void log_init(struct log *log, const struct rkv_host *host, const struct log_ops *ops,
              const struct threads *threads, uint64_t queue_bytes_max) {
  log->host = host;
  log->ops = ops;
  log->threads = threads;
  log->queue_bytes_max = queue_bytes_max;
  log->folder.fd = -1;
  log->next_file = 1;
  (void)pthread_mutex_init(&log->lock, NULL);
  threads_init_condition(&log->work);
}

void log_destroy(struct log *log) {
  assert(!log->first);
  (void)pthread_cond_destroy(&log->work);
  (void)pthread_mutex_destroy(&log->lock);
}

void log_begin(struct log *log, const struct held *held) {
  assert(!log->first && held->purged.index <= held->last.index); /* (L2) all of it is durable */
  log->held = *held;
  log->held.last_known = true;
  log->durable_last = held->last.index;
  log->durable_purged = held->purged.index;
}

void log_close(struct log *log) {
  log_lock(log);
  log->closing = true;
  if (log->refusal.status == RKV_OK)
    (void)rkv_fail(&log->refusal, RKV_CANCELLED, "%s: closed", log->ops->plugin);
  log_signal(log, &log->work);
  log_unlock(log);
}

/* ---- numbers ---- */

static uint64_t read_metric(void *number) {
  return atomic_load_explicit((atomic_uint_least64_t *)number, memory_order_relaxed);
}

enum rkv_status log_register(struct log *log, struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  size_t n = 0;
#define LOG_METRIC_FILL(name, help)                                                                \
  log->metrics[n++] = (struct rkv_metric){#name, help, read_metric, &log->counts.name};
  LOG_METRIC_LIST(LOG_METRIC_FILL)
#undef LOG_METRIC_FILL
  for (size_t i = 0; i < n && status == RKV_OK; i++)
    status = log->host->metric_register(log->host->ctx, &log->metrics[i], error);
  return status;
}

void log_count_sync(struct log *log, uint64_t bytes) {
  atomic_fetch_add_explicit(&log->counts.syncs, 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&log->counts.written_bytes, bytes, memory_order_relaxed);
}

/* ---- failure ---- */

void log_fail(struct log *log, const struct rkv_error *why) {
  bool first;
  log_lock(log);
  first = log->failed.status == RKV_OK;
  if (first) log->failed = *why;
  log_signal(log, &log->work);
  log_unlock(log);
  if (first && why->status != RKV_CANCELLED)
    log->host->fatal(log->host->ctx, (enum rkv_status)why->status, why->text);
}

bool log_failed(struct log *log) {
  bool failed;
  log_lock(log);
  failed = log->failed.status != RKV_OK;
  log_unlock(log);
  return failed;
}

/* ---- what is lacking ---- */

bool log_passes(enum rkv_status status) {
  return status == RKV_NO_SPACE || status == RKV_FULL;
}

enum rkv_status log_lack(const struct log *log) {
  return (enum rkv_status)atomic_load_explicit(&log->lack, memory_order_relaxed);
}

void log_note_lack(struct log *log, enum rkv_status status, const char *what) {
  enum rkv_status was =
      (enum rkv_status)atomic_exchange_explicit(&log->lack, (int)status, memory_order_relaxed);
  atomic_store_explicit(&log->counts.full, status == RKV_NO_SPACE, memory_order_relaxed);
  if (status == was) return;
  if (status != RKV_OK)
    rkv_log(log->host, RKV_LOG_WARN, log->ops->section, "%s: %s",
            status == RKV_NO_SPACE ? "device full" : "out of file descriptors", what);
  else if (was == RKV_NO_SPACE)
    rkv_log(log->host, RKV_LOG_INFO, log->ops->section, "device has room again");
  else
    rkv_log(log->host, RKV_LOG_INFO, log->ops->section, "there are file descriptors again");
}

void log_flooded(const struct log *log, struct rkv_error *error) {
  enum rkv_status lack = log_lack(log);
  const char *why = "for the device, which is too slow";
  if (lack == RKV_NO_SPACE) why = "for the device, which is full (make room)";
  if (lack == RKV_FULL) why = "for a file descriptor (raise the limit of open files)";
  (void)rkv_fail(error, lack == RKV_OK ? RKV_IO : lack,
                 "%s: more than queue_bytes_max = %" PRIu64 " bytes wait %s", log->ops->plugin,
                 log->queue_bytes_max, why);
}

/* ---- waiting ---- */

enum rkv_status log_hopes(const struct log *log, bool lacks, struct rkv_error *error) {
  if (log->failed.status != RKV_OK)
    return rkv_fail(error, (enum rkv_status)log->failed.status, "%s", log->failed.text);
  if (log->closing && lacks)
    return rkv_fail(error, RKV_CANCELLED, "%s: closed while it waited for room", log->ops->plugin);
  return RKV_OK;
}

uint64_t log_now_ms(const struct log *log) {
  return log->host->now_ns(log->host->ctx) / NS_OF_MS;
}

void log_wait_until(struct log *log, pthread_cond_t *condition, uint64_t ms) {
  uint64_t now = log_now_ms(log);
  if (now < ms)
    (void)log->threads->wait_ms(log->threads->ctx, condition, &log->lock, (unsigned)(ms - now));
}

enum rkv_status log_pause(struct log *log, unsigned ms, struct rkv_error *error) {
  uint64_t until = log_now_ms(log) + ms;
  enum rkv_status status;
  log_lock(log);
  while (log_hopes(log, true, NULL) == RKV_OK && log_now_ms(log) < until)
    log_wait_until(log, &log->work, until);
  status = log_hopes(log, true, error);
  log_unlock(log);
  return status;
}

uint64_t log_next_snapshot(struct log *log, uint64_t first) {
  const struct snapshot *newest;
  uint64_t bytes;
  log_lock(log);
  newest = log->newest;
  bytes = newest ? newest->head_bytes + newest->meta.size + newest->meta.size / 2 : first;
  log_unlock(log);
  return bytes;
}

bool log_may_purge(const struct log *log, rkv_index purged) {
  rkv_index up_to = log->held.purged.index;
  assert(up_to <= log->held.last.index);
  return up_to > purged && up_to <= log->durable_last && log->failed.status == RKV_OK;
}
