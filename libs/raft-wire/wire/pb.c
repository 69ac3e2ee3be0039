/* pb.c: reading the fields of one protobuf message in place. */
#include "wire/pb.h"

#include <stdbool.h>

#define NUMBER_MAX 536870911u /* 2^29 - 1 */

static bool read_varint(struct pb_reader *reader, uint64_t *value) {
  unsigned shift = 0;
  *value = 0;
  while (reader->at < reader->end && shift < 7 * PB_VARINT_MAX) {
    uint8_t byte = *reader->at++;
    if (shift == 63 && byte > 1) return false; /* over 64 bits */
    *value |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
    shift += 7;
  }
  return false;
}

static bool take(struct pb_reader *reader, struct pb_field *field, uint64_t len) {
  if (len > (size_t)(reader->end - reader->at)) return false;
  field->data = reader->at;
  field->len = (size_t)len;
  reader->at += len;
  return true;
}

enum pb_step pb_next(struct pb_reader *reader, struct pb_field *field) {
  uint64_t tag, len;
  bool whole = false;
  if (reader->at == reader->end) return PB_END;
  if (!read_varint(reader, &tag) || tag >> 3 == 0 || tag >> 3 > NUMBER_MAX) return PB_BAD;
  *field = (struct pb_field){.number = (uint32_t)(tag >> 3), .type = (uint32_t)(tag & 7)};
  switch (field->type) {
  case PB_VARINT: whole = read_varint(reader, &field->value); break;
  case PB_FIXED64: whole = take(reader, field, 8); break;
  case PB_FIXED32: whole = take(reader, field, 4); break;
  case PB_BYTES: whole = read_varint(reader, &len) && take(reader, field, len); break;
  default: break;
  }
  return whole ? PB_FIELD : PB_BAD;
}
