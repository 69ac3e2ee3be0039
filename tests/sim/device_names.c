/* device_names.c: the one directory of a simulated device: its names in the cache and on the disk.
 *
 * (D1) durable, with `changes` carried out in order, is cached. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "device_internal.h"

static struct device_name *look_up(const struct device_names *names, const char *name) {
  for (size_t i = 0; i < names->count; i++)
    if (strcmp(names->of[i].text, name) == 0) return (struct device_name *)(uintptr_t)&names->of[i];
  return NULL;
}

struct device_file *device_names_find(const struct device_names *names, const char *name) {
  const struct device_name *found = look_up(names, name);
  return found ? found->file : NULL;
}

void device_names_put(struct device_names *names, const char *name, struct device_file *file) {
  struct device_name *at = look_up(names, name);
  (void)device_file_share(file);
  if (at) {
    device_file_drop(at->file);
  } else {
    assert(names->count < DEVICE_NAMES_MAX);
    at = &names->of[names->count++];
    (void)snprintf(at->text, sizeof at->text, "%s", name);
  }
  at->file = file;
}

void device_names_remove(struct device_names *names, const char *name) {
  struct device_name *at = look_up(names, name);
  if (!at) return;
  device_file_drop(at->file);
  *at = names->of[--names->count]; /* a directory has no order */
}

void device_names_clear(struct device_names *names) {
  while (names->count > 0) device_file_drop(names->of[--names->count].file);
}

/* ---- changes ---- */

static void change(struct device *dev, const char *from, const char *to, struct device_file *file) {
  assert(dev->change_count < DEVICE_CHANGES_MAX);
  struct device_change *c = &dev->changes[dev->change_count++];
  *c = (struct device_change){.at = ++dev->clock, .renames = from[0] && to[0]};
  (void)snprintf(c->from, sizeof c->from, "%s", from);
  (void)snprintf(c->to, sizeof c->to, "%s", to);
  c->file = device_file_share(file);
}

static void carry_out(struct device_names *names, const struct device_change *c) {
  if (c->from[0]) device_names_remove(names, c->from);
  if (c->to[0]) device_names_put(names, c->to, c->file);
}

void device_names_create(struct device *dev, const char *name, struct device_file *file) {
  change(dev, "", name, file);
  device_names_put(&dev->cached, name, file);
}

bool device_names_rename(struct device *dev, const char *from, const char *to) {
  struct device_file *file = device_names_find(&dev->cached, from);
  if (!file) return false;
  (void)device_file_share(file);
  change(dev, from, to, file);
  device_names_remove(&dev->cached, from);
  device_names_put(&dev->cached, to, file);
  device_file_drop(file);
  return true;
}

bool device_names_unlink(struct device *dev, const char *name) {
  struct device_file *file = device_names_find(&dev->cached, name);
  if (!file) return false;
  change(dev, name, "", file);
  device_names_remove(&dev->cached, name);
  return true;
}

void device_names_sync(struct device *dev, uint64_t at_most) {
  size_t done = 0;
  for (; done < dev->change_count && dev->changes[done].at <= at_most; done++) {
    carry_out(&dev->durable, &dev->changes[done]);
    device_file_drop(dev->changes[done].file);
  }
  dev->change_count -= done;
  memmove(dev->changes, dev->changes + done, dev->change_count * sizeof dev->changes[0]);
}

void device_names_lose(struct device *dev) {
  for (size_t i = 0; i < dev->change_count; i++) {
    const struct device_change *c = &dev->changes[i];
    if (world_random(dev->world) % 2)
      carry_out(&dev->durable, c);
    else if (c->renames)
      dev->counts[DEVICE_COUNT_LOST_NAME]++;
    device_file_drop(c->file);
  }
  dev->change_count = 0;
  device_names_clear(&dev->cached);
  for (size_t i = 0; i < dev->durable.count; i++)
    device_names_put(&dev->cached, dev->durable.of[i].text, dev->durable.of[i].file);
}
