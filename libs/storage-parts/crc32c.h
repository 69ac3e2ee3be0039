/* crc32c.h: CRC-32C (Castagnoli), by the processor's instruction where it has one. A leaf. */
#ifndef STORAGE_PARTS_CRC32C_H
#define STORAGE_PARTS_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Goes on from `before`, the checksum of the bytes so far (0: none): crc32c(crc32c(0, a), b) is
 * that of a followed by b. Any thread. */
uint32_t crc32c(uint32_t before, const void *data, size_t len);

/* The same without the instruction: what other processors run, and what a test compares with. */
uint32_t crc32c_by_table(uint32_t before, const void *data, size_t len);

#endif
