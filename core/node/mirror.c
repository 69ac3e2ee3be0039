/* mirror.c: fills the copy, and compares it (mirror.h). */
#include <node/mirror.h>

#include <node/kernel/fatal.h>
#include <node/kernel/outcome.h>
#include <node/kernel/state.h>
#include <node/kernel/tail.h>

#include <assert.h>
#include <inttypes.h>
#include <string.h>

static void mirror_enter(struct mirror *m, enum mirror_phase phase) {
  m->phase = phase;
  m->began = false;
  m->done = m->total = 0;
}

static void mirror_post(struct mirror *m, enum swap_task task, const struct pair_look *look) {
  m->began = true;
  m->cuts = look->cuts;
  m->purged = look->purged.index;
  swap_work_post(m->work, task);
}

static uint64_t cost_stored(const struct node *n) {
  return n->count.stored_bytes + n->count.stored_entries * SWAP_ENTRY_COST;
}

/* Pays for the piece that ended: the next one may have to wait. As much as the node stored
 * meanwhile is free, so that the copy comes nearer however much clients write. What is free stays
 * free until it is used, up to MIRROR_FREE_MAX: a look at the copy, or a cheap piece, takes nothing
 * of it away. */
static void mirror_pay(struct mirror *m) {
  struct node *n = m->n;
  const uint64_t stored = cost_stored(n), cost = m->work->cost;
  const uint64_t free_cost = stored - m->stored_cost;
  const uint64_t owed = cost > free_cost ? cost - free_cost : 0;
  if (cost == 0) return;
  m->stored_cost += cost - owed;
  if (stored - m->stored_cost > MIRROR_FREE_MAX) m->stored_cost = stored - MIRROR_FREE_MAX;
  m->work->cost = 0;
  if (m->pace_ns < n->now_ns) m->pace_ns = n->now_ns;
  m->pace_ns += owed * NODE_SECOND_NS / MIRROR_RATE;
}

static enum mirror_verdict mirror_wait(struct mirror *m) {
  m->pace_ns = m->n->now_ns + MIRROR_WAIT_NS;
  return MIRROR_WAITS;
}

/* The copy has not stored yet what it was given. */
static enum mirror_verdict wait_for_copy(struct mirror *m, struct rkv_error *error) {
  if (m->n->now_ns < m->append_due_ns) return MIRROR_WAITS;
  (void)rkv_fail(error, RKV_TIMEOUT,
                 "the new storage has not stored in %" PRIu64 " s what it was given: it is full or "
                 "too slow (its own lines say which)",
                 MIRROR_APPEND_NS / NODE_SECOND_NS);
  return MIRROR_FAILED;
}

/* ---- the snapshot ---- */

static enum mirror_verdict mirror_snapshot(struct mirror *m, const struct pair_look *look,
                                           struct rkv_error *error) {
  (void)error;
  assert(look->phase == PAIR_COPYING); /* (M1) */
  m->total = m->work->meta.size;
  m->done = m->work->offset;
  if (m->began && m->work->over) {
    bool newest = m->snapshots == look->snapshots;
    if (!newest && look->writing) return mirror_wait(m);
    mirror_enter(m, newest ? MIRROR_LOG : MIRROR_SNAPSHOT); /* (M1) */
    if (newest) pair_purge_copy(&m->n->pair);
    return MIRROR_AGAIN;
  }
  if (!m->began) m->snapshots = look->snapshots;
  mirror_post(m, SWAP_SNAPSHOT, look);
  return MIRROR_WAITS;
}

/* ---- the log ---- */

/* Any thread. */
static void on_appended(struct rkv_completion *completion, enum rkv_status status,
                        const struct rkv_error *error) {
  struct mirror *m = (struct mirror *)((char *)completion - offsetof(struct mirror, appended));
  struct node *n = m->n;
  m->append_status = outcome_of_done(status, error, "the new storage's append", &m->append_error);
  atomic_store_explicit(&m->appending, false, memory_order_release);
  node_kick(n); /* *m may be gone by now */
}

static void give_read(struct mirror *m, const struct pair_look *look) {
  struct swap_work *w = m->work;
  /* entries that were read before a truncation may be of a log that is gone */
  if (m->cuts == look->cuts && w->count > 0 && w->entries[0].id.index == look->copied + 1) {
    atomic_store_explicit(&m->appending, true, memory_order_relaxed);
    m->appended.done = on_appended;
    m->append_due_ns = m->n->now_ns + MIRROR_APPEND_NS;
    pair_append_copy(&m->n->pair, w->entries, w->count, &m->appended);
  }
  swap_work_drop_entries(w);
}

/* Gives the copy what it lacks out of memory, if that is little. False: it has to be read. */
static bool give_rest(struct mirror *m, const struct pair_look *look) {
  struct node *n = m->n;
  rkv_index next = look->copied + 1;
  if (look->last.index - look->copied > MIRROR_JOIN_MAX) return false;
  if (next <= look->last.index && !tail_has(&n->tail, next)) return false;
  while (next <= look->last.index) {
    size_t count;
    const struct rkv_entry *entries = tail_span(&n->tail, next, look->last.index, &count);
    if (count == 0) return false;
    pair_append_copy(&n->pair, entries, count, NULL);
    next += count;
  }
  return true;
}

static bool is_log_too_long(const struct mirror *m, struct rkv_error *error) {
  if (m->n->build.log_bytes <= MIRROR_LOG_BYTES_MAX) return false;
  (void)rkv_fail(error, RKV_FULL,
                 "the log grew by %" PRIu64 " bytes meanwhile, and no snapshot can be built before "
                 "the copy is whole",
                 m->n->build.log_bytes);
  return true;
}

static enum mirror_verdict mirror_join(struct mirror *m, const struct pair_look *look) {
  if (!pair_join(&m->n->pair, m->snapshots)) return mirror_wait(m);
  mirror_enter(m, MIRROR_COMPARING);
  m->snapshot_equal = false;
  m->given = UINT64_MAX;
  m->append_due_ns = m->n->now_ns + MIRROR_APPEND_NS;
  m->next = 1;
  m->to = look->last.index;
  m->by_copy = look->by_copy;
  return MIRROR_AGAIN;
}

static enum mirror_verdict mirror_log(struct mirror *m, const struct pair_look *look,
                                      struct rkv_error *error) {
  struct swap_work *w = m->work;
  m->total = look->last.index - look->purged.index;
  m->done = look->copied > look->purged.index ? look->copied - look->purged.index : 0;
  if (!mirror_is_idle(m)) return wait_for_copy(m, error);
  if (m->append_status != RKV_OK) {
    *error = m->append_error;
    return MIRROR_FAILED;
  }
  if (w->entries) {
    give_read(m, look);
    return MIRROR_AGAIN;
  }
  if (look->snapshots != m->snapshots && !look->writing) { /* (M1) */
    mirror_enter(m, MIRROR_SNAPSHOT);
    return MIRROR_AGAIN;
  }
  if (look->purged.index > look->copied) {
    if (look->snapshots != m->snapshots) return mirror_wait(m);
    pair_purge_copy(&m->n->pair);
    return MIRROR_AGAIN;
  }
  if (give_rest(m, look)) return mirror_join(m, look);
  w->first = look->copied + 1;
  w->last = look->last.index;
  mirror_post(m, SWAP_READ, look);
  return MIRROR_WAITS;
}

/* ---- comparing ---- */

bool mirror_is_held_up(struct mirror *m, const struct pair_look *look, struct rkv_error *error) {
  if (m->phase != MIRROR_COMPARING || look->by_current <= look->by_copy) {
    m->behind_ns = 0;
    return false;
  }
  if (m->behind_ns == 0 || look->by_copy != m->by_copy) {
    m->by_copy = look->by_copy;
    m->behind_ns = m->n->now_ns + MIRROR_LAG_NS;
  }
  if (m->n->now_ns < m->behind_ns) return false;
  (void)rkv_fail(error, RKV_TIMEOUT,
                 "the new storage held a write up for %" PRIu64
                 " ms that the old one had ended: it is full or too slow (its own lines say which)",
                 MIRROR_LAG_NS / 1000000);
  return true;
}

/* What the last piece of the log said is worth nothing if the log changed meanwhile. */
static bool has_changed(const struct mirror *m, const struct pair_look *look) {
  return m->cuts != look->cuts || m->purged != look->purged.index;
}

/* True once the old storage has ended what it had been given when all was equal: one that is full
 * would not take its retirement either, and no write is done before it has. */
static bool is_current_at_it(struct mirror *m, const struct pair_look *look) {
  if (m->given == UINT64_MAX) m->given = look->given;
  return look->by_current >= m->given;
}

static enum mirror_verdict mirror_compare(struct mirror *m, const struct pair_look *look,
                                          struct rkv_error *error) {
  struct swap_work *w = m->work;
  assert(look->phase == PAIR_JOINED); /* (M2) */
  if (!m->snapshot_equal) {
    m->snapshot_equal = m->began && w->over;
    if (m->snapshot_equal) return MIRROR_AGAIN;
    mirror_post(m, SWAP_COMPARE_SNAPSHOT, look);
    return MIRROR_WAITS;
  }
  if (w->task == SWAP_COMPARE_LOG && !has_changed(m, look)) m->next += w->count;
  w->count = 0;
  if (m->to > look->last.index) m->to = look->last.index;
  if (m->next <= look->purged.index) m->next = look->purged.index + 1;
  m->total = m->to > look->purged.index ? m->to - look->purged.index : 0;
  m->done = m->next - 1 - look->purged.index;
  if (m->next > m->to) {
    if (!look->whole) return wait_for_copy(m, error);
    return is_current_at_it(m, look) ? MIRROR_EQUAL : MIRROR_WAITS;
  }
  w->first = m->next;
  w->last = m->to;
  mirror_post(m, SWAP_COMPARE_LOG, look);
  return MIRROR_WAITS;
}

/* ---- all of it ---- */

/* True if the piece that ended says that the copy cannot become equal. */
static bool has_failed(struct mirror *m, const struct pair_look *look, struct rkv_error *error) {
  struct swap_work *w = m->work;
  if (look->failed) {
    *error = look->error;
    return true;
  }
  if (!m->began || w->status == RKV_OK) return false;
  bool of_log = w->task == SWAP_READ || w->task == SWAP_COMPARE_LOG;
  *error = w->error;
  w->status = RKV_OK;
  /* the entries were purged or truncated while they were read */
  if (of_log && has_changed(m, look)) return false;
  return true;
}

typedef enum mirror_verdict mirror_act(struct mirror *m, const struct pair_look *look,
                                       struct rkv_error *error);

static mirror_act *const mirror_acts[] = {[MIRROR_SNAPSHOT] = mirror_snapshot,
                                          [MIRROR_LOG] = mirror_log,
                                          [MIRROR_COMPARING] = mirror_compare};

enum mirror_verdict mirror_run(struct mirror *m, const struct pair_look *look,
                               struct rkv_error *error) {
  assert(!swap_work_is_busy(m->work));
  if (has_failed(m, look, error)) return MIRROR_FAILED;
  if (m->phase != MIRROR_COMPARING && is_log_too_long(m, error)) return MIRROR_FAILED;
  mirror_pay(m);
  if (m->n->now_ns < m->pace_ns) return MIRROR_WAITS;
  return mirror_acts[m->phase](m, look, error);
}

uint64_t mirror_due(const struct mirror *m) {
  const uint64_t waits[] = {m->append_due_ns, m->behind_ns};
  uint64_t due = m->pace_ns;
  for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++)
    if (waits[i] > m->n->now_ns && (due <= m->n->now_ns || waits[i] < due)) due = waits[i];
  return due;
}

bool mirror_is_idle(struct mirror *m) {
  return !atomic_load_explicit(&m->appending, memory_order_acquire);
}

void mirror_begin(struct mirror *m, struct node *n, struct swap_work *work) {
  memset(m, 0, sizeof *m);
  m->n = n;
  m->work = work;
  m->phase = MIRROR_SNAPSHOT;
  m->stored_cost = cost_stored(n);
}
