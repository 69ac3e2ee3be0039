/* cluster_log.c: a list of entries with a purged prefix (cluster.h). */
#include "cluster.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct rkv_log_id log_last(const struct test_log *log) {
  return log->count > 0 ? log->entries[log->count - 1].id : log->purged;
}

const struct test_entry *log_at(const struct test_log *log, rkv_index index) {
  if (index <= log->purged.index || index > log_last(log).index) return NULL;
  return &log->entries[index - log->purged.index - 1];
}

void log_push(struct test_log *log, struct test_entry entry) {
  assert(entry.id.index == log_last(log).index + 1);
  if (log->count == log->capacity) {
    log->capacity = log->capacity ? 2 * log->capacity : 16;
    log->entries = realloc(log->entries, log->capacity * sizeof *log->entries);
    assert(log->entries);
  }
  log->entries[log->count++] = entry;
}

void log_cut(struct test_log *log, rkv_index after) {
  assert(after >= log->purged.index && after <= log_last(log).index);
  log->count = (size_t)(after - log->purged.index);
}

void log_purge(struct test_log *log, struct rkv_log_id id) {
  rkv_index last = log_last(log).index;
  size_t drop = (size_t)((id.index < last ? id.index : last) - log->purged.index);
  assert(id.index > log->purged.index);
  if (drop < log->count)
    memmove(log->entries, log->entries + drop, (log->count - drop) * sizeof *log->entries);
  log->count -= drop;
  log->purged = id;
}

void log_copy(struct test_log *to, const struct test_log *from) {
  to->count = 0;
  to->purged = from->purged;
  for (size_t i = 0; i < from->count; i++) log_push(to, from->entries[i]);
}
