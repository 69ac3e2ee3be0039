/* snapshot_file.c: the format of snapshot files: a header, then blocks with a checksum each. */
#include "snapshot_file.h"

#include "crc32c.h"
#include "ids.h"
#include "owned.h"

#include <inttypes.h>
#include <stdlib.h>

#define FORMAT 1u

/* Where the header's fields stand. */
enum {
  AT_MAGIC = 0,
  AT_FORMAT = 8,
  AT_CRC = 12,
  AT_UUID = 16,
  AT_CLUSTER = 32,
  AT_NODE_ID = 48,
  AT_HEADER_SIZE = 56,
  AT_BLOCK = 60,
  AT_LAST = 64,
  AT_MEMBERSHIP_ID = 80,
  AT_SIZE = 96,
  AT_MEMBERSHIP_LEN = 104,
  AT_ID = 112,
  AT_MEMBERSHIP = AT_ID + RKV_SNAPSHOT_ID_MAX,
};

static const uint8_t magic[AT_FORMAT] = {'R', 'K', 'V', 'S', 'N', 'P', '\r', '\n'};

enum rkv_status snapshot_file_head_bytes(const struct rkv_snapshot_meta *meta, uint32_t *size,
                                         struct rkv_error *error) {
  size_t len = AT_MEMBERSHIP + meta->membership.len;
  if (meta->membership.len > SNAPSHOT_FILE_HEAD_MAX - AT_MEMBERSHIP)
    return rkv_fail(error, RKV_TOO_LARGE, "a membership of %zu bytes (at most %d)",
                    meta->membership.len, SNAPSHOT_FILE_HEAD_MAX - AT_MEMBERSHIP);
  *size = (uint32_t)((len + SNAPSHOT_FILE_HEAD_UNIT - 1) / SNAPSHOT_FILE_HEAD_UNIT) *
          SNAPSHOT_FILE_HEAD_UNIT;
  return RKV_OK;
}

static uint32_t snapshot_checksum(const uint8_t *header, uint32_t size) {
  static const uint8_t zeros[sizeof(uint32_t)];
  uint32_t crc = crc32c(0, header, AT_CRC);
  crc = crc32c(crc, zeros, sizeof zeros);
  return crc32c(crc, header + AT_UUID, size - AT_UUID);
}

void snapshot_file_encode(const struct snapshot_file *s, uint8_t *out) {
  const struct rkv_snapshot_meta *meta = &s->base.meta;
  memset(out, 0, s->base.head_bytes);
  memcpy(out + AT_MAGIC, magic, sizeof magic);
  put_u32(out + AT_FORMAT, FORMAT);
  memcpy(out + AT_UUID, s->uuid, SNAPSHOT_FILE_UUID);
  put_u64(out + AT_NODE_ID, s->node_id);
  put_u32(out + AT_HEADER_SIZE, s->base.head_bytes);
  put_u32(out + AT_BLOCK, SNAPSHOT_FILE_BLOCK);
  put_log_id(out + AT_LAST, meta->last);
  put_log_id(out + AT_MEMBERSHIP_ID, meta->membership_id);
  put_u64(out + AT_SIZE, meta->size);
  put_u32(out + AT_MEMBERSHIP_LEN, (uint32_t)meta->membership.len);
  memcpy(out + AT_ID, meta->id, RKV_SNAPSHOT_ID_MAX);
  if (meta->membership.len > 0)
    memcpy(out + AT_MEMBERSHIP, meta->membership.data, meta->membership.len);
  put_u32(out + AT_CRC, snapshot_checksum(out, s->base.head_bytes));
}

/* Checks what the checksum does not: what kind of file it is, and whose. */
static enum rkv_status check_header(const char *name, const uint8_t *header, rkv_node_id node_id,
                                    struct rkv_error *error) {
  uint32_t size = get_u32(header + AT_HEADER_SIZE), crc = snapshot_checksum(header, size);
  enum rkv_status status;
  if (get_u32(header + AT_CRC) != crc)
    return rkv_fail(error, RKV_CORRUPT,
                    "%s: offset %d: expected header checksum %08" PRIx32 ", found %08" PRIx32, name,
                    AT_CRC, crc, get_u32(header + AT_CRC));
  status = owned_check_format(name, get_u32(header + AT_FORMAT), FORMAT, error);
  if (status == RKV_OK && node_id)
    status = owned_check_node(name, get_u64(header + AT_NODE_ID), node_id, error);
  if (status != RKV_OK) return status;
  if (get_u32(header + AT_BLOCK) != SNAPSHOT_FILE_BLOCK)
    return rkv_fail(error, RKV_FOREIGN, "%s: blocks of %" PRIu32 " bytes, this version knows %d",
                    name, get_u32(header + AT_BLOCK), SNAPSHOT_FILE_BLOCK);
  if (get_u32(header + AT_MEMBERSHIP_LEN) > size - AT_MEMBERSHIP)
    return rkv_fail(error, RKV_CORRUPT, "%s: offset %d: the membership has %" PRIu32 " bytes", name,
                    AT_MEMBERSHIP_LEN, get_u32(header + AT_MEMBERSHIP_LEN));
  return RKV_OK;
}

static enum rkv_status snapshot_take_fields(const uint8_t *header, const struct rkv_host *host,
                                            struct snapshot_file *s, struct rkv_error *error) {
  struct rkv_snapshot_meta *meta = &s->base.meta;
  uint32_t len = get_u32(header + AT_MEMBERSHIP_LEN);
  memcpy(s->uuid, header + AT_UUID, SNAPSHOT_FILE_UUID);
  s->node_id = get_u64(header + AT_NODE_ID);
  s->base.head_bytes = get_u32(header + AT_HEADER_SIZE);
  meta->last = get_log_id(header + AT_LAST);
  meta->membership_id = get_log_id(header + AT_MEMBERSHIP_ID);
  meta->size = get_u64(header + AT_SIZE);
  memcpy(meta->id, header + AT_ID, RKV_SNAPSHOT_ID_MAX);
  meta->id[RKV_SNAPSHOT_ID_MAX - 1] = '\0';
  meta->membership = rkv_buf_none();
  if (len == 0) return RKV_OK;
  uint8_t *room = host->buf_alloc(host->ctx, len, &meta->membership);
  if (!room) return rkv_fail(error, RKV_NO_MEMORY, "no memory for a membership");
  memcpy(room, header + AT_MEMBERSHIP, len);
  return RKV_OK;
}

uint64_t snapshot_file_block_at(const struct snapshot_file *s, uint64_t number) {
  return s->base.head_bytes + number * (SNAPSHOT_FILE_BLOCK_HEAD + SNAPSHOT_FILE_BLOCK);
}

static enum rkv_status check_length(const struct folder *folder, int fd, const char *name,
                                    const struct snapshot_file *s, struct rkv_error *error) {
  uint64_t blocks = (s->base.meta.size + SNAPSHOT_FILE_BLOCK - 1) / SNAPSHOT_FILE_BLOCK;
  uint64_t expected = s->base.head_bytes + s->base.meta.size + blocks * SNAPSHOT_FILE_BLOCK_HEAD,
           found = 0;
  enum rkv_status status = folder_file_size(folder, fd, name, &found, error);
  if (status == RKV_OK && found != expected)
    status = rkv_fail(error, RKV_CORRUPT, "%s: expected %" PRIu64 " bytes, found %" PRIu64, name,
                      expected, found);
  return status;
}

enum rkv_status snapshot_file_read_head(const struct folder *folder, int fd, const char *name,
                                        const struct rkv_host *host, rkv_node_id node_id,
                                        struct snapshot_file *s, struct rkv_error *error) {
  uint8_t start[AT_MEMBERSHIP], *header = NULL;
  uint32_t size = 0;
  size_t got;
  enum rkv_status status = folder_read(folder, fd, name, start, sizeof start, 0, &got, error);
  if (status != RKV_OK) return status;
  if (got == sizeof start) size = get_u32(start + AT_HEADER_SIZE);
  if (got < sizeof start || memcmp(start, magic, sizeof magic) != 0 || size == 0 ||
      size % SNAPSHOT_FILE_HEAD_UNIT != 0 || size > SNAPSHOT_FILE_HEAD_MAX)
    return rkv_fail(error, RKV_CORRUPT,
                    "%s: offset 0: expected a snapshot's header, found other "
                    "bytes",
                    name);
  header = malloc(size);
  if (!header) return rkv_fail(error, RKV_NO_MEMORY, "no memory for a snapshot's header");
  status = folder_read(folder, fd, name, header, size, 0, &got, error);
  if (status == RKV_OK && got < size)
    status = rkv_fail(error, RKV_CORRUPT, "%s: expected a header of %" PRIu32 " bytes, found %zu",
                      name, size, got);
  if (status == RKV_OK) status = check_header(name, header, node_id, error);
  if (status == RKV_OK) status = snapshot_take_fields(header, host, s, error);
  if (status == RKV_OK) status = check_length(folder, fd, name, s, error);
  free(header);
  return status;
}

/* ---- blocks ---- */

/* Covers the block's place, so that blocks cannot change places, and its length. */
static uint32_t block_checksum(const struct snapshot_file *s, uint64_t number, const uint8_t *block,
                               uint32_t length) {
  uint8_t place[sizeof number];
  uint32_t crc = crc32c(0, s->uuid, SNAPSHOT_FILE_UUID);
  put_u64(place, number);
  crc = crc32c(crc, place, sizeof place);
  return crc32c(crc, block + sizeof crc, sizeof length + length);
}

void snapshot_file_seal_block(const struct snapshot_file *s, uint64_t number, uint32_t length,
                              uint8_t *block) {
  put_u32(block + sizeof(uint32_t), length);
  put_u32(block, block_checksum(s, number, block, length));
}

enum rkv_status snapshot_file_read_block(const struct folder *folder, int fd, const char *name,
                                         const struct snapshot_file *s, uint64_t number,
                                         uint8_t *block, uint32_t *length,
                                         struct rkv_error *error) {
  uint64_t at = snapshot_file_block_at(s, number),
           left = s->base.meta.size - number * SNAPSHOT_FILE_BLOCK;
  uint32_t crc,
      expected = left < SNAPSHOT_FILE_BLOCK ? (uint32_t)left : (uint32_t)SNAPSHOT_FILE_BLOCK;
  size_t got;
  enum rkv_status status =
      folder_read(folder, fd, name, block, SNAPSHOT_FILE_BLOCK_HEAD + expected, at, &got, error);
  if (status != RKV_OK) return status;
  *length = expected;
  if (got < SNAPSHOT_FILE_BLOCK_HEAD + expected || get_u32(block + sizeof crc) != expected)
    return rkv_fail(error, RKV_CORRUPT,
                    "%s: offset %" PRIu64 ": expected a block of %" PRIu32 " bytes, found another",
                    name, at, expected);
  crc = block_checksum(s, number, block, expected);
  if (get_u32(block) == crc) return RKV_OK;
  return rkv_fail(error, RKV_CORRUPT,
                  "%s: offset %" PRIu64 ": expected checksum %08" PRIx32
                  ", found bytes of %08" PRIx32,
                  name, at, get_u32(block), crc);
}
