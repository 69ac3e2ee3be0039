/* item.c: makes and frees items. */
#include "item.h"
#include "hash.h"
#include "wire.h"

#include <stdlib.h>

#define RESPONSE_VALUE 1 /* Response.value */

static void item_free(struct rkv_buf_owner *owner) {
  free(owner); /* the item's first member */
}

static struct item *make(const uint8_t *key, size_t key_len, size_t answer_len) {
  struct item *item = malloc(sizeof *item + key_len + answer_len);
  if (!item) return NULL;
  item->owner.refs = 1;
  item->owner.reserved = 0;
  item->owner.free = item_free;
  item->key_len = (uint32_t)key_len;
  item->answer_len = (uint32_t)answer_len;
  item->hash = 0;
  if (key_len > 0) memcpy(item->bytes, key, key_len);
  return item;
}

struct item *item_new(const uint8_t *key, size_t key_len, const uint8_t *value, size_t value_len) {
  struct item *item = make(key, key_len, 1 + wire_varint_size(value_len) + value_len);
  if (!item) return NULL;
  (void)wire_put_bytes(item->bytes + key_len, RESPONSE_VALUE, value, value_len);
  item->hash = hash_item(item->bytes, key_len + item->answer_len, key_len);
  return item;
}

struct item *item_new_boundary(const uint8_t *key, size_t key_len) {
  return make(key, key_len, 0);
}
