/* payload.c: bytes that no storage can make smaller, and by which an entry is known. */
#include "bench.h"

#include <stdlib.h>

enum { PLACES = 1 << 20 }; /* different payloads of one size */

static uint8_t *payload_pool;

void payload_begin(uint64_t size) {
  uint64_t random = size;
  free(payload_pool);
  payload_pool = malloc(PLACES + size);
  if (!payload_pool) die("no memory for payloads");
  for (uint64_t i = 0; i < PLACES + size; i++) {
    random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407); /* Knuth's */
    payload_pool[i] = (uint8_t)(random >> 56);
  }
}

/* The factor spreads neighbours, so that no two in one block share bytes. */
const uint8_t *payload_of(rkv_index index) {
  return payload_pool + index * UINT64_C(0x9E3779B97F4A7C15) % PLACES;
}
