/* ring.h: a queue whose places stand in a circle; what an item is only its owner knows; a leaf.
 *
 * Zeros are an empty ring. It grows when its owner makes room, and never shrinks.
 *
 * (G1) The capacity is 0 or a power of two, and holds what is in the ring. */
#ifndef NODE_RING_H
#define NODE_RING_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

struct ring {
  void *items;
  size_t item_size;             /* bytes */
  size_t capacity, head, count; /* in items; the oldest is at `head` */
};

/* Makes room for `count` items of `item_size` bytes, always the same; may move all. False: out of
 * memory, and nothing has changed. */
bool ring_reserve(struct ring *r, size_t count, size_t item_size);
void ring_free(struct ring *r);

/* Item i, counted from the oldest; i == count: the room for the next one. */
static inline void *ring_at(const struct ring *r, size_t i) {
  assert(i < r->capacity); /* (G1) */
  return (char *)r->items + ((r->head + i) & (r->capacity - 1)) * r->item_size;
}

/* How many items from item i on lie in one piece of memory. */
static inline size_t ring_piece(const struct ring *r, size_t i) {
  assert(i < r->count && r->count <= r->capacity); /* (G1) */
  size_t to_edge = r->capacity - ((r->head + i) & (r->capacity - 1));
  return to_edge < r->count - i ? to_edge : r->count - i;
}

/* Adds an item, for which there is room, and gives its place. */
static inline void *ring_push(struct ring *r) {
  assert(r->count < r->capacity); /* (G1) */
  return ring_at(r, r->count++);
}

static inline void ring_drop_oldest(struct ring *r) {
  assert(r->count > 0);
  r->head = (r->head + 1) & (r->capacity - 1);
  r->count--;
}

#endif
