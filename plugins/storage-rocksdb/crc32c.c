/* crc32c.c: CRC-32C by the SSE4.2 instruction or by a table of half bytes. */
#include "crc32c.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#include <string.h>
#endif

/* table[n]: what the half byte n leaves behind; made from the reversed polynomial 0x82f63b78. */
static const uint32_t table[16] = {
    0x00000000u, 0x105ec76fu, 0x20bd8edeu, 0x30e349b1u, 0x417b1dbcu, 0x5125dad3u,
    0x61c69362u, 0x7198540du, 0x82f63b78u, 0x92a8fc17u, 0xa24bb5a6u, 0xb21572c9u,
    0xc38d26c4u, 0xd3d3e1abu, 0xe330a81au, 0xf36e6f75u,
};

uint32_t crc32c_by_table(const void *data, size_t len) {
  const uint8_t *at = data;
  uint32_t crc = ~UINT32_C(0);
  for (size_t i = 0; i < len; i++) {
    crc ^= at[i];
    crc = (crc >> 4) ^ table[crc & 0xfu];
    crc = (crc >> 4) ^ table[crc & 0xfu];
  }
  return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t by_instruction(const void *data, size_t len) {
  const uint8_t *at = data;
  uint64_t crc = ~UINT32_C(0);
  for (; len >= sizeof(uint64_t); at += sizeof(uint64_t), len -= sizeof(uint64_t)) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    crc = _mm_crc32_u64(crc, word);
  }
  for (; len > 0; at++, len--) crc = _mm_crc32_u8((uint32_t)crc, *at);
  return ~(uint32_t)crc;
}
#endif

uint32_t crc32c(const void *data, size_t len) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return by_instruction(data, len);
#endif
  return crc32c_by_table(data, len);
}
