/* keeper.c: makes segments ahead of need and recycles those that hold nothing any more.
 *
 * A spare is made when there is none: so a device that gets full is noticed, and said, while one
 * segment is still to be filled. Then it tries again until there is room. */
#include "store.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { RETRY_MS = 250 };

/* ---- before the threads ---- */

static enum rkv_status drop_all(struct store *s, enum dir_file file, struct rkv_error *error) {
  uint64_t *numbers;
  size_t count;
  enum rkv_status status = dir_list(&s->dir, file, &numbers, &count, error);
  for (size_t i = 0; i < count && status == RKV_OK; i++)
    status = dir_drop(&s->dir, dir_name(file, numbers[i]), error);
  free(numbers);
  return status;
}

static enum rkv_status spare_size(struct store *s, uint64_t number, uint64_t *size,
                                  struct rkv_error *error) {
  struct dir_name name = dir_name(DIR_SPARE, number);
  int fd;
  enum rkv_status status = dir_open_file(&s->dir, name, O_RDONLY, &fd, error);
  if (status != RKV_OK) return status;
  status = dir_file_size(fd, name, size, error);
  (void)close(fd);
  return status;
}

/* Any spare may have held records. */
static void add_spare(struct store *s, uint64_t number, bool recycled) {
  s->spares[s->spare_count] = number;
  s->spare_recycled[s->spare_count++] = recycled;
}

enum rkv_status keeper_adopt(struct store *s, struct rkv_error *error) {
  uint64_t *numbers;
  size_t count;
  enum rkv_status status = drop_all(s, DIR_TEMPORARY, error);
  if (status != RKV_OK) return status;
  status = dir_list(&s->dir, DIR_SPARE, &numbers, &count, error);
  for (size_t i = 0; i < count && status == RKV_OK; i++) {
    uint64_t size = 0;
    status = spare_size(s, numbers[i], &size, error);
    if (status != RKV_OK) break;
    if (numbers[i] >= s->next_file) s->next_file = numbers[i] + 1;
    if (size == s->options.segment_bytes && s->spare_count < s->options.spares_max)
      add_spare(s, numbers[i], true);
    else
      status = dir_drop(&s->dir, dir_name(DIR_SPARE, numbers[i]), error);
  }
  free(numbers);
  return status;
}

static bool never(void *arg) {
  (void)arg;
  return false;
}

enum rkv_status keeper_make_first(struct store *s, struct rkv_error *error) {
  uint64_t number = s->next_file++;
  enum rkv_status status;
  if (s->spare_count > 0) return RKV_OK;
  status = segment_make_spare(&s->dir, number, s->options.segment_bytes, never, NULL, error);
  if (status == RKV_OK) add_spare(s, number, false);
  return status;
}

void keeper_taken(struct store *s) {
  s->spare_count--;
  for (size_t i = 0; i < s->spare_count; i++) {
    s->spares[i] = s->spares[i + 1];
    s->spare_recycled[i] = s->spare_recycled[i + 1];
  }
}

/* ---- the thread ---- */

static void set_full(struct store *s, bool full, const struct rkv_error *error) {
  bool was = atomic_exchange_explicit(&s->counts.full, full, memory_order_relaxed) != 0;
  if (full && !was)
    rkv_log(s->host, RKV_LOG_WARN, STORE_LOG,
            "device full: no room for another log file of %" PRIu64
            " bytes; writes wait once this one is full (make room): %s",
            s->options.segment_bytes, error->text);
  if (!full && was) rkv_log(s->host, RKV_LOG_INFO, STORE_LOG, "device has room again");
}

/* Nobody waits for the spare that is being made. Takes the lock. */
static bool is_futile(void *arg) {
  struct store *s = arg;
  bool futile;
  (void)pthread_mutex_lock(&s->lock);
  futile = (s->closing && !s->writer_waits) || s->failed.status != RKV_OK;
  (void)pthread_mutex_unlock(&s->lock);
  return futile;
}

/* Waits for news, or for RETRY_MS. Under the lock. */
static void pause_keeper(struct store *s) {
  struct timespec until;
  (void)clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += RETRY_MS * 1000000L;
  until.tv_sec += until.tv_nsec / 1000000000L;
  until.tv_nsec %= 1000000000L;
  (void)pthread_cond_signal(&s->work); /* a writer that closes gives up on a full device */
  (void)pthread_cond_timedwait(&s->chores, &s->lock, &until);
}

/* Under the lock, which it leaves meanwhile. */
static void make_spare(struct store *s) {
  struct rkv_error error;
  uint64_t number = s->next_file++;
  enum rkv_status status;
  (void)pthread_mutex_unlock(&s->lock);
  status = segment_make_spare(&s->dir, number, s->options.segment_bytes, is_futile, s, &error);
  if (status == RKV_OK || status == RKV_NO_SPACE || status == RKV_FULL)
    set_full(s, status != RKV_OK, &error);
  else if (status != RKV_CANCELLED)
    store_fail(s, &error);
  (void)pthread_mutex_lock(&s->lock);
  if (status == RKV_OK) add_spare(s, number, false);
  if (status == RKV_OK) (void)pthread_cond_signal(&s->work);
  if (status == RKV_NO_SPACE || status == RKV_FULL) pause_keeper(s);
}

/* Under the lock. */
static bool can_recycle(const struct store *s) {
  const struct segment *oldest = s->oldest;
  return oldest != s->active && oldest->sequence < s->needed && oldest->readers == 0 &&
         s->failed.status == RKV_OK;
}

/* Under the lock, which it leaves meanwhile. */
static void recycle(struct store *s) {
  struct segment *segment = s->oldest;
  struct dir_name name = dir_name(DIR_LOG, segment->sequence);
  struct rkv_error error;
  enum rkv_status status;
  uint64_t number = s->next_file++;
  bool keep = segment->size == s->options.segment_bytes && s->spare_count < s->options.spares_max;
  s->oldest = segment->next;
  (void)pthread_mutex_unlock(&s->lock);
  status = keep ? dir_rename(&s->dir, name, dir_name(DIR_SPARE, number), &error)
                : dir_drop(&s->dir, name, &error);
  if (status == RKV_OK)
    atomic_fetch_sub_explicit(&s->counts.segments, 1, memory_order_relaxed);
  else
    store_fail(s, &error);
  if (status == RKV_OK && keep) set_full(s, false, NULL);
  free(segment);
  (void)pthread_mutex_lock(&s->lock);
  if (status == RKV_OK && keep) add_spare(s, number, true);
  (void)pthread_cond_signal(&s->work);
}

/* Under the lock. */
static bool wants_spare(const struct store *s) {
  return s->spare_count == 0 && s->failed.status == RKV_OK && (!s->closing || s->writer_waits);
}

void *keeper_main(void *arg) {
  struct store *s = arg;
  (void)pthread_mutex_lock(&s->lock);
  for (;;) {
    if (can_recycle(s))
      recycle(s);
    else if (wants_spare(s))
      make_spare(s);
    else if (s->writer_done)
      break;
    else
      (void)pthread_cond_wait(&s->chores, &s->lock);
  }
  (void)pthread_mutex_unlock(&s->lock);
  return NULL;
}
