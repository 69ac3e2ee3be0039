/* pb.h: the protobuf wire itself: varints and the fields of one message, read in place.
 *
 * For the two messages whose bytes must not be copied (entries, snapshot chunks); all others go
 * through protobuf-c. */
#ifndef WIRE_PB_H
#define WIRE_PB_H

#include <stddef.h>
#include <stdint.h>

#define PB_VARINT_MAX 10u /* bytes */

enum pb_type { PB_VARINT = 0, PB_FIXED64 = 1, PB_BYTES = 2, PB_FIXED32 = 5 };

struct pb_reader {
  const uint8_t *at, *end;
};

struct pb_field {
  uint32_t number;
  uint32_t type;       /* an enum pb_type */
  uint64_t value;      /* PB_VARINT */
  const uint8_t *data; /* PB_BYTES: in the message */
  size_t len;
};

enum pb_step { PB_END, PB_FIELD, PB_BAD };

/* The next field of the message. PB_BAD: cut, or not protobuf (groups included: proto3 has
 * none). */
enum pb_step pb_next(struct pb_reader *reader, struct pb_field *field);

/* Bytes of a varint; of a field of number < 16 with a varint (0 = left out); with `len` bytes. */
static inline size_t pb_varint_size(uint64_t value) {
  size_t size = 1;
  while (value >= 0x80) value >>= 7, size++;
  return size;
}
static inline size_t pb_uint_size(uint64_t value) {
  return value ? 1 + pb_varint_size(value) : 0;
}
static inline size_t pb_bytes_size(size_t len) {
  return 1 + pb_varint_size(len) + len;
}

/* Each writes at `at` and returns where the next byte goes. pb_put_head: tag and length of a bytes
 * field whose bytes follow. Field numbers < 16. */
static inline uint8_t *pb_put_varint(uint8_t *at, uint64_t value) {
  while (value >= 0x80) *at++ = (uint8_t)(value | 0x80), value >>= 7;
  *at++ = (uint8_t)value;
  return at;
}
static inline uint8_t *pb_put_uint(uint8_t *at, unsigned number, uint64_t value) {
  if (value == 0) return at;
  *at++ = (uint8_t)(number << 3 | PB_VARINT);
  return pb_put_varint(at, value);
}
static inline uint8_t *pb_put_head(uint8_t *at, unsigned number, size_t len) {
  *at++ = (uint8_t)(number << 3 | PB_BYTES);
  return pb_put_varint(at, len);
}

#endif
