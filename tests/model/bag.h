/* bag.h: byte strings, each kept once and named by a number: what was seen before gets the number
 * it had. And a map of numbers, for what was worked out before. */
#ifndef MODEL_BAG_H
#define MODEL_BAG_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BAG_NONE UINT32_MAX

struct bag {
  uint8_t *bytes;
  size_t used, room;
  size_t *starts; /* starts[i]..starts[i + 1] */
  uint32_t count, starts_room;
  uint64_t *slots; /* number + 1, and half of the hash; 0: free */
  size_t slot_count;
};

void bag_open(struct bag *b);
void bag_close(struct bag *b);
/* The string's number; *fresh: it was not there. No memory: the program ends with a line. */
uint32_t bag_put(struct bag *b, const void *data, size_t len, bool *fresh);
/* The bytes of a number; valid until the next bag_put. `len` may be NULL. */
static inline const void *bag_get(const struct bag *b, uint32_t number, size_t *len) {
  assert(number < b->count);
  if (len) *len = b->starts[number + 1] - b->starts[number];
  return b->bytes + b->starts[number];
}

struct bag_map {
  uint64_t *keys; /* key + 1; 0: free */
  uint32_t *values;
  size_t count, room;
};

void bag_map_open(struct bag_map *m);
void bag_map_close(struct bag_map *m);
/* BAG_NONE: not there. */
uint32_t bag_map_get(const struct bag_map *m, uint64_t key);
/* `key` must not be there. */
void bag_map_put(struct bag_map *m, uint64_t key, uint32_t value);

/* realloc that ends the program with a line where there is no memory. */
void *bag_grow(void *old, size_t count, size_t each);

#endif
