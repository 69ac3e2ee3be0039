/* room.c: the room on the device, looked at before each batch with entries: RocksDB cannot go on
 * once a write failed, and it also writes by itself. */
#include "snapshot.h"
#include "store.h"

#include <storage-parts/folder.h>

#include <inttypes.h>
#include <time.h>

enum { RETRY_MS = 250 };
enum { RESERVE_BUFFERS = 4 }; /* what RocksDB may need for files it is about to write */
#define OPEN_BYTES (1 * MIB)  /* ... to be opened, if it does not make files of its log */

static uint64_t reserve(const struct store *s) {
  return RESERVE_BUFFERS * s->options.write_buffer_bytes;
}

static uint64_t free_bytes(const struct store *s) {
  return folder_free_bytes(s->ledger.dir_lock);
}

static bool has(const struct store *s, uint64_t wanted) {
  return free_bytes(s) >= wanted;
}

enum rkv_status room_to_open(const struct store *s, bool *frugal, struct rkv_error *error) {
  *frugal = !has(s, reserve(s));
  if (has(s, OPEN_BYTES)) return RKV_OK;
  return rkv_fail(error, RKV_NO_SPACE,
                  "%s: %" PRIu64 " bytes are free on the device, %" PRIu64
                  " are needed to open the database (make room)",
                  s->options.dir, free_bytes(s), OPEN_BYTES);
}

bool room_for_snapshot(const struct store *s, uint64_t bytes) {
  return has(s, reserve(s) + bytes);
}

/* The next snapshot may be half as large again as the present one. Takes the lock. */
static uint64_t next_snapshot(struct store *s) {
  uint64_t bytes = s->options.write_buffer_bytes;
  (void)pthread_mutex_lock(&s->lock);
  if (s->newest) bytes = s->newest->meta.size + s->newest->meta.size / 2;
  (void)pthread_mutex_unlock(&s->lock);
  return bytes;
}

static void set_full(struct store *s, bool full, uint64_t wanted) {
  bool was = atomic_exchange_explicit(&s->counts.full, full, memory_order_relaxed) != 0;
  if (full && !was)
    rkv_log(s->host, RKV_LOG_WARN, STORE_LOG,
            "device full: %" PRIu64 " bytes are free, %" PRIu64
            " are needed; writes wait (make room): %s",
            free_bytes(s), wanted, s->options.dir);
  if (!full && was) rkv_log(s->host, RKV_LOG_INFO, STORE_LOG, "device has room again");
}

bool room_for_entries(struct store *s, uint64_t bytes) {
  uint64_t wanted = reserve(s) + next_snapshot(s) + bytes;
  bool there = has(s, wanted);
  set_full(s, !there, wanted);
  return there;
}

enum rkv_status room_pause(struct store *s, struct rkv_error *error) {
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
