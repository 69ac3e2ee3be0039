/* owner.c: reads, makes and changes the file that says whose directory it is. */
#include "owner.h"

#include "head.h"

#include <storage-parts/crc32c.h>
#include <storage-parts/little.h>
#include <storage-parts/owned.h>

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
  UNIT = 4096, /* bytes of the text and of each place: no write tears two of them */
  PLACES = 2,
  FILE_BYTES = UNIT + PLACES * UNIT,
};

/* Where the fields of a place stand. */
enum { AT_CRC = 0, AT_CHANGES = 8, AT_SEGMENT = 16, AT_SNAPSHOT = 24, PLACE_BYTES = 32 };

static const struct numbered_name name = {OWNED_FILE}, temporary = {OWNED_FILE_NEW};

static uint64_t place_at(uint64_t changes) {
  return UNIT + changes % PLACES * UNIT;
}

static uint32_t owner_checksum(const struct owner *owner, const uint8_t *place) {
  return crc32c(owner->seed, place + sizeof(uint32_t), PLACE_BYTES - sizeof(uint32_t));
}

static void encode(const struct owner *owner, uint8_t place[PLACE_BYTES]) {
  memset(place, 0, PLACE_BYTES);
  put_u64(place + AT_CHANGES, owner->changes);
  put_u64(place + AT_SEGMENT, owner->segment);
  put_u64(place + AT_SNAPSHOT, owner->snapshot);
  put_u32(place + AT_CRC, owner_checksum(owner, place));
}

void owner_close(const struct folder *folder, struct owner *owner) {
  folder_close_file(folder, owner->fd);
  owner->fd = -1;
}

/* ---- read ---- */

/* Reads the newer one of the places that are whole; false: none is. */
static bool take_newest(struct owner *owner, const uint8_t *bytes) {
  bool found = false;
  for (uint64_t i = 0; i < PLACES; i++) {
    const uint8_t *place = bytes + place_at(i);
    uint64_t changes = get_u64(place + AT_CHANGES);
    if (get_u32(place + AT_CRC) != owner_checksum(owner, place) || changes % PLACES != i) continue;
    if (found && changes < owner->changes) continue;
    found = true;
    owner->changes = changes;
    owner->segment = get_u64(place + AT_SEGMENT);
    owner->snapshot = get_u64(place + AT_SNAPSHOT);
  }
  return found;
}

/* The checksums stand at the same places in every format, and cover the text. */
static enum rkv_status owner_take(struct owner *owner, const uint8_t *bytes, size_t len,
                                  rkv_node_id node_id, struct rkv_error *error) {
  unsigned format = 0;
  enum rkv_status status = owned_check_plugin(name.text, "storage-wal", bytes, len, error);
  if (status != RKV_OK) return status;
  if (len < FILE_BYTES)
    return rkv_fail(error, RKV_CORRUPT, "%s: expected %d bytes, found %zu", name.text, FILE_BYTES,
                    len);
  owner->seed = crc32c(0, bytes, UNIT);
  if (!take_newest(owner, bytes) || bytes[UNIT - 1] != 0 ||
      sscanf((const char *)bytes, "raft-key-value storage-wal\nformat %u\nnode %" SCNu64 "\n",
             &format, &owner->node_id) != 2)
    return rkv_fail(error, RKV_CORRUPT,
                    "%s: offsets %d and %d: expected a checksum that fits one of them, found none",
                    name.text, UNIT, 2 * UNIT);
  status = owned_check_format(name.text, format, HEAD_FORMAT, error);
  if (status != RKV_OK || node_id == 0) return status;
  return owned_check_node(name.text, owner->node_id, node_id, error);
}

enum rkv_status owner_read(const struct folder *folder, rkv_node_id node_id, struct owner *owner,
                           struct rkv_error *error) {
  uint8_t bytes[FILE_BYTES];
  size_t len = 0;
  enum rkv_status status = RKV_OK;
  *owner = (struct owner){.fd = -1};
  if (folder_lacks(folder, name.text)) return RKV_OK;
  status = folder_open_file(folder, name.text, node_id ? O_RDWR : O_RDONLY, &owner->fd, error);
  if (status != RKV_OK) return status;
  if (node_id) status = folder_sync_file(folder, owner->fd, name.text, error);
  if (status == RKV_OK)
    status = folder_read(folder, owner->fd, name.text, bytes, sizeof bytes, 0, &len, error);
  if (status == RKV_OK) status = owner_take(owner, bytes, len, node_id, error);
  if (status != RKV_OK) owner_close(folder, owner);
  return status;
}

/* ---- make and change ---- */

enum rkv_status owner_make(const struct folder *folder, rkv_node_id node_id, struct owner *owner,
                           struct rkv_error *error) {
  uint8_t bytes[FILE_BYTES] = {0};
  struct rkv_error ignored;
  enum rkv_status status;
  (void)snprintf((char *)bytes, UNIT, "raft-key-value storage-wal\nformat %u\nnode %" PRIu64 "\n",
                 HEAD_FORMAT, node_id);
  owner->node_id = node_id;
  owner->seed = crc32c(0, bytes, UNIT);
  owner->changes = 0;
  encode(owner, bytes + place_at(0));
  status = folder_open_file(folder, temporary.text, O_RDWR | O_CREAT | O_TRUNC, &owner->fd, error);
  if (status != RKV_OK) return status;
  status = folder_write(folder, owner->fd, temporary.text, bytes, sizeof bytes, 0, error);
  if (status == RKV_OK) status = folder_sync_file(folder, owner->fd, temporary.text, error);
  if (status == RKV_OK) status = folder_rename(folder, temporary.text, name.text, error);
  if (status == RKV_OK) return RKV_OK;
  owner_close(folder, owner);
  (void)folder_drop(folder, temporary.text,
                    &ignored); /* what stays is overwritten by the next try */
  return status;
}

enum rkv_status owner_raise(const struct folder *folder, struct owner *owner, uint64_t segment,
                            uint64_t snapshot, struct rkv_error *error) {
  uint8_t place[PLACE_BYTES];
  enum rkv_status status;
  if (owner->fd < 0 || (segment <= owner->segment && snapshot <= owner->snapshot)) return RKV_OK;
  if (segment > owner->segment) owner->segment = segment;
  if (snapshot > owner->snapshot) owner->snapshot = snapshot;
  owner->changes++;
  assert(place_at(owner->changes) != place_at(owner->changes - 1)); /* (O3) */
  assert(owner->segment >= segment && owner->snapshot >= snapshot); /* (O2) */
  encode(owner, place);
  status = folder_write(folder, owner->fd, name.text, place, sizeof place, place_at(owner->changes),
                        error);
  if (status == RKV_OK) status = folder_sync_file(folder, owner->fd, name.text, error);
  if (status == RKV_OK) return RKV_OK;
  if (error) error->status = RKV_IO; /* never NO_SPACE, which would be tried again */
  return RKV_IO;
}
