/* disk_damage.c: a disk that does not give back what was written: bits flip, a write lands in the
 * wrong place.
 *
 * Only what stands before the last synced batch is damaged, or in a file's first part: there the
 * checks must show it. Damage to the very last batch cannot be told from a crash, by this storage
 * as little as by storage-wal (docs/wal-format.md). */
#include <assert.h>
#include <string.h>

#include <support/world_internal.h>

#include "disk_internal.h"

#define SECTOR 512

bool disk_is_damaged(const struct disk *d) {
  for (int name = 0; name < DEVICE_NAMES; name++)
    if (d->device.names[name].cached && d->device.names[name].cached->damage > 0) return true;
  return false;
}

bool disk_met_damage(const struct disk *d) {
  return d->met_damage;
}

/* Bytes of the log in which damage must be found. */
static size_t exposed(const struct disk *d) {
  if (!disk_log(d)) return 0;
  return d->durable_batch > d->head ? d->durable_batch : d->head;
}

bool disk_flip(struct disk *d) {
  struct device_file *log = disk_log(d), *snapshot = d->device.names[DEVICE_SNAPSHOT].cached;
  struct device_file *file = log;
  size_t size = exposed(d);
  if (snapshot && (size == 0 || world_random(d->world) % 4 == 0)) {
    file = snapshot;
    size = snapshot->bytes.len;
  }
  if (size == 0) return false;
  uint64_t bit = world_random(d->world) % (size * 8);
  file->bytes.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
  file->damage++;
  d->device.counts[DEVICE_COUNT_DAMAGE]++;
  return true;
}

void disk_misdirect(struct disk *d) {
  d->misdirect = true;
}

bool disk_misdirects(const struct disk *d) {
  return d->misdirect;
}

/* A record of just that size before `limit`; `limit` if there is none. */
static size_t alike(const struct bytes *log, size_t size, size_t limit) {
  size_t at = 0;
  while (at < limit && record_is_whole(log, at)) {
    if (record_size_at(log, at) == size && at + size <= limit) return at;
    at += record_size_at(log, at);
  }
  return limit;
}

void disk_put_elsewhere(struct disk *d, struct device_file *log, size_t place) {
  struct bytes *b = &log->bytes;
  size_t limit = exposed(d), size = record_size_at(b, place);
  if (limit == 0) return;
  size_t to = world_random(d->world) % 2 == 0 ? alike(b, size, limit) : limit;
  if (to == limit) { /* a sector, wherever that cuts records */
    to = (size_t)(world_random(d->world) % (limit / SECTOR + 1)) * SECTOR;
    size = b->len - place < SECTOR ? b->len - place : SECTOR;
  }
  if (to >= limit) to = 0;
  if (size > limit - to) size = limit - to;
  assert(limit <= place && size > 0);
  memcpy(b->data + to, b->data + place, size);
  memset(b->data + place, 0, size);
  d->misdirect = false;
  log->damage++;
  d->device.counts[DEVICE_COUNT_DAMAGE]++;
}
