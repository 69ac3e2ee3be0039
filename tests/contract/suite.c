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

static bool load(struct suite *suite, FILE *err) {
  const char *file = suite->wish.file;
  struct rkv_error error;
  (void)snprintf(suite->path, sizeof suite->path, "%s%s", strchr(file, '/') ? "" : "./", file);
  if (!load_survives(suite, err)) return false;
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

static const struct rkv_option *option_at(const struct suite *suite, size_t i) {
  return &suite->plugin->options[i];
}

/* The PATH option `dir`: the suite gives each law a directory of its own. */
static int find_dir(const struct suite *suite) {
  for (size_t i = 0; i < suite->plugin->option_count; i++)
    if (strcmp(option_at(suite, i)->name, "dir") == 0 &&
        option_at(suite, i)->type == RKV_OPTION_PATH)
      return (int)i;
  return -1;
}

static bool add_option(struct suite *suite, const char *given, bool with_dir,
                       struct host_problems *problems, FILE *err) {
  const char *equals = strchr(given, '=');
  char key[HOST_PLUGIN_NAME_MAX];
  size_t len = equals ? (size_t)(equals - given) : 0;
  if (len == 0 || len >= sizeof key) {
    (void)fprintf(err, "rkv-contract: --option %s: not KEY=VALUE\n", given);
    return false;
  }
  memcpy(key, given, len);
  key[len] = '\0';
  if (with_dir && strcmp(key, "dir") == 0) {
    (void)fprintf(err,
                  "rkv-contract: --option %s: the suite gives `dir` itself (choose where with "
                  "--scratch)\n",
                  given);
    return false;
  }
  host_settings_add(&suite->settings, HOST_SOURCE_SET, host_kind_name(suite->plugin->kind), key,
                    equals + 1, "--option", 0, problems);
  return true;
}

static bool read_options(struct suite *suite, FILE *err) {
  struct host_problems *problems = calloc(1, sizeof *problems);
  struct host_table table = host_table_of(suite->plugin);
  const char *kind = host_kind_name(suite->plugin->kind);
  struct host_section section = {kind, NULL, &suite->settings, problems};
  bool with_dir, good = problems != NULL;
  suite->dir_option = find_dir(suite);
  with_dir = suite->dir_option >= 0;
  suite->settings.where = "command line";
  for (size_t i = 0; good && i < suite->wish.option_count; i++)
    good = add_option(suite, suite->wish.options[i], with_dir, problems, err);
  if (good) {
    if (with_dir)
      host_settings_add(&suite->settings, HOST_SOURCE_SET, kind, "dir", suite->wish.scratch,
                        "the suite", 0, problems);
    host_section_read(&section, &table, suite->values);
    good = host_problems_none(problems);
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
