/* config.c: from flags and file to values. */
#include "config.h"

#include "ini.h"
#include "nearest.h"
#include "ops.h"
#include "values.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  uint32_t kind;
  const char *plugin;
} part_table[HOST_PART_COUNT] = {
#define PART(name, part_kind, part_plugin) {part_kind, part_plugin},
    HOST_PART_LIST(PART)
#undef PART
};

/* ---- sources ---- */

/* `SECTION.KEY=VALUE`, whose form host_flags_parse has checked; a section may have a '.' itself. */
static void add_set(struct host_settings *settings, const char *set,
                    struct host_problems *problems) {
  const char *equals = strchr(set, '='), *dot = host_set_dot(set);
  const char *section = host_texts_keep(&settings->texts, set, (size_t)(dot - set));
  const char *key = host_texts_keep(&settings->texts, dot + 1, (size_t)(equals - dot - 1));
  host_settings_add(settings, HOST_SOURCE_SET, section, key, equals + 1, "--set", 0, problems);
}

/* False: the file cannot be read. Then no other problem is reported: it might come from what the
 * file would have said. */
static bool gather(struct host_settings *settings, const struct host_flags *flags,
                   struct host_problems *problems) {
  if (flags->config && !host_ini_read(flags->config, settings, problems)) return false;
  for (size_t i = 0; i < flags->sets.count; i++) add_set(settings, flags->sets.list[i], problems);
  if (flags->id)
    host_settings_add(settings, HOST_SOURCE_FLAG, HOST_NODE_SECTION, "id", flags->id, "--id", 0,
                      problems);
  if (flags->addr)
    host_settings_add(settings, HOST_SOURCE_FLAG, HOST_NODE_SECTION, "addr", flags->addr, "--addr",
                      0, problems);
  return true;
}

/* ---- sections that nobody knows ---- */

static bool known_section(const char *name) {
  if (strcmp(name, HOST_NODE_SECTION) == 0) return true;
  for (size_t i = 0; i < HOST_PART_COUNT; i++)
    if (strcmp(name, host_kind_name(part_table[i].kind)) == 0 ||
        strcmp(name, host_under_section(part_table[i].kind)) == 0)
      return true;
  return false;
}

static void complain_section(const char *name, const char *origin, unsigned line,
                             struct host_problems *problems) {
  struct host_nearest nearest = {.word = name};
  const char *best;
  host_nearest_try(&nearest, HOST_NODE_SECTION);
  for (size_t i = 0; i < HOST_PART_COUNT; i++)
    host_nearest_try(&nearest, host_kind_name(part_table[i].kind));
  for (size_t i = 0; i < HOST_PART_COUNT; i++)
    host_nearest_try(&nearest, host_under_section(part_table[i].kind));
  best = host_nearest_best(&nearest);
  if (best)
    host_problems_add(problems, HOST_BLAME_CONFIG, line,
                      "%s: [%s]: unknown section (did you mean [%s]?)", origin, name, best);
  else
    host_problems_add(problems, HOST_BLAME_CONFIG, line,
                      "%s: [%s]: unknown section (possible: [node], [transport], [storage], "
                      "[state-machine])",
                      origin, name);
}

/* An unknown section is reported once, not with each of its keys. */
static void check_sections(const struct host_settings *settings, struct host_problems *problems) {
  for (size_t i = 0; i < settings->section_count; i++) {
    const struct host_section_mark *mark = &settings->sections[i];
    if (!known_section(mark->name))
      complain_section(mark->name, mark->origin, mark->line, problems);
  }
  for (size_t i = 0; i < settings->count; i++) {
    const struct host_setting *setting = &settings->list[i];
    if (setting->source != HOST_SOURCE_FILE && !known_section(setting->section))
      complain_section(setting->section, setting->origin, 0, problems);
  }
}

/* ---- plugins ---- */

/* Fills part->named with the plugin that the section names; without such a key the default
 * stays. A failure without a text was reported already. */
static enum rkv_status name_part(struct host_settings *settings, struct host_part *part,
                                 struct rkv_error *error) {
  static const struct rkv_option naming = {.name = HOST_PLUGIN_KEY, .type = RKV_OPTION_STRING};
  const struct host_setting *setting = host_settings_find(settings, part->section, HOST_PLUGIN_KEY);
  if (!setting) return RKV_OK;
  part->origin = setting->origin;
  error->text[0] = '\0';
  if (setting->refused) return RKV_INVALID;
  return host_value_expand(&naming, setting->text, &settings->texts, &part->named, error);
}

/* True if the plugin's file has the report that the section asks for. Checked before the plugin is
 * loaded, because loading runs its constructors. If there is no such file, the loader says so
 * later. */
static bool passes_contract(const struct host_section *section, struct host_part *part,
                            const char *folder) {
  char file[HOST_PATH_MAX];
  enum rkv_status status;
  struct rkv_error error;
  host_section_read_option(section, &host_contract_option, &part->contract);
  if (!part->contract.text) return false; /* refused already */
  if (host_plugin_file(folder, part->named, file, &error) != RKV_OK || !host_plugin_is_file(file))
    return true;
  status = host_part_check_contract(part, file, folder, section->settings, &error);
  if (status == RKV_NO_MEMORY)
    host_problems_no_memory(section->problems);
  else if (status != RKV_OK)
    host_section_complain(section, HOST_CONTRACT_KEY, false, error.text);
  return status == RKV_OK;
}

static void complain_part(const struct host_section *section, const struct host_part *part,
                          const char *what) {
  if (*what == '\0') return; /* told already */
  if (host_settings_find(section->settings, part->section, HOST_PLUGIN_KEY))
    host_section_complain(section, HOST_PLUGIN_KEY, false, what);
  else
    host_problems_add(section->problems, HOST_BLAME_CONFIG, 0,
                      "%s: [%s] plugin = \"%s\" (default): %s", section->settings->where,
                      part->section, part->named, what);
}

static void read_part(struct host_settings *settings, struct host_part *part, const char *folder,
                      struct host_problems *problems) {
  struct host_section section = {part->section, NULL, settings, problems};
  struct host_table table;
  struct rkv_error error;
  enum rkv_status status = name_part(settings, part, &error);
  part->plugin = NULL;
  if (status == RKV_OK && !passes_contract(&section, part, folder)) {
    host_section_read_blind(&section);
    return;
  }
  if (status == RKV_OK)
    status = host_plugin_load(folder, part->named, part->kind, &part->loaded, &error);
  if (status != RKV_OK) {
    host_section_read_blind(&section);
    complain_part(&section, part, error.text);
    return;
  }
  part->plugin = &part->loaded.descriptor;
  table = host_table_of(part->plugin);
  section.own_keys = host_own_keys(part->plugin);
  host_section_read(&section, &table, part->values);
  host_part_stack(part, folder, NULL, settings, problems);
}

/* Reads a section while a node runs, by the option table of the plugin that runs. If the section
 * names another plugin now, its keys are checked at the next start. */
static void read_part_again(struct host_settings *settings, struct host_part *part,
                            const struct host_part *running, struct host_problems *problems) {
  struct host_section section = {part->section, NULL, settings, problems};
  struct host_table table;
  struct rkv_error error;
  if (name_part(settings, part, &error) != RKV_OK) {
    host_section_read_blind(&section);
    complain_part(&section, part, error.text);
    return;
  }
  host_section_read_option(&section, &host_contract_option, &part->contract);
  if (strcmp(part->named, running->named) != 0) {
    host_section_read_blind(&section);
    return;
  }
  part->plugin = running->plugin;
  table = host_table_of(part->plugin);
  section.own_keys = host_own_keys(part->plugin);
  host_section_read(&section, &table, part->values);
  host_part_stack(part, NULL, running, settings, problems);
}

static void begin_part(struct host_config *config, size_t i) {
  struct host_part *part = &config->parts[i];
  part->kind = part_table[i].kind;
  part->section = host_kind_name(part->kind);
  part->named = part_table[i].plugin;
  part->origin = "default";
}

static void read_parts(struct host_config *config, const struct host_section *node,
                       struct host_problems *problems) {
  const struct rkv_value *dir = &config->node[HOST_NODE_PLUGIN_DIR];
  char folder[HOST_PATH_MAX];
  struct rkv_error error;
  if (!dir->text) return; /* refused already */
  if (host_plugin_folder(dir->text, folder, &error) != RKV_OK) {
    host_section_complain(node, "plugin_dir", false, error.text);
    return;
  }
  for (size_t i = 0; i < HOST_PART_COUNT; i++) {
    begin_part(config, i);
    read_part(&config->settings, &config->parts[i], folder, problems);
  }
}

/* ---- the whole ---- */

/* Reads flags, file and [node]. False: the file cannot be read. */
static bool load_node(struct host_config *config, const struct host_flags *flags,
                      const struct host_section *node, struct host_problems *problems) {
  struct host_settings *settings = &config->settings;
  struct host_table table = host_node_table();
  settings->from_file = flags->config != NULL;
  settings->where = flags->config ? flags->config : "command line";
  if (!gather(settings, flags, problems)) return false;
  check_sections(settings, problems);
  host_section_read(node, &table, config->node);
  host_node_options_read(node, config->node, &config->options);
  return true;
}

/* True if every plugin is loaded and no value was refused. */
static bool is_whole(const struct host_config *config) {
  for (size_t i = 0; i < HOST_NODE_OPTION_COUNT; i++)
    if (!config->node[i].text) return false;
  for (size_t i = 0; i < HOST_PART_COUNT; i++) {
    const struct host_part *part = &config->parts[i];
    if (!part->plugin) return false;
    for (; part; part = part->under)
      for (uint32_t o = 0; o < part->plugin->option_count; o++)
        if (!part->values[o].text) return false;
  }
  return true;
}

void host_config_load(struct host_config *config, const struct host_flags *flags,
                      struct host_problems *problems) {
  struct host_section node = {HOST_NODE_SECTION, NULL, &config->settings, problems};
  if (load_node(config, flags, &node, problems)) read_parts(config, &node, problems);
  if (host_texts_failed(&config->settings.texts)) host_problems_no_memory(problems);
  assert(!host_problems_none(problems) || is_whole(config)); /* (C1) */
}

void host_config_load_again(struct host_config *config, const struct host_flags *flags,
                            const struct host_config *running, struct host_problems *problems) {
  struct host_section node = {HOST_NODE_SECTION, NULL, &config->settings, problems};
  bool read = load_node(config, flags, &node, problems);
  for (size_t i = 0; read && i < HOST_PART_COUNT; i++) {
    begin_part(config, i);
    read_part_again(&config->settings, &config->parts[i], &running->parts[i], problems);
  }
  if (host_texts_failed(&config->settings.texts)) host_problems_no_memory(problems);
}

/* The value of one option of [node], which need not be there. False after a problem. */
static bool read_node_option(const struct host_section *node, enum host_node_option option,
                             struct rkv_value *value) {
  const struct host_table table = host_node_table();
  const struct rkv_option *row = &table.first[option];
  memset(value, 0, sizeof *value);
  if (!row->default_text && !host_settings_find(node->settings, node->name, row->name)) return true;
  host_section_read_option(node, row, value);
  return value->text != NULL;
}

bool host_config_place(const struct host_flags *flags, struct host_place *place,
                       struct host_problems *problems) {
  struct host_section node = {HOST_NODE_SECTION, NULL, &place->settings, problems};
  struct rkv_value dir, id;
  struct rkv_error error;
  place->settings.from_file = flags->config != NULL;
  place->settings.where = flags->config ? flags->config : "command line";
  if (gather(&place->settings, flags, problems) &&
      read_node_option(&node, HOST_NODE_PLUGIN_DIR, &dir) &&
      read_node_option(&node, HOST_NODE_ID, &id)) {
    place->id = id.number;
    if (host_plugin_folder(dir.text, place->folder, &error) != RKV_OK)
      host_section_complain(&node, "plugin_dir", false, error.text);
  }
  if (host_texts_failed(&place->settings.texts)) host_problems_no_memory(problems);
  return host_problems_none(problems);
}

void host_place_free(struct host_place *place) {
  host_settings_free(&place->settings);
}

void host_config_free(struct host_config *config) {
  host_settings_free(&config->settings);
}
