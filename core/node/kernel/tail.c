/* tail.c: the hot tail as a ring (tail.h). */
#include <node/kernel/tail.h>

#include <assert.h>

enum { TAIL_ENTRY_COST = sizeof(struct rkv_entry) };

static uint64_t entry_cost(const struct rkv_entry *e) {
  return TAIL_ENTRY_COST + e->payload.len;
}

static struct rkv_entry *slot(const struct tail *tail, size_t i) {
  return ring_at(&tail->ring, i);
}

void tail_free(struct tail *tail) {
  tail_truncate(tail, 0);
  ring_free(&tail->ring);
  *tail = (struct tail){0};
}

enum rkv_status tail_append(struct tail *tail, const struct rkv_entry *entries, size_t count) {
  if (!ring_reserve(&tail->ring, tail->ring.count + count, sizeof *entries)) return RKV_NO_MEMORY;
  if (tail->ring.count == 0 && count > 0) tail->first = entries[0].id.index;
  for (size_t i = 0; i < count; i++) {
    assert(entries[i].id.index == tail->first + tail->ring.count); /* (T1) */
    struct rkv_entry *at = ring_push(&tail->ring);
    *at = entries[i];
    at->payload = rkv_buf_share(entries[i].payload);
    tail->bytes += entry_cost(at);
  }
  return RKV_OK;
}

void tail_truncate(struct tail *tail, rkv_index after) {
  while (tail->ring.count > 0 && tail->first + tail->ring.count - 1 > after) {
    struct rkv_entry *at = slot(tail, tail->ring.count - 1);
    tail->bytes -= entry_cost(at);
    rkv_buf_drop(&at->payload);
    tail->ring.count--;
  }
  assert(tail->ring.count > 0 || tail->bytes == 0); /* (T2) */
}

static void tail_drop_first(struct tail *tail) {
  struct rkv_entry *at = slot(tail, 0);
  tail->bytes -= entry_cost(at);
  rkv_buf_drop(&at->payload);
  ring_drop_oldest(&tail->ring);
  tail->first++;
}

/* Once for a whole run of entries: their memory is cold, and a look at each costs as much as its
 * drop. */
static void check_oldest(const struct tail *tail) {
  assert(tail->ring.count == 0 || slot(tail, 0)->id.index == tail->first); /* (T1) */
  assert(tail->ring.count > 0 || tail->bytes == 0);                        /* (T2) */
}

void tail_trim(struct tail *tail, rkv_index up_to, uint64_t bytes_max) {
  while (tail->ring.count > 0 && tail->bytes > bytes_max && tail->first <= up_to)
    tail_drop_first(tail);
  check_oldest(tail);
}

void tail_drop(struct tail *tail, rkv_index up_to) {
  while (tail->ring.count > 0 && tail->first <= up_to) tail_drop_first(tail);
  check_oldest(tail);
}

bool tail_has(const struct tail *tail, rkv_index index) {
  return tail->ring.count > 0 && index >= tail->first && index - tail->first < tail->ring.count;
}

const struct rkv_entry *tail_span(const struct tail *tail, rkv_index from, rkv_index to,
                                  size_t *count) {
  *count = 0;
  if (!tail_has(tail, from) || from > to) return NULL;
  size_t offset = (size_t)(from - tail->first);
  size_t wanted = (size_t)(to - from) + 1;
  size_t in_piece = ring_piece(&tail->ring, offset);
  *count = wanted < in_piece ? wanted : in_piece;
  assert(slot(tail, offset)->id.index == from); /* (T1) */
  return slot(tail, offset);
}
