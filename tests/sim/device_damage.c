/* device_damage.c: a device that does not give back what was written: bits flip, a write lands in
 * the wrong place.
 *
 * Only bytes are damaged that storage-wal must miss (docs/wal-format.md):
 * - of a segment that another one follows: what stands before the end that the next one tells;
 * - of the last segment: its header, and what stands before the last synced batch. Damage to that
 *   batch itself cannot be told from a crash;
 * - the newest snapshot, all of it; the text of rkv-owner.
 * Spares, temporary files, and what stands behind the last record hold nothing. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "device_internal.h"

enum {
  HEAD = 4096,        /* bytes of a segment's header ... */
  HEAD_PREV_END = 72, /* ... where it tells where the segment before ends */
  RECORD_HEAD = 40,   /* of a record's header ... */
  RECORD_LENGTH = 16, /* ... where it tells how long the payload is */
  RECORD_ALIGN = 8,
  END_BYTES = 200,
  OWNER_TEXT_FROM = 64, /* behind the lines that tell whose it is */
  OWNER_TEXT_TO = 4096
};

#define LOG_PREFIX "log-"
#define SNAPSHOT_PREFIX "snapshot-"
#define OWNER_NAME "rkv-owner"

/* ---- what is there ---- */

static bool begins(const char *name, const char *prefix) {
  return strncmp(name, prefix, strlen(prefix)) == 0;
}

bool device_is_log(const struct device *dev, const struct device_file *file) {
  for (size_t i = 0; i < dev->cached.count; i++)
    if (dev->cached.of[i].file == file) return begins(dev->cached.of[i].text, LOG_PREFIX);
  return false;
}

void device_renamed(struct device *dev, const char *to) {
  if (begins(to, LOG_PREFIX)) device_names_find(&dev->cached, to)->damage = 0;
}

/* The greatest name with this prefix. */
static const struct device_name *greatest(const struct device *dev, const char *prefix) {
  const struct device_name *best = NULL;
  for (size_t i = 0; i < dev->cached.count; i++) {
    const struct device_name *at = &dev->cached.of[i];
    if (begins(at->text, prefix) && (!best || strcmp(at->text, best->text) > 0)) best = at;
  }
  return best;
}

/* The segment behind this one, if its name is durable. */
static const struct device_file *next_log(const struct device *dev, const char *name) {
  unsigned long long sequence = 0;
  char next[DEVICE_NAME_MAX];
  if (sscanf(name, LOG_PREFIX "%16llx", &sequence) != 1) return NULL;
  (void)snprintf(next, sizeof next, LOG_PREFIX "%016llx.wal", sequence + 1);
  const struct device_file *file = device_names_find(&dev->cached, next);
  return file && device_names_find(&dev->durable, next) == file ? file : NULL;
}

/* The bytes from, to in which damage must be found. */
struct range {
  struct device_file *file;
  size_t from, to;
};

static struct range exposed_log(const struct device *dev, const struct device_name *name) {
  const struct device_file *next = next_log(dev, name->text);
  struct range r = {name->file, 0, name->file->batch > HEAD ? name->file->batch : HEAD};
  if (next) r.to = (size_t)rkv_get_le(next->cache + HEAD_PREV_END, 8);
  if (r.to > name->file->disk_len) r.to = 0;
  return r;
}

static struct range exposed(const struct device *dev, const struct device_name *name) {
  if (begins(name->text, LOG_PREFIX)) return exposed_log(dev, name);
  if (name == greatest(dev, SNAPSHOT_PREFIX)) return (struct range){name->file, 0, name->file->len};
  if (strcmp(name->text, OWNER_NAME) == 0)
    return (struct range){name->file, OWNER_TEXT_FROM, OWNER_TEXT_TO};
  return (struct range){0};
}

bool device_is_damaged(const struct device *dev) {
  for (size_t i = 0; i < dev->cached.count; i++) {
    struct range r = exposed(dev, &dev->cached.of[i]);
    if (r.file && r.file->damage > 0) return true;
  }
  return false;
}

uint64_t device_damages(const struct device *dev) {
  return dev->damages;
}

static void note_damage(struct device *dev, struct device_file *file) {
  file->damage++;
  dev->damages++;
  dev->counts[DEVICE_COUNT_DAMAGE]++;
}

/* ---- flips ---- */

/* Files are chosen among alike: most bytes stand in segments. */
bool device_flip(struct device *dev) {
  struct range found[DEVICE_NAMES_MAX];
  size_t count = 0;
  for (size_t i = 0; i < dev->cached.count; i++) {
    struct range r = exposed(dev, &dev->cached.of[i]);
    if (r.from < r.to && device_names_find(&dev->durable, dev->cached.of[i].text) == r.file)
      found[count++] = r;
  }
  if (count == 0) return false;
  struct range r = found[world_random(dev->world) % count];
  /* Close to the end there is least that could show it. */
  if (world_random(dev->world) % 2 && r.to - r.from > END_BYTES) r.from = r.to - END_BYTES;
  uint64_t bit = r.from * 8 + world_random(dev->world) % ((r.to - r.from) * 8);
  r.file->cache[bit / 8] ^= (uint8_t)(1U << bit % 8);
  r.file->disk[bit / 8] ^= (uint8_t)(1U << bit % 8);
  note_damage(dev, r.file);
  return true;
}

/* ---- misdirected writes ---- */

void device_misdirect(struct device *dev) {
  dev->misdirect = true;
}

bool device_misdirects(const struct device *dev) {
  return dev->misdirect;
}

static size_t record_bytes(const uint8_t *record) {
  size_t body = (size_t)rkv_get_le(record + RECORD_LENGTH, 4);
  return RECORD_HEAD + (body + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
}

/* A record of just that size before `limit`; `limit` if there is none. */
static size_t alike(const struct device_file *file, size_t size, size_t limit) {
  size_t at = HEAD;
  while (at + size <= limit) {
    if (record_bytes(file->cache + at) == size) return at;
    at += record_bytes(file->cache + at);
  }
  return limit;
}

static void place(struct device_file *file, size_t to, const uint8_t *bytes, size_t len) {
  memcpy(file->cache + to, bytes, len);
  memcpy(file->disk + to, bytes, len);
}

void device_put_elsewhere(struct device *dev, struct device_file *file, size_t at, size_t len,
                          const uint8_t *before) {
  size_t limit = file->batch > HEAD ? file->batch : HEAD;
  size_t size = len < RECORD_HEAD ? len : record_bytes(file->cache + at);
  if (size > len) size = len;
  size_t to = world_random(dev->world) % 2 == 0 ? alike(file, size, limit) : limit;
  if (to == limit) { /* a sector, wherever that cuts records */
    to = (size_t)(world_random(dev->world) % (limit / DEVICE_SECTOR)) * DEVICE_SECTOR;
    size = len < DEVICE_SECTOR ? len : DEVICE_SECTOR;
  }
  if (size > limit - to) size = limit - to;
  if (at < limit || memcmp(file->cache + to, file->cache + at, size) == 0) return;
  place(file, to, file->cache + at, size);
  memcpy(file->cache + at, before, size);
  dev->misdirect = false;
  note_damage(dev, file);
}
