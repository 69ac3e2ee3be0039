/* ahead.c: entries read ahead for one peer (ahead.h). */
#include <node/kernel/ahead.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static uint64_t payload_bytes(const struct ahead_run *run) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < run->count; i++) bytes += run->entries[i].payload.len;
  return bytes;
}

void ahead_run_drop(struct ahead_run *run) {
  for (size_t i = 0; i < run->count; i++) rkv_buf_drop(&run->entries[i].payload);
  free(run->entries);
  *run = (struct ahead_run){NULL, 0, 0};
}

static struct ahead_run take_first_run(struct ahead *a) {
  struct ahead_run run = a->runs[0];
  assert(a->count > 0 && run.count > 0);
  a->count--;
  memmove(a->runs, a->runs + 1, a->count * sizeof run);
  a->first += run.count;
  a->bytes -= run.bytes;
  assert(a->count > 0 || (a->first == a->next && a->bytes == 0)); /* (A1) */
  return run;
}

void ahead_clear(struct ahead *a) {
  while (a->count > 0) {
    struct ahead_run run = take_first_run(a);
    ahead_run_drop(&run);
  }
  a->outdated = a->reading;
  a->first = a->next = 0;
}

void ahead_begin(struct ahead *a, rkv_index from, struct rkv_vote vote) {
  assert(from > 0);
  if (a->first == from && rkv_vote_compare(a->vote, vote) == RKV_EQUAL) return;
  ahead_clear(a);
  a->first = a->next = from;
  a->vote = vote;
}

bool ahead_has_room(const struct ahead *a) {
  return !a->reading && a->count < AHEAD_RUNS_MAX && a->bytes < AHEAD_BYTES_MAX;
}

void ahead_put(struct ahead *a, struct ahead_run *run) {
  assert(a->reading); /* (A2) */
  a->reading = false;
  if (a->outdated || run->count == 0) {
    a->outdated = false;
    ahead_run_drop(run);
    return;
  }
  assert(a->count < AHEAD_RUNS_MAX && run->entries[0].id.index == a->next); /* (A1) */
  run->bytes = payload_bytes(run);
  a->runs[a->count++] = *run;
  a->next += run->count;
  a->bytes += run->bytes;
  *run = (struct ahead_run){NULL, 0, 0};
}

bool ahead_take(struct ahead *a, rkv_index from, struct ahead_run *run) {
  if (a->count == 0 || a->first != from) return false;
  *run = take_first_run(a);
  return true;
}
