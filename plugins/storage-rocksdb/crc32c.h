/* crc32c.h: CRC-32C (Castagnoli), with which RocksDB guards its records. A leaf. */
#ifndef ROCKS_CRC32C_H
#define ROCKS_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(const void *data, size_t len);

/* The same by the table that is for processors without the instruction. */
uint32_t crc32c_by_table(const void *data, size_t len);

#endif
