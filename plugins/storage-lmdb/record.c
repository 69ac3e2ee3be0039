/* record.c: numbers to bytes and back. */
#include "record.h"

#include <storage-parts/crc32c.h>
#include <storage-parts/ids.h>

/* Where the fields of the state stand. */
enum { AT_VOTE = 0, AT_IDENTITY = 16, AT_PURGED = 40, AT_SNAPSHOT = 56, AT_FLAGS = 64 };
enum { AT_STATE_CRC = 68 };
enum { FLAG_COMMITTED = 1, FLAG_SETTLED = 2 };
enum { AT_KIND = 8, AT_CRC = 12 }; /* of an entry */

void record_put_state(uint8_t out[RECORD_STATE], const struct state *state) {
  put_vote(out + AT_VOTE, state->vote);
  put_identity(out + AT_IDENTITY, state->identity);
  put_log_id(out + AT_PURGED, state->purged);
  put_u64(out + AT_SNAPSHOT, state->snapshot);
  put_u32(out + AT_FLAGS, (state->vote.committed ? FLAG_COMMITTED : 0u) |
                              (state->identity.settled ? FLAG_SETTLED : 0u));
  put_u32(out + AT_STATE_CRC, crc32c(0, out, AT_STATE_CRC));
}

bool record_get_state(const uint8_t *value, size_t len, struct state *state) {
  uint32_t flags;
  if (len != RECORD_STATE || get_u32(value + AT_STATE_CRC) != crc32c(0, value, AT_STATE_CRC))
    return false;
  flags = get_u32(value + AT_FLAGS);
  state->vote = get_vote(value + AT_VOTE, (flags & FLAG_COMMITTED) != 0);
  state->identity = get_identity(value + AT_IDENTITY, (flags & FLAG_SETTLED) != 0);
  state->purged = get_log_id(value + AT_PURGED);
  state->snapshot = get_u64(value + AT_SNAPSHOT);
  return true;
}

static uint32_t entry_crc(rkv_index index, const uint8_t *head, const void *payload, size_t len) {
  uint8_t key[IDS_KEY];
  uint32_t crc;
  put_key(key, index);
  crc = crc32c(crc32c(0, key, sizeof key), head, AT_CRC);
  return len > 0 ? crc32c(crc, payload, len) : crc;
}

void record_put_entry(uint8_t out[RECORD_HEAD], const struct rkv_entry *entry) {
  put_u64(out, entry->id.term);
  put_u32(out + AT_KIND, entry->kind);
  put_u32(out + AT_CRC, entry_crc(entry->id.index, out, entry->payload.data, entry->payload.len));
}

bool record_get_entry(rkv_index index, const uint8_t *value, size_t len, rkv_term *term,
                      uint32_t *kind) {
  if (len < RECORD_HEAD ||
      get_u32(value + AT_CRC) != entry_crc(index, value, value + RECORD_HEAD, len - RECORD_HEAD))
    return false;
  *term = get_u64(value);
  *kind = get_u32(value + AT_KIND);
  return true;
}
