/* broken_sm_exact.c: faults of a state machine that show in one narrow place, so that one law alone
 * can name them. */
#include "broken_sm.h"

#include <stdlib.h>
#include <time.h>

enum {
  LONG_BATCH = 200, /* entries */
  LOST_OF = 4096,   /* a chunk of so many bytes is not whole */
  WISHES = 20,      /* of one byte: the next one is not heeded */
  MANY = 60000,     /* commands */
  COPY_MS = 300,
  SHORT_LOG = 2,          /* entries */
  LONG_MEMBERSHIP = 2000, /* bytes */
  INSTANCES_MAX = 8,
  SEEN_MAX = 16,         /* memberships of views */
  MEMBERSHIP_MAX = 32768 /* bytes of one */
};

/* What the instances of a process leave to each other. */
static struct {
  int alive;
  struct broken *instances[INSTANCES_MAX];
  struct rkv_log_id last; /* of the instance that was closed last */
  bool described;
  struct {
    struct rkv_log_id last;
    uint8_t bytes[MEMBERSHIP_MAX];
    size_t len;
  } seen[SEEN_MAX];
  size_t seen_count;
} process;

static void leak(struct broken *b) {
  struct rkv_buf leaked;
  (void)b->host->buf_alloc(b->host->ctx, 10, &leaked);
}

void exact_opened(struct broken *b) {
  struct exact *e = &b->exact;
  if (process.alive++ == 0) e->before = process.last;
  for (size_t i = 0; i < INSTANCES_MAX; i++) {
    if (process.instances[i]) continue;
    process.instances[i] = b;
    break;
  }
}

/* Instances that have applied less than the one that is closed lose what they have. */
static void end_smaller_ones(const struct broken *b) {
  for (size_t i = 0; i < INSTANCES_MAX; i++) {
    struct broken *other = process.instances[i];
    if (other == b) process.instances[i] = NULL;
    if (other && other->exact.last.index < b->exact.last.index &&
        b->fault == FAULT_smaller_ones_end)
      broken_clear(other);
  }
}

void exact_closing(struct broken *b) {
  const struct exact *e = &b->exact;
  process.alive--;
  end_smaller_ones(b);
  process.last = e->last;
  if (b->fault == FAULT_idle_leaks && !e->validated && !e->used) leak(b);
  if (b->fault == FAULT_unapplied_leaks && e->validated && !e->used && !process.described) leak(b);
}

void exact_described(void) {
  process.described = true;
}

/* ---- commands and questions ---- */

void exact_applied(struct broken *b, const struct rkv_entry *entries, size_t count,
                   struct rkv_buf *results) {
  struct exact *e = &b->exact;
  const struct rkv_entry *end = &entries[count - 1];
  e->used = true;
  e->applier = pthread_self();
  e->has_applier = true;
  e->kept = end;
  e->lags = count == 1 && end->kind == RKV_ENTRY_BLANK;
  e->previous = count > 1 ? end[-1].id : e->last;
  e->last = end->id;
  if (b->fault == FAULT_end_of_batch_unanswered && count > LONG_BATCH)
    rkv_buf_drop(&results[count - 1]);
}

void exact_says(struct broken *b, struct rkv_snapshot_meta *meta) {
  struct exact *e = &b->exact;
  if (b->fault == FAULT_applied_lags && e->lags) meta->last = e->previous;
  if (b->fault == FAULT_entry_kept && e->kept) meta->last = e->kept->id;
  if (b->fault == FAULT_remembers_last && !e->used && e->before.index > 0) meta->last = e->before;
  e->used = true;
}

bool exact_is_stale(const struct broken *b) {
  const struct exact *e = &b->exact;
  return b->fault == FAULT_stale_to_others && e->has_applier &&
         !pthread_equal(e->applier, pthread_self());
}

/* ---- views ---- */

static void see(const struct rkv_snapshot_meta *meta) {
  size_t at = 0;
  while (at < process.seen_count && !rkv_log_id_equal(process.seen[at].last, meta->last)) at++;
  if (at == SEEN_MAX || meta->membership.len > MEMBERSHIP_MAX) return;
  if (at == process.seen_count) process.seen_count++;
  process.seen[at].last = meta->last;
  process.seen[at].len = meta->membership.len;
  if (meta->membership.len > 0)
    memcpy(process.seen[at].bytes, meta->membership.data, meta->membership.len);
}

void exact_begun(struct broken *b, struct rkv_snapshot_meta *meta) {
  b->exact.used = true;
  if (b->fault == FAULT_membership_of_view) see(meta);
  if (b->fault == FAULT_long_membership_lost && meta->last.index == SHORT_LOG &&
      meta->membership.len > LONG_MEMBERSHIP)
    rkv_buf_drop(&meta->membership);
  if (b->fault == FAULT_many_are_copied && b->commands > MANY)
    (void)nanosleep(&(struct timespec){0, COPY_MS * 1000000L}, NULL);
}

size_t exact_wish(const struct broken *b, size_t *wishes, size_t max) {
  *wishes = max == 1 ? *wishes + 1 : 0;
  return b->fault == FAULT_byte_wishes_end && *wishes > WISHES ? 2 : max;
}

/* ---- restores ---- */

void exact_restore_begun(struct broken *b, struct exact_restore *r,
                         struct rkv_snapshot_meta *meta) {
  r->thread = pthread_self();
  r->finished = b->exact.finished;
  r->empty = meta->last.index == 0 && b->exact.last.index == 0;
  b->exact.used = true;
  if (b->fault != FAULT_membership_of_view) return;
  for (size_t i = 0; i < process.seen_count; i++)
    if (rkv_log_id_equal(process.seen[i].last, meta->last))
      meta->membership = rkv_buf_static(process.seen[i].bytes, process.seen[i].len);
}

struct rkv_buf exact_chunk(const struct broken *b, struct exact_restore *r, struct rkv_buf chunk) {
  r->bytes += chunk.len;
  if (b->fault == FAULT_restore_by_one_thread && !pthread_equal(r->thread, pthread_self()))
    return rkv_buf_none();
  if (b->fault == FAULT_end_of_4096_lost && chunk.len == LOST_OF)
    return rkv_buf_slice(chunk, 0, LOST_OF - 1);
  return chunk;
}

enum rkv_status exact_check(struct broken *b, struct exact_restore *r, enum rkv_status status,
                            struct rkv_error *error) {
  struct exact *e = &b->exact;
  if (status != RKV_OK) e->refused = true;
  r->ignored = b->fault == FAULT_second_restore_ignored && !e->refused && e->finished == 1;
  if (b->fault == FAULT_nothing_is_whole && r->bytes == 0 && status != RKV_OK) {
    r->ignored = true;
    return RKV_OK;
  }
  if (b->fault == FAULT_empty_is_refused && r->empty)
    return rkv_fail(error, RKV_CORRUPT, "broken: an empty state");
  if (b->fault == FAULT_restores_clash && r->finished != e->finished)
    return rkv_fail(error, RKV_CORRUPT, "broken: another restore came before this one's end");
  return status;
}

void exact_finished(struct broken *b, const struct rkv_log_id last) {
  struct exact *e = &b->exact;
  if (e->finished++ == 0) e->past = b->commands;
  e->kept = NULL;
  e->lags = false;
  e->last = last;
}

void exact_aborted(struct broken *b) {
  b->exact.refused = true;
}
