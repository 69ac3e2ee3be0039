/* bag.c: byte strings and numbers, each kept once (bag.h). Open addressing, at most half full. */
#include "bag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 1024
#define EX_NO_MEMORY 71

void *bag_grow(void *old, size_t count, size_t each) {
  void *grown = count <= SIZE_MAX / each ? realloc(old, count * each) : NULL;
  if (!grown) {
    fprintf(stderr, "model: no memory for %zu x %zu bytes\n", count, each);
    exit(EX_NO_MEMORY);
  }
  return grown;
}

static uint64_t mix(uint64_t x) {
  x ^= x >> 32;
  x *= UINT64_C(0xd6e8feb86659fd93);
  x ^= x >> 32;
  return x;
}

static uint64_t hash(const uint8_t *data, size_t len) {
  uint64_t h = len, word;
  for (; len >= sizeof word; data += sizeof word, len -= sizeof word) {
    memcpy(&word, data, sizeof word);
    h = mix(h ^ word) + h;
  }
  word = 0;
  memcpy(&word, data, len);
  return mix(h ^ word ^ UINT64_C(0x9e3779b97f4a7c15));
}

void bag_open(struct bag *b) {
  memset(b, 0, sizeof *b);
  b->slot_count = SLOTS_FIRST;
  b->slots = bag_grow(NULL, b->slot_count, sizeof *b->slots);
  memset(b->slots, 0, b->slot_count * sizeof *b->slots);
  b->starts_room = SLOTS_FIRST;
  b->starts = bag_grow(NULL, b->starts_room, sizeof *b->starts);
  b->starts[0] = 0;
}

void bag_close(struct bag *b) {
  free(b->bytes);
  free(b->starts);
  free(b->slots);
  memset(b, 0, sizeof *b);
}

#define NUMBER_OF(slot) ((uint32_t)(slot)-1)
#define HASH_MASK UINT64_C(0xffffffff00000000)

static void rehash(struct bag *b) {
  uint64_t *old = b->slots;
  size_t i, at, count = b->slot_count;
  b->slot_count *= 2;
  b->slots = bag_grow(NULL, b->slot_count, sizeof *b->slots);
  memset(b->slots, 0, b->slot_count * sizeof *b->slots);
  for (i = 0; i < count; i++) {
    if (!old[i]) continue;
    for (at = (old[i] >> 32) & (b->slot_count - 1); b->slots[at];)
      at = (at + 1) & (b->slot_count - 1);
    b->slots[at] = old[i];
  }
  free(old);
}

static void add(struct bag *b, const void *data, size_t len) {
  if (b->used + len > b->room) {
    b->room = 2 * (b->used + len);
    b->bytes = bag_grow(b->bytes, b->room, 1);
  }
  if (b->count + 1 == b->starts_room) {
    b->starts_room *= 2;
    b->starts = bag_grow(b->starts, b->starts_room, sizeof *b->starts);
  }
  if (len > 0) memcpy(b->bytes + b->used, data, len);
  b->used += len;
  b->starts[++b->count] = b->used;
}

uint32_t bag_put(struct bag *b, const void *data, size_t len, bool *fresh) {
  uint64_t mark = hash(data, len) & HASH_MASK;
  size_t at;
  if (2 * (size_t)b->count >= b->slot_count) rehash(b);
  for (at = (mark >> 32) & (b->slot_count - 1); b->slots[at]; at = (at + 1) & (b->slot_count - 1)) {
    size_t held;
    const void *there;
    if ((b->slots[at] & HASH_MASK) != mark) continue;
    there = bag_get(b, NUMBER_OF(b->slots[at]), &held);
    if (held != len || memcmp(there, data, len) != 0) continue;
    if (fresh) *fresh = false;
    return NUMBER_OF(b->slots[at]);
  }
  add(b, data, len);
  b->slots[at] = mark | b->count;
  if (fresh) *fresh = true;
  return b->count - 1;
}

/* ---- numbers ---- */

void bag_map_open(struct bag_map *m) {
  memset(m, 0, sizeof *m);
  m->room = SLOTS_FIRST;
  m->keys = bag_grow(NULL, m->room, sizeof *m->keys);
  m->values = bag_grow(NULL, m->room, sizeof *m->values);
  memset(m->keys, 0, m->room * sizeof *m->keys);
}

void bag_map_close(struct bag_map *m) {
  free(m->keys);
  free(m->values);
  memset(m, 0, sizeof *m);
}

static size_t find(const struct bag_map *m, uint64_t key) {
  size_t at = mix(key * UINT64_C(0x9e3779b97f4a7c15)) & (m->room - 1);
  while (m->keys[at] && m->keys[at] != key + 1) at = (at + 1) & (m->room - 1);
  return at;
}

uint32_t bag_map_get(const struct bag_map *m, uint64_t key) {
  size_t at = find(m, key);
  return m->keys[at] ? m->values[at] : BAG_NONE;
}

void bag_map_put(struct bag_map *m, uint64_t key, uint32_t value) {
  size_t at;
  if (2 * m->count >= m->room) {
    struct bag_map old = *m;
    m->room *= 2;
    m->count = 0;
    m->keys = bag_grow(NULL, m->room, sizeof *m->keys);
    m->values = bag_grow(NULL, m->room, sizeof *m->values);
    memset(m->keys, 0, m->room * sizeof *m->keys);
    for (at = 0; at < old.room; at++)
      if (old.keys[at]) bag_map_put(m, old.keys[at] - 1, old.values[at]);
    bag_map_close(&old);
  }
  at = find(m, key);
  assert(!m->keys[at]);
  m->keys[at] = key + 1;
  m->values[at] = value;
  m->count++;
}
