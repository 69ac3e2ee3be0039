/* life.c: opens and closes a storage. */
#include "life.h"

#include "queue.h"
#include "snapshots.h"

#include <inttypes.h>
#include <stdlib.h>

static void life_report(const struct log *log, uint64_t began_ms) {
  if (!log->folder.sync)
    rkv_log(log->host, RKV_LOG_WARN, log->ops->section,
            "sync = false: what is acknowledged may be lost with the machine's power");
  rkv_log(log->host, RKV_LOG_INFO, log->ops->section,
          "opened dir=%s first=%" PRIu64 " last=%" PRIu64 " snapshot=%" PRIu64 " took_ms=%" PRIu64,
          log->folder.path, log->held.purged.index + 1, log->held.last.index,
          log->newest ? log->newest->meta.last.index : 0, log_now_ms(log) - began_ms);
}

static void *life_write(void *arg) {
  queue_serve(arg);
  return NULL;
}

static enum rkv_status life_begin(struct log *log, const struct rkv_config *config,
                                  struct rkv_error *error) {
  uint64_t began_ms = log_now_ms(log);
  enum rkv_status status = log->ops->open(log, config, error);
  if (status != RKV_OK) return status;
  life_report(log, began_ms);
  status = log_register(log, error);
  if (status == RKV_OK &&
      log->threads->start(log->threads->ctx, &log->writer, life_write, log) != 0)
    status = rkv_fail(error, RKV_NO_MEMORY, "no thread for the log");
  return status;
}

void life_close(void *storage) {
  struct log *log = storage;
  log_close(log);
  if (log->writer) log->threads->join(log->threads->ctx, log->writer);
  log->ops->free(log);
  snapshots_drop(log->newest);
  folder_close(&log->folder);
  log_destroy(log);
  free(log);
}

enum rkv_status life_open(const struct log_ops *ops, const struct rkv_host *host,
                          const struct rkv_config *config, const struct files *files,
                          const struct threads *threads, void **storage, struct rkv_error *error) {
  struct rkv_error why;
  struct log *log = calloc(1, ops->size);
  enum rkv_status status;
  if (!log) return rkv_fail(error, RKV_NO_MEMORY, "no memory for the storage");
  log_init(log, host, ops, threads, 0);
  log->folder.files = files;
  log->folder.sync = true;
  status = life_begin(log, config, &why);
  if (status == RKV_OK) {
    *storage = log;
    return RKV_OK;
  }
  life_close(log);
  if (error) *error = why;
  return status;
}
