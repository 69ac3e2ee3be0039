/* good.c: loads the good plugin that does the work of a broken one. */
#include "good.h"

#include <dlfcn.h>
#include <stdlib.h>

/* Reads a number as the host does: 64KiB, 4MiB, 500ms, 3s, 42, true. */
static uint64_t number_of(const char *text) {
  static const struct {
    const char *unit;
    uint64_t times;
  } units[] = {{"KiB", 1 << 10}, {"MiB", 1 << 20},          {"GiB", 1 << 30},
               {"us", 1000},     {"ms", UINT64_C(1000000)}, {"s", UINT64_C(1000000000)}};
  char *end;
  uint64_t number = strtoull(text, &end, 10);
  if (strcmp(text, "true") == 0) return 1;
  for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
    if (strcmp(end, units[i].unit) == 0) return number * units[i].times;
  return number;
}

enum rkv_status good_load(struct good *good, const char *path, uint32_t kind,
                          struct rkv_error *error) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  const struct rkv_plugin *plugin = library ? dlsym(library, RKV_PLUGIN_SYMBOL) : NULL;
  if (!plugin || plugin->kind != kind || plugin->option_count > GOOD_OPTIONS_MAX)
    return rkv_fail(error, RKV_INVALID, "broken: the good plugin %s does not load", path);
  good->plugin = plugin;
  for (uint32_t i = 0; i < plugin->option_count; i++) {
    const char *text = plugin->options[i].default_text;
    good->values[i] = (struct rkv_value){text, "default", text ? number_of(text) : 0};
  }
  good->config = (struct rkv_config){sizeof good->config, plugin->option_count, good->values};
  return RKV_OK;
}

void good_set(struct good *good, const char *name, uint64_t number) {
  for (uint32_t i = 0; i < good->plugin->option_count; i++)
    if (strcmp(good->plugin->options[i].name, name) == 0) good->values[i].number = number;
}
