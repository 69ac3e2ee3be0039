/* queue.c: operations enter the image and the queue here, and leave the queue completed. */
#include "lack.h"

#include <inttypes.h>
#include <stdlib.h>

/* Nothing that failed or was refused goes on. Under the lock. */
static bool goes_on(const struct store *s) {
  return s->failed.status == RKV_OK && s->refusal.status == RKV_OK;
}

/* Under the lock. */
static void push(struct store *s, struct op *op) {
  op->refused = s->refusal.status != RKV_OK;
  if (s->last)
    s->last->next = op;
  else
    s->first = op;
  s->last = op;
  s->bytes_queued += op->bytes;
  if (!op->completion) s->drops_queued++;
  atomic_store_explicit(&s->counts.waiting_bytes, s->bytes_queued, memory_order_relaxed);
  (void)pthread_cond_signal(&s->work);
}

/* No memory for an operation: it cannot even wait for its turn to fail. */
static void fail_now(struct store *s, struct rkv_completion *completion) {
  struct rkv_error error;
  (void)rkv_fail(&error, RKV_NO_MEMORY, "storage-wal: no memory for one more write");
  store_fail(s, &error);
  if (completion) completion->done(completion, RKV_NO_MEMORY, &error);
}

static struct op *op_new(enum record_type type, size_t count, struct rkv_completion *completion) {
  struct op *op = calloc(1, sizeof *op + count * sizeof op->entries[0]);
  if (!op) return NULL;
  op->type = (uint16_t)type;
  op->completion = completion;
  op->count = op->live = count;
  op->bytes = sizeof *op + count * sizeof op->entries[0];
  return op;
}

void queue_save_vote(void *storage, struct rkv_vote vote, struct rkv_completion *completion) {
  struct store *s = storage;
  struct op *op = op_new(RECORD_VOTE, 0, completion);
  if (!op) {
    fail_now(s, completion);
    return;
  }
  op->vote = vote;
  (void)pthread_mutex_lock(&s->lock);
  if (goes_on(s)) s->image.vote = vote;
  push(s, op);
  (void)pthread_mutex_unlock(&s->lock);
}

void queue_save_identity(void *storage, struct rkv_identity identity,
                         struct rkv_completion *completion) {
  struct store *s = storage;
  struct op *op = op_new(RECORD_CLUSTER, 0, completion);
  if (!op) {
    fail_now(s, completion);
    return;
  }
  op->identity = identity;
  (void)pthread_mutex_lock(&s->lock);
  if (goes_on(s)) s->image.identity = identity;
  push(s, op);
  (void)pthread_mutex_unlock(&s->lock);
}

/* ---- append ---- */

/* The entries must follow the last one. Under the lock. */
static enum rkv_status check_entries(const struct store *s, const struct op *op,
                                     struct rkv_error *error) {
  for (size_t i = 0; i < op->count; i++) {
    const struct rkv_entry *entry = &op->entries[i];
    if (entry->id.index != s->image.last.index + 1 + i)
      return rkv_fail(error, RKV_BROKEN,
                      "storage-wal: entry %" PRIu64 " was appended where %" PRIu64 " belongs",
                      entry->id.index, s->image.last.index + 1 + i);
    if (entry->payload.len > RECORD_PAYLOAD_MAX || entry->kind > UINT16_MAX)
      return rkv_fail(error, RKV_BROKEN,
                      "storage-wal: entry %" PRIu64 " of kind %u with %zu bytes (at most %u)",
                      entry->id.index, entry->kind, entry->payload.len, RECORD_PAYLOAD_MAX);
  }
  return RKV_OK;
}

/* Takes the entries into the image. Under the lock. */
static enum rkv_status hold_entries(struct store *s, const struct op *op, struct rkv_error *error) {
  enum rkv_status status = check_entries(s, op, error);
  for (size_t i = 0; i < op->count && status == RKV_OK; i++)
    status = index_note_term(&s->image.index, op->entries[i].id, error);
  if (status == RKV_OK) s->image.last = op->entries[op->count - 1].id;
  return status;
}

/* More waits than may wait: the device does not keep up, or what the log lacks is lacking for too
 * long. */
static void fail_flooded(struct store *s) {
  struct rkv_error error;
  lack_flooded(s, &error);
  store_fail(s, &error);
}

void queue_append(void *storage, const struct rkv_entry *entries, size_t count,
                  struct rkv_completion *completion) {
  struct store *s = storage;
  struct op *op = op_new(RECORD_ENTRY, count, completion);
  bool flooded;
  if (!op) {
    fail_now(s, completion);
    return;
  }
  for (size_t i = 0; i < count; i++) {
    op->entries[i] = entries[i];
    (void)rkv_buf_share(entries[i].payload);
    op->bytes += entries[i].payload.len;
  }
  (void)pthread_mutex_lock(&s->lock);
  if (!goes_on(s) || hold_entries(s, op, &s->refusal) != RKV_OK) op->live = 0;
  flooded = op->live > 0 && s->bytes_queued > 0 &&
            s->bytes_queued + op->bytes > s->options.queue_bytes_max;
  push(s, op);
  (void)pthread_mutex_unlock(&s->lock);
  if (flooded) fail_flooded(s);
}

/* ---- truncate, purge ---- */

/* Queued entries above `after` are held no more (L2). Under the lock. */
static void cut_queue(struct store *s, rkv_index after) {
  for (struct op *op = s->first; op; op = op->next) {
    if (op->type != RECORD_ENTRY || op->live == 0) continue;
    if (op->entries[0].id.index > after)
      op->live = 0;
    else if (op->entries[op->live - 1].id.index > after)
      op->live = (size_t)(after - op->entries[0].id.index) + 1;
  }
  if (s->durable_last > after) s->durable_last = after;
  s->cuts++;
}

void queue_truncate(void *storage, rkv_index after) {
  struct store *s = storage;
  struct op *op = op_new(RECORD_TRUNCATE, 0, NULL);
  if (!op) {
    fail_now(s, NULL);
    return;
  }
  (void)pthread_mutex_lock(&s->lock);
  if (goes_on(s) && after < s->image.purged.index)
    (void)rkv_fail(&s->refusal, RKV_BROKEN,
                   "storage-wal: truncation after entry %" PRIu64 ", which is purged", after);
  if (goes_on(s) && after < s->image.last.index) {
    op->id = image_truncate(&s->image, after);
    cut_queue(s, after);
    push(s, op);
    op = NULL;
  }
  (void)pthread_mutex_unlock(&s->lock);
  free(op);
}

void queue_purge(void *storage, struct rkv_log_id up_to) {
  struct store *s = storage;
  struct op *op = op_new(RECORD_PURGE, 0, NULL);
  if (!op) {
    fail_now(s, NULL);
    return;
  }
  (void)pthread_mutex_lock(&s->lock);
  if (goes_on(s) && up_to.index > s->image.purged.index) {
    op->id = image_purge(&s->image, up_to);
    push(s, op);
    op = NULL;
  }
  (void)pthread_mutex_unlock(&s->lock);
  free(op);
}

/* ---- completion ---- */

/* Takes the oldest operation off; what it dropped or made durable is said. Under the lock. */
static struct op *take_first(struct store *s) {
  struct op *op = s->first;
  s->first = op->next;
  if (!s->first) s->last = NULL;
  s->bytes_queued -= op->bytes;
  if (!op->completion) s->drops_queued--;
  if (op->live > 0 && s->failed.status == RKV_OK)
    s->durable_last = op->entries[op->live - 1].id.index;
  if (op->type == RECORD_PURGE && s->failed.status == RKV_OK && op->id.index > s->durable_purged)
    s->durable_purged = op->id.index;
  op->next = NULL;
  return op;
}

/* Under the lock. */
static struct op *take_up_to(struct store *s, const struct op *last, bool included) {
  struct op *chain = NULL, **end = &chain;
  while (s->first && (s->first != last || included)) {
    bool was_last = s->first == last;
    *end = take_first(s);
    end = &(*end)->next;
    if (was_last) break;
  }
  atomic_store_explicit(&s->counts.waiting_bytes, s->bytes_queued, memory_order_relaxed);
  return chain;
}

static void finish(struct op *op, const struct rkv_error *failed, const struct rkv_error *refusal) {
  const struct rkv_error *error = NULL;
  if (op->refused) error = refusal;
  if (failed->status != RKV_OK) error = failed;
  if (op->completion)
    op->completion->done(op->completion, error ? (enum rkv_status)error->status : RKV_OK, error);
  for (size_t i = 0; i < op->count; i++) rkv_buf_drop(&op->entries[i].payload);
  free(op);
}

void queue_finish(struct store *s, const struct op *last, bool included, uint64_t segment_end) {
  struct rkv_error failed, refusal;
  struct op *chain;
  (void)pthread_mutex_lock(&s->lock);
  failed = s->failed;
  refusal = s->refusal;
  if (failed.status == RKV_OK) s->active->end = segment_end;
  chain = take_up_to(s, last, included);
  if (failed.status == RKV_OK) store_release_segments(s);
  (void)pthread_mutex_unlock(&s->lock);
  while (chain) {
    struct op *next = chain->next;
    finish(chain, &failed, &refusal);
    chain = next;
  }
}
