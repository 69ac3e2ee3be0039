/* queue.h: the operations that change the log: of the ABI, and of the thread that writes. */
#ifndef STORAGE_PARTS_QUEUE_H
#define STORAGE_PARTS_QUEUE_H

#include "log.h"

/* ---- as in rkv_storage_ops; `storage` begins with its struct log ---- */
void queue_save_vote(void *storage, struct rkv_vote vote, struct rkv_completion *completion);
void queue_save_identity(void *storage, struct rkv_identity identity,
                         struct rkv_completion *completion);
void queue_append(void *storage, const struct rkv_entry *entries, size_t count,
                  struct rkv_completion *completion);
void queue_truncate(void *storage, rkv_index after);
void queue_purge(void *storage, struct rkv_log_id up_to);

/* ---- the writer ---- */

/* Operations that left the queue, and how they ended. */
struct queue_taken {
  struct op *chain;
  struct rkv_error failed, refusal;
};

/* Takes the oldest operations off the queue, up to `last` (included or not; NULL: all there are),
 * which are durable or failed. Under the lock. */
struct queue_taken queue_take(struct log *log, const struct op *last, bool included);
/* Completes and frees them, in order. Not under the lock. */
void queue_complete(struct queue_taken *taken);
/* Both, up to and with `last`. Takes the lock. */
void queue_finish(struct log *log, const struct op *last);

/* Operations that a storage writes at once. */
struct queue_batch {
  const struct op *last;
  uint64_t bytes; /* as op.bytes */
  bool entries;   /* some are appended */
};

/* From `first` to `last`, or up to that with which they have `bytes_max`. */
struct queue_batch queue_gather(const struct op *first, const struct op *last, uint64_t bytes_max);

/* The newest purge handed in, if it may go ahead (log_may_purge); else index 0. Takes the lock. */
struct rkv_log_id queue_purge_ahead(struct log *log, rkv_index purged);

/* Runs the writer until the storage is closed and the queue is empty: hands log->ops->write what
 * waits, and calls `written` at the end. */
void queue_serve(struct log *log);

#endif
