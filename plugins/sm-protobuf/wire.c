/* wire.c: protobuf's bytes: varints, field heads, UTF-8. */
#include "wire.h"

#include <string.h>

#define TAG_BYTES_MAX 5
#define LENGTH_BYTES_MAX 5

/* Reads a varint of at most `bytes_max` bytes. Returns its size; 0: it is cut; -1: it is too long,
 * or over 64 bits. */
static int get_varint(const uint8_t *at, size_t len, int bytes_max, uint64_t *value) {
  int n = 0;
  *value = 0;
  while ((size_t)n < len) {
    uint8_t byte = at[n];
    if (n == WIRE_VARINT_MAX - 1 && byte > 1) return -1;
    *value |= (uint64_t)(byte & 0x7f) << (7 * n);
    n++;
    if (byte < 0x80) return n;
    if (n == bytes_max) return -1;
  }
  return 0;
}

int wire_head(const uint8_t *at, size_t len, struct wire_field *field) {
  uint64_t tag;
  int used, more;
  used = get_varint(at, len, TAG_BYTES_MAX, &tag);
  if (used <= 0) return used;
  if (tag > UINT32_MAX || tag >> 3 == 0) return -1;
  field->number = (uint32_t)(tag >> 3);
  field->type = (uint32_t)(tag & 7);
  field->value = 0;
  field->len = 0;
  switch (field->type) {
  case WIRE_VARINT:
    more = get_varint(at + used, len - (size_t)used, WIRE_VARINT_MAX, &field->value);
    return more <= 0 ? more : used + more;
  case WIRE_BYTES: {
    uint64_t length;
    more = get_varint(at + used, len - (size_t)used, LENGTH_BYTES_MAX, &length);
    if (more <= 0) return more;
    if (length > INT32_MAX) return -1; /* protobuf's own limit of a message */
    field->len = (size_t)length;
    return used + more;
  }
  case WIRE_FIXED64: field->len = 8; return used;
  case WIRE_FIXED32: field->len = 4; return used;
  default: return -1;
  }
}

int wire_next(struct wire_reader *reader, struct wire_field *field) {
  size_t left = (size_t)(reader->end - reader->at);
  int head;
  if (left == 0) return 0;
  head = wire_head(reader->at, left, field);
  if (head <= 0 || left - (size_t)head < field->len) return -1;
  field->data = reader->at + head;
  reader->at = field->data + field->len;
  return 1;
}

/* How many bytes the UTF-8 character at `at` takes; 0: it is none. Unicode 15, table 3-7. */
static size_t utf8_char(const uint8_t *at, size_t left) {
  uint8_t lead = at[0], low = 0x80, high = 0xbf;
  size_t len;
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  len = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (left < len) return 0;
  if (lead == 0xe0) low = 0xa0;  /* shorter forms exist */
  if (lead == 0xed) high = 0x9f; /* surrogates */
  if (lead == 0xf0) low = 0x90;  /* shorter forms exist */
  if (lead == 0xf4) high = 0x8f; /* over U+10FFFF */
  if (at[1] < low || at[1] > high) return 0;
  for (size_t i = 2; i < len; i++)
    if (at[i] < 0x80 || at[i] > 0xbf) return 0;
  return len;
}

bool wire_is_utf8(const uint8_t *data, size_t len) {
  size_t at = 0;
  while (at < len) {
    uint64_t eight;
    size_t used;
    while (len - at >= sizeof eight) { /* most text is ASCII: eight characters at a time */
      memcpy(&eight, data + at, sizeof eight);
      if (eight & UINT64_C(0x8080808080808080)) break;
      at += sizeof eight;
    }
    if (at == len) break;
    used = utf8_char(data + at, len - at);
    if (used == 0) return false;
    at += used;
  }
  return true;
}

size_t wire_varint_size(uint64_t value) {
  size_t n = 1;
  for (; value >= 0x80; value >>= 7) n++;
  return n;
}

size_t wire_put_varint(uint8_t *out, uint64_t value) {
  size_t n = 0;
  for (; value >= 0x80; value >>= 7) out[n++] = (uint8_t)(value | 0x80);
  out[n++] = (uint8_t)value;
  return n;
}

size_t wire_put_u64(uint8_t *out, uint32_t number, uint64_t value) {
  size_t n;
  if (value == 0) return 0;
  n = wire_put_varint(out, (uint64_t)number << 3 | WIRE_VARINT);
  return n + wire_put_varint(out + n, value);
}

size_t wire_put_fixed32(uint8_t *out, uint32_t number, uint32_t value) {
  size_t n = wire_put_varint(out, (uint64_t)number << 3 | WIRE_FIXED32);
  for (unsigned i = 0; i < 4; i++) out[n + i] = (uint8_t)(value >> (8 * i));
  return n + 4;
}

size_t wire_put_head(uint8_t *out, uint32_t number, size_t len) {
  size_t n = wire_put_varint(out, (uint64_t)number << 3 | WIRE_BYTES);
  return n + wire_put_varint(out + n, len);
}

size_t wire_put_bytes(uint8_t *out, uint32_t number, const void *data, size_t len) {
  size_t n = wire_put_head(out, number, len);
  if (len > 0) memcpy(out + n, data, len);
  return n + len;
}
