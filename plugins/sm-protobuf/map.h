/* map.h: a sorted map of items that can be frozen in constant time: a copy-on-write B+tree.
 *
 * A map is a value: map_copy takes a second one of the same content in O(1), and from then on a put
 * into either copies the nodes that both share on its way down, once each. There is no removal.
 *
 * Threads. Two maps that share nodes are independent: each may be used by a thread of its own. On
 * one map, map_put must not overlap with anything else on it; reads may overlap with reads. */
#ifndef SM_MAP_H
#define SM_MAP_H

#include "item.h"

#include <rkv/status.h>

#define MAP_DEPTH_MAX 16 /* levels of a tree: over 10^18 items */

#define MAP_PREFETCH_MAX                                                                           \
  32 /* keys at once: about as many misses as a core keeps open, and more                          \
      */

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

/* Puts `item` in, in place of one with the same key, which *replaced then owns (else NULL): to be
 * dropped where freeing it holds nobody up. Takes over the caller's reference only with RKV_OK.
 * Errors: RKV_NO_MEMORY; the content is then as before. */
enum rkv_status map_put(struct map *map, struct item *item, struct item **replaced);

struct map_key {
  const uint8_t *bytes;
  size_t len;
};

/* Fetches into the cache what puts of these keys, at most MAP_PREFETCH_MAX, will look at: in a
 * large map nearly all of a put is waiting for memory, and here they wait together. Only a hint;
 * reads the map. */
void map_prefetch(const struct map *map, const struct map_key *keys, size_t count);

/* The item with this key, borrowed from the map; NULL if there is none. */
struct item *map_find(const struct map *map, const uint8_t *key, size_t key_len);

/* Walks the items in order of their keys (as memcmp orders them, the shorter of equal starts
 * first). The map must not change meanwhile: walk a copy. */
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
