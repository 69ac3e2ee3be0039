/* section.c: reports unknown, missing and wrong keys of one section. */
#include "section.h"

#include "nearest.h"
#include "values.h"

#include <string.h>

struct host_table host_table_of(const struct rkv_plugin *plugin) {
  struct host_table table = {plugin->options, plugin->option_count};
  return table;
}

static enum host_blame blame_of_setting(const struct host_setting *setting) {
  return setting->source == HOST_SOURCE_FLAG ? HOST_BLAME_USAGE : HOST_BLAME_CONFIG;
}

/* The text of a value, or *** if it is a secret. A reference to a secret (${NAME}, file:PATH) may
 * be shown. */
static const char *shown_value(const char *text, bool secret) {
  bool reference = text[0] == '$' || strncmp(text, HOST_FILE_PREFIX, strlen(HOST_FILE_PREFIX)) == 0;
  return secret && !reference ? "***" : text;
}

static void complain_absent(const struct host_section *section, const char *key, const char *what) {
  const struct host_settings *settings = section->settings;
  host_problems_add(section->problems, settings->from_file ? HOST_BLAME_CONFIG : HOST_BLAME_USAGE,
                    0, "%s: [%s] %s: %s", settings->where, section->name, key, what);
}

void host_section_complain(const struct host_section *section, const char *key, bool secret,
                           const char *what) {
  const struct host_setting *setting = host_settings_find(section->settings, section->name, key);
  if (setting)
    host_problems_add(section->problems, blame_of_setting(setting), setting->line,
                      "%s: [%s] %s = \"%s\": %s", setting->origin, section->name, key,
                      shown_value(setting->text, secret), what);
  else
    complain_absent(section, key, what);
}

static const struct rkv_option *find_option(const struct host_table *table, const char *key) {
  for (size_t i = 0; i < table->count; i++)
    if (strcmp(table->first[i].name, key) == 0) return &table->first[i];
  return NULL;
}

static bool is_own(const struct host_section *section, const char *key) {
  for (const char *const *own = section->own_keys; own && *own; own++)
    if (strcmp(*own, key) == 0) return true;
  return false;
}

/* True if the key's value must not be shown. An unknown key counts as secret: it may be a mistyped
 * one. */
static bool is_secret(const struct host_table *table, const char *key) {
  const struct rkv_option *option = find_option(table, key);
  return !option || (option->flags & RKV_OPTION_SECRET);
}

/* The file names one plugin, and a flag puts another in its place: an unknown key of the file may
 * belong to the plugin that was replaced, and its value may be a secret. Reports such a key without
 * its value; false: it is none. */
static bool complain_replaced(const struct host_section *section,
                              const struct host_setting *setting) {
  const struct host_setting *named =
      host_settings_given(section->settings, HOST_SOURCE_FILE, section->name, HOST_PLUGIN_KEY);
  const struct host_setting *chosen =
      host_settings_find(section->settings, section->name, HOST_PLUGIN_KEY);
  if (!named || setting->source != HOST_SOURCE_FILE || strcmp(named->text, chosen->text) == 0)
    return false;
  host_problems_add(section->problems, HOST_BLAME_CONFIG, setting->line,
                    "%s: [%s] %s: is not of %s, which %s %s.%s=%s put in the place of %s (leave "
                    "out the key, or that flag)",
                    setting->origin, section->name, setting->key, chosen->text, chosen->origin,
                    section->name, HOST_PLUGIN_KEY, chosen->text, named->text);
  return true;
}

static void complain_unknown(const struct host_section *section, const struct host_table *table,
                             const struct host_setting *setting) {
  struct host_nearest nearest = {.word = setting->key};
  const char *best;
  char remedy[1024] = "possible: ";
  size_t used = strlen(remedy), own = 0;
  for (; section->own_keys && section->own_keys[own] && used < sizeof remedy; own++) {
    host_nearest_try(&nearest, section->own_keys[own]);
    used += (size_t)snprintf(remedy + used, sizeof remedy - used, "%s%s", own ? ", " : "",
                             section->own_keys[own]);
  }
  for (size_t i = 0; i < table->count; i++) {
    const char *name = table->first[i].name;
    host_nearest_try(&nearest, name);
    if (used < sizeof remedy)
      used +=
          (size_t)snprintf(remedy + used, sizeof remedy - used, "%s%s", i || own ? ", " : "", name);
  }
  best = host_nearest_best(&nearest);
  if (best) (void)snprintf(remedy, sizeof remedy, "did you mean %s?", best);
  host_problems_add(
      section->problems, HOST_BLAME_CONFIG, setting->line, "%s: [%s] %s = \"%s\": unknown key (%s)",
      setting->origin, setting->section, setting->key,
      shown_value(setting->text, best && !is_own(section, best) && is_secret(table, best)), remedy);
}

static void complain_twice(const struct host_section *section, const struct host_setting *again,
                           bool secret) {
  host_problems_add(section->problems, blame_of_setting(again), again->line,
                    "%s: [%s] %s = \"%s\": given twice, first at %s (keep one of them)",
                    again->origin, again->section, again->key, shown_value(again->text, secret),
                    again->overridden_by->origin);
}

/* What came over the wire reads no variable of this process, but for a secret, which nobody is
 * shown: the value would be told in texts that leave the node. */
static enum rkv_status expand_setting(const struct rkv_option *option,
                                      struct host_settings *settings, const char **text,
                                      struct rkv_error *error) {
  const bool secret = option->flags & RKV_OPTION_SECRET;
  if (settings->by_wire && !secret && host_value_is_variable(*text))
    return rkv_fail(error, RKV_INVALID,
                    "only a secret comes from the node's environment (write the value)");
  return host_value_expand(option, *text, &settings->texts, text, error);
}

void host_section_read_option(const struct host_section *section, const struct rkv_option *option,
                              struct rkv_value *value) {
  struct host_settings *settings = section->settings;
  const struct host_setting *setting = host_settings_find(settings, section->name, option->name);
  const char *text = setting ? setting->text : option->default_text;
  struct rkv_error error;
  memset(value, 0, sizeof *value);
  if (!text) {
    char what[RKV_ERROR_TEXT_MAX];
    (void)snprintf(what, sizeof what, "missing (%s)", option->help);
    complain_absent(section, option->name, what);
    return;
  }
  value->origin = setting ? setting->origin : "default";
  if (setting && setting->refused) return; /* told already */
  if ((setting && expand_setting(option, settings, &text, &error) != RKV_OK) ||
      host_value_parse(option, text, value, &error) != RKV_OK) {
    host_section_complain(section, option->name, option->flags & RKV_OPTION_SECRET, error.text);
    value->text = NULL;
  }
}

static void read_keys(const struct host_section *section, const struct host_table *table,
                      bool blind) {
  const struct host_settings *settings = section->settings;
  for (size_t i = 0; i < settings->count; i++) {
    const struct host_setting *setting = &settings->list[i];
    bool own = is_own(section, setting->key);
    if (strcmp(setting->section, section->name) != 0 || setting->refused) continue;
    if (setting->overridden_by)
      complain_twice(section, setting, !own && is_secret(table, setting->key));
    else if (!blind && !own && !find_option(table, setting->key) &&
             !complain_replaced(section, setting))
      complain_unknown(section, table, setting);
  }
}

void host_section_read(const struct host_section *section, const struct host_table *table,
                       struct rkv_value *values) {
  read_keys(section, table, false);
  for (size_t i = 0; i < table->count; i++)
    host_section_read_option(section, &table->first[i], &values[i]);
}

void host_section_read_blind(const struct host_section *section) {
  struct host_table none = {NULL, 0};
  read_keys(section, &none, true);
}
