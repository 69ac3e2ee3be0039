/* log.c: the ids of the log's entries as term ranges (log.h). */
#include <raft/log.h>

#include <raft/limits.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define TERMS_FIRST 8 /* ranges of the first allocation */

void raft_log_open(struct raft_log *log, struct rkv_log_id purged) {
  memset(log, 0, sizeof *log);
  log->purged = purged;
  log->last = purged;
}

void raft_log_close(struct raft_log *log) {
  free(log->terms);
  memset(log, 0, sizeof *log);
}

bool raft_log_at(const struct raft_log *log, rkv_index index, struct rkv_log_id *id) {
  size_t i = log->count;
  if (index == 0 || index < log->purged.index || index > log->last.index) return false;
  if (index == log->purged.index) {
    *id = log->purged;
    return true;
  }
  /* Asked for the newest term nearly always: search from the end. */
  while (i > 0 && log->terms[i - 1].index > index) i--;
  assert(i > 0); /* (L2) */
  id->term = log->terms[i - 1].term;
  id->index = index;
  return true;
}

bool raft_log_has(const struct raft_log *log, struct rkv_log_id id) {
  struct rkv_log_id held;
  if (id.index == 0) return true;
  return raft_log_at(log, id.index, &held) && held.term == id.term;
}

static bool grow(struct raft_log *log) {
  size_t capacity = log->capacity ? 2 * log->capacity : TERMS_FIRST;
  struct rkv_log_id *terms = realloc(log->terms, capacity * sizeof *terms);
  if (!terms) return false;
  log->terms = terms;
  log->capacity = capacity;
  return true;
}

bool raft_log_append(struct raft_log *log, struct rkv_log_id first, size_t count) {
  assert(count > 0 && first.index == log->last.index + 1); /* (L1) */
  assert(first.term >= log->last.term);
  assert(first.term <= RAFT_TERM_MAX && count <= RAFT_INDEX_MAX - log->last.index); /* edge.h */
  if (log->count == 0 || log->terms[log->count - 1].term != first.term) {
    if (log->count == log->capacity && !grow(log)) return false;
    log->terms[log->count++] = first;
  }
  log->last.term = first.term;
  log->last.index += count;
  return true;
}

void raft_log_truncate(struct raft_log *log, rkv_index after) {
  struct rkv_log_id last = log->purged;
  assert(after >= log->purged.index && after <= log->last.index);
  if (after > log->purged.index) {
    bool held = raft_log_at(log, after, &last);
    assert(held); /* (L1) */
  }
  while (log->count > 0 && log->terms[log->count - 1].index > after) log->count--;
  log->last = last;
}

void raft_log_purge(struct raft_log *log, struct rkv_log_id id) {
  size_t drop = 0;
  assert(id.index > log->purged.index);
  log->purged = id;
  if (id.index >= log->last.index) {
    log->last = id;
    log->count = 0;
    return;
  }
  while (drop + 1 < log->count && log->terms[drop + 1].index <= id.index + 1) drop++;
  memmove(log->terms, log->terms + drop, (log->count - drop) * sizeof *log->terms);
  log->count -= drop;
  log->terms[0].index = id.index + 1;
  assert(log->terms[0].term >= id.term); /* (L2) */
}
