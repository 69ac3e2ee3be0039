/* keeper.c: makes segments ahead of need and recycles those that hold nothing any more.
 *
 * A spare is made as soon as there is none: so a full device, or a lack of descriptors, is noticed
 * and logged while the active segment still has room. The keeper tries again until it succeeds. */
#include "keeper.h"

#include "lack.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>

enum {
  RETRY_MS = 250,      /* between two looks at the room */
  RETRY_MS_MAX = 8000, /* between two spares that found less room than the device had told of */
};

/* ---- before the threads ---- */

static enum rkv_status spare_size(struct store *s, uint64_t number, uint64_t *size,
                                  struct rkv_error *error) {
  struct numbered_name name = dir_name(DIR_SPARE, number);
  int fd;
  enum rkv_status status = folder_open_file(&s->log.folder, name.text, O_RDONLY, &fd, error);
  if (status != RKV_OK) return status;
  status = folder_file_size(&s->log.folder, fd, name.text, size, error);
  folder_close_file(&s->log.folder, fd);
  return status;
}

enum rkv_status keeper_adopt(struct store *s, struct rkv_error *error) {
  uint64_t *numbers;
  size_t count;
  enum rkv_status status = dir_list(&s->log.folder, DIR_SPARE, &numbers, &count, error);
  for (size_t i = 0; i < count && status == RKV_OK; i++) {
    uint64_t size = 0;
    status = spare_size(s, numbers[i], &size, error);
    if (status != RKV_OK) break;
    if (numbers[i] >= s->log.next_file) s->log.next_file = numbers[i] + 1;
    if (size == s->options.segment_bytes && s->spare_count < s->options.spares_max)
      store_add_spare(s, numbers[i], true); /* it may have held records */
    else
      status = folder_drop(&s->log.folder, dir_name(DIR_SPARE, numbers[i]).text, error);
  }
  free(numbers);
  return status;
}

enum rkv_status keeper_make_first(struct store *s, struct rkv_error *error) {
  uint64_t number = s->log.next_file++;
  enum rkv_status status;
  if (s->spare_count > 0) return RKV_OK;
  status = segment_make_spare(&s->log.folder, number, s->options.segment_bytes, NULL, NULL, error);
  if (status == RKV_OK) store_add_spare(s, number, false);
  return status;
}

/* ---- the thread ---- */

/* True if nobody waits any more for the spare that is being made. Takes the lock. */
static bool is_futile(void *arg) {
  struct store *s = arg;
  bool futile;
  log_lock(&s->log);
  futile = (s->log.closing && !s->writer_waits) || s->log.failed.status != RKV_OK;
  log_unlock(&s->log);
  return futile;
}

/* Waits for a signal, or until it is time to try again. Under the lock. */
static void pause_keeper(struct store *s) {
  log_signal(&s->log, &s->log.work); /* a writer that closes gives up on a full device */
  log_wait_until(&s->log, &s->chores, s->look_at_ms);
}

/* Asks the device before zeros are written to it in vain. */
static enum rkv_status look_for_room(const struct store *s, uint64_t kept,
                                     struct rkv_error *error) {
  uint64_t found = folder_free_bytes(&s->log.folder);
  if (found >= kept && found - kept >= s->options.segment_bytes) return RKV_OK;
  return rkv_fail(error, RKV_NO_SPACE,
                  "%" PRIu64 " bytes are free, of which a snapshot may need %" PRIu64, found, kept);
}

/* Sets when to try again: ever later if the device has less room than it tells of (a quota). */
static void find_time(struct store *s, enum rkv_status status, bool tried) {
  if (status == RKV_OK || !tried || s->pause_ms == 0)
    s->pause_ms = RETRY_MS;
  else if (s->pause_ms < RETRY_MS_MAX)
    s->pause_ms *= 2;
  s->look_at_ms = log_now_ms(&s->log) + s->pause_ms;
}

/* Under the lock, which it leaves meanwhile. */
static void make_spare(struct store *s) {
  struct rkv_error error;
  uint64_t number = s->log.next_file++;
  enum rkv_status status;
  bool tried;
  log_unlock(&s->log);
  status = look_for_room(s, log_next_snapshot(&s->log, s->options.segment_bytes), &error);
  tried = status == RKV_OK;
  if (tried)
    status =
        segment_make_spare(&s->log.folder, number, s->options.segment_bytes, is_futile, s, &error);
  if (status == RKV_OK || log_passes(status))
    lack_note(s, status, s->options.segment_bytes, LACK_WAITS_SOON, &error);
  else if (status != RKV_CANCELLED)
    log_fail(&s->log, &error);
  log_lock(&s->log);
  find_time(s, status, tried);
  if (status == RKV_OK) {
    s->look_at_ms = 0;
    store_add_spare(s, number, false);
    log_signal(&s->log, &s->log.work);
  }
}

/* Under the lock. */
static bool can_recycle(const struct store *s) {
  const struct segment *oldest = s->oldest;
  return oldest != s->active && oldest->sequence < s->oldest_needed && oldest->readers == 0 &&
         s->log.failed.status == RKV_OK;
}

/* Under the lock, which it leaves meanwhile. */
static void recycle(struct store *s) {
  struct segment *segment = s->oldest;
  struct numbered_name name = dir_name(DIR_LOG, segment->sequence);
  struct rkv_error error;
  enum rkv_status status;
  uint64_t number = s->log.next_file++;
  bool keep = segment->size == s->options.segment_bytes && s->spare_count < s->options.spares_max;
  assert(can_recycle(s)); /* (S2) */
  s->oldest = segment->next;
  log_unlock(&s->log);
  status = keep ? folder_rename(&s->log.folder, name.text, dir_name(DIR_SPARE, number).text, &error)
                : folder_drop(&s->log.folder, name.text, &error);
  if (status == RKV_OK)
    atomic_fetch_sub_explicit(&s->segments, 1, memory_order_relaxed);
  else
    log_fail(&s->log, &error);
  if (status == RKV_OK && keep) lack_note(s, RKV_OK, 0, LACK_WAITS, NULL);
  free(segment);
  log_lock(&s->log);
  if (status == RKV_OK && keep) store_add_spare(s, number, true);
  if (status == RKV_OK) s->look_at_ms = 0; /* nothing lacks: the next try is not put off */
  log_signal(&s->log, &s->log.work);
}

/* Under the lock. */
static bool wants_spare(const struct store *s) {
  return s->spare_count == 0 && s->log.failed.status == RKV_OK &&
         (!s->log.closing || s->writer_waits);
}

void *keeper_main(void *arg) {
  struct store *s = arg;
  log_lock(&s->log);
  for (;;) {
    if (can_recycle(s))
      recycle(s);
    else if (wants_spare(s) && log_now_ms(&s->log) >= s->look_at_ms)
      make_spare(s);
    else if (wants_spare(s))
      pause_keeper(s);
    else if (s->closed)
      break;
    else
      log_wait(&s->log, &s->chores);
  }
  log_unlock(&s->log);
  return NULL;
}
