/* ring.c: room in a ring (ring.h). */
#include <node/kernel/ring.h>

#include <stdlib.h>
#include <string.h>

enum { RING_CAPACITY_MIN = 64 };

bool ring_reserve(struct ring *r, size_t count, size_t item_size) {
  size_t capacity = r->capacity ? r->capacity : RING_CAPACITY_MIN;
  assert(item_size > 0 && (r->capacity == 0 || item_size == r->item_size));
  while (capacity < count) capacity *= 2;
  if (capacity == r->capacity) return true;
  struct ring grown = {malloc(capacity * item_size), item_size, capacity, 0, r->count};
  if (!grown.items) return false;
  for (size_t i = 0; i < r->count;) {
    size_t piece = ring_piece(r, i);
    memcpy(ring_at(&grown, i), ring_at(r, i), piece * item_size);
    i += piece;
  }
  free(r->items);
  *r = grown;
  return true;
}

void ring_free(struct ring *r) {
  free(r->items);
  *r = (struct ring){0};
}
