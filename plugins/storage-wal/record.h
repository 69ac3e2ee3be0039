/* record.h: one record of the log as it stands in a segment (docs/wal-format.md). A leaf.
 *
 * A record is a header of RECORD_HEADER bytes, the payload, and zeros up to a multiple of
 * RECORD_ALIGN. Its checksums begin with the segment's seed (made from its uuid) and the record's
 * own offset: bytes of another segment, of an earlier life of this file, or written to the wrong
 * place do not pass. */
#ifndef WAL_RECORD_H
#define WAL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RECORD_HEADER = 40, RECORD_ALIGN = 8 };
#define RECORD_PAYLOAD_MAX (UINT32_C(1) << 30) /* bytes */

/* X(NAME, number, text): what a record says. Stored on disks: never changed, never reused. */
#define RECORD_TYPE_LIST(X)                                                                        \
  X(ENTRY, 1, "entry")       /* term, index, kind and payload of a log entry */                    \
  X(VOTE, 2, "vote")         /* term; index = the node voted for; kind = 1: committed */           \
  X(TRUNCATE, 3, "truncate") /* term and index of the entry that is now the last one */            \
  X(PURGE, 4, "purge")       /* term and index of the last entry dropped at the front */           \
  X(CLOSE, 5, "close")       /* the storage was closed in order: what stands before was durable */ \
  X(BEGIN, 6, "begin") /* the first one after a crash; index: random, so no older one follows */   \
  X(INCARNATION, 7, "incarnation") /* index: which incarnation of the node this is */              \
  X(CLUSTER, 8, "cluster") /* term, index: the two halves of the cluster id; kind = 1: settled */

enum record_type {
#define RECORD_TYPE_ENUM(name, number, text) RECORD_##name = number,
  RECORD_TYPE_LIST(RECORD_TYPE_ENUM)
#undef RECORD_TYPE_ENUM
};

struct record {
  uint32_t header_crc;
  uint32_t payload_crc;
  uint32_t prev;   /* header_crc of the record before, of the segment header for the first one */
  uint32_t batch;  /* offset where the batch began: everything before it was durable by then */
  uint32_t length; /* payload bytes */
  uint16_t type;   /* an enum record_type */
  uint16_t kind;
  uint64_t term, index;
};

/* Bytes that a record takes. */
static inline uint64_t record_size(uint64_t payload_length) {
  return RECORD_HEADER +
         (payload_length + RECORD_ALIGN - 1) / RECORD_ALIGN * (uint64_t)RECORD_ALIGN;
}

/* The type's text, NULL for a number that is none. */
const char *record_type_name(uint16_t type);

uint32_t record_payload_crc(uint32_t seed, const void *payload, size_t length);

/* Writes the header's bytes; fills record->header_crc. */
void record_encode(struct record *record, uint32_t seed, uint64_t offset,
                   uint8_t out[RECORD_HEADER]);

/* Reads the fields, whatever they are. */
void record_decode(const uint8_t in[RECORD_HEADER], struct record *record);

/* The checksum that these header bytes should carry at `offset`. */
uint32_t record_header_crc(const uint8_t in[RECORD_HEADER], uint32_t seed, uint64_t offset);

/* False if no record can begin with these bytes; tells zeros apart at the least cost. */
bool record_begins(const uint8_t in[RECORD_HEADER]);

/* True if the fields make sense at `offset` of a segment of `size` bytes: a cheap test before the
 * checksum. */
bool record_plausible(const struct record *record, uint64_t offset, uint64_t size);

#endif
