/* note.c: takes a note apart. */
#include <host/storage/note.h>

#include <host/contract.h>
#include <host/loader.h>
#include <node/moved.h>

#include <stdlib.h>
#include <string.h>

#define BETWEEN ", "

static bool begins_option(const struct rkv_plugin *plugin, const char *text) {
  const struct host_table table = host_table_of(plugin);
  const size_t len = strcspn(text, "=");
  if (text[len] == '\0') return false;
  if (host_is_stacked(plugin) &&
      (strncmp(text, HOST_UNDER_PREFIX, strlen(HOST_UNDER_PREFIX)) == 0 ||
       strncmp(text, HOST_OVER_KEY "=", len + 1) == 0))
    return true;
  for (size_t i = 0; i < table.count; i++)
    if (strlen(table.first[i].name) == len && strncmp(table.first[i].name, text, len) == 0)
      return true;
  return false;
}

/* Cuts `text`, which is "KEY=VALUE, KEY=VALUE", in place. A value may have the separator in it:
 * what follows it begins a setting only if an option has that name. */
static void cut_settings(char *text, const struct rkv_plugin *plugin, struct host_sets *sets) {
  char *next = text;
  if (begins_option(plugin, text)) sets->list[sets->count++] = text;
  while ((next = strstr(next, BETWEEN)) != NULL && sets->count < HOST_SETS_MAX) {
    char *set = next + strlen(BETWEEN);
    if (begins_option(plugin, set)) {
      *next = '\0';
      sets->list[sets->count++] = set;
    }
    next = set;
  }
}

/* What reading needs beside the subject; large. */
struct note_reading {
  char text[MOVED_TO_MAX + 1];
  struct host_plugin plugin;
  struct host_sets sets;
  struct host_place place;
  struct host_problems problems;
};

/* Before the plugin is loaded, because loading runs its constructors. */
static enum rkv_status check_contract(const char *name, const struct note_place *where,
                                      struct rkv_error *error) {
  char file[HOST_PATH_MAX];
  enum rkv_status status = host_plugin_file(where->folder, name, file, error);
  if (status != RKV_OK || !host_plugin_is_file(file)) return status; /* loading says it better */
  return host_contract_check(&(struct host_contract_asked){file, where->contract, NULL}, NULL,
                             error);
}

/* Likewise of the plugin that a stacked one is built over. */
static enum rkv_status check_note_over(const struct host_sets *sets, const struct note_place *where,
                                       struct rkv_error *error) {
  static const char over[] = HOST_OVER_KEY "=";
  for (size_t i = 0; i < sets->count; i++) {
    const char *name = sets->list[i] + strlen(over);
    if (strncmp(sets->list[i], over, strlen(over)) != 0) continue;
    if (strchr(name, '/')) return rkv_fail(error, RKV_INVALID, "its note names no plugin");
    if (check_contract(name, where, error) != RKV_OK) return RKV_INVALID;
  }
  return RKV_OK;
}

static enum rkv_status read_note_parts(struct note_reading *r, const struct note_place *where,
                                       struct subject *subject, struct rkv_error *error) {
  const struct subject_source source = {"its note", "its note", r->text, &r->sets, .there = false};
  char *settings = strstr(r->text, BETWEEN);
  if (settings) {
    *settings = '\0';
    settings += strlen(BETWEEN);
  }
  if (strchr(r->text, '/')) return rkv_fail(error, RKV_INVALID, "its note names no plugin");
  if (check_contract(r->text, where, error) != RKV_OK) return RKV_INVALID;
  if (host_plugin_load(r->place.folder, r->text, RKV_KIND_STORAGE, &r->plugin, error) != RKV_OK)
    return RKV_INVALID;
  if (settings) cut_settings(settings, &r->plugin.descriptor, &r->sets);
  if (check_note_over(&r->sets, where, error) != RKV_OK) return RKV_INVALID;
  if (!subject_read(subject, &source, &r->place, &r->problems))
    return host_problems_tell(&r->problems, error);
  subject->part.named = subject_name(subject); /* the reading is freed */
  return RKV_OK;
}

enum rkv_status note_read(const char *note, const struct note_place *where, struct subject *subject,
                          struct rkv_error *error) {
  struct note_reading *r = calloc(1, sizeof *r);
  enum rkv_status status;
  if (!r) return rkv_fail(error, RKV_NO_MEMORY, "out of memory");
  (void)snprintf(r->text, sizeof r->text, "%s", note);
  (void)snprintf(r->place.folder, sizeof r->place.folder, "%s", where->folder);
  r->place.contract = where->contract;
  status = read_note_parts(r, where, subject, error);
  host_problems_free(&r->problems);
  free(r);
  return status;
}
