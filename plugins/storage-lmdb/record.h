/* record.h: keys and values in the database. A leaf.
 *
 *   key                     value
 *   0                       the state: vote, identity, purged, number of the newest snapshot
 *   index of an entry       term u64, kind u32, CRC-32C u32, payload
 *
 * A key is a big-endian u64, so that keys sort; numbers in values are little-endian. The CRC covers
 * the key and all of the value but itself. */
#ifndef LMDB_RECORD_H
#define LMDB_RECORD_H

#include <rkv/storage.h>

enum { RECORD_HEAD = 16, RECORD_STATE = 72 }; /* bytes */

struct state {
  struct rkv_vote vote;
  struct rkv_identity identity;
  struct rkv_log_id purged;
  uint64_t snapshot; /* 0: none */
};

void record_put_state(uint8_t out[RECORD_STATE], const struct state *state);
/* False: these are other bytes. */
bool record_get_state(const uint8_t *value, size_t len, struct state *state);

/* The head of the entry's value. */
void record_put_entry(uint8_t out[RECORD_HEAD], const struct rkv_entry *entry);
/* Term and kind; the payload stands behind the head. False: these are other bytes. */
bool record_get_entry(rkv_index index, const uint8_t *value, size_t len, rkv_term *term,
                      uint32_t *kind);

#endif
