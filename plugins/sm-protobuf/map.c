/* map.c: the copy-on-write B+tree.
 *
 * (I1) Keys in a node ascend strictly. In an inner node children[i] holds the keys k with
 *      entries[i] <= k < entries[i + 1]; entries[0] is NULL: its bound is the parent's.
 * (I2) A node that more than one parent or map refers to (refs > 1) is never written.
 * (I3) Every key that may come to a node shares its first `skip` bytes; words[i] holds the 8 bytes
 *      of key i that follow them, so that most comparisons read one array and no item.
 * (I4) All leaves are on level 0. A split leaves no node empty; a full inner node is split before
 *      the walk goes below it, so that a put never has to go back up. */
#include "map.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>

#define FANOUT 32u /* items or children of a node */

#define PREFETCH_FROM 65536u /* items: a smaller map fits into the cache */

#define WORDS_PER_LINE 8u /* of a cache line */

struct map_node {
  uint32_t refs; /* atomic */
  uint16_t count, level;
  size_t skip;
  uint64_t words[FANOUT];
  struct item *entries[FANOUT]; /* leaf: the items; inner: boundaries */
  struct map_node *children[];  /* inner: FANOUT of them */
};

/* The keys between which a node's keys lie; NULL: no bound on that side. */
struct fence {
  const struct item *low, *high;
};

/* ---- keys ---- */

static int key_compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len) {
  size_t len = a_len < b_len ? a_len : b_len;
  int order = len > 0 ? memcmp(a, b, len) : 0;
  return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

/* The 8 bytes behind `skip` as a number that has the order of the bytes; a short key is filled with
 * 0. */
static uint64_t key_word(const uint8_t *key, size_t key_len, size_t skip) {
  uint64_t word = 0;
  size_t n = key_len > skip ? key_len - skip : 0;
  if (n >= sizeof word) {
    memcpy(&word, key + skip, sizeof word);
    return be64toh(word);
  }
  for (size_t i = 0; i < n; i++) word |= (uint64_t)key[skip + i] << (56 - 8 * i);
  return word;
}

static size_t common_prefix(const struct item *a, const struct item *b) {
  size_t len = a->key_len < b->key_len ? a->key_len : b->key_len, n = 0;
  while (n < len && a->bytes[n] == b->bytes[n]) n++;
  return n;
}

/* ---- nodes ---- */

static size_t node_size(unsigned level) {
  return sizeof(struct map_node) + (level > 0 ? FANOUT * sizeof(struct map_node *) : 0);
}

static struct map_node *node_new(unsigned level) {
  struct map_node *node = malloc(node_size(level));
  if (!node) return NULL;
  node->refs = 1;
  node->count = 0;
  node->level = (uint16_t)level;
  node->skip = 0;
  return node;
}

static struct map_node *node_share(struct map_node *node) {
  (void)__atomic_fetch_add(&node->refs, 1u, __ATOMIC_RELAXED);
  return node;
}

static void node_drop(struct map_node *node) {
  if (__atomic_fetch_sub(&node->refs, 1u, __ATOMIC_ACQ_REL) != 1u) return;
  for (unsigned i = 0; i < node->count; i++) {
    item_drop(node->entries[i]);
    if (node->level > 0) node_drop(node->children[i]); /* at most MAP_DEPTH_MAX deep */
  }
  free(node);
}

/* Makes *slot a node of this map alone (I2): a shared one is replaced by a copy. */
static bool node_own(struct map_node **slot) {
  struct map_node *shared = *slot, *copy;
  if (__atomic_load_n(&shared->refs, __ATOMIC_ACQUIRE) == 1u) return true;
  copy = malloc(node_size(shared->level));
  if (!copy) return false;
  copy->refs = 1;
  copy->count = shared->count, copy->level = shared->level, copy->skip = shared->skip;
  memcpy(copy->words, shared->words, sizeof copy->words[0] * copy->count);
  for (unsigned i = 0; i < copy->count; i++) {
    copy->entries[i] = shared->entries[i] ? item_share(shared->entries[i]) : NULL;
    if (copy->level > 0) copy->children[i] = node_share(shared->children[i]);
  }
  *slot = copy;
  node_drop(shared);
  return true;
}

/* Fetches all lines of a node: their cache misses overlap. */
static void prefetch_node(const struct map_node *node) {
  __builtin_prefetch(node);
  for (unsigned i = 0; i < FANOUT; i += WORDS_PER_LINE) {
    __builtin_prefetch(&node->words[i]);
    __builtin_prefetch(&node->entries[i]);
  }
}

/* As rank, but from `words` alone: where a word equals the key's the result may be too high. */
static unsigned rank_by_word(const struct map_node *node, struct map_key key) {
  uint64_t word = key_word(key.bytes, key.len, node->skip);
  unsigned low = node->level > 0, high = node->count;
  while (low < high) {
    unsigned middle = (low + high) / 2;
    if (node->words[middle] > word)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

/* How many entries are <= the key. In an inner node the child to go to is rank - 1. */
static unsigned rank(const struct map_node *node, const uint8_t *key, size_t key_len) {
  uint64_t word = key_word(key, key_len, node->skip);
  unsigned low = node->level > 0, high = node->count;
  prefetch_node(node);
  while (low < high) {
    unsigned middle = (low + high) / 2;
    bool beyond = node->words[middle] > word;
    if (node->words[middle] == word) {
      const struct item *entry = node->entries[middle];
      beyond = key_compare(entry->bytes, entry->key_len, key, key_len) > 0;
    }
    if (beyond)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

/* True if the leaf has exactly this key. `at` is the key's rank, so only entry at - 1 can have
 * it. */
static bool is_at(const struct map_node *leaf, unsigned at, const uint8_t *key, size_t key_len) {
  const struct item *entry = at > 0 ? leaf->entries[at - 1] : NULL;
  return entry && entry->key_len == key_len && memcmp(entry->bytes, key, key_len) == 0;
}

static void node_set_skip(struct map_node *node, size_t skip) {
  node->skip = skip;
  for (unsigned i = node->level > 0; i < node->count; i++) {
    assert(node->entries[i]->key_len >= skip); /* (I3) */
    node->words[i] = key_word(node->entries[i]->bytes, node->entries[i]->key_len, skip);
  }
}

/* True if no other map refers to the node. */
static bool is_own(const struct map_node *node) {
  return __atomic_load_n(&node->refs, __ATOMIC_RELAXED) == 1u;
}

/* Shifts the entries from `at` on by one, and puts an entry (and a child) at `at`. */
static void node_insert(struct map_node *node, unsigned at, struct item *entry,
                        struct map_node *child) {
  size_t behind = node->count - at;
  assert(node->count < FANOUT && at <= node->count);
  assert(is_own(node)); /* (I2) */
  memmove(node->words + at + 1, node->words + at, behind * sizeof node->words[0]);
  memmove(node->entries + at + 1, node->entries + at, behind * sizeof node->entries[0]);
  node->entries[at] = entry;
  node->words[at] = entry ? key_word(entry->bytes, entry->key_len, node->skip) : 0;
  if (node->level > 0) {
    memmove(node->children + at + 1, node->children + at, behind * sizeof node->children[0]);
    node->children[at] = child;
  }
  node->count++;
  assert(at == 0 || node->words[at - 1] <= node->words[at]); /* (I1) */
  assert(at + 1u == node->count || node->words[at] <= node->words[at + 1]);
}

/* ---- splitting ---- */

/* The shortest key that parts the leaf's entries below `at` from those from `at` on. */
static struct item *boundary(const struct map_node *leaf, unsigned at) {
  const struct item *right = leaf->entries[at];
  return item_new_boundary(right->bytes, common_prefix(leaf->entries[at - 1], right) + 1);
}

/* Splits the full child `at` of `parent`, which has room. Both nodes are this map's alone. `fence`
 * bounds the child. `ascending`: the next key goes behind all others, so the left half stays as
 * full as it can, as a map that is filled in order wants it. */
static bool split_child(struct map_node *parent, unsigned at, struct fence fence, bool ascending) {
  struct map_node *left = parent->children[at], *right = node_new(left->level);
  unsigned keep = ascending ? left->count - 1u : left->count / 2u;
  struct item *middle = NULL;
  if (right) middle = left->level > 0 ? left->entries[keep] : boundary(left, keep);
  if (!middle) {
    free(right);
    return false;
  }
  right->count = (uint16_t)(left->count - keep);
  right->skip = left->skip;
  memcpy(right->words, left->words + keep, right->count * sizeof right->words[0]);
  memcpy(right->entries, left->entries + keep, right->count * sizeof right->entries[0]);
  if (left->level > 0) {
    memcpy(right->children, left->children + keep, right->count * sizeof right->children[0]);
    right->entries[0] = NULL; /* its boundary went up to the parent */
    right->words[0] = 0;
  }
  left->count = (uint16_t)keep;
  assert(left->count > 0 && right->count > 0);    /* (I4) */
  assert(is_own(left) && parent->count < FANOUT); /* (I2) */
  node_insert(parent, at + 1, middle, right);
  if (fence.low) node_set_skip(left, common_prefix(fence.low, middle));
  if (fence.high) node_set_skip(right, common_prefix(middle, fence.high));
  return true;
}

/* Puts a new root above a full one. */
static bool grow(struct map *map) {
  struct map_node *root;
  if (map->root->level + 1 == MAP_DEPTH_MAX) return false;
  root = node_new(map->root->level + 1u);
  if (!root) return false;
  node_insert(root, 0, NULL, map->root);
  map->root = root;
  return true;
}

/* ---- the map ---- */

struct map map_copy(const struct map *map) {
  if (map->root) (void)node_share(map->root);
  return *map;
}

void map_free(struct map *map) {
  if (map->root) node_drop(map->root);
  *map = (struct map){NULL, 0};
}

struct item *map_find(const struct map *map, const uint8_t *key, size_t key_len) {
  const struct map_node *node = map->root;
  unsigned at;
  if (!node) return NULL;
  while (node->level > 0) node = node->children[rank(node, key, key_len) - 1];
  at = rank(node, key, key_len);
  return is_at(node, at, key, key_len) ? node->entries[at - 1] : NULL;
}

void map_prefetch(const struct map *map, const struct map_key *keys, size_t count) {
  const struct map_node *nodes[MAP_PREFETCH_MAX];
  assert(count <= MAP_PREFETCH_MAX);
  if (map->count < PREFETCH_FROM) return;
  for (size_t i = 0; i < count; i++) nodes[i] = map->root;
  for (unsigned level = map->root->level; level > 0; level--)
    for (size_t i = 0; i < count; i++) {
      nodes[i] = nodes[i]->children[rank_by_word(nodes[i], keys[i]) - 1];
      prefetch_node(nodes[i]);
    }
  for (size_t i = 0; i < count; i++) {
    unsigned at = rank_by_word(nodes[i], keys[i]);
    if (at > 0) __builtin_prefetch(nodes[i]->entries[at - 1]);
  }
}

/* Goes one level down from `node` towards the key. The child is this map's alone and not full,
 * unless it is a leaf where the item only replaces another. NULL: no memory. */
static struct map_node *descend(struct map_node *node, const struct item *item,
                                struct fence *fence) {
  unsigned at = rank(node, item->bytes, item->key_len) - 1;
  struct map_node *child;
  struct fence inner = *fence;
  if (!node_own(&node->children[at])) return NULL;
  child = node->children[at];
  assert(child->level + 1u == node->level && child->count > 0); /* (I4) */
  if (at > 0) inner.low = node->entries[at];
  if (at + 1 < node->count) inner.high = node->entries[at + 1];
  if (child->count == FANOUT) {
    unsigned in_child = rank(child, item->bytes, item->key_len);
    if (child->level > 0 || !is_at(child, in_child, item->bytes, item->key_len)) {
      if (!split_child(node, at, inner, !inner.high && in_child == child->count)) return NULL;
      return descend(node, item, fence); /* once: neither half is full */
    }
  }
  *fence = inner;
  return child;
}

enum rkv_status map_put(struct map *map, struct item *item, struct item **replaced) {
  struct fence fence = {NULL, NULL};
  struct map_node *node;
  unsigned at;
  *replaced = NULL;
  if (!map->root) map->root = node_new(0);
  if (!map->root || !node_own(&map->root)) return RKV_NO_MEMORY;
  if (map->root->count == FANOUT && !grow(map)) return RKV_NO_MEMORY;
  for (node = map->root; node->level > 0;)
    if (!(node = descend(node, item, &fence))) return RKV_NO_MEMORY;
  at = rank(node, item->bytes, item->key_len);
  if (is_at(node, at, item->bytes, item->key_len)) {
    *replaced = node->entries[at - 1];
    node->entries[at - 1] = item;
    return RKV_OK;
  }
  node_insert(node, at, item, NULL);
  map->count++;
  return RKV_OK;
}

/* ---- walking ---- */

static void push(struct map_cursor *cursor, struct map_node *node) {
  for (;; node = node->children[0]) {
    assert(cursor->depth < MAP_DEPTH_MAX);
    cursor->path[cursor->depth].node = node;
    cursor->path[cursor->depth++].at = 0;
    if (node->level == 0) return;
  }
}

void map_walk(struct map_cursor *cursor, const struct map *map) {
  cursor->depth = 0;
  if (map->root) push(cursor, map->root);
}

struct item *map_next(struct map_cursor *cursor) {
  while (cursor->depth > 0) {
    struct map_node *node = cursor->path[cursor->depth - 1].node;
    uint32_t at = cursor->path[cursor->depth - 1].at++;
    if (at < node->count && node->level == 0) return node->entries[at];
    if (at >= node->count)
      cursor->depth--;
    else if (at > 0) /* child 0 was pushed with its parent */
      push(cursor, node->children[at]);
  }
  return NULL;
}
