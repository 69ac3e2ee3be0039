/* record.c: encodes, decodes and checks record headers. */
#include "record.h"

#include <storage-parts/crc32c.h>
#include <storage-parts/little.h>

#include <assert.h>

/* Where the header's fields stand. */
enum {
  AT_HEADER_CRC = 0,
  AT_PAYLOAD_CRC = 4,
  AT_PREV = 8,
  AT_BATCH = 12,
  AT_LENGTH = 16,
  AT_TYPE = 20,
  AT_KIND = 22,
  AT_TERM = 24,
  AT_INDEX = 32,
};

const char *record_type_name(uint16_t type) {
  switch (type) {
#define RECORD_TYPE_CASE(name, number, text)                                                       \
  case number: return text;
    RECORD_TYPE_LIST(RECORD_TYPE_CASE)
#undef RECORD_TYPE_CASE
  default: return NULL;
  }
}

uint32_t record_payload_crc(uint32_t seed, const void *payload, size_t length) {
  return crc32c(seed, payload, length);
}

uint32_t record_header_crc(const uint8_t in[RECORD_HEADER], uint32_t seed, uint64_t offset) {
  uint8_t place[sizeof offset];
  put_u64(place, offset);
  return crc32c(crc32c(seed, place, sizeof place), in + AT_PAYLOAD_CRC,
                RECORD_HEADER - AT_PAYLOAD_CRC);
}

void record_encode(struct record *record, uint32_t seed, uint64_t offset,
                   uint8_t out[RECORD_HEADER]) {
  assert(record_type_name(record->type));
  assert(record->length <= RECORD_PAYLOAD_MAX);
  put_u32(out + AT_PAYLOAD_CRC, record->payload_crc);
  put_u32(out + AT_PREV, record->prev);
  put_u32(out + AT_BATCH, record->batch);
  put_u32(out + AT_LENGTH, record->length);
  put_u16(out + AT_TYPE, record->type);
  put_u16(out + AT_KIND, record->kind);
  put_u64(out + AT_TERM, record->term);
  put_u64(out + AT_INDEX, record->index);
  record->header_crc = record_header_crc(out, seed, offset);
  put_u32(out + AT_HEADER_CRC, record->header_crc);
}

void record_decode(const uint8_t in[RECORD_HEADER], struct record *record) {
  record->header_crc = get_u32(in + AT_HEADER_CRC);
  record->payload_crc = get_u32(in + AT_PAYLOAD_CRC);
  record->prev = get_u32(in + AT_PREV);
  record->batch = get_u32(in + AT_BATCH);
  record->length = get_u32(in + AT_LENGTH);
  record->type = get_u16(in + AT_TYPE);
  record->kind = get_u16(in + AT_KIND);
  record->term = get_u64(in + AT_TERM);
  record->index = get_u64(in + AT_INDEX);
}

bool record_begins(const uint8_t in[RECORD_HEADER]) {
  return record_type_name(get_u16(in + AT_TYPE)) != NULL;
}

bool record_plausible(const struct record *record, uint64_t offset, uint64_t size) {
  return record_type_name(record->type) && record->length <= RECORD_PAYLOAD_MAX &&
         record->batch <= offset && record_size(record->length) <= size - offset;
}
