/* queue.c: operations change what is held and enter the queue here, and leave it completed. */
#include "queue.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#define PAYLOAD_MAX (UINT32_C(1) << 30) /* bytes of an entry */

/* Nothing that failed or was refused goes on. Under the lock. */
static bool goes_on(const struct log *log) {
  return log->failed.status == RKV_OK && log->refusal.status == RKV_OK;
}

/* Under the lock. */
static void queue_push(struct log *log, struct op *op) {
  assert(log_is_locked(log)); /* (L1) */
  op->refused = log->refusal.status != RKV_OK;
  if (log->last)
    log->last->next = op;
  else
    log->first = op;
  log->last = op;
  log->bytes_queued += op->bytes;
  if (!op->completion) log->drops_queued++;
  atomic_store_explicit(&log->counts.waiting_bytes, log->bytes_queued, memory_order_relaxed);
  log_signal(log, &log->work);
}

/* The host learns of a contract that the call broke. Not under the lock. */
static void tell_broken(struct log *log, bool broken) {
  const struct rkv_error *why = &log->refusal; /* never changes again */
  if (broken) log->host->fatal(log->host->ctx, (enum rkv_status)why->status, why->text);
}

/* NULL: no memory. The operation, which cannot wait for its turn, is completed at once. */
static struct op *op_new(struct log *log, enum op_type type, size_t count,
                         struct rkv_completion *completion) {
  struct op *op = calloc(1, sizeof *op + count * sizeof op->entries[0]);
  struct rkv_error error;
  if (op) {
    op->type = type;
    op->completion = completion;
    op->count = op->live = count;
    op->bytes = sizeof *op + count * sizeof op->entries[0];
    return op;
  }
  (void)rkv_fail(&error, RKV_NO_MEMORY, "%s: no memory for one more write", log->ops->plugin);
  log_fail(log, &error);
  if (completion) completion->done(completion, RKV_NO_MEMORY, &error);
  return NULL;
}

void queue_save_vote(void *storage, struct rkv_vote vote, struct rkv_completion *completion) {
  struct log *log = storage;
  struct op *op = op_new(log, OP_VOTE, 0, completion);
  if (!op) return;
  op->vote = vote;
  log_lock(log);
  if (goes_on(log)) log->held.vote = vote;
  queue_push(log, op);
  log_unlock(log);
}

void queue_save_identity(void *storage, struct rkv_identity identity,
                         struct rkv_completion *completion) {
  struct log *log = storage;
  struct op *op = op_new(log, OP_IDENTITY, 0, completion);
  if (!op) return;
  op->identity = identity;
  log_lock(log);
  if (goes_on(log)) log->held.identity = identity;
  queue_push(log, op);
  log_unlock(log);
}

/* ---- append ---- */

/* There are entries, and they follow the last one. Under the lock. */
static enum rkv_status check_entries(const struct log *log, const struct op *op,
                                     struct rkv_error *error) {
  if (op->count == 0)
    return rkv_fail(error, RKV_BROKEN, "%s: an append without entries", log->ops->plugin);
  for (size_t i = 0; i < op->count; i++) {
    const struct rkv_entry *entry = &op->entries[i];
    if (entry->id.index != log->held.last.index + 1 + i)
      return rkv_fail(error, RKV_BROKEN,
                      "%s: entry %" PRIu64 " was appended where %" PRIu64 " belongs",
                      log->ops->plugin, entry->id.index, log->held.last.index + 1 + i);
    if (entry->payload.len > PAYLOAD_MAX)
      return rkv_fail(error, RKV_BROKEN, "%s: entry %" PRIu64 " has %zu bytes (at most %u)",
                      log->ops->plugin, entry->id.index, entry->payload.len, PAYLOAD_MAX);
  }
  return RKV_OK;
}

/* Takes the entries into what is held. Under the lock. */
static enum rkv_status hold_entries(struct log *log, const struct op *op, struct rkv_error *error) {
  enum rkv_status status = check_entries(log, op, error);
  if (status == RKV_OK && log->ops->take) status = log->ops->take(log, op, error);
  if (status != RKV_OK) return status;
  log->held.last = op->entries[op->count - 1].id;
  log->held.last_known = true;
  assert(log->held.last.index > log->held.purged.index && log->held.last.index > log->durable_last);
  return RKV_OK;
}

/* The queue is over its limit: the device is too slow, or lacks something for too long. */
static void fail_flooded(struct log *log) {
  struct rkv_error error;
  log_flooded(log, &error);
  log_fail(log, &error);
}

void queue_append(void *storage, const struct rkv_entry *entries, size_t count,
                  struct rkv_completion *completion) {
  struct log *log = storage;
  struct op *op = op_new(log, OP_APPEND, count, completion);
  bool flooded, broken;
  if (!op) return;
  for (size_t i = 0; i < count; i++) {
    op->entries[i] = entries[i];
    (void)rkv_buf_share(entries[i].payload);
    op->bytes += entries[i].payload.len;
  }
  log_lock(log);
  broken = goes_on(log) && hold_entries(log, op, &log->refusal) != RKV_OK;
  if (!goes_on(log)) op->live = 0;
  flooded =
      op->live > 0 && log->bytes_queued > 0 && log->bytes_queued + op->bytes > log->queue_bytes_max;
  queue_push(log, op);
  log_unlock(log);
  tell_broken(log, broken);
  if (flooded) fail_flooded(log);
}

/* ---- truncate, purge ---- */

/* Queued entries above `after` are held no more (L2). Under the lock. */
static void cut_queue(struct log *log, rkv_index after) {
  for (struct op *op = log->first; op; op = op->next) {
    if (op->live == 0) continue;
    if (op->entries[0].id.index > after)
      op->live = 0;
    else if (op->entries[op->live - 1].id.index > after)
      op->live = (size_t)(after - op->entries[0].id.index) + 1;
  }
  if (log->durable_last > after) log->durable_last = after;
  log->cuts++;
  assert(log->durable_last <= log->held.last.index); /* (L2) none of them is held */
}

/* Under the lock. */
static void truncate_held(struct log *log, struct op *op, rkv_index after) {
  struct held *held = &log->held;
  op->id.index = after;
  op->first_dropped = after + 1;
  op->last_dropped = held->last.index;
  if (after == held->purged.index)
    op->id = held->purged;
  else if (log->ops->term)
    op->id.term = log->ops->term(log, after);
  if (log->ops->drop) log->ops->drop(log, op);
  held->last = op->id;
  held->last_known = after == held->purged.index || log->ops->term != NULL;
  cut_queue(log, after);
}

void queue_truncate(void *storage, rkv_index after) {
  struct log *log = storage;
  struct op *op = op_new(log, OP_TRUNCATE, 0, NULL);
  bool broken;
  if (!op) return;
  log_lock(log);
  broken = goes_on(log) && after < log->held.purged.index;
  if (broken)
    (void)rkv_fail(&log->refusal, RKV_BROKEN,
                   "%s: truncation after entry %" PRIu64 ", which is purged", log->ops->plugin,
                   after);
  if (goes_on(log) && after < log->held.last.index) {
    truncate_held(log, op, after);
    queue_push(log, op);
    op = NULL;
  }
  log_unlock(log);
  tell_broken(log, broken);
  free(op);
}

/* The caller's term counts, also where the entry has another. Under the lock. */
static void purge_held(struct log *log, struct op *op, struct rkv_log_id up_to) {
  struct held *held = &log->held;
  bool beyond = up_to.index >= held->last.index;
  op->id = up_to;
  op->first_dropped = held->purged.index + 1;
  op->last_dropped = beyond ? held->last.index : up_to.index;
  if (log->ops->drop) log->ops->drop(log, op);
  held->purged = op->id;
  if (beyond) held->last = op->id;
  if (beyond) held->last_known = true;
  assert(held->purged.index <= held->last.index && log_is_locked(log)); /* (L1) */
}

void queue_purge(void *storage, struct rkv_log_id up_to) {
  struct log *log = storage;
  struct op *op = op_new(log, OP_PURGE, 0, NULL);
  if (!op) return;
  log_lock(log);
  if (goes_on(log) && up_to.index > log->held.purged.index) {
    purge_held(log, op, up_to);
    queue_push(log, op);
    op = NULL;
  }
  log_unlock(log);
  free(op);
}

/* ---- completion ---- */

/* The entries of `op` follow those that are durable or purged. Under the lock. */
static bool follows(const struct log *log, const struct op *op) {
  rkv_index before = log->durable_last;
  if (log->durable_purged > before) before = log->durable_purged;
  return op->entries[0].id.index == before + 1;
}

/* Takes the oldest operation off and notes what it made durable or purged. Under the lock. */
static struct op *take_first(struct log *log) {
  struct op *op = log->first;
  bool ok = log->failed.status == RKV_OK;
  assert(op->live == 0 || !ok || follows(log, op)); /* (L2) */
  assert(log->bytes_queued >= op->bytes);
  log->first = op->next;
  if (!log->first) log->last = NULL;
  log->bytes_queued -= op->bytes;
  if (!op->completion) log->drops_queued--;
  if (op->live > 0 && ok) log->durable_last = op->entries[op->live - 1].id.index;
  if (op->type == OP_PURGE && ok && op->id.index > log->durable_purged)
    log->durable_purged = op->id.index;
  op->next = NULL;
  return op;
}

struct queue_taken queue_take(struct log *log, const struct op *last, bool included) {
  struct queue_taken taken = {.failed = log->failed, .refusal = log->refusal};
  struct op **end = &taken.chain;
  assert(log_is_locked(log)); /* (L1) */
  while (log->first && (log->first != last || included)) {
    bool was_last = log->first == last;
    *end = take_first(log);
    end = &(*end)->next;
    if (was_last) break;
  }
  atomic_store_explicit(&log->counts.waiting_bytes, log->bytes_queued, memory_order_relaxed);
  return taken;
}

static void complete(struct op *op, const struct queue_taken *taken) {
  const struct rkv_error *error = NULL;
  if (op->refused) error = &taken->refusal;
  if (taken->failed.status != RKV_OK) error = &taken->failed;
  assert(error ? error->status != RKV_OK : taken->failed.status == RKV_OK); /* (L3) */
  if (op->completion)
    op->completion->done(op->completion, error ? (enum rkv_status)error->status : RKV_OK, error);
  for (size_t i = 0; i < op->count; i++) rkv_buf_drop(&op->entries[i].payload);
  free(op);
}

void queue_complete(struct queue_taken *taken) {
  while (taken->chain) {
    struct op *op = taken->chain;
    taken->chain = op->next;
    complete(op, taken);
  }
}

void queue_finish(struct log *log, const struct op *last) {
  struct queue_taken taken;
  log_lock(log);
  taken = queue_take(log, last, true);
  log_unlock(log);
  queue_complete(&taken);
}

/* ---- the writer ---- */

struct queue_batch queue_gather(const struct op *first, const struct op *last, uint64_t bytes_max) {
  struct queue_batch batch = {.last = first};
  for (const struct op *op = first; batch.bytes < bytes_max; op = op->next) {
    batch.last = op;
    batch.bytes += op->bytes;
    batch.entries = batch.entries || (op->type == OP_APPEND && !op->refused);
    if (op == last) break;
  }
  return batch;
}

struct rkv_log_id queue_purge_ahead(struct log *log, rkv_index purged) {
  struct rkv_log_id up_to = {0, 0};
  log_lock(log);
  if (log_may_purge(log, purged)) up_to = log->held.purged;
  log_unlock(log);
  return up_to;
}

void queue_serve(struct log *log) {
  log_lock(log);
  for (;;) {
    struct rkv_error error;
    struct op *first, *last;
    bool failed;
    while (!log->first && !log->closing) log_wait(log, &log->work);
    first = log->first;
    last = log->last;
    failed = log->failed.status != RKV_OK;
    log_unlock(log);
    if (!first) break;
    if (!failed && log->ops->write(log, first, last, &error) != RKV_OK) {
      log_fail(log, &error);
      failed = true;
    }
    if (failed) queue_finish(log, NULL);
    log_lock(log);
  }
  if (log->ops->written) log->ops->written(log);
}
