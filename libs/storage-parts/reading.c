/* reading.c: one read, step by step, while the log goes on. */
#include "reading.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

bool reading_fits(struct reading *r, uint64_t len) {
  bool ok =
      r->count < r->capacity && r->at <= r->to && (r->count == 0 || r->bytes + len <= r->bytes_max);
  if (!ok) r->to = 0;
  return ok;
}

void reading_give(struct reading *r, const struct rkv_entry *entry) {
  assert(r->count < r->capacity && entry->id.index == r->at);
  r->bytes += entry->payload.len;
  r->entries[r->count++] = *entry;
  r->at++;
}

enum rkv_status reading_give_copy(struct reading *r, rkv_term term, uint32_t kind,
                                  const uint8_t *payload, size_t len, struct rkv_error *error) {
  const struct rkv_host *host = r->log->host;
  struct rkv_entry entry = {.id = {term, r->at}, .kind = kind, .payload = rkv_buf_none()};
  uint8_t *room;
  if (!reading_fits(r, len)) return RKV_OK;
  if (len > 0) {
    room = host->buf_alloc(host->ctx, len, &entry.payload);
    if (!room)
      return rkv_fail(error, RKV_NO_MEMORY, "%s: no memory for %zu bytes", r->log->ops->plugin,
                      len);
    memcpy(room, payload, len);
  }
  reading_give(r, &entry);
  return RKV_OK;
}

/* The log has changed since entries were looked for. Under the lock. */
static bool is_past(const struct reading *r) {
  return r->log->cuts != r->cuts || r->at <= r->log->held.purged.index;
}

bool reading_is_past(const struct reading *r) {
  bool past;
  log_lock(r->log);
  past = is_past(r);
  log_unlock(r->log);
  return past;
}

/* Gives entries from r->at on if a queued operation has them; true if one has. Under the lock. */
static bool give_queued(struct reading *r) {
  for (const struct op *op = r->log->first; op; op = op->next) {
    rkv_index first;
    if (op->live == 0) continue;
    first = op->entries[0].id.index;
    if (r->at < first || r->at - first >= op->live) continue;
    for (size_t i = (size_t)(r->at - first); i < op->live; i++) {
      if (!reading_fits(r, op->entries[i].payload.len)) break;
      (void)rkv_buf_share(op->entries[i].payload);
      reading_give(r, &op->entries[i]);
    }
    return true;
  }
  return false;
}

/* Cuts r->to down to what can be given; below r->at there is no more. Errors: nothing can be given
 * to a read that has given nothing. Under the lock. */
static enum rkv_status clip(struct reading *r, struct rkv_error *error) {
  struct log *log = r->log;
  bool lost;                  /* it will never be durable (L3) */
  assert(log_is_locked(log)); /* (L1) */
  if (r->count == 0) r->cuts = log->cuts;
  if (r->count > 0 && is_past(r)) r->to = 0;
  if (r->count == 0 && r->at <= log->held.purged.index)
    return rkv_fail(error, RKV_NOT_FOUND, "%s: entry %" PRIu64 " is purged (first: %" PRIu64 ")",
                    log->ops->plugin, r->at, log->held.purged.index + 1);
  if (r->to > log->held.last.index) r->to = log->held.last.index;
  lost = log->failed.status != RKV_OK && r->at > log->durable_last && r->at <= r->to;
  if (lost && r->count == 0)
    return rkv_fail(error, (enum rkv_status)log->failed.status, "%s", log->failed.text);
  if (lost) r->to = 0;
  return RKV_OK;
}

/* Gives some durable entries: what stands on the device behind them may be truncated since. */
static enum rkv_status give_durable(struct reading *r, rkv_index durable_last,
                                    struct rkv_error *error) {
  const rkv_index to = r->to;
  enum rkv_status status;
  if (r->to > durable_last) r->to = durable_last;
  status = r->ops->give(r, error);
  if (r->to != 0) r->to = to; /* else an entry did not fit */
  return status;
}

/* Gives some entries, of one queued operation or from the device. */
static enum rkv_status step(struct reading *r, struct rkv_error *error) {
  struct log *log = r->log;
  bool more, queued, found = false;
  rkv_index durable_last;
  enum rkv_status status;
  log_lock(log);
  status = clip(r, error);
  more = status == RKV_OK && r->at <= r->to;
  queued = more && give_queued(r);
  durable_last = log->durable_last;
  if (more && !queued && r->at <= durable_last)
    found = !r->ops->find || r->ops->find(r, durable_last);
  log_unlock(log);
  if (!more || queued) return status;
  if (found) return give_durable(r, durable_last, error);
  return rkv_fail(error, RKV_BROKEN, "%s: entry %" PRIu64 " has no place", log->ops->plugin, r->at);
}

enum rkv_status reading_run(struct reading *r, rkv_index from, rkv_index to, uint64_t bytes_max,
                            struct rkv_entry *entries, size_t capacity, size_t *count,
                            struct rkv_error *error) {
  enum rkv_status status;
  r->at = from;
  r->to = to;
  r->bytes_max = bytes_max;
  r->entries = entries;
  r->capacity = capacity;
  do {
    status = step(r, error);
  } while (status == RKV_OK && r->count < r->capacity && r->at <= r->to);
  for (size_t i = 0; i < r->count && status != RKV_OK; i++) rkv_buf_drop(&r->entries[i].payload);
  *count = status == RKV_OK ? r->count : 0;
  return status;
}

/* ---- load ---- */

/* After a truncation the last entry is read if nothing else knows its term. */
static enum rkv_status learn_last(struct log *log, rkv_index last, struct rkv_error *error) {
  struct rkv_entry entry;
  size_t count;
  enum rkv_status status = log->ops->read(log, last, last, 0, &entry, 1, &count, error);
  if (status != RKV_OK || count == 0) return status;
  log_lock(log);
  if (log->held.last.index == last && !log->held.last_known) {
    log->held.last = entry.id;
    log->held.last_known = true;
  }
  log_unlock(log);
  rkv_buf_drop(&entry.payload);
  return RKV_OK;
}

enum rkv_status reading_load(void *storage, struct rkv_storage_state *state,
                             struct rkv_error *error) {
  struct log *log = storage;
  struct held held;
  enum rkv_status status = RKV_OK;
  log_lock(log);
  held = log->held;
  log_unlock(log);
  if (!held.last_known) status = learn_last(log, held.last.index, error);
  if (status != RKV_OK) return status;
  memset(state, 0, sizeof *state);
  log_lock(log);
  state->vote = log->held.vote;
  state->identity = log->held.identity;
  state->purged = log->held.purged;
  state->last = log->held.last;
  if (log->newest) state->snapshot = log->newest->meta;
  (void)rkv_buf_share(state->snapshot.membership);
  log_unlock(log);
  return RKV_OK;
}
