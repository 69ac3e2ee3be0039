/* spell.c: the settings that a storage was given, one behind the other. */
#include <host/storage/spell.h>

#include <stdlib.h>
#include <string.h>

/* How a storage is spelt. */
struct spelling {
  const char *begin, *between, *equals;
  bool secrets; /* are named, without their values */
  bool header;  /* what is of the plugin under it has a section of its own */
  bool paths;   /* a plugin that was given by its path is */
};

/* A text that grows; `used` counts also what had no room. */
struct spelled {
  char *out;
  size_t size, used;
};

/* `between` and the words behind it. */
static void spell(struct spelled *text, const struct spelling *as, const char *a, const char *b,
                  const char *c, const char *d) {
  const size_t used = text->used, size = text->size;
  text->used +=
      (size_t)snprintf(used < size ? text->out + used : NULL, used < size ? size - used : 0,
                       "%s%s%s%s%s", as->between, a, b, c, d);
}

/* How a secret is spelt: as it was referred to, by ${NAME} or file:PATH; NULL: it was not. */
static const char *secret_reference(const struct subject *s, const struct host_part *part,
                                    const char *key) {
  const struct host_setting *given =
      s->settings ? host_settings_find(s->settings, part->section, key) : NULL;
  if (!given) return NULL;
  if (strncmp(given->text, "file:/", strlen("file:/")) == 0) return given->text;
  if (strncmp(given->text, "${", 2) == 0 && given->text[strlen(given->text) - 1] == '}')
    return given->text;
  return NULL;
}

static void spell_part(const struct subject *s, const struct host_part *part, const char *prefix,
                       const struct spelling *as, struct spelled *text) {
  const struct host_table table = host_table_of(part->plugin);
  for (size_t i = 0; i < table.count; i++) {
    const struct rkv_option *option = &table.first[i];
    const struct rkv_value *value = &part->values[i];
    const bool secret = option->flags & RKV_OPTION_SECRET;
    const char *shown = secret ? secret_reference(s, part, option->name) : value->text;
    char *path = NULL;
    if (strcmp(value->origin, "default") == 0) continue;
    if (secret && !shown && as->secrets) shown = SPELL_SECRET;
    if (!shown) continue;
    if (option->type == RKV_OPTION_PATH && !secret) path = realpath(value->text, NULL);
    spell(text, as, prefix, option->name, as->equals, path ? path : shown);
    free(path);
  }
}

/* To be freed; NULL: it was not given by a path, or is not to be spelt so. */
static char *path_of(const struct host_part *part, const struct spelling *as) {
  return as->paths && strchr(part->named, '/') ? realpath(part->named, NULL) : NULL;
}

static size_t spell_subject(const struct subject *s, const struct spelling *as, char *out,
                            size_t size) {
  const struct host_part *under = s->part.under;
  char *path = path_of(&s->part, as), *over = under ? path_of(under, as) : NULL;
  struct spelled text = {
      out, size, (size_t)snprintf(out, size, "%s%s", as->begin, path ? path : subject_name(s))};
  if (under) spell(&text, as, "", HOST_OVER_KEY, as->equals, over ? over : under->plugin->name);
  free(path);
  free(over);
  spell_part(s, &s->part, "", as, &text);
  if (under && as->header) spell(&text, as, "[", under->section, "]", "");
  if (under) spell_part(s, under, as->header ? "" : HOST_UNDER_PREFIX, as, &text);
  return text.used;
}

size_t spell_note(const struct subject *s, char *out, size_t size) {
  static const struct spelling note = {"", ", ", "=", false, false, false};
  return spell_subject(s, &note, out, size);
}

size_t spell_words(const struct subject *s, char *out, size_t size) {
  static const struct spelling words = {"", ", ", "=", false, false, true};
  return spell_subject(s, &words, out, size);
}

size_t spell_lines(const struct subject *s, const char *between, char *out, size_t size) {
  const struct spelling lines = {"plugin = ", between, " = ", true, true, false};
  return spell_subject(s, &lines, out, size);
}
