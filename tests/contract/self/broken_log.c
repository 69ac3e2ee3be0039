/* broken_log.c: vote, log and completions, each with its faults. */
#include "broken.h"
#include "broken_squeeze.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { DAWDLE_MS = 150, DAWDLES_MAX = 12 }; /* it is in the way of no other law */
enum { GHOST_BATCH = 20, SIDE_PATH_MAX = 1024 };

/* ---- completions ---- */

static void call(struct passage *p) {
  struct broken *b = p->b;
  struct rkv_completion *theirs = p->theirs;
  bool failed = p->status != RKV_OK;
  if (failed) b->failed = true;
  if (b->fault == FAULT_success_after_failure && failed) failed = b->calls++ % 2 == 0;
  if (failed && b->fault == FAULT_failure_takes_a_file) broken_take_file(b);
  if (b->fault == FAULT_told_otherwise) p->error.status = RKV_OK;
  b->inside = pthread_self();
  atomic_store(&b->is_inside, true);
  theirs->done(theirs, failed ? p->status : RKV_OK, failed ? &p->error : NULL);
  if (b->fault == FAULT_called_twice && ++b->calls % 7 == 0) theirs->done(theirs, RKV_OK, NULL);
  if (b->fault == FAULT_touched_after_done) theirs->done = NULL;
  atomic_store(&b->is_inside, false);
  free(p);
}

void broken_release(struct broken *b, size_t keep) {
  while (b->held_count > 0 && (keep == SIZE_MAX || b->held_count > keep)) {
    struct passage *p = b->held[0];
    b->held_count--;
    for (size_t i = 0; i < b->held_count; i++) b->held[i] = b->held[i + 1];
    if (keep == SIZE_MAX)
      free(p);
    else
      call(p);
  }
}

static void wrong_order(struct passage *p) {
  struct broken *b = p->b;
  struct passage *older = NULL;
  (void)pthread_mutex_lock(&b->lock);
  if (b->held_count > 0)
    older = b->held[--b->held_count];
  else if (++b->calls % 5 == 0)
    b->held[b->held_count++] = p, p = NULL;
  (void)pthread_mutex_unlock(&b->lock);
  if (p) call(p);
  if (older) call(older);
}

static void pass_back(struct rkv_completion *self, enum rkv_status status,
                      const struct rkv_error *error) {
  struct passage *p = (struct passage *)self;
  struct broken *b = p->b;
  p->status = status;
  (void)atomic_fetch_sub(&b->flying, 1);
  if (error) p->error = *error;
  if (b->fault == FAULT_ack_at_once) {
    free(p);
  } else if (b->fault == FAULT_never_called && ++b->calls % 11 == 0) {
    free(p);
  } else if (b->fault == FAULT_called_in_wrong_order) {
    wrong_order(p);
  } else if (b->fault == FAULT_close_forgets) {
    b->held[b->held_count++] = p;
    if (b->held_count > BROKEN_HELD_MAX) broken_release(b, BROKEN_HELD_MAX);
  } else if (b->fault == FAULT_called_under_a_lock) {
    (void)pthread_mutex_lock(&b->lock);
    call(p);
    (void)pthread_mutex_unlock(&b->lock);
  } else {
    call(p);
  }
}

static struct rkv_completion *passage(struct broken *b, struct rkv_completion *theirs) {
  struct passage *p = calloc(1, sizeof *p);
  *p = (struct passage){.completion = {pass_back}, .theirs = theirs, .b = b};
  (void)atomic_fetch_add(&b->flying, 1);
  return &p->completion;
}

/* Tells the caller before the good plugin has done anything. */
static void ack_at_once(struct broken *b, struct rkv_completion *completion) {
  if (b->fault == FAULT_ack_at_once) completion->done(completion, RKV_OK, NULL);
}

static void dawdle(unsigned ms) {
  (void)nanosleep(&(struct timespec){0, (long)ms * 1000000}, NULL);
}

/* Until everything is durable; a completion would wait for itself. */
static void wait_for_all(struct broken *b) {
  if (atomic_load(&b->is_inside) && pthread_equal(b->inside, pthread_self())) return;
  while (atomic_load(&b->flying) > 0) dawdle(1);
}

/* A lock that is also held while completions are called. */
static void enter(struct broken *b) {
  if (b->fault == FAULT_called_under_a_lock) (void)pthread_mutex_lock(&b->lock);
}

static void leave(struct broken *b) {
  if (b->fault == FAULT_called_under_a_lock) (void)pthread_mutex_unlock(&b->lock);
}

/* ---- vote and identity ---- */

void broken_save_vote(void *storage, struct rkv_vote vote, struct rkv_completion *completion) {
  struct broken *b = storage;
  struct rkv_vote given = vote;
  if (b->fault == FAULT_vote_not_saved) {
    completion->done(completion, RKV_OK, NULL);
    return;
  }
  if (b->fault == FAULT_vote_loses_committed) vote.committed = false;
  if (b->fault == FAULT_vote_one_behind) vote = b->before;
  b->before = given;
  b->good->save_vote(b->it, vote, passage(b, completion));
  ack_at_once(b, completion);
}

void broken_save_identity(void *storage, struct rkv_identity identity,
                          struct rkv_completion *completion) {
  struct broken *b = storage;
  b->good->save_identity(b->it, identity, passage(b, completion));
  ack_at_once(b, completion);
}

/* ---- the log ---- */

/* The entries as the fault changes them. */
static struct rkv_entry *changed(struct broken *b, const struct rkv_entry *entries, size_t count) {
  struct rkv_entry *copy = calloc(count, sizeof *copy);
  memcpy(copy, entries, count * sizeof *copy);
  for (size_t i = 0; i < count; i++) {
    if (b->fault == FAULT_hole_is_closed) copy[i].id.index = b->tip + 1 + i;
    if (copy[i].id.term > b->highest) b->highest = copy[i].id.term;
    if (b->fault == FAULT_term_never_falls) copy[i].id.term = b->highest;
    if (b->fault == FAULT_kind_lost) copy[i].kind = RKV_ENTRY_COMMAND;
    if (b->fault == FAULT_kind_lost_beside_snapshot && atomic_load(&b->writers) > 0)
      copy[i].kind = RKV_ENTRY_BLANK;
    if (b->fault == FAULT_old_term_stays && copy[i].id.index <= b->cut_tip)
      copy[i].id.term = b->cut_term;
    if (b->fault == FAULT_entry_33333_cut && copy[i].id.index == 33333 && copy[i].payload.len > 0)
      copy[i].payload = rkv_buf_slice(copy[i].payload, 0, copy[i].payload.len - 1);
    if (b->fault == FAULT_large_entry_cut && copy[i].payload.len > 1000000)
      copy[i].payload = rkv_buf_slice(copy[i].payload, 0, 1000000);
    if (b->fault == FAULT_reference_leaks) (void)rkv_buf_share(copy[i].payload);
    if (b->fault == FAULT_array_kept && copy[i].payload.len > 0) /* keeps it without a reference */
      copy[i].payload = rkv_buf_static(copy[i].payload.data, copy[i].payload.len);
  }
  return copy;
}

/* ---- what a life lost ---- */

static void ghost_path(const struct broken *b, char path[SIDE_PATH_MAX]) {
  (void)snprintf(path, SIDE_PATH_MAX, "%s/ghost", b->dir);
}

rkv_index broken_ghost(const struct broken *b) {
  char path[SIDE_PATH_MAX];
  FILE *file;
  uint64_t last = 0;
  ghost_path(b, path);
  file = fopen(path, "re");
  if (file && fscanf(file, "%" SCNu64, &last) != 1) last = 0;
  if (file) (void)fclose(file);
  return last;
}

static void nobody_told(struct rkv_completion *self, enum rkv_status status,
                        const struct rkv_error *error) {
  (void)self, (void)status, (void)error;
}

/* Notes a large batch; after a life that lost it, its end follows the first entry of the next. */
static void haunt(struct broken *b, const struct rkv_entry *entries, size_t count) {
  static struct rkv_completion unheard = {nobody_told};
  struct rkv_entry end = entries[count - 1];
  char path[SIDE_PATH_MAX];
  FILE *file;
  ghost_path(b, path);
  file = count >= GHOST_BATCH ? fopen(path, "we") : NULL;
  if (file) (void)fprintf(file, "%" PRIu64, end.id.index);
  if (file) (void)fclose(file);
  while (end.id.index < b->ghost) {
    end.id.index++;
    b->good->append(b->it, &end, 1, &unheard);
  }
  b->ghost = 0;
}

/* Keeps this thread busy. */
static void work(unsigned ms) {
  const clock_t end = clock() + (clock_t)ms * (CLOCKS_PER_SEC / 1000);
  while (clock() < end) continue;
}

void broken_append(void *storage, const struct rkv_entry *entries, size_t count,
                   struct rkv_completion *completion) {
  struct broken *b = storage;
  bool falls = entries[0].id.term < b->highest;
  struct rkv_entry *copy = changed(b, entries, count);
  if (falls && b->fault == FAULT_falling_is_refused) {
    struct rkv_error error;
    free(copy);
    completion->done(completion, rkv_fail(&error, RKV_INVALID, "broken: a term falls"), &error);
    return;
  }
  b->tip = copy[count - 1].id.index;
  b->last = entries[count - 1].id.index;
  if (b->fault == FAULT_hangs && b->last >= 4)
    for (;;) (void)nanosleep(&(struct timespec){1, 0}, NULL);
  enter(b);
  leave(b);
  b->good->append(b->it, copy, count, passage(b, completion));
  ack_at_once(b, completion);
  if (b->fault == FAULT_lost_batch_returns) haunt(b, entries, count);
  if (b->fault == FAULT_append_waits) wait_for_all(b);
  if (b->fault == FAULT_large_is_packed && entries[0].payload.len > 1 << 20) work(DAWDLE_MS);
  free(copy);
}

void broken_truncate(void *storage, rkv_index after) {
  struct broken *b = storage;
  if (b->fault == FAULT_truncate_one_too_few) after++;
  if (b->fault == FAULT_truncate_one_too_many && after > 0) after--;
  if (b->fault == FAULT_truncate_beyond_drops && after >= b->last) after = b->last - 1;
  if (b->fault == FAULT_truncate_dawdles && b->dawdled++ < DAWDLES_MAX) dawdle(DAWDLE_MS);
  if (b->fault == FAULT_truncate_below_empties && after < b->purged) after = b->purged;
  if (b->fault == FAULT_truncate_to_purged_ignored && after == b->purged && after > 0) return;
  b->cut = true;
  if (after < b->tip) b->cut_tip = b->tip, b->cut_term = b->highest;
  if (after < b->tip) b->tip = after;
  if (after < b->last) b->last = after;
  b->good->truncate(b->it, after);
}

/* The term of the entry that is held; `given` if there is none. */
static rkv_term term_held(struct broken *b, struct rkv_log_id given) {
  struct rkv_entry entry;
  struct rkv_error error;
  size_t count = 0;
  enum rkv_status status =
      b->good->read(b->it, given.index, given.index, 0, &entry, 1, &count, &error);
  if (status != RKV_OK || count == 0) return given.term;
  rkv_buf_drop(&entry.payload);
  return entry.id.term;
}

void broken_purge(void *storage, struct rkv_log_id up_to) {
  struct broken *b = storage;
  if (b->fault == FAULT_purge_term_31_bits) up_to.term &= 0x7fffffff;
  if (b->fault == FAULT_purge_keeps_own_term) up_to.term = term_held(b, up_to);
  if (b->fault == FAULT_contradiction_is_ignored && term_held(b, up_to) != up_to.term) return;
  if (b->fault == FAULT_purge_to_tip_keeps_one && up_to.index == b->tip) up_to.index--;
  if (b->fault == FAULT_purge_below_drops_one && up_to.index > 0 && up_to.index < b->purged)
    up_to.index = b->purged + 1;
  if (up_to.index > b->purged) b->purged = up_to.index;
  if (up_to.index > b->tip) b->tip = up_to.index;
  if (b->fault == FAULT_purge_one_too_many) up_to.index++;
  if (b->fault == FAULT_purge_one_too_few && up_to.index > 0) up_to.index--;
  if (b->fault == FAULT_purge_beyond_ignored && up_to.index > b->last) return;
  b->good->purge(b->it, up_to);
}

/* What a plugin that compresses may get wrong. */
static void spoil_payload(const struct broken *b, struct rkv_buf *payload) {
  if (b->fault == FAULT_squeezed_is_cut && squeezes(*payload)) payload->len /= 2;
  if (b->fault == FAULT_alike_is_wrong && is_alike(*payload)) squeeze_wrong(b->host, payload, 9);
}

enum rkv_status broken_read(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                            struct rkv_entry *entries, size_t capacity, size_t *count,
                            struct rkv_error *error) {
  struct broken *b = storage;
  enum rkv_status status;
  if (b->fault == FAULT_crashes && from > 6) abort();
  if (b->fault == FAULT_zero_is_nothing && from == 0) {
    *count = 0;
    return RKV_OK;
  }
  if (b->fault == FAULT_backwards_is_an_error && from > to)
    return rkv_fail(error, RKV_INVALID, "broken: it ends before it begins");
  if (b->fault == FAULT_index_32_bits) to &= UINT32_MAX;
  if (b->fault == FAULT_read_without_last && to > from) to--;
  if (b->fault == FAULT_read_over_bytes_max && bytes_max < UINT64_MAX / 2) bytes_max += 300;
  if (b->fault == FAULT_append_in_the_dark && to >= b->last && b->last > from) to = b->last - 1;
  status = b->good->read(b->it, from, to, bytes_max, entries, capacity, count, error);
  if (b->fault == FAULT_count_stays_after_error && status != RKV_OK) *count = 1;
  if (b->fault == FAULT_count_over_capacity && status == RKV_OK && *count == capacity &&
      to - from >= capacity)
    ++*count;
  if (b->fault == FAULT_purged_is_nothing && status == RKV_NOT_FOUND) {
    *count = 0;
    return RKV_OK;
  }
  if (status == RKV_OK && b->fault == FAULT_beyond_is_an_error && *count == 0)
    return rkv_fail(error, RKV_NOT_FOUND, "broken: there is no such entry");
  if (status == RKV_OK && b->fault == FAULT_read_nothing_if_large && *count == 1 &&
      entries[0].payload.len > bytes_max) {
    rkv_buf_drop(&entries[0].payload);
    *count = 0;
  }
  if (status == RKV_OK && b->fault == FAULT_reads_race && *count > 0 && b->calls++ % 50 == 49)
    entries[0].id.index++;
  if (status == RKV_OK && b->fault == FAULT_payload_changes_behind)
    for (size_t i = 0; i < *count; i++) { /* shows the bytes, and drops their reference */
      struct rkv_buf shown = rkv_buf_static(entries[i].payload.data, entries[i].payload.len);
      rkv_buf_drop(&entries[i].payload);
      entries[i].payload = shown;
    }
  for (size_t i = 0; status == RKV_OK && i < *count; i++) spoil_payload(b, &entries[i].payload);
  return BROKEN_ERROR(b->fault, status, error);
}

/* ---- a thread that nobody ends ---- */

static void *wait_for_ever(void *arg) {
  for (;;) (void)nanosleep(&(struct timespec){1, 0}, NULL);
  return arg;
}

void broken_leave_thread(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, wait_for_ever, NULL) == 0) (void)pthread_detach(thread);
}
