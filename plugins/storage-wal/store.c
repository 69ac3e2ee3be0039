/* store.c: what the storage's threads do to what they share. */
#include "store.h"

#include <assert.h>

enum rkv_status store_raise_owner(struct store *s, uint64_t segment, uint64_t snapshot,
                                  struct rkv_error *error) {
  enum rkv_status status;
  s->log.threads->lock(s->log.threads->ctx, &s->owner_lock);
  status = owner_raise(&s->log.folder, &s->owner, segment, snapshot, error);
  (void)pthread_mutex_unlock(&s->owner_lock);
  return status;
}

uint32_t store_format(const struct store *s) {
  return s->owner.fd >= 0 ? HEAD_FORMAT : HEAD_FORMAT_ALONE;
}

/* (S2) What is queued to be dropped is not durably dropped yet; what a purge that is durable covers
 * is, whatever is queued. */
void store_release_segments(struct store *s) {
  const struct segment *held = index_oldest(&s->index), *needed = s->oldest;
  if (!held) held = s->active;
  if (s->log.drops_queued == 0) needed = held;
  while (needed != held && needed->highest <= s->log.durable_purged) needed = needed->next;
  s->oldest_needed = needed->sequence;
  if (s->oldest->sequence < s->oldest_needed) log_signal(&s->log, &s->chores);
}

void store_add_spare(struct store *s, uint64_t number, bool recycled) {
  s->spares[s->spare_count] = number;
  s->spare_recycled[s->spare_count++] = recycled;
}

void store_drop_spare(struct store *s) {
  s->spare_count--;
  for (size_t i = 0; i < s->spare_count; i++) {
    s->spares[i] = s->spares[i + 1];
    s->spare_recycled[i] = s->spare_recycled[i + 1];
  }
}

/* (S1) The first entry held, if it is durable, has its place. Under the lock. */
static bool has_place(const struct store *s) {
  const struct index_slot *next;
  rkv_index first = s->log.held.purged.index + 1;
  return s->log.durable_last <= s->log.held.purged.index || index_find(&s->index, first, &next);
}

void store_finish(struct store *s, const struct op *last, bool included, uint64_t segment_end) {
  struct queue_taken taken;
  bool ok;
  log_lock(&s->log);
  ok = s->log.failed.status == RKV_OK;
  assert(s->owner.fd < 0 || s->owner.segment >= s->active->sequence); /* (O2) */
  if (ok) s->active->end = segment_end;
  taken = queue_take(&s->log, last, included);
  assert(!ok || has_place(s)); /* (S1) */
  if (ok) store_release_segments(s);
  log_unlock(&s->log);
  queue_complete(&taken);
}
