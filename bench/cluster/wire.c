/* wire.c: protobuf fields of type varint and bytes. */
#include "wire.h"

#include <assert.h>
#include <string.h>

enum wire_type { TYPE_VARINT = 0, TYPE_FIXED64 = 1, TYPE_BYTES = 2, TYPE_FIXED32 = 5 };

struct field {
  unsigned number;
  enum wire_type type;
  uint64_t value;      /* varint, or the size of bytes */
  const uint8_t *data; /* of bytes */
};

static void put_varint(uint8_t *out, size_t *len, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out[(*len)++] = (uint8_t)(value | 0x80);
  out[(*len)++] = (uint8_t)value;
}

void wire_put_number(uint8_t *out, size_t *len, unsigned field, uint64_t value) {
  assert(field >= 1 && field <= WIRE_FIELD_MAX);
  put_varint(out, len, field << 3 | TYPE_VARINT);
  put_varint(out, len, value);
}

void wire_put_bytes(uint8_t *out, size_t *len, unsigned field, const void *data, size_t n) {
  assert(field >= 1 && field <= WIRE_FIELD_MAX);
  put_varint(out, len, field << 3 | TYPE_BYTES);
  put_varint(out, len, n);
  memcpy(out + *len, data, n);
  *len += n;
}

static bool get_varint(const uint8_t **at, const uint8_t *end, uint64_t *value) {
  *value = 0;
  for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
    uint8_t byte = *(*at)++;
    *value |= (uint64_t)(byte & 0x7F) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

static bool next_field(const uint8_t **at, const uint8_t *end, struct field *field) {
  uint64_t tag, skip = 0;
  if (!get_varint(at, end, &tag)) return false;
  field->number = (unsigned)(tag >> 3);
  field->type = (enum wire_type)(tag & 7);
  switch (field->type) {
  case TYPE_VARINT: return get_varint(at, end, &field->value);
  case TYPE_BYTES:
    if (!get_varint(at, end, &field->value)) return false;
    skip = field->value;
    break;
  case TYPE_FIXED64: skip = 8; break;
  case TYPE_FIXED32: skip = 4; break;
  default: return false;
  }
  field->data = *at;
  if (skip > (uint64_t)(end - *at)) return false;
  *at += skip;
  return true;
}

static bool find(const uint8_t *data, size_t size, unsigned number, enum wire_type type,
                 struct field *found) {
  const uint8_t *at = data, *end = data + size;
  struct field field;
  bool any = false;
  while (at < end && next_field(&at, end, &field)) {
    if (field.number != number || field.type != type) continue;
    *found = field;
    any = true;
  }
  return any;
}

bool wire_get_number(const uint8_t *data, size_t size, unsigned field, uint64_t *out) {
  struct field found;
  if (!find(data, size, field, TYPE_VARINT, &found)) return false;
  *out = found.value;
  return true;
}

bool wire_get_bytes(const uint8_t *data, size_t size, unsigned field, const uint8_t **out,
                    size_t *out_size) {
  struct field found;
  if (!find(data, size, field, TYPE_BYTES, &found)) return false;
  *out = found.data;
  *out_size = (size_t)found.value;
  return true;
}
