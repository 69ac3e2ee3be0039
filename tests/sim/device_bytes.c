/* device_bytes.c: the bytes of one file on a simulated device: in the cache and on the disk. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "device_internal.h"

struct device_file *device_file_new(void) {
  struct device_file *file = calloc(1, sizeof *file);
  assert(file);
  file->refs = 1;
  return file;
}

struct device_file *device_file_share(struct device_file *file) {
  file->refs++;
  return file;
}

void device_file_drop(struct device_file *file) {
  if (!file || --file->refs > 0) return;
  free(file->cache);
  free(file->disk);
  free(file->written_at);
  free(file);
}

static size_t sectors(size_t bytes) {
  return (bytes + DEVICE_SECTOR - 1) / DEVICE_SECTOR;
}

static uint8_t *grown(uint8_t *old, size_t old_size, size_t size) {
  uint8_t *bytes = realloc(old, size);
  assert(bytes);
  memset(bytes + old_size, 0, size - old_size);
  return bytes;
}

static void reserve(struct device_file *file, size_t len) {
  size_t size = file->capacity ? file->capacity : DEVICE_PAGE;
  while (size < len) size *= 2;
  if (size == file->capacity) return;
  file->cache = grown(file->cache, file->capacity, size);
  file->disk = grown(file->disk, file->capacity, size);
  file->written_at = (uint64_t *)(void *)grown((uint8_t *)file->written_at,
                                               sectors(file->capacity) * sizeof *file->written_at,
                                               sectors(size) * sizeof *file->written_at);
  file->capacity = size;
}

static void note_dirty(struct device *dev, struct device_file *file, size_t from, size_t to) {
  bool clean = file->dirty_from == file->dirty_to;
  dev->clock++;
  for (size_t at = from / DEVICE_SECTOR; at < sectors(to); at++) file->written_at[at] = dev->clock;
  if (clean || from < file->dirty_from) file->dirty_from = from;
  if (clean || to > file->dirty_to) file->dirty_to = to;
}

void device_file_write(struct device *dev, struct device_file *file, const uint8_t *bytes,
                       size_t len, size_t to) {
  if (len == 0) return;
  reserve(file, to + len);
  memcpy(file->cache + to, bytes, len);
  note_dirty(dev, file, to, to + len);
  if (to + len > file->len) file->len = to + len;
}

void device_file_cut(struct device *dev, struct device_file *file, size_t len) {
  reserve(file, len);
  if (len < file->len) {
    memset(file->cache + len, 0, file->len - len);
    note_dirty(dev, file, len, file->len);
  }
  file->len = len;
}

/* ---- sync ---- */

/* From sector to sector, as far as bytes may be dirty. */
#define DIRTY_SECTORS(file, at)                                                                    \
  for (size_t at = (file)->dirty_from / DEVICE_SECTOR; at < sectors((file)->dirty_to); at++)

/* Bytes that may be dirty still. */
static void find_dirty(struct device_file *file) {
  size_t from = SIZE_MAX, to = 0;
  DIRTY_SECTORS(file, at) {
    if (file->written_at[at] == 0) continue;
    if (from == SIZE_MAX) from = at * DEVICE_SECTOR;
    to = (at + 1) * DEVICE_SECTOR;
  }
  if (to == 0) {
    file->dirty_from = file->dirty_to = 0;
    return;
  }
  if (from > file->dirty_from) file->dirty_from = from;
  if (to < file->dirty_to) file->dirty_to = to;
}

void device_file_sync(struct device_file *file, uint64_t at_most) {
  if (file->dirty_from < file->dirty_to && !file->cut_off) file->batch = file->dirty_from;
  file->cut_off = false;
  DIRTY_SECTORS(file, at) {
    size_t from = at * DEVICE_SECTOR;
    if (file->written_at[at] == 0 || file->written_at[at] > at_most) continue;
    memcpy(file->disk + from, file->cache + from, DEVICE_SECTOR);
    file->written_at[at] = 0;
  }
  file->disk_len = file->len;
  find_dirty(file);
}

void device_file_sync_failed(struct device *dev, struct device_file *file) {
  file->cut_off = true;
  DIRTY_SECTORS(file, at) {
    size_t from = at * DEVICE_SECTOR;
    if (file->written_at[at] == 0) continue;
    if (world_random(dev->world) % 2) memcpy(file->disk + from, file->cache + from, DEVICE_SECTOR);
    if (world_random(dev->world) % 4) file->written_at[at] = 0;
  }
  file->disk_len = file->len;
  find_dirty(file);
}

void device_file_forget(struct device_file *file) {
  for (size_t at = 0; at < sectors(file->len); at++) {
    size_t from = at * DEVICE_SECTOR;
    if (file->written_at[at] == 0) memcpy(file->cache + from, file->disk + from, DEVICE_SECTOR);
  }
}

/* ---- loss of power ---- */

/* What happens to one unit, of which `len` bytes from `from` on are dirty. */
static void lose_unit(struct device *dev, struct device_file *file, size_t from, size_t len,
                      bool page, bool loses) {
  size_t kept = len;
  switch (loses ? 0 : world_random(dev->world) % 4) {
  case 0:
    kept = 0;
    dev->counts[page ? DEVICE_COUNT_LOST_PAGE : DEVICE_COUNT_LOST_SECTOR]++;
    break;
  case 1: /* torn: the first half made it */
    kept = len / 2;
    dev->counts[page ? DEVICE_COUNT_TORN_PAGE : DEVICE_COUNT_TORN_SECTOR]++;
    break;
  default: break;
  }
  memcpy(file->disk + from, file->cache + from, kept);
}

static bool is_dirty(const struct device_file *file, size_t from, size_t to) {
  for (size_t at = from / DEVICE_SECTOR; at < sectors(to); at++)
    if (file->written_at[at] != 0) return true;
  return false;
}

/* A file that grew by this length may have lost it. */
static void lose_units(struct device *dev, struct device_file *file) {
  bool page = dev->faults.loss == DEVICE_LOSS_PAGES;
  size_t unit = page ? DEVICE_PAGE : DEVICE_SECTOR;
  size_t from = file->dirty_from - file->dirty_from % unit, len = file->len;
  bool loses = world_random(dev->world) % 2; /* the first one: the device began at the end */
  for (size_t at = from; at < file->dirty_to; at += unit) {
    if (!is_dirty(file, at, at + unit)) continue;
    lose_unit(dev, file, at, unit, page, loses);
    loses = false;
    /* The file's length was not written either. */
    if (at >= file->disk_len && at < len && world_random(dev->world) % 8 == 0) len = at;
  }
  file->disk_len = len;
}

void device_file_lose(struct device *dev, struct device_file *file) {
  if (file->len < file->disk_len) { /* it was cut, and that is lost or not */
    if (world_random(dev->world) % 2) file->disk_len = file->len;
  } else if (file->len > file->disk_len && dev->faults.loss == DEVICE_LOSS_ZEROS) {
    dev->counts[DEVICE_COUNT_ZEROED_TAIL]++;
    file->disk_len = file->len;
  } else if (file->dirty_from < file->dirty_to) {
    lose_units(dev, file);
  }
  if (file->capacity > 0) {
    memset(file->disk + file->disk_len, 0, file->capacity - file->disk_len);
    memcpy(file->cache, file->disk, file->capacity);
    memset(file->written_at, 0, sectors(file->capacity) * sizeof *file->written_at);
  }
  file->len = file->disk_len;
  file->dirty_from = file->dirty_to = 0;
  file->cut_off = false;
}
