/* wire.h: reading and writing protobuf's bytes, as far as this state machine needs it.
 *
 * Strict where decoders differ: what passes here is read alike by protobuf-c, protobuf and prost.
 * Groups, tags or lengths of more than 5 bytes and varints over 64 bits are malformed. */
#ifndef SM_WIRE_H
#define SM_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

#define WIRE_VARINT_MAX 10 /* bytes of the longest varint */
#define WIRE_HEAD_MAX 15   /* bytes of the longest head: a tag of 5 and a varint of 10 */

struct wire_field {
  uint32_t number; /* 1 or more */
  uint32_t type;   /* an enum wire_type */
  uint64_t value;  /* WIRE_VARINT: the value */
  const uint8_t *data;
  size_t len; /* of `data`, which follows the head; a WIRE_VARINT has none */
};

/* Walks the fields of one message that is whole in memory. */
struct wire_reader {
  const uint8_t *at, *end;
};

/* Reads the head of a field: its tag, and the value (varint) or the length (bytes). Sets everything
 * but field->data. Returns how many bytes the head takes; 0: `len` bytes are not enough yet; -1:
 * malformed. */
int wire_head(const uint8_t *at, size_t len, struct wire_field *field);

/* Takes the next field. Returns 1: *field is set; 0: the message ended; -1: malformed or cut. */
int wire_next(struct wire_reader *reader, struct wire_field *field);

/* True if the bytes are UTF-8 as proto3 strings must be: shortest forms, no surrogates, at most
 * U+10FFFF; NUL is a character like any other. */
bool wire_is_utf8(const uint8_t *data, size_t len);

/* Bytes that `value` takes as a varint: 1 to WIRE_VARINT_MAX. */
size_t wire_varint_size(uint64_t value);

/* Each writes to `out`, which must have the room, and returns how many bytes it wrote. wire_put_u64
 * writes nothing for 0, as proto3 does. wire_put_head writes the head of a WIRE_BYTES field. */
size_t wire_put_varint(uint8_t *out, uint64_t value);
size_t wire_put_u64(uint8_t *out, uint32_t number, uint64_t value);
size_t wire_put_fixed32(uint8_t *out, uint32_t number, uint32_t value);
size_t wire_put_head(uint8_t *out, uint32_t number, size_t len);
size_t wire_put_bytes(uint8_t *out, uint32_t number, const void *data, size_t len);

#endif
