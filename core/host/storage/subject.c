/* subject.c: loads, opens and describes a storage. */
#include <host/storage/subject.h>

#include <host/ops.h>
#include <host/through.h>
#include <host/values.h>
#include <node/kernel/outcome.h>

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- settings ---- */

/* KEY=VALUE, whose form host_flags_parse has checked; under.KEY=VALUE is for what a stacked plugin
 * is built over. */
static void add_own(struct subject *s, const struct subject_source *source,
                    struct host_problems *problems) {
  for (size_t i = 0; i < source->sets->count; i++) {
    const char *set = source->sets->list[i], *equals = strchr(set, '=');
    const bool below = strncmp(set, HOST_UNDER_PREFIX, strlen(HOST_UNDER_PREFIX)) == 0;
    const char *section = below ? host_under_section(s->part.kind) : s->part.section;
    const char *key;
    if (below) set += strlen(HOST_UNDER_PREFIX);
    key = host_texts_keep(&s->own.texts, set, (size_t)(equals - set));
    host_settings_add(&s->own, HOST_SOURCE_SET, section, key, equals + 1, source->set_flag, 0,
                      problems);
  }
}

/* The plugin's name: by its flag, or as the configuration has it. NULL after a problem. */
static const char *name_of(struct subject *s, const struct subject_source *source,
                           struct host_place *place, struct host_problems *problems) {
  const struct host_setting *named =
      host_settings_find(&place->settings, s->part.section, HOST_PLUGIN_KEY);
  if (source->plugin) return source->plugin;
  if (named) return named->text;
  host_problems_add(problems, HOST_BLAME_USAGE, 0,
                    "%s PLUGIN is missing (or name the storage by --config FILE)", source->flag);
  return NULL;
}

static bool is_empty_folder(const char *path) {
  DIR *folder = opendir(path);
  const struct dirent *item;
  bool empty = folder != NULL;
  while (folder && empty && (item = readdir(folder)) != NULL)
    empty = strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0;
  if (folder) (void)closedir(folder);
  return empty;
}

/* Why open would make the option's path anew; NULL: it would not. */
static const char *absence_of(const struct rkv_option *option, const char *path) {
  if (option->type != RKV_OPTION_PATH || !path || !path[0]) return NULL;
  if (access(path, F_OK) != 0) return strerror(errno);
  return is_empty_folder(path) ? "an empty directory" : NULL;
}

/* What open would make anew was mistyped. */
static void check_there(struct host_section *section, const struct host_part *part) {
  for (; part; part = part->under) {
    const struct host_table table = host_table_of(part->plugin);
    section->name = part->section;
    for (size_t i = 0; i < table.count; i++) {
      const char *why = absence_of(&table.first[i], part->values[i].text);
      if (why) host_section_complain(section, table.first[i].name, false, why);
    }
  }
}

bool subject_is_there(const struct subject *s) {
  for (const struct host_part *part = &s->part; part; part = part->under) {
    const struct host_table table = host_table_of(part->plugin);
    for (size_t i = 0; i < table.count; i++)
      if (absence_of(&table.first[i], part->values[i].text)) return false;
  }
  return true;
}

/* True if the plugin's file has the report that the settings ask for: by require_contract beside
 * them, or, of a plugin that a flag names, in the configuration's section. Before it is loaded. */
static bool subject_passes_contract(struct subject *s, const struct host_section *section,
                                    const struct subject_source *source, struct host_place *place) {
  struct host_section asking = *section;
  char file[HOST_PATH_MAX];
  struct rkv_error error;
  if (!host_settings_find(asking.settings, s->part.section, HOST_CONTRACT_KEY))
    asking.settings = &place->settings;
  host_section_read_option(&asking, &host_contract_option, &s->part.contract);
  if (!s->part.contract.text) return false; /* refused already */
  if (s->part.contract.number < place->contract) s->part.contract.number = place->contract;
  if (host_plugin_file(place->folder, s->part.named, file, &error) != RKV_OK ||
      !host_plugin_is_file(file))
    return true; /* the loader says so */
  if (host_part_check_contract(&s->part, file, place->folder, section->settings, &error) == RKV_OK)
    return true;
  host_problems_add(section->problems, HOST_BLAME_CONFIG, 0, "%s %s: %s = %s: %s", source->flag,
                    s->part.named, HOST_CONTRACT_KEY, s->part.contract.text, error.text);
  return false;
}

bool subject_read(struct subject *s, const struct subject_source *source, struct host_place *place,
                  struct host_problems *problems) {
  struct host_section section = {NULL, NULL, source->plugin ? &s->own : &place->settings, problems};
  struct host_table table;
  struct rkv_error error;
  s->part.kind = RKV_KIND_STORAGE;
  s->part.section = section.name = host_kind_name(RKV_KIND_STORAGE);
  s->part.origin = source->flag;
  s->own.where = source->set_flag;
  s->own.by_wire = source->by_wire;
  s->part.named = name_of(s, source, place, problems);
  if (!s->part.named) return false;
  if (source->plugin) add_own(s, source, problems);
  if (!subject_passes_contract(s, &section, source, place)) return false;
  if (host_plugin_load(place->folder, s->part.named, s->part.kind, &s->part.loaded, &error) !=
      RKV_OK) {
    host_problems_add(problems, HOST_BLAME_CONFIG, 0, "%s %s: %s", source->flag, s->part.named,
                      error.text);
    return false;
  }
  s->part.plugin = &s->part.loaded.descriptor;
  s->ops = s->part.plugin->ops;
  s->settings = section.settings;
  section.own_keys = host_own_keys(s->part.plugin);
  table = host_table_of(s->part.plugin);
  host_section_read(&section, &table, s->part.values);
  host_part_stack(&s->part, place->folder, NULL, section.settings, problems);
  if (source->there) check_there(&section, &s->part);
  if (host_texts_failed(&section.settings->texts)) host_problems_no_memory(problems);
  return host_problems_none(problems);
}

/* ---- open and close ---- */

enum rkv_status subject_said(const struct subject *s, enum rkv_status status, const char *operation,
                             struct rkv_error *error) {
  char text[RKV_ERROR_TEXT_MAX];
  status = outcome_of(status, operation, error);
  if (status == RKV_OK) return RKV_OK;
  memcpy(text, error->text, sizeof text);
  return rkv_fail(error, status, "%s: %s", subject_name(s), text);
}

enum rkv_status subject_load(struct subject *s, struct rkv_error *error) {
  enum rkv_status status;
  rkv_buf_drop(&s->state.snapshot.membership);
  memset(&s->state, 0, sizeof s->state);
  status = s->ops->load(s->storage, &s->state, outcome_clear(error));
  return subject_said(s, status, "load", error);
}

/* Its own services, if nobody gave others. */
static void begin_services(struct subject *s) {
  const struct host_identity identity = {.id = s->id, .addr = "", .log_level = RKV_LOG_WARN};
  const char *names[HOST_PART_COUNT] = {"", "", ""};
  if (s->user) return;
  names[HOST_PART_STORAGE] = subject_name(s);
  host_services_init(&s->services, &identity, names, STDERR_FILENO);
  s->user = &s->services.parts[HOST_PART_STORAGE];
}

/* The storage is closed, or did not open. */
static void end_services(struct subject *s) {
  pending_destroy(&s->pending);
  if (s->user->services != &s->services) return;
  host_services_end(&s->services);
  s->user = NULL;
}

enum rkv_status subject_open(struct subject *s, rkv_node_id id, struct rkv_error *error) {
  struct rkv_config config = host_part_config(&s->part);
  enum rkv_status status;
  s->id = id;
  pending_init(&s->pending);
  begin_services(s);
  host_services_stack(s->user, s->part.under);
  s->user->opening = true;
  status = host_through_enter(&s->part, error);
  if (status == RKV_OK)
    status = s->ops->open(&s->user->host, &config, &s->storage, outcome_clear(error));
  s->user->opening = false;
  status = subject_said(s, status, "open", error);
  if (status == RKV_OK && !s->storage)
    status = rkv_fail(error, RKV_BROKEN, "%s: open gave no instance", subject_name(s));
  if (status == RKV_OK) return subject_load(s, error);
  host_services_drop_metrics(s->user);
  end_services(s);
  s->storage = NULL;
  return status;
}

/* Its metrics go first: none is read while or after it closes. */
void subject_close(struct subject *s) {
  if (!s->storage) return;
  rkv_buf_drop(&s->state.snapshot.membership);
  host_services_drop_metrics(s->user);
  s->ops->close(s->storage);
  s->storage = NULL;
  end_services(s);
}

void subject_free(struct subject *s) {
  subject_close(s);
  host_settings_free(&s->own);
}

/* ---- what it is ---- */

const char *subject_name(const struct subject *s) {
  return s->part.plugin->name;
}

bool subject_is_durable(const struct subject *s) {
  return host_part_capabilities(&s->part) & RKV_CAP_DURABLE;
}

bool subject_has_snapshot(const struct subject *s) {
  return s->state.snapshot.last.index > 0 || s->state.snapshot.id[0] != '\0';
}

bool subject_is_empty(const struct subject *s) {
  const struct rkv_storage_state *state = &s->state;
  return state->vote.term == 0 && state->last.index == 0 && !subject_has_snapshot(s) &&
         state->identity.incarnation == 0 && !rkv_cluster_id_known(state->identity.cluster);
}

enum rkv_status subject_refuse_full(const struct subject *s, struct rkv_error *error) {
  if (s->state.identity.incarnation == RKV_INCARNATION_UNFINISHED)
    return rkv_fail(error, RKV_INVALID,
                    "%s: not empty: an unfinished copy of another storage (name an empty place for "
                    "the copy)",
                    subject_name(s));
  if (s->state.vote.term == 0 && s->state.last.index == 0)
    return rkv_fail(error, RKV_INVALID,
                    "%s: not empty: a node was started on it (name an empty place for the copy)",
                    subject_name(s));
  return rkv_fail(error, RKV_INVALID,
                  "%s: not empty: vote of term %" PRIu64 ", last entry %" PRIu64
                  " (name an empty place for the copy)",
                  subject_name(s), s->state.vote.term, s->state.last.index);
}

const char *subject_folder(const struct host_part *part) {
  const char *folder = host_part_folder(part);
  return folder || !part->under ? folder : host_part_folder(part->under);
}

bool subject_is_scattered(const struct host_part *part) {
  return part->under && host_part_folder(part) && host_part_folder(part->under);
}

/* From the root: `path`, or what is there of the folders above it. To be freed; NULL: nothing. */
static char *nearest_of(const char *path) {
  char *cut = strdup(path), *found = NULL;
  while (cut && !(found = realpath(cut[0] ? cut : ".", NULL)) && cut[0]) {
    char *slash = strrchr(cut, '/');
    if (slash == cut && cut[1])
      cut[1] = '\0';
    else
      *(slash ? slash : cut) = '\0';
  }
  free(cut);
  return found;
}

static bool is_within(const char *path, const char *folder) {
  size_t len = strlen(folder);
  return strncmp(path, folder, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static bool is_apart(const char *own, const char *other) {
  char *from = realpath(own, NULL), *to = realpath(other, NULL), *near = nearest_of(other);
  bool apart = !from || !near || !(is_within(near, from) || (to && is_within(from, to)));
  free(from);
  free(to);
  free(near);
  return apart;
}

/* The next path of a part, or of the one under it, from option *at on; NULL: there is none. */
static const char *next_path(const struct host_part **part, size_t *at) {
  for (; *part; *part = (*part)->under, *at = 0) {
    const struct host_table table = host_table_of((*part)->plugin);
    while (*at < table.count) {
      const struct rkv_option *option = &table.first[*at];
      const char *text = (*part)->values[(*at)++].text;
      if (option->type == RKV_OPTION_PATH && !(option->flags & RKV_OPTION_SECRET) && text[0])
        return text;
    }
  }
  return NULL;
}

bool subject_is_beside(const struct host_part *part, const struct host_part *other,
                       struct subject_meeting *meeting) {
  size_t own_at = 0;
  while ((meeting->own = next_path(&part, &own_at)) != NULL) {
    const struct host_part *at = other;
    size_t other_at = 0;
    while ((meeting->other = next_path(&at, &other_at)) != NULL)
      if (!is_apart(meeting->own, meeting->other)) return false;
  }
  return true;
}
