/* lack.c: says what the storage lacks. */
#include "lack.h"

#include <inttypes.h>

bool lack_passes(enum rkv_status status) {
  return status == RKV_NO_SPACE || status == RKV_FULL;
}

static enum rkv_status lack_of(const struct store *s) {
  return (enum rkv_status)atomic_load_explicit(&s->lack, memory_order_relaxed);
}

bool lack_now(const struct store *s) {
  return lack_of(s) != RKV_OK;
}

/* The text of a refusal for want of descriptors says what to do (dir_fail). */
static void warn(const struct store *s, uint64_t size, const char *until,
                 const struct rkv_error *error) {
  if (error->status == RKV_NO_SPACE)
    rkv_log(s->host, RKV_LOG_WARN, STORE_LOG,
            "device full: no room for another log file of %" PRIu64
            " bytes; writes wait%s (make room): %s",
            size, until, error->text);
  else
    rkv_log(s->host, RKV_LOG_WARN, STORE_LOG,
            "out of file descriptors: none for another log file; writes wait%s: %s", until,
            error->text);
}

void lack_note(struct store *s, enum rkv_status status, uint64_t size, enum lack_writes writes,
               const struct rkv_error *error) {
  enum rkv_status was =
      (enum rkv_status)atomic_exchange_explicit(&s->lack, (int)status, memory_order_relaxed);
  atomic_store_explicit(&s->counts.full, status == RKV_NO_SPACE, memory_order_relaxed);
  atomic_store_explicit(&s->counts.no_descriptors, status == RKV_FULL, memory_order_relaxed);
  if (status == was) return;
  if (status != RKV_OK)
    warn(s, size, writes == LACK_WAITS ? "" : " once this one is full", error);
  else if (was == RKV_NO_SPACE)
    rkv_log(s->host, RKV_LOG_INFO, STORE_LOG, "device has room again");
  else
    rkv_log(s->host, RKV_LOG_INFO, STORE_LOG, "there are file descriptors again");
}

void lack_flooded(const struct store *s, struct rkv_error *error) {
  enum rkv_status lack = lack_of(s);
  const char *why = "for the device, which is too slow";
  if (lack == RKV_NO_SPACE) why = "for the device, which is full (make room)";
  if (lack == RKV_FULL) why = "for a file descriptor (raise the limit of open files)";
  (void)rkv_fail(error, lack == RKV_OK ? RKV_IO : lack,
                 "storage-wal: %" PRIu64 " bytes wait %s (queue_bytes_max is %" PRIu64 ")",
                 s->options.queue_bytes_max, why, s->options.queue_bytes_max);
}
