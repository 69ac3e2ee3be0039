/* device_power.c: the life of a simulated device: made, calmed, killed, back with what is left. */
#include <assert.h>
#include <stdlib.h>

#include "device_internal.h"

struct device *device_new(struct world *w, struct turns *turns) {
  struct device *dev = calloc(1, sizeof *dev);
  assert(dev);
  dev->world = w;
  dev->turns = turns;
  dev->table = device_operations;
  dev->table.ctx = dev;
  return dev;
}

void device_free(struct device *dev) {
  device_clear(dev);
  free(dev);
}

const struct files *device_files(const struct device *dev) {
  return &dev->table;
}

struct device_faults *device_faults(struct device *dev) {
  return &dev->faults;
}

const uint64_t *device_counts(const struct device *dev) {
  return dev->counts;
}

void device_calm(struct device *dev) {
  dev->faults = (struct device_faults){.slow_sync_spread_ns = 1};
  dev->full = dev->misdirect = false;
}

void device_kill(struct device *dev) {
  dev->dead = true;
}

bool device_is_dead(const struct device *dev) {
  return dev->dead;
}

void device_process_killed(struct device *dev) {
  assert(dev->open_count == 0);
  for (size_t i = 0; i < dev->cached.count; i++) {
    struct device_file *file = dev->cached.of[i].file;
    if (file->dirty_from < file->dirty_to) file->cut_off = true;
  }
  dev->faults.power_after = 0;
  dev->faults.power_at_name = false;
  dev->dead = dev->misdirect = false;
  dev->full_since_ns = 0;
}

/* Each file that a name or a change of names stands for, once. */
static void lose_bytes(struct device *dev) {
  dev->clock++;
  for (size_t i = 0; i < dev->cached.count; i++) device_file_lose(dev, dev->cached.of[i].file);
  for (size_t i = 0; i < dev->durable.count; i++) device_file_lose(dev, dev->durable.of[i].file);
  for (size_t i = 0; i < dev->change_count; i++) device_file_lose(dev, dev->changes[i].file);
}

void device_power_loss(struct device *dev) {
  lose_bytes(dev);
  device_names_lose(dev);
  device_process_killed(dev);
}

void device_clear(struct device *dev) {
  assert(dev->open_count == 0);
  device_names_sync(dev, dev->clock);
  device_names_clear(&dev->cached);
  device_names_clear(&dev->durable);
  dev->damages = 0;
  dev->misdirect = false;
}

void device_look(struct device *dev, bool looks) {
  dev->looked_at = looks;
}

uint64_t device_full_since_ns(const struct device *dev) {
  return dev->full_since_ns;
}
