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
