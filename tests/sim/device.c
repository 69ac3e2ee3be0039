/* device.c: a simulated device (device.h). */
#include "device.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <support/world_internal.h>

#define SECTOR 512
#define PAGE 4096

void bytes_put(struct bytes *b, const void *data, size_t len) {
  if (b->len + len > b->capacity) {
    while (b->len + len > b->capacity) b->capacity = b->capacity ? b->capacity * 2 : 4096;
    b->data = realloc(b->data, b->capacity);
    assert(b->data);
  }
  if (len > 0) memcpy(b->data + b->len, data, len);
  b->len += len;
}

void bytes_put_u64(struct bytes *b, uint64_t value) {
  uint8_t le[8];
  rkv_put_le(le, value, 8);
  bytes_put(b, le, sizeof le);
}

/* ---- files ---- */

struct device_file *device_file_new(void) {
  struct device_file *file = calloc(1, sizeof *file);
  assert(file);
  file->refs = 1;
  return file;
}

struct device_file *device_file_share(struct device_file *file) {
  if (file) file->refs++;
  return file;
}

void device_file_drop(struct device_file *file) {
  if (!file || --file->refs > 0) return;
  free(file->bytes.data);
  free(file);
}

/* ---- operations ---- */

static bool powered(struct device *dev) {
  if (dev->faults.power_after > 0 && --dev->faults.power_after == 0) dev->dead = true;
  return !dev->dead;
}

static bool happens(struct device *dev, uint32_t ppm, enum device_count count) {
  if (!world_chance(dev->world, ppm)) return false;
  dev->counts[count]++;
  return true;
}

enum rkv_status device_write(struct device *dev, struct device_file *file, const struct bytes *b) {
  if (!powered(dev)) return RKV_CANCELLED;
  if (dev->faults.full_after > 0 && --dev->faults.full_after == 0) dev->full = true;
  if (dev->full) {
    dev->counts[DEVICE_COUNT_REFUSED_WRITE]++;
    return RKV_NO_SPACE;
  }
  if (happens(dev, dev->faults.write_error_ppm, DEVICE_COUNT_WRITE_ERROR)) return RKV_IO;
  bytes_put(&file->bytes, b->data, b->len);
  return RKV_OK;
}

enum rkv_status device_sync(struct device *dev, struct device_file *file) {
  if (!powered(dev)) return RKV_CANCELLED;
  if (happens(dev, dev->faults.sync_error_ppm, DEVICE_COUNT_SYNC_ERROR)) return RKV_IO;
  file->synced = file->bytes.len;
  return RKV_OK;
}

enum rkv_status device_name(struct device *dev, enum device_name name, struct device_file *file) {
  if (!powered(dev)) {
    device_file_drop(file);
    return RKV_CANCELLED;
  }
  if (dev->names[name].cached != dev->names[name].durable)
    device_file_drop(dev->names[name].cached);
  dev->names[name].cached = file;
  if (dev->faults.power_at_name) dev->dead = true;
  return RKV_OK;
}

/* The file that stood there last is given up. */
static void settle(struct device *dev, enum device_name name, struct device_file *file) {
  struct device_file *other =
      dev->names[name].cached == file ? dev->names[name].durable : dev->names[name].cached;
  if (other != file) device_file_drop(other);
  dev->names[name].cached = dev->names[name].durable = file;
}

enum rkv_status device_sync_names(struct device *dev) {
  if (!powered(dev)) return RKV_CANCELLED;
  for (int name = 0; name < DEVICE_NAMES; name++)
    settle(dev, (enum device_name)name, dev->names[name].cached);
  return RKV_OK;
}

bool device_read_fails(struct device *dev) {
  return happens(dev, dev->faults.read_error_ppm, DEVICE_COUNT_READ_ERROR);
}

/* ---- loss of power ---- */

static void lose_unit(struct device *dev, uint8_t *data, size_t len, bool page) {
  switch (world_random(dev->world) % 4) {
  case 0:
    memset(data, 0, len);
    dev->counts[page ? DEVICE_COUNT_LOST_PAGE : DEVICE_COUNT_LOST_SECTOR]++;
    break;
  case 1: /* torn: the first half made it */
    memset(data + len / 2, 0, len - len / 2);
    dev->counts[page ? DEVICE_COUNT_TORN_PAGE : DEVICE_COUNT_TORN_SECTOR]++;
    break;
  default: break;
  }
}

static void lose(struct device *dev, struct device_file *file) {
  struct bytes *b = &file->bytes;
  bool page = dev->faults.loss == DEVICE_LOSS_PAGES;
  size_t unit = page ? PAGE : SECTOR;
  if (file->synced < b->len && dev->faults.loss == DEVICE_LOSS_ZEROS) {
    memset(b->data + file->synced, 0, b->len - file->synced);
    dev->counts[DEVICE_COUNT_ZEROED_TAIL]++;
  } else {
    for (size_t at = file->synced; at < b->len; at += unit - at % unit) {
      size_t left = b->len - at, room = unit - at % unit;
      lose_unit(dev, b->data + at, left < room ? left : room, page);
      /* The file's length was not written either. */
      if (world_random(dev->world) % 8 == 0) b->len = at;
    }
  }
  file->synced = b->len;
}

void device_process_killed(struct device *dev) {
  dev->faults.power_after = 0;
  dev->faults.power_at_name = false;
  dev->dead = false;
}

void device_power_loss(struct device *dev) {
  for (int name = 0; name < DEVICE_NAMES; name++) {
    struct device_file *file = dev->names[name].cached;
    if (file != dev->names[name].durable && world_random(dev->world) % 2 == 0) {
      file = dev->names[name].durable;
      dev->counts[DEVICE_COUNT_LOST_NAME]++;
    }
    settle(dev, (enum device_name)name, file);
    if (file) lose(dev, file);
  }
  device_process_killed(dev);
}

void device_clear(struct device *dev) {
  for (int name = 0; name < DEVICE_NAMES; name++) {
    settle(dev, (enum device_name)name, dev->names[name].durable);
    device_file_drop(dev->names[name].durable);
    dev->names[name].cached = dev->names[name].durable = NULL;
  }
}
