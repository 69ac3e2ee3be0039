/* item.h: one key with its value, in one allocation.
 *
 * The value is kept as the bytes of the Response that carries it (0a, length, value), so that the
 * answers to Set and Get are slices of the item and no bytes are copied or packed to answer. The
 * key and the value ARE copied once, when the item is made: a slice of the received message would
 * keep all of that message alive (up to megabytes for one small value) as long as the key lives.
 *
 * An item never changes once it was handed on; every holder of a reference may read it. */
#ifndef SM_ITEM_H
#define SM_ITEM_H

#include <rkv/buf.h>

struct item {
  struct rkv_buf_owner owner; /* first: the reference count of the item and of its answers */
  uint32_t key_len, answer_len;
  uint64_t hash;   /* of the key and its value; a boundary's is 0 */
  uint8_t bytes[]; /* the key, then the answer */
};

/* Makes an item with one reference. Key and value together are below 4 GiB. NULL: no memory. */
struct item *item_new(const uint8_t *key, size_t key_len, const uint8_t *value, size_t value_len);

/* Makes an item that is a key only, as a boundary inside the map. NULL: no memory. */
struct item *item_new_boundary(const uint8_t *key, size_t key_len);

/* One more reference. */
static inline struct item *item_share(struct item *item) {
  struct rkv_buf reference = {NULL, 0, &item->owner};
  (void)rkv_buf_share(reference);
  return item;
}

/* Gives a reference back; NULL: nothing happens. */
static inline void item_drop(struct item *item) {
  struct rkv_buf reference = {NULL, 0, item ? &item->owner : NULL};
  rkv_buf_drop(&reference);
}

/* Keeps *digest, the sum of the hashes of all items held, up to date: `item` has come, in the place
 * of `replaced` (NULL: of none). Sums do not depend on the order, so neither does the digest. */
static inline void item_count_in(uint64_t *digest, const struct item *item,
                                 const struct item *replaced) {
  *digest += item->hash - (replaced ? replaced->hash : 0);
}

/* The Response that carries the value, borrowed from the item: share it to hand it on. */
static inline struct rkv_buf item_answer(struct item *item) {
  struct rkv_buf answer = {item->bytes + item->key_len, item->answer_len, &item->owner};
  return answer;
}

#endif
