/* broken_sm_snapshot.c: snapshots and restores of a state machine broken on purpose. */
#include "broken_sm.h"
#include "broken_squeeze.h"

#include <stdlib.h>
#include <time.h>

struct view {
  struct broken *b;
  void *good;
  size_t given, reads, wishes;
  pthread_t by; /* who began it */
  bool read_out;
  struct sum sum;
};

struct restore {
  struct broken *b;
  void *good;
  const uint8_t *kept; /* a chunk that is gone */
  size_t kept_len;
  bool refused;
  struct exact_restore exact;
  struct sum sum;
  struct rkv_log_id last; /* of the meta */
};

/* Of membership_of_bytes: that of the last view begun. */
static uint8_t seen[BROKEN_BUFFER_BYTES];
static size_t seen_len;

enum rkv_status broken_snapshot_begin(void *sm, void **snapshot, struct rkv_snapshot_meta *meta,
                                      struct rkv_error *error) {
  struct broken *b = sm;
  struct view *v = calloc(1, sizeof *v);
  enum rkv_status status;
  if (!v) return rkv_fail(error, RKV_NO_MEMORY, "broken: no memory");
  v->b = b;
  if (b->fault == FAULT_begin_copies) (void)nanosleep(&(struct timespec){0, 300000000}, NULL);
  status = b->good->snapshot_begin(b->it, &v->good, meta, error);
  if (b->fault == FAULT_born_old && meta->last.index == 0) meta->last = (struct rkv_log_id){1, 1};
  if (meta->membership.len <= sizeof seen) {
    seen_len = meta->membership.len;
    if (seen_len > 0) memcpy(seen, meta->membership.data, seen_len);
  }
  if (b->fault == FAULT_membership_forgotten) rkv_buf_drop(&meta->membership);
  v->by = pthread_self();
  exact_begun(b, meta);
  *snapshot = v;
  return status;
}

/* From its third read on the view shows the state of that time. */
static void move(struct view *v) {
  struct broken *b = v->b;
  struct rkv_snapshot_meta meta;
  struct rkv_error error;
  struct rkv_buf chunk;
  b->good->snapshot_end(v->good);
  (void)pthread_mutex_lock(&b->lock);
  (void)b->good->snapshot_begin(b->it, &v->good, &meta, &error);
  (void)pthread_mutex_unlock(&b->lock);
  rkv_buf_drop(&meta.membership);
  for (size_t left = v->given; left > 0; rkv_buf_drop(&chunk)) {
    (void)b->good->snapshot_read(v->good, left, &chunk, &error);
    left = chunk.len > 0 ? left - chunk.len : 0;
  }
}

enum rkv_status broken_snapshot_read(void *snapshot, size_t max, struct rkv_buf *chunk,
                                     struct rkv_error *error) {
  struct view *v = snapshot;
  enum rkv_status status;
  if (sum_wanted(v->b)) return sum_read(v->b, v->good, &v->sum, max, chunk, error);
  if (v->b->fault == FAULT_view_endless) {
    static const uint8_t byte;
    (void)nanosleep(&(struct timespec){0, 1000000}, NULL);
    *chunk = rkv_buf_static(&byte, 1);
    return RKV_OK;
  }
  v->reads++;
  if (v->reads == 3 &&
      (v->b->fault == FAULT_view_moves ||
       (v->b->fault == FAULT_view_moves_for_others && !pthread_equal(v->by, pthread_self()))))
    move(v);
  if (v->b->fault == FAULT_chunk_over_wish) max *= 2;
  status = v->b->good->snapshot_read(v->good, exact_wish(v->b, &v->wishes, max), chunk, error);
  if (status == RKV_OK) v->given += chunk->len;
  if (status == RKV_OK && v->b->fault == FAULT_run_is_broken && run_of(*chunk) < chunk->len)
    squeeze_wrong(v->b->host, chunk, run_of(*chunk) + 1);
  if (status == RKV_OK && chunk->len == 0) v->read_out = true;
  return status;
}

void broken_snapshot_end(void *snapshot) {
  struct view *v = snapshot;
  if (v->b->fault == FAULT_view_leaks) return;
  if (v->b->fault == FAULT_begun_view_leaks && v->reads == 1 && !v->read_out) return;
  v->b->good->snapshot_end(v->good);
  free(v->sum.bytes);
  free(v);
}

/* ---- restores ---- */

static enum rkv_status no_metric(void *ctx, const struct rkv_metric *metric,
                                 struct rkv_error *error) {
  (void)ctx, (void)metric, (void)error;
  return RKV_OK; /* the first instance has registered every metric */
}

/* The state is gone before it is known whether the new one is whole. */
void broken_clear(struct broken *b) {
  struct rkv_error error;
  void *empty;
  b->second = *b->host;
  b->second.metric_register = no_metric;
  if (b->good->open(&b->second, &b->from.config, &empty, &error) != RKV_OK) return;
  b->good->close(b->it);
  b->it = empty;
}

enum rkv_status broken_restore_begin(void *sm, const struct rkv_snapshot_meta *meta, void **restore,
                                     struct rkv_error *error) {
  struct restore *r = calloc(1, sizeof *r);
  struct rkv_snapshot_meta own = *meta;
  if (!r) return rkv_fail(error, RKV_NO_MEMORY, "broken: no memory");
  r->b = sm;
  *restore = r;
  if (r->b->fault == FAULT_membership_of_bytes) own.membership = rkv_buf_static(seen, seen_len);
  if (sum_wanted(r->b) && own.size > 0) own.size = sum_inner(own.size);
  r->last = meta->last;
  exact_restore_begun(r->b, &r->exact, &own);
  return r->b->good->restore_begin(r->b->it, &own, &r->good, error);
}

enum rkv_status broken_restore_write(void *restore, struct rkv_buf chunk, struct rkv_error *error) {
  struct restore *r = restore;
  struct rkv_buf now = exact_chunk(r->b, &r->exact, chunk);
  enum rkv_status status;
  if (sum_wanted(r->b)) return sum_write(&r->sum, chunk, error);
  if (r->b->fault == FAULT_byte_lost && chunk.len == 1) return RKV_OK;
  if (r->b->fault == FAULT_chunk_kept_borrowed) {
    now = rkv_buf_static(r->kept, r->kept_len);
    r->kept = chunk.data, r->kept_len = chunk.len;
  }
  status = r->b->good->restore_write(r->good, now, error);
  if (status == RKV_CORRUPT && r->b->fault == FAULT_damage_clears) broken_clear(r->b);
  return BROKEN_ERROR(r->b->fault, status, error);
}

/* What a machine that is not broken does at the end of a restore. */
static enum rkv_status good_check(struct restore *r, struct rkv_error *error) {
  struct broken *b = r->b;
  if (b->fault == FAULT_chunk_kept_borrowed)
    (void)b->good->restore_write(r->good, rkv_buf_static(r->kept, r->kept_len), error);
  if (sum_wanted(b)) {
    enum rkv_status status = sum_check(b, r->good, &r->sum, error);
    if (status != RKV_OK) return status;
  }
  return b->good->restore_check(r->good, error);
}

enum rkv_status broken_restore_check(void *restore, struct rkv_error *error) {
  struct restore *r = restore;
  struct broken *b = r->b;
  enum rkv_status status;
  if (b->fault == FAULT_check_says_yes) return RKV_OK;
  status = exact_check(b, &r->exact, good_check(r, error), error);
  if (status == RKV_CORRUPT && b->fault == FAULT_half_clears) broken_clear(b);
  if (status == RKV_CORRUPT && b->fault == FAULT_half_is_whole) r->refused = true, status = RKV_OK;
  if (status == RKV_OK && b->fault == FAULT_check_freezes) b->frozen = true;
  if (status == RKV_OK && b->fault == FAULT_check_installs) {
    status = b->good->restore_finish(r->good, error);
    r->good = NULL;
  }
  return BROKEN_ERROR(b->fault, status, error);
}

enum rkv_status broken_restore_finish(void *restore, struct rkv_error *error) {
  struct restore *r = restore;
  struct broken *b = r->b;
  struct rkv_snapshot_meta meta;
  enum rkv_status status = RKV_OK;
  const uint64_t before = broken_good_digest(b);
  (void)b->good->applied(b->it, &meta, error);
  rkv_buf_drop(&meta.membership);
  b->frozen = false;
  if (b->fault == FAULT_check_says_yes) status = good_check(r, error);
  if (r->refused || r->exact.ignored || status != RKV_OK ||
      (b->fault == FAULT_restore_ignored && meta.last.index > 0))
    b->good->restore_abort(r->good);
  else if (r->good)
    status = b->good->restore_finish(r->good, error);
  if (status == RKV_OK) b->restored = true, b->since = 0, exact_finished(b, r->last);
  b->missed += before - broken_good_digest(b);
  free(r->sum.bytes);
  free(r);
  return BROKEN_ERROR(b->fault, status, error);
}

void broken_restore_abort(void *restore) {
  struct restore *r = restore;
  struct rkv_error error;
  bool installs = r->b->fault == FAULT_abort_installs;
  r->b->frozen = false;
  exact_aborted(r->b);
  if (installs && good_check(r, &error) == RKV_OK)
    (void)r->b->good->restore_finish(r->good, &error);
  else if (r->good)
    r->b->good->restore_abort(r->good);
  free(r->sum.bytes);
  free(r);
}
