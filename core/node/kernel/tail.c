/* tail.c: the hot tail as a ring (tail.h). */
#include <node/kernel/tail.h>

#include <assert.h>
#include <stdlib.h>

enum { TAIL_ENTRY_COST = sizeof(struct rkv_entry), TAIL_CAPACITY_MIN = 256 };

static uint64_t entry_cost(const struct rkv_entry *e) {
  return TAIL_ENTRY_COST + e->payload.len;
}

static struct rkv_entry *slot(const struct tail *tail, size_t i) {
  assert(tail->capacity > 0);
  return &tail->ring[(tail->head + i) & (tail->capacity - 1)];
}

static enum rkv_status tail_reserve(struct tail *tail, size_t count) {
  size_t capacity = tail->capacity ? tail->capacity : TAIL_CAPACITY_MIN;
  while (capacity < count) capacity *= 2;
  if (capacity == tail->capacity) return RKV_OK;
  struct rkv_entry *ring = malloc(capacity * sizeof *ring);
  if (!ring) return RKV_NO_MEMORY;
  for (size_t i = 0; i < tail->count; i++) ring[i] = *slot(tail, i);
  free(tail->ring);
  tail->ring = ring;
  tail->capacity = capacity;
  tail->head = 0;
  return RKV_OK;
}

void tail_free(struct tail *tail) {
  tail_truncate(tail, 0);
  free(tail->ring);
  *tail = (struct tail){0};
}

enum rkv_status tail_append(struct tail *tail, const struct rkv_entry *entries, size_t count) {
  if (tail_reserve(tail, tail->count + count) != RKV_OK) return RKV_NO_MEMORY;
  if (tail->count == 0 && count > 0) tail->first = entries[0].id.index;
  for (size_t i = 0; i < count; i++) {
    assert(entries[i].id.index == tail->first + tail->count); /* (T1) */
    struct rkv_entry *at = slot(tail, tail->count);
    *at = entries[i];
    at->payload = rkv_buf_share(entries[i].payload);
    tail->bytes += entry_cost(at);
    tail->count++;
  }
  return RKV_OK;
}

void tail_truncate(struct tail *tail, rkv_index after) {
  while (tail->count > 0 && tail->first + tail->count - 1 > after) {
    struct rkv_entry *at = slot(tail, tail->count - 1);
    tail->bytes -= entry_cost(at);
    rkv_buf_drop(&at->payload);
    tail->count--;
  }
  assert(tail->count > 0 || tail->bytes == 0); /* (T2) */
}

static void tail_drop_first(struct tail *tail) {
  struct rkv_entry *at = slot(tail, 0);
  assert(at->id.index == tail->first); /* (T1) */
  tail->bytes -= entry_cost(at);
  rkv_buf_drop(&at->payload);
  tail->head = (tail->head + 1) & (tail->capacity - 1);
  tail->first++;
  tail->count--;
  assert(tail->count > 0 || tail->bytes == 0); /* (T2) */
}

void tail_trim(struct tail *tail, rkv_index up_to, uint64_t bytes_max) {
  while (tail->count > 0 && tail->bytes > bytes_max && tail->first <= up_to) tail_drop_first(tail);
}

void tail_drop(struct tail *tail, rkv_index up_to) {
  while (tail->count > 0 && tail->first <= up_to) tail_drop_first(tail);
}

bool tail_has(const struct tail *tail, rkv_index index) {
  return tail->count > 0 && index >= tail->first && index - tail->first < tail->count;
}

const struct rkv_entry *tail_span(const struct tail *tail, rkv_index from, rkv_index to,
                                  size_t *count) {
  *count = 0;
  if (!tail_has(tail, from) || from > to) return NULL;
  size_t offset = (size_t)(from - tail->first);
  size_t wanted = (size_t)(to - from) + 1;
  size_t held = tail->count - offset;
  size_t in_piece = tail->capacity - ((tail->head + offset) & (tail->capacity - 1));
  if (wanted > held) wanted = held;
  *count = wanted < in_piece ? wanted : in_piece;
  assert(slot(tail, offset)->id.index == from); /* (T1) */
  return slot(tail, offset);
}
