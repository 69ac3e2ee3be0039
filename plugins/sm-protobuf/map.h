/* map.h: a sorted map of items that can be frozen in constant time: a copy-on-write B+tree.
 *
 * A map is a value: map_copy makes a second map of the same content in O(1). From then on a put
 * into either map copies each node on its way down that both maps still share. There is no removal.
 *
 * Threads. Two maps that share nodes are independent: each may be used by a thread of its own. On
 * one map, map_put must not overlap with anything else on it; reads may overlap with reads. */
#ifndef SM_MAP_H
#define SM_MAP_H

#include "item.h"

#include <rkv/status.h>

#define MAP_DEPTH_MAX 16 /* levels of a tree: over 10^18 items */

/* Keys of one map_prefetch: more than the cache misses that a core has open at once. */
#define MAP_PREFETCH_MAX 32

struct map_node;

/* {NULL, 0} is the empty map. */
struct map {
  struct map_node *root;
  uint64_t count; /* items */
};

/* A second map with the same content. O(1), never fails. */
struct map map_copy(const struct map *map);

/* Gives the map's nodes and items back; those that another copy shares live on. */
void map_free(struct map *map);

/* Puts `item` into the map, in the place of an item with the same key. *replaced then owns that
 * item (else NULL); the caller drops it where freeing holds nothing up. With RKV_OK the map takes
 * over the caller's reference to `item`. Errors: RKV_NO_MEMORY; the content is then as before. */
enum rkv_status map_put(struct map *map, struct item *item, struct item **replaced);

struct map_key {
  const uint8_t *bytes;
  size_t len;
};

/* Fetches into the cache what puts of these keys, at most MAP_PREFETCH_MAX, will look at. In a
 * large map a put spends nearly all its time waiting for memory; here the keys wait together. Only
 * a hint; reads the map. */
void map_prefetch(const struct map *map, const struct map_key *keys, size_t count);

/* The item with this key, borrowed from the map; NULL if there is none. */
struct item *map_find(const struct map *map, const uint8_t *key, size_t key_len);

/* Walks the items in the order of their keys: as memcmp orders them, and a key before those that it
 * begins. The map must not change meanwhile: walk a copy. */
struct map_cursor {
  struct {
    struct map_node *node;
    uint32_t at;
  } path[MAP_DEPTH_MAX];
  uint32_t depth; /* 0: the end */
};

void map_walk(struct map_cursor *cursor, const struct map *map);

/* The next item, borrowed from the map; NULL at the end. */
struct item *map_next(struct map_cursor *cursor);

#endif
