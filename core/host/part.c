/* part.c: what a stacked plugin is built over. */
#include "part.h"

#include "ops.h"

#include <assert.h>
#include <string.h>

static const struct rkv_option over_option = {
    .name = HOST_OVER_KEY,
    .help = "the plugin of its kind that this one is built over, as over = storage-wal",
    .type = RKV_OPTION_STRING,
    .flags = RKV_OPTION_REQUIRED};

bool host_is_stacked(const struct rkv_plugin *plugin) {
  return plugin->capabilities & RKV_CAP_STACKED;
}

const char *host_under_section(uint32_t kind) {
  switch (kind) {
#define UNDER_NAME(name, number, text)                                                             \
  case RKV_KIND_##name: return text HOST_UNDER_SUFFIX;
    RKV_PLUGIN_KIND_LIST(UNDER_NAME)
#undef UNDER_NAME
  default: return "";
  }
}

const char *const *host_own_keys(const struct rkv_plugin *plugin) {
  static const char *const plain[] = {HOST_PLUGIN_KEY, HOST_CONTRACT_KEY, NULL};
  static const char *const stacked[] = {HOST_PLUGIN_KEY, HOST_CONTRACT_KEY, HOST_OVER_KEY, NULL};
  return host_is_stacked(plugin) ? stacked : plain;
}

struct rkv_config host_part_config(const struct host_part *part) {
  struct rkv_config config = {sizeof config, part->plugin->option_count, part->values};
  return config;
}

const char *host_part_folder(const struct host_part *part) {
  const struct host_table table = host_table_of(part->plugin);
  for (size_t i = 0; i < table.count; i++)
    if (table.first[i].type == RKV_OPTION_PATH && strcmp(table.first[i].name, "dir") == 0)
      return part->values[i].text;
  return NULL;
}

uint64_t host_part_capabilities(const struct host_part *part) {
  const uint64_t own = part->plugin->capabilities;
  if (!part->under) return own;
  return own & (part->under->plugin->capabilities | RKV_CAP_STACKED);
}

/* ---- reading ---- */

/* Nothing is under this plugin: what is given for it has no place. */
static void complain_stray(const struct host_part *part, const struct host_settings *settings,
                           struct host_problems *problems) {
  const char *section = host_under_section(part->kind);
  for (size_t i = 0; i < settings->count; i++) {
    const struct host_setting *setting = &settings->list[i];
    if (strcmp(setting->section, section) != 0) continue;
    host_problems_add(problems, HOST_BLAME_CONFIG, setting->line,
                      "%s: [%s] %s: %s is not built over another plugin (leave the section out)",
                      setting->origin, section, setting->key, part->plugin->name);
    return;
  }
}

enum rkv_status host_part_check_contract(struct host_part *part, const char *file,
                                         const char *folder, const struct host_settings *settings,
                                         struct rkv_error *error) {
  const struct host_setting *over = host_settings_find(settings, part->section, HOST_OVER_KEY);
  struct host_contract_asked asked = {file, part->contract.number, NULL};
  char path[HOST_PATH_MAX];
  if (over && host_plugin_file(folder, over->text, path, error) == RKV_OK) asked.over = path;
  return host_contract_check(&asked, &part->said, error);
}

/* The reports on it, and on the stacked plugin over it, are good, if they are asked for. */
static enum rkv_status check_reports(const struct host_part *part, struct host_part *under,
                                     const char *folder, const char *file,
                                     struct rkv_error *error) {
  char path[HOST_PATH_MAX]; /* of the stacked one */
  const struct host_contract_asked asked = {file, under->contract.number, NULL};
  const struct host_contract_asked stacked = {path, part->contract.number, file};
  enum rkv_status status = host_plugin_file(folder, part->named, path, error);
  if (status == RKV_OK) status = host_contract_check_over(&stacked, &part->said, file, error);
  return status == RKV_OK ? host_contract_check(&asked, &under->said, error) : status;
}

/* Loads the plugin, if the reports are good. */
static enum rkv_status load_under(const struct host_part *part, struct host_part *under,
                                  const char *folder, struct rkv_error *error) {
  char file[HOST_PATH_MAX];
  enum rkv_status status = host_plugin_file(folder, under->named, file, error);
  if (status == RKV_OK && host_plugin_is_file(file) && under->contract.number > HOST_CONTRACT_NONE)
    status = check_reports(part, under, folder, file, error);
  if (status == RKV_OK)
    status = host_plugin_load(folder, under->named, under->kind, &under->loaded, error);
  if (status != RKV_OK) return status;
  under->plugin = &under->loaded.descriptor;
  if (!host_is_stacked(under->plugin)) return RKV_OK;
  return rkv_fail(error, RKV_INVALID,
                  "%s is built over another plugin itself (one over one: name one that is not)",
                  under->plugin->name);
}

/* The part of the plugin that `over` names; NULL after a problem. */
static struct host_part *name_under(const struct host_part *part, const struct host_section *over) {
  struct host_part *under;
  struct rkv_value named;
  host_section_read_option(over, &over_option, &named);
  if (!named.text) return NULL; /* told already */
  under = host_texts_room(&over->settings->texts, sizeof *under);
  if (!under) return NULL;
  under->section = host_under_section(part->kind);
  under->kind = part->kind;
  under->named = named.text;
  under->origin = named.origin;
  under->contract = part->contract;
  under->through = part->plugin->name;
  return under;
}

void host_part_stack(struct host_part *part, const char *folder, const struct host_part *running,
                     struct host_settings *settings, struct host_problems *problems) {
  const struct host_section over = {part->section, NULL, settings, problems};
  struct host_section own = {host_under_section(part->kind), NULL, settings, problems};
  struct host_part *under;
  struct host_table table;
  struct rkv_error error;
  assert(part->plugin && !part->under);
  if (!host_is_stacked(part->plugin)) {
    complain_stray(part, settings, problems);
    return;
  }
  under = name_under(part, &over);
  if (!under) return;
  if (running && strcmp(running->under->named, under->named) == 0)
    under->plugin = running->under->plugin;
  else if (!running && load_under(part, under, folder, &error) != RKV_OK) {
    host_section_read_blind(&own);
    host_section_complain(&over, HOST_OVER_KEY, false, error.text);
    return;
  }
  part->under = under;
  if (!under->plugin) return; /* its keys are checked at the next start */
  table = host_table_of(under->plugin);
  host_section_read(&own, &table, under->values);
}
