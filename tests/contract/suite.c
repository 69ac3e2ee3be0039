/* suite.c: the plugin, its options, the laws one by one. */
#include "suite.h"

#include "tree.h"

#include <host/loader.h>
#include <host/ops.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOAD_MS = 20000 }; /* for a plugin's constructors */

/* ---- the plugin ---- */

/* Loads it in a process of its own first: a constructor that crashes or hangs must not take the
 * suite along. */
static bool load_survives(const struct suite *suite, FILE *err) {
  int how;
  pid_t pid = fork();
  if (pid == 0) {
    struct host_plugin plugin;
    struct rkv_error error;
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
      host_contract_hash(suite->path, suite->sha256, &error) == RKV_OK)
    return true;
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
  bool with_dir = find_dir(suite) >= 0, good = problems != NULL;
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
  for (size_t i = 0; i < suite->count; i++) free(suite->outcomes[i].text);
  host_settings_free(&suite->settings);
}

/* ---- the laws ---- */

/* `word` is the law's name or its letter and number. */
static bool is_called(const struct contract_law *law, const char *word) {
  char *end;
  if (strcmp(law->name, word) == 0) return true;
  if ((word[0] & ~0x20) != contract_letter(law->kind)) return false;
  return strtoul(word + 1, &end, 10) == law->number && end != word + 1 && *end == '\0';
}

static bool wanted(const struct suite *suite, const struct contract_law *law) {
  if (suite->wish.only_count == 0) return law->level <= suite->wish.level;
  for (size_t i = 0; i < suite->wish.only_count; i++)
    if (is_called(law, suite->wish.only[i])) return true;
  return false;
}

/* A law that was asked for by a name that no law has. */
static bool all_known(const struct suite *suite, const struct contract_law *laws, size_t count,
                      FILE *err) {
  for (size_t i = 0; i < suite->wish.only_count; i++) {
    bool known = false;
    for (size_t k = 0; k < count && !known; k++) known = is_called(&laws[k], suite->wish.only[i]);
    if (known) continue;
    (void)fprintf(err, "rkv-contract: --only %s: a %s has no such law (see rkv-contract --list)\n",
                  suite->wish.only[i], host_kind_name(suite->plugin->kind));
    return false;
  }
  return true;
}

static void skip(const struct suite *suite, const struct contract_law *law,
                 struct run_outcome *outcome) {
  char text[CONTRACT_NOTE_MAX] = "by its declaration: it has no capability";
  size_t used = strlen(text);
  uint64_t lacks = law->needs & ~suite->plugin->capabilities;
#define SKIP_NAME(name, bit, word)                                                                 \
  if (lacks & RKV_CAP_##name)                                                                      \
    used += (size_t)snprintf(text + used, sizeof text - used, " %s", word);
  RKV_CAP_LIST(SKIP_NAME)
#undef SKIP_NAME
  if (lacks & RKV_CAP_FINDS_DAMAGE && used < sizeof text)
    (void)snprintf(text + used, sizeof text - used, ": it does not notice a decaying disk");
  *outcome = (struct run_outcome){law, RUN_SKIPPED, 0, strdup(text)};
}

static void try_law(struct suite *suite, const struct contract *c, const struct contract_law *law,
                    const char *scratch, FILE *out) {
  struct run_outcome *outcome = &suite->outcomes[suite->count++];
  if (law->needs & ~suite->plugin->capabilities)
    skip(suite, law, outcome);
  else
    run_law(c, law, scratch, outcome);
  suite->passed += outcome->result == RUN_PASSED;
  suite->failed += outcome->result == RUN_FAILED;
  suite->skipped += outcome->result == RUN_SKIPPED;
  suite_tell_law(outcome, out);
}

/* Absolute and without links: the shim knows a file by its path. */
static bool make_scratch(const struct suite *suite, char *scratch, size_t size, FILE *err) {
  char *real = realpath(suite->wish.scratch, NULL);
  int len = real ? snprintf(scratch, size, "%s/rkv-contract-XXXXXX", real) : -1;
  free(real);
  if (len > 0 && (size_t)len >= size) errno = ENAMETOOLONG;
  if (len > 0 && (size_t)len < size && mkdtemp(scratch)) return true;
  (void)fprintf(err, "rkv-contract: %s: %s (choose another with --scratch)\n", suite->wish.scratch,
                strerror(errno));
  return false;
}

bool suite_run(struct suite *suite, FILE *out, FILE *err) {
  struct contract c = {.plugin = suite->plugin,
                       .values = suite->values,
                       .commands = suite->wish.commands,
                       .dir_option = find_dir(suite),
                       .level = suite->wish.level,
                       .seed = suite->wish.seed,
                       .slow = suite->wish.slow,
                       .limit_s = suite->wish.limit_s,
                       .wait_s = CONTRACT_WAIT_S};
  char scratch[CONTRACT_PATH_MAX / 2];
  size_t count;
  const struct contract_law *laws = contract_laws(suite->plugin->kind, &count);
  if (!all_known(suite, laws, count, err)) return false;
  if (c.limit_s > 0 && c.limit_s <= CONTRACT_WAIT_S) c.wait_s = (c.limit_s + 1) / 2;
  if (!make_scratch(suite, scratch, sizeof scratch, err)) return false;
  suite_tell_head(suite, out);
  for (size_t i = 0; i < count && suite->count < RUN_LAWS_MAX; i++)
    if (wanted(suite, &laws[i])) try_law(suite, &c, &laws[i], scratch, out);
  tree_remove(scratch);
  suite_tell_sum(suite, out);
  return suite->failed == 0;
}
