/* hash.c: 16 bytes at a time, multiplied and folded. */
#include "hash.h"

#include <endian.h>
#include <string.h>

#define BLOCK 16u /* bytes */
#define ODD_1 UINT64_C(0xa0761d6478bd642f)
#define ODD_2 UINT64_C(0xe7037ed1a0b428db)
#define ODD_3 UINT64_C(0x8ebc6af09c88c6e3)

__extension__ typedef unsigned __int128 product;

static uint64_t fold(uint64_t a, uint64_t b) {
  product p = (product)a * b;
  return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static uint64_t word_at(const uint8_t *at) {
  uint64_t word;
  memcpy(&word, at, sizeof word);
  return le64toh(word);
}

static uint64_t add_block(uint64_t hash, const uint8_t *at) {
  return fold(word_at(at) ^ ODD_1, word_at(at + 8) ^ hash);
}

uint64_t hash_item(const uint8_t *bytes, size_t len, size_t key_len) {
  uint64_t hash = fold(key_len ^ ODD_2, len ^ ODD_3);
  uint8_t last[BLOCK] = {0};
  for (; len > BLOCK; bytes += BLOCK, len -= BLOCK) hash = add_block(hash, bytes);
  if (len > 0) memcpy(last, bytes, len);
  hash = add_block(hash, last);
  return fold(hash ^ ODD_2, ODD_3);
}
