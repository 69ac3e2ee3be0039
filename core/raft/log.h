/* log.h: the ids of the log's entries as term ranges; a leaf. Never payloads, so a log of millions
 * of entries is as many words as it has terms.
 *
 * (L1) The log holds purged.index + 1 .. last.index without a hole; empty: last = purged.
 * (L2) terms[i] is the first held id of its term; both parts ascend strictly; terms[0] is the first
 *      entry held. count = 0 exactly when the log is empty. */
#ifndef RAFT_LOG_H
#define RAFT_LOG_H

#include <rkv/types.h>

struct raft_log {
  struct rkv_log_id purged, last;
  struct rkv_log_id *terms;
  size_t count, capacity;
};

/* An empty log that ends with `purged`. Nothing is allocated. */
void raft_log_open(struct raft_log *log, struct rkv_log_id purged);
void raft_log_close(struct raft_log *log);

/* The id at `index`, which may be the last purged one; false if it is not known here. */
bool raft_log_at(const struct raft_log *log, rkv_index index, struct rkv_log_id *id);
/* True if `id` stands in the log (or is the last purged one, or none). */
bool raft_log_has(const struct raft_log *log, struct rkv_log_id id);

/* Appends `count` >= 1 entries of one term, first.index = last.index + 1, first.term >= last.term.
 * False: no memory, nothing changed. */
bool raft_log_append(struct raft_log *log, struct rkv_log_id first, size_t count);
/* Drops every entry above `after`, purged.index <= after <= last.index. */
void raft_log_truncate(struct raft_log *log, rkv_index after);
/* Drops every entry up to and including `id`: either one that the log holds, or one beyond its end,
 * and then the log is empty after it. */
void raft_log_purge(struct raft_log *log, struct rkv_log_id id);

#endif
