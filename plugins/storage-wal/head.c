/* head.c: encodes and checks segment headers. */
#include "head.h"

#include <storage-parts/crc32c.h>
#include <storage-parts/little.h>
#include <storage-parts/owned.h>

#include <inttypes.h>

/* Where the fields stand. */
enum {
  AT_MAGIC = 0,
  AT_FORMAT = 8,
  AT_CRC = 12,
  AT_UUID = 16,
  AT_CLUSTER = 32,
  AT_NODE_ID = 48,
  AT_SEQUENCE = 56,
  AT_SIZE = 64,
  AT_PREV_END = 72,
  AT_RECYCLED = 80,
  AT_VOTE_COMMITTED = 84,
  AT_VOTE_TERM = 88,
  AT_VOTE_NODE_ID = 96,
  AT_PURGED_TERM = 104,
  AT_PURGED_INDEX = 112,
  AT_LAST_TERM = 120,
  AT_LAST_INDEX = 128,
  AT_INCARNATION = 136,
  AT_SETTLED = 144,
};

static const uint8_t magic[AT_FORMAT] = {'R', 'K', 'V', 'W', 'A', 'L', '\r', '\n'};

static uint32_t head_checksum(const uint8_t in[HEAD_SIZE]) {
  static const uint8_t zeros[sizeof(uint32_t)];
  uint32_t crc = crc32c(0, in, AT_CRC);
  crc = crc32c(crc, zeros, sizeof zeros);
  return crc32c(crc, in + AT_UUID, HEAD_SIZE - AT_UUID);
}

void head_encode(struct head *head, uint8_t out[HEAD_SIZE]) {
  memset(out, 0, HEAD_SIZE);
  memcpy(out + AT_MAGIC, magic, sizeof magic);
  put_u32(out + AT_FORMAT, head->format);
  memcpy(out + AT_UUID, head->uuid, HEAD_UUID);
  put_u64(out + AT_CLUSTER, head->identity.cluster.high);
  put_u64(out + AT_CLUSTER + 8, head->identity.cluster.low);
  put_u64(out + AT_NODE_ID, head->node_id);
  put_u64(out + AT_SEQUENCE, head->sequence);
  put_u64(out + AT_SIZE, head->size);
  put_u64(out + AT_PREV_END, head->prev_end);
  put_u32(out + AT_RECYCLED, head->recycled);
  put_u32(out + AT_VOTE_COMMITTED, head->vote.committed ? 1 : 0);
  put_u64(out + AT_VOTE_TERM, head->vote.term);
  put_u64(out + AT_VOTE_NODE_ID, head->vote.node_id);
  put_u64(out + AT_PURGED_TERM, head->purged.term);
  put_u64(out + AT_PURGED_INDEX, head->purged.index);
  put_u64(out + AT_LAST_TERM, head->last.term);
  put_u64(out + AT_LAST_INDEX, head->last.index);
  put_u64(out + AT_INCARNATION, head->identity.incarnation);
  put_u32(out + AT_SETTLED, head->identity.settled ? 1 : 0);
  head->crc = head_checksum(out);
  put_u32(out + AT_CRC, head->crc);
}

static void head_take_fields(const uint8_t in[HEAD_SIZE], struct head *head) {
  head->crc = get_u32(in + AT_CRC);
  head->format = get_u32(in + AT_FORMAT);
  memcpy(head->uuid, in + AT_UUID, HEAD_UUID);
  head->identity.cluster =
      (struct rkv_cluster_id){get_u64(in + AT_CLUSTER), get_u64(in + AT_CLUSTER + 8)};
  head->node_id = get_u64(in + AT_NODE_ID);
  head->sequence = get_u64(in + AT_SEQUENCE);
  head->size = get_u64(in + AT_SIZE);
  head->prev_end = get_u64(in + AT_PREV_END);
  head->recycled = get_u32(in + AT_RECYCLED);
  head->vote.committed = get_u32(in + AT_VOTE_COMMITTED) != 0;
  head->vote.term = get_u64(in + AT_VOTE_TERM);
  head->vote.node_id = get_u64(in + AT_VOTE_NODE_ID);
  head->purged = (struct rkv_log_id){get_u64(in + AT_PURGED_TERM), get_u64(in + AT_PURGED_INDEX)};
  head->last = (struct rkv_log_id){get_u64(in + AT_LAST_TERM), get_u64(in + AT_LAST_INDEX)};
  head->identity.incarnation = get_u64(in + AT_INCARNATION);
  head->identity.settled = get_u32(in + AT_SETTLED) != 0;
}

/* The checksum stands at the same place in every format: so damage is never taken for a newer
 * format. */
enum rkv_status head_decode(const char *name, const uint8_t in[HEAD_SIZE], struct head *head,
                            struct rkv_error *error) {
  uint32_t crc = head_checksum(in);
  head_take_fields(in, head);
  if (memcmp(in + AT_MAGIC, magic, sizeof magic) != 0)
    return rkv_fail(error, RKV_CORRUPT,
                    "%s: offset 0: expected the magic bytes of a segment, found %02x%02x%02x%02x",
                    name, in[0], in[1], in[2], in[3]);
  if (head->crc != crc)
    return rkv_fail(error, RKV_CORRUPT,
                    "%s: offset %d: expected header checksum %08" PRIx32 ", found %08" PRIx32, name,
                    AT_CRC, crc, head->crc);
  if (head->format == 0)
    return rkv_fail(error, RKV_CORRUPT, "%s: offset %d: format 0", name, AT_FORMAT);
  if (head->format > HEAD_FORMAT) return owned_check_format(name, head->format, HEAD_FORMAT, error);
  if (head->purged.index > head->last.index)
    return rkv_fail(error, RKV_CORRUPT,
                    "%s: expected the last entry not below the purged one, %" PRIu64
                    ", found %" PRIu64,
                    name, head->purged.index, head->last.index);
  return RKV_OK;
}

uint32_t head_seed(const struct head *head) {
  return crc32c(0, head->uuid, HEAD_UUID);
}
