/* ids.h: log ids, votes and identities as they stand on the disk, little-endian; keys that sort. A
 * leaf. `committed` and `settled` are left out: a storage keeps them where it has flags. */
#ifndef STORAGE_PARTS_IDS_H
#define STORAGE_PARTS_IDS_H

#include "little.h"

#include <rkv/types.h>

enum { IDS_LOG_ID = 16, IDS_VOTE = 16, IDS_IDENTITY = 24, IDS_KEY = 8 }; /* bytes */

static inline void put_log_id(uint8_t *at, struct rkv_log_id id) {
  put_u64(at, id.term);
  put_u64(at + 8, id.index);
}

static inline struct rkv_log_id get_log_id(const uint8_t *at) {
  return (struct rkv_log_id){get_u64(at), get_u64(at + 8)};
}

static inline void put_vote(uint8_t *at, struct rkv_vote vote) {
  put_u64(at, vote.term);
  put_u64(at + 8, vote.node_id);
}

static inline struct rkv_vote get_vote(const uint8_t *at, bool committed) {
  return (struct rkv_vote){get_u64(at), get_u64(at + 8), committed};
}

static inline void put_identity(uint8_t *at, struct rkv_identity identity) {
  put_u64(at, identity.cluster.high);
  put_u64(at + 8, identity.cluster.low);
  put_u64(at + 16, identity.incarnation);
}

static inline struct rkv_identity get_identity(const uint8_t *at, bool settled) {
  return (struct rkv_identity){.cluster = {get_u64(at), get_u64(at + 8)},
                               .incarnation = get_u64(at + 16),
                               .settled = settled};
}

/* Big-endian, so that keys sort as their numbers do. */
static inline void put_key(uint8_t *at, uint64_t number) {
  number = htobe64(number);
  memcpy(at, &number, sizeof number);
}

static inline uint64_t get_key(const uint8_t *at) {
  uint64_t number;
  memcpy(&number, at, sizeof number);
  return be64toh(number);
}

#endif
