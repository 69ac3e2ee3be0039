/* room.c: the room on the device, looked at before each batch with entries: RocksDB cannot go on
 * once a write failed, and it also writes by itself. */
#include "store.h"

#include <inttypes.h>
#include <sys/statvfs.h>
#include <time.h>

enum { RETRY_MS = 250 };
enum { RESERVE_BUFFERS = 4 }; /* what RocksDB may need for files it is about to write */

static uint64_t reserve(const struct store *s) {
  return RESERVE_BUFFERS * s->options.write_buffer_bytes;
}

/* A device that does not tell is not full. */
static uint64_t free_bytes(const struct store *s) {
  struct statvfs device;
  if (statvfs(s->options.dir, &device) != 0) return UINT64_MAX;
  return (uint64_t)device.f_bavail * device.f_frsize;
}

bool room_is_there(const struct store *s, uint64_t bytes) {
  uint64_t room = free_bytes(s);
  return room >= reserve(s) && room - reserve(s) >= bytes;
}

enum rkv_status room_to_open(const struct store *s, struct rkv_error *error) {
  if (room_is_there(s, 0)) return RKV_OK;
  return rkv_fail(error, RKV_NO_SPACE,
                  "%s: %" PRIu64 " bytes are free on the device, %" PRIu64
                  " are needed to open the database (make room)",
                  s->options.dir, free_bytes(s), reserve(s));
}

static void set_full(struct store *s, bool full, uint64_t bytes) {
  bool was = atomic_exchange_explicit(&s->counts.full, full, memory_order_relaxed) != 0;
  if (full && !was)
    rkv_log(s->host, RKV_LOG_WARN, STORE_LOG,
            "device full: %" PRIu64 " bytes are free, %" PRIu64
            " are needed; writes wait (make room): %s",
            free_bytes(s), reserve(s) + bytes, s->options.dir);
  if (!full && was) rkv_log(s->host, RKV_LOG_INFO, STORE_LOG, "device has room again");
}

/* Waits for a while, or until there is an end to it. */
static enum rkv_status pause_writer(struct store *s, struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  struct timespec until;
  (void)clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += RETRY_MS * 1000000L;
  until.tv_sec += until.tv_nsec / 1000000000L;
  until.tv_nsec %= 1000000000L;
  (void)pthread_mutex_lock(&s->lock);
  while (s->failed.status == RKV_OK && !s->closing &&
         pthread_cond_timedwait(&s->work, &s->lock, &until) == 0) {
  }
  if (s->failed.status != RKV_OK)
    status = rkv_fail(error, (enum rkv_status)s->failed.status, "%s", s->failed.text);
  else if (s->closing)
    status = rkv_fail(error, RKV_CANCELLED, "storage-rocksdb: closed while the device was full");
  (void)pthread_mutex_unlock(&s->lock);
  return status;
}

enum rkv_status room_await(struct store *s, uint64_t bytes, struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  while (status == RKV_OK && !room_is_there(s, bytes)) {
    set_full(s, true, bytes);
    status = pause_writer(s, error);
  }
  if (status == RKV_OK) set_full(s, false, bytes);
  return status;
}
