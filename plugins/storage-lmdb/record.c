/* record.c: numbers to bytes and back. */
#include "record.h"

#include <storage-parts/crc32c.h>
#include <storage-parts/little.h>

/* Where the fields of the state stand. */
enum {
  AT_VOTE = 0,
  AT_IDENTITY = 16,
  AT_PURGED = 40,
  AT_SNAPSHOT = 56,
  AT_FLAGS = 64,
  AT_STATE_CRC = 68,
};
enum { FLAG_COMMITTED = 1, FLAG_SETTLED = 2 };
enum { AT_KIND = 8, AT_CRC = 12 }; /* of an entry */

void record_key(uint8_t out[RECORD_KEY], uint64_t number) {
  for (int i = 0; i < RECORD_KEY; i++) out[i] = (uint8_t)(number >> (8 * (RECORD_KEY - 1 - i)));
}

uint64_t record_number(const uint8_t *key) {
  uint64_t number = 0;
  for (int i = 0; i < RECORD_KEY; i++) number = number << 8 | key[i];
  return number;
}

void record_put_state(uint8_t out[RECORD_STATE], const struct state *state) {
  put_u64(out + AT_VOTE, state->vote.term);
  put_u64(out + AT_VOTE + 8, state->vote.node_id);
  put_u64(out + AT_IDENTITY, state->identity.cluster.high);
  put_u64(out + AT_IDENTITY + 8, state->identity.cluster.low);
  put_u64(out + AT_IDENTITY + 16, state->identity.incarnation);
  put_u64(out + AT_PURGED, state->purged.term);
  put_u64(out + AT_PURGED + 8, state->purged.index);
  put_u64(out + AT_SNAPSHOT, state->snapshot);
  put_u32(out + AT_FLAGS, (state->vote.committed ? FLAG_COMMITTED : 0u) |
                              (state->identity.settled ? FLAG_SETTLED : 0u));
  put_u32(out + AT_STATE_CRC, crc32c(0, out, AT_STATE_CRC));
}

bool record_get_state(const uint8_t *value, size_t len, struct state *state) {
  if (len != RECORD_STATE || get_u32(value + AT_STATE_CRC) != crc32c(0, value, AT_STATE_CRC))
    return false;
  *state = (struct state){
      .vote = {get_u64(value + AT_VOTE), get_u64(value + AT_VOTE + 8),
               (get_u32(value + AT_FLAGS) & FLAG_COMMITTED) != 0},
      .identity = {.cluster = {get_u64(value + AT_IDENTITY), get_u64(value + AT_IDENTITY + 8)},
                   .incarnation = get_u64(value + AT_IDENTITY + 16),
                   .settled = (get_u32(value + AT_FLAGS) & FLAG_SETTLED) != 0},
      .purged = {get_u64(value + AT_PURGED), get_u64(value + AT_PURGED + 8)},
      .snapshot = get_u64(value + AT_SNAPSHOT)};
  return true;
}

static uint32_t entry_crc(rkv_index index, const uint8_t *head, const void *payload, size_t len) {
  uint8_t key[RECORD_KEY];
  uint32_t crc;
  record_key(key, index);
  crc = crc32c(crc32c(0, key, sizeof key), head, AT_CRC);
  return len > 0 ? crc32c(crc, payload, len) : crc;
}

void record_put_entry(uint8_t out[RECORD_HEAD], const struct rkv_entry *entry) {
  put_u64(out, entry->id.term);
  put_u32(out + AT_KIND, entry->kind);
  put_u32(out + AT_CRC, entry_crc(entry->id.index, out, entry->payload.data, entry->payload.len));
}

bool record_get_entry(rkv_index index, const uint8_t *value, size_t len, struct rkv_entry *entry) {
  if (len < RECORD_HEAD ||
      get_u32(value + AT_CRC) != entry_crc(index, value, value + RECORD_HEAD, len - RECORD_HEAD))
    return false;
  *entry = (struct rkv_entry){
      .id = {get_u64(value), index}, .kind = get_u32(value + AT_KIND), .payload = rkv_buf_none()};
  return true;
}
