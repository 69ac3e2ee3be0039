/* suite.c: the plugin and its options. */
#include "suite.h"

#include <host/loader.h>
#include <host/ops.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOAD_MS = 20000 }; /* for a plugin's constructors */

/* ---- the plugin ---- */

/* Loads it in a process of its own first: a constructor that crashes or hangs must not take the
 * suite along. */
static bool load_survives(const struct suite *suite, FILE *err) {
  int how;
  pid_t self = getpid(), pid = fork();
  if (pid == 0) {
    struct host_plugin plugin;
    struct rkv_error error;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != self) _exit(1);
    (void)host_plugin_load("", suite->path, 0, &plugin, &error);
    _exit(0);
  }
  if (pid > 0 && run_wait(pid, LOAD_MS * suite->wish.slow, &how) && WIFEXITED(how)) return true;
  (void)fprintf(err, "rkv-contract: %s: %s while it was loaded\n", suite->path,
                pid < 0 ? strerror(errno) : "it crashed or hung");
  return false;
}

/* A file of that name, in the working directory too, or else a plugin that is installed. False: a
 * name was given, and there is no such plugin. */
static bool find_plugin(struct suite *suite, FILE *err) {
  const char *file = suite->wish.file;
  char folder[HOST_PATH_MAX];
  struct rkv_error error;
  (void)snprintf(suite->path, sizeof suite->path, "%s%s", strchr(file, '/') ? "" : "./", file);
  if (strchr(file, '/') || host_plugin_is_file(suite->path)) return true;
  if (host_plugin_folder("", folder, &error) == RKV_OK &&
      host_plugin_file(folder, file, suite->path, &error) == RKV_OK) {
    if (host_plugin_is_file(suite->path)) return true;
    (void)host_plugin_load(folder, file, 0, &suite->loaded, &error);
  }
  (void)fprintf(err, "rkv-contract: %s: %s\n", file, error.text);
  return false;
}

static bool load(struct suite *suite, FILE *err) {
  struct rkv_error error;
  if (!find_plugin(suite, err) || !load_survives(suite, err)) return false;
  suite->plugin = &suite->loaded.descriptor;
  if (host_plugin_load("", suite->path, 0, &suite->loaded, &error) == RKV_OK &&
      host_contract_hash(suite->path, suite->sha256, &error) == RKV_OK) {
    if (!writable_read(&suite->writable, suite->path))
      (void)fprintf(err,
                    "rkv-contract: %s: its tables of symbols cannot be read, so its writable "
                    "data is not told\n",
                    suite->path);
    return true;
  }
  (void)fprintf(err, "rkv-contract: %s\n", error.text);
  return false;
}

/* ---- its options ---- */

/* The PATH option `dir`: the suite gives each law a directory of its own. */
static int find_dir(const struct rkv_plugin *plugin) {
  for (size_t i = 0; i < plugin->option_count; i++)
    if (strcmp(plugin->options[i].name, "dir") == 0 && plugin->options[i].type == RKV_OPTION_PATH)
      return (int)i;
  return -1;
}

/* KEY=VALUE; under.KEY=VALUE is for the plugin that a stacked one is built over. */
static bool add_option(struct suite *suite, const char *given, struct host_problems *problems,
                       FILE *err) {
  const char *equals = strchr(given, '='), *from = given, *section = suite->part.section;
  char key[HOST_PLUGIN_NAME_MAX];
  size_t len;
  if (strncmp(from, HOST_UNDER_PREFIX, strlen(HOST_UNDER_PREFIX)) == 0) {
    from += strlen(HOST_UNDER_PREFIX);
    section = host_under_section(suite->part.kind);
  }
  len = equals ? (size_t)(equals - from) : 0;
  if (len == 0 || len >= sizeof key) {
    (void)fprintf(err, "rkv-contract: --option %s: not KEY=VALUE\n", given);
    return false;
  }
  memcpy(key, from, len);
  key[len] = '\0';
  host_settings_add(&suite->settings, HOST_SOURCE_SET, section, key, equals + 1, "--option", 0,
                    problems);
  return true;
}

/* The suite's own settings are stronger than the user's: one of the same key would be silent. */
static bool add_dir(struct suite *suite, const char *section, struct host_problems *problems,
                    FILE *err) {
  const struct host_setting *given = host_settings_find(&suite->settings, section, "dir");
  if (given) {
    (void)fprintf(
        err,
        "rkv-contract: --option %sdir=%s: the suite gives `dir` itself (choose where with "
        "--scratch)\n",
        section == suite->part.section ? "" : HOST_UNDER_PREFIX, given->text);
    return false;
  }
  host_settings_add(&suite->settings, HOST_SOURCE_SET, section, "dir", suite->wish.scratch,
                    "the suite", 0, problems);
  return true;
}

/* Where the plugin `over` is found by its name: beside the stacked plugin's own file, or else where
 * plugins are installed. */
static void find_folder(const struct suite *suite, const char *over, char folder[HOST_PATH_MAX]) {
  char installed[HOST_PATH_MAX], file[HOST_PATH_MAX];
  struct rkv_error error;
  (void)snprintf(folder, HOST_PATH_MAX, "%.*s", (int)(strrchr(suite->path, '/') - suite->path),
                 suite->path);
  if (host_plugin_file(folder, over, file, &error) == RKV_OK && host_plugin_is_file(file)) return;
  if (host_plugin_folder("", installed, &error) == RKV_OK && host_plugin_is_folder(installed))
    memcpy(folder, installed, sizeof installed);
}

/* The plugin that was tried is the pair: the report says which file is under it. */
static bool note_under(struct suite *suite, const char *folder, FILE *err) {
  const struct host_part *part = &suite->part;
  struct rkv_error error;
  suite->under_dir_option = find_dir(part->under->plugin);
  suite->loaded.descriptor.capabilities = host_part_capabilities(part);
  if (host_plugin_file(folder, part->under->named, suite->under_path, &error) == RKV_OK &&
      host_contract_hash(suite->under_path, suite->under_sha256, &error) == RKV_OK)
    return true;
  (void)fprintf(err, "rkv-contract: %s\n", error.text);
  return false;
}

/* Whether what the plugin is built over gets a directory is known once that one is loaded. */
static bool stack_part(struct suite *suite, struct host_problems *problems, FILE *err) {
  struct host_part *part = &suite->part;
  const struct host_setting *over =
      host_settings_find(&suite->settings, part->section, HOST_OVER_KEY);
  char folder[HOST_PATH_MAX];
  struct rkv_error error;
  if (!over) {
    (void)fprintf(
        err,
        "rkv-contract: %s is built over another %s: name that one, as --option " HOST_OVER_KEY
        "=PLUGIN.so, or by its name if it is installed (its options are "
        "--option " HOST_UNDER_PREFIX "KEY=VALUE)\n",
        suite->plugin->name, part->section);
    return false;
  }
  find_folder(suite, over->text, folder);
  if (host_plugin_load(folder, over->text, part->kind, &suite->below, &error) == RKV_OK &&
      find_dir(&suite->below.descriptor) >= 0 &&
      !add_dir(suite, host_under_section(part->kind), problems, err))
    return false;
  host_part_stack(part, folder, NULL, &suite->settings, problems);
  return !part->under || !host_problems_none(problems) || note_under(suite, folder, err);
}

static const char *const over_key[] = {HOST_OVER_KEY, NULL};

static bool read_options(struct suite *suite, FILE *err) {
  struct host_problems *problems = calloc(1, sizeof *problems);
  struct host_part *part = &suite->part;
  struct host_table table = host_table_of(suite->plugin);
  struct host_section section = {NULL, NULL, &suite->settings, problems};
  bool good = problems != NULL;
  suite->dir_option = find_dir(suite->plugin);
  suite->under_dir_option = -1;
  suite->declared = suite->plugin->capabilities;
  part->kind = suite->plugin->kind;
  part->section = section.name = host_kind_name(part->kind);
  part->plugin = suite->plugin;
  section.own_keys = host_is_stacked(part->plugin) ? over_key : NULL;
  suite->settings.where = "command line";
  for (size_t i = 0; good && i < suite->wish.option_count; i++)
    good = add_option(suite, suite->wish.options[i], problems, err);
  if (good && suite->dir_option >= 0) good = add_dir(suite, part->section, problems, err);
  if (good) {
    host_section_read(&section, &table, part->values);
    good = host_is_stacked(part->plugin) ? stack_part(suite, problems, err) : true;
    good = good && host_problems_none(problems);
    host_problems_print(problems, err);
  }
  if (problems) host_problems_free(problems);
  free(problems);
  return good;
}

bool suite_open(struct suite *suite, const struct suite_wish *wish, FILE *err) {
  suite->wish = *wish;
  return load(suite, err) && read_options(suite, err);
}

void suite_close(struct suite *suite) {
  for (size_t i = 0; i < RUN_LAWS_MAX; i++) free(suite->outcomes[i].text);
  host_settings_free(&suite->settings);
}
