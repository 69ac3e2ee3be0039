/* settings.c: merges flags, --set and the file. */
#include "settings.h"

#include "values.h"

#include <assert.h>
#include <string.h>

static bool printable(const char *text) {
  for (; *text; text++)
    if ((unsigned char)*text < ' ' || *text == 127) return false;
  return true;
}

static enum host_blame blame_of_source(enum host_source source) {
  return source == HOST_SOURCE_FILE ? HOST_BLAME_CONFIG : HOST_BLAME_USAGE;
}

/* What is wrong with the text; NULL if it may be a value. */
static const char *text_refusal(const char *text) {
  if (strlen(text) >= HOST_VALUE_MAX) return "the value is too long (at most 4095 bytes)";
  if (!printable(text)) return "the value has control characters (write plain text)";
  return NULL;
}

/* The setting of the same source that gave the same key before; NULL if there is none. */
static const struct host_setting *first_given(const struct host_settings *settings,
                                              const struct host_setting *again) {
  for (const struct host_setting *old = settings->list; old != again; old++)
    if (old->source == again->source && !old->overridden_by &&
        strcmp(old->section, again->section) == 0 && strcmp(old->key, again->key) == 0)
      return old;
  return NULL;
}

void host_settings_add(struct host_settings *settings, enum host_source source, const char *section,
                       const char *key, const char *text, const char *origin, unsigned line,
                       struct host_problems *problems) {
  const bool full = settings->count == HOST_SETTINGS_MAX;
  const char *wrong = full ? "one setting too many (512 are possible)" : text_refusal(text);
  assert(section && key && origin); /* (S2) */
  struct host_setting *added;
  if (wrong)
    host_problems_add(problems, blame_of_source(source), line, "%s: [%s] %s: %s", origin, section,
                      key, wrong);
  if (full) return;
  added = &settings->list[settings->count++];
  added->section = host_texts_keep(&settings->texts, section, strlen(section));
  added->key = host_texts_keep(&settings->texts, key, strlen(key));
  added->text = wrong ? "" : host_texts_keep(&settings->texts, text, strlen(text));
  added->refused = wrong != NULL;
  added->origin = host_texts_keep(&settings->texts, origin, strlen(origin));
  added->line = line;
  added->source = source;
  added->overridden_by = first_given(settings, added);
  assert(!added->overridden_by || !added->overridden_by->overridden_by); /* (S1) */
}

void host_settings_open(struct host_settings *settings, const char *name, const char *origin,
                        unsigned line, struct host_problems *problems) {
  struct host_section_mark *mark;
  for (size_t i = 0; i < settings->section_count; i++) {
    if (strcmp(settings->sections[i].name, name) != 0) continue;
    host_problems_add(problems, HOST_BLAME_CONFIG, line,
                      "%s: [%s]: given twice, first at %s (put all keys under one header)", origin,
                      name, settings->sections[i].origin);
    return;
  }
  if (settings->section_count == HOST_SECTIONS_MAX) {
    host_problems_add(problems, HOST_BLAME_CONFIG, line,
                      "%s: [%s]: one section too many (%d are possible)", origin, name,
                      HOST_SECTIONS_MAX);
    return;
  }
  mark = &settings->sections[settings->section_count++];
  mark->name = host_texts_keep(&settings->texts, name, strlen(name));
  mark->origin = host_texts_keep(&settings->texts, origin, strlen(origin));
  mark->line = line;
}

const struct host_setting *host_settings_find(const struct host_settings *settings,
                                              const char *section, const char *key) {
  const struct host_setting *best = NULL;
  for (size_t i = 0; i < settings->count; i++) {
    const struct host_setting *setting = &settings->list[i];
    if (setting->overridden_by || strcmp(setting->section, section) != 0) continue;
    if (strcmp(setting->key, key) != 0) continue;
    if (!best || setting->source > best->source) best = setting;
  }
  return best;
}

const struct host_setting *host_settings_given(const struct host_settings *settings,
                                               enum host_source source, const char *section,
                                               const char *key) {
  for (size_t i = 0; i < settings->count; i++) {
    const struct host_setting *setting = &settings->list[i];
    if (setting->source == source && !setting->overridden_by &&
        strcmp(setting->section, section) == 0 && strcmp(setting->key, key) == 0)
      return setting;
  }
  return NULL;
}

void host_settings_free(struct host_settings *settings) {
  host_texts_free(&settings->texts);
}
