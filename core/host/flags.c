/* flags.c: reads argv. */
#include "flags.h"

#include "nearest.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* X(word, kind, where its value goes, the commands that it is for, its line of --help). A TEXT or a
 * SWITCH goes to a field of struct host_flags, a COMMAND becomes the command, SETTINGS are
 * collected in a list. */
#define ALL (UINT32_MAX)
#define FOR(command) (1u << HOST_COMMAND_##command)
#define TO(field) offsetof(struct host_flags, field)
#define NODES (FOR(RUN) | FOR(CHECK) | FOR(CONFIG))
#define LOOKS (FOR(STORAGE_VERIFY) | FOR(STORAGE_DUMP) | FOR(STORAGE_STAT))
#define FLAG_LIST(X)                                                                               \
  X("--id", TEXT, TO(id), NODES | LOOKS | FOR(STORAGE_COPY),                                       \
    "--id N                    this node's number (1 or more)")                                    \
  X("--addr", TEXT, TO(addr), NODES,                                                               \
    "--addr HOST:PORT          where it serves and is known to its peers")                         \
  X("--config", TEXT, TO(config), ALL,                                                             \
    "--config FILE             an INI file: [node] [transport] [storage] [state-machine]")         \
  X("--set", SETTINGS, TO(sets), ALL,                                                              \
    "--set SECTION.KEY=VALUE   one setting; beats the file, is beaten by --id and --addr")         \
  X("--plugin", TEXT, TO(storage), LOOKS,                                                          \
    "--plugin PLUGIN           storage verify, dump, stat: the storage; --set KEY=VALUE is its "   \
    "own")                                                                                         \
  X("--state-machine", TEXT, TO(machine), FOR(STORAGE_DUMP),                                       \
    "--state-machine PLUGIN    storage dump: what puts commands into words")                       \
  X("--from", TEXT, TO(from), FOR(STORAGE_COPY),                                                   \
    "--from PLUGIN             storage copy: what the node has been started on")                   \
  X("--set-from", SETTINGS, TO(from_sets), FOR(STORAGE_COPY),                                      \
    "--set-from KEY=VALUE      one setting of that plugin")                                        \
  X("--to", TEXT, TO(to), FOR(STORAGE_COPY),                                                       \
    "--to PLUGIN               storage copy: what the node is to be started on")                   \
  X("--set-to", SETTINGS, TO(to_sets), FOR(STORAGE_COPY),                                          \
    "--set-to KEY=VALUE        one setting of that plugin")                                        \
  X("--json", SWITCH, TO(json), FOR(PLUGINS) | LOOKS,                                              \
    "--json                    plugins, storage verify, dump, stat: print JSON")                   \
  X("--help", COMMAND, HOST_COMMAND_HELP, ALL, "--help                    this text")              \
  X("--version", COMMAND, HOST_COMMAND_VERSION, ALL, "--version                 which one it is")

const char host_help[] =
    "raft-key-value: one node of a replicated key-value store\n"
    "\n"
    "  raft-key-value --id N --addr HOST:PORT [--config FILE] [--set SECTION.KEY=VALUE]...\n"
    "  raft-key-value check   --config FILE     load and validate everything, start nothing\n"
    "  raft-key-value config  --config FILE     the effective configuration and its origins\n"
    "  raft-key-value plugins [NAME] [--json]   what is installed; NAME: its options\n"
    "  raft-key-value storage copy --id N --from PLUGIN [--set-from KEY=VALUE]... --to PLUGIN\n"
    "                              [--set-to KEY=VALUE]...    moves a stopped node's storage\n"
    "  raft-key-value storage verify | dump | stat --id N --plugin PLUGIN [--set KEY=VALUE]...\n"
    "                                           reads a stopped node's storage\n"
    "\n"
#define HELP_LINE(word, what, where, commands, line) "  " line "\n"
    FLAG_LIST(HELP_LINE)
#undef HELP_LINE
        "\n"
        "Stops on SIGTERM or SIGINT within 5 s; a second signal stops at once. SIGHUP reads\n"
        "FILE again: log_level is taken, what needs a restart is named in the log.\n"
        "Exit: 0 stopped as asked, 64 usage, 69 address in use, 70 broken inside, 74 storage "
        "failed,\n"
        "78 configuration or plugin refused.\n";

enum flag_kind { TEXT, SETTINGS, SWITCH, COMMAND };

struct flag {
  const char *word;
  enum flag_kind kind;
  size_t where; /* offset in struct host_flags, or an enum host_command */
  uint32_t commands;
};

static const struct flag known_flags[] = {
#define FLAG(word, what, where, commands, line) {word, what, where, commands},
    FLAG_LIST(FLAG)
#undef FLAG
};
#define FLAG_COUNT (sizeof known_flags / sizeof known_flags[0])

static const char *const commands[] = {
#define COMMAND_WORD(name, word) word,
    HOST_COMMAND_LIST(COMMAND_WORD)
#undef COMMAND_WORD
};

enum { COMMAND_MAX = 64 }; /* bytes of a command of two words, its NUL included */

struct parser {
  int argc;
  char *const *argv;
  int at;
  bool commanded; /* a command word came already */
  struct host_flags *flags;
  struct rkv_error *error;
};

static enum rkv_status refuse_unknown(const struct parser *p, const char *what, const char *word,
                                      const char *best) {
  if (best)
    return rkv_fail(p->error, RKV_INVALID, "unknown %s %s (did you mean %s?)", what, word, best);
  return rkv_fail(p->error, RKV_INVALID, "unknown %s %s (raft-key-value --help lists all)", what,
                  word);
}

/* The flag that `arg` names, up to a '=' in it; NULL after it was refused. */
static const struct flag *find_flag(const struct parser *p, const char *arg) {
  char word[HOST_NEAREST_NAME_MAX];
  struct host_nearest nearest = {.word = word};
  size_t len = strcspn(arg, "=");
  if (len >= sizeof word) {
    (void)refuse_unknown(p, "flag", arg, NULL);
    return NULL;
  }
  memcpy(word, arg, len);
  word[len] = '\0';
  for (size_t i = 0; i < FLAG_COUNT; i++) {
    if (strcmp(word, known_flags[i].word) == 0) return &known_flags[i];
    host_nearest_try(&nearest, known_flags[i].word);
  }
  (void)refuse_unknown(p, "flag", word, host_nearest_best(&nearest));
  return NULL;
}

static const char **text_of(const struct parser *p, const struct flag *flag) {
  return (const char **)(void *)((char *)p->flags + flag->where);
}

static bool *switch_of(const struct parser *p, const struct flag *flag) {
  return (bool *)((char *)p->flags + flag->where);
}

static enum rkv_status keep(const struct parser *p, const struct flag *flag, const char *value) {
  if (*text_of(p, flag))
    return rkv_fail(p->error, RKV_INVALID, "%s is given twice (keep one)", flag->word);
  *text_of(p, flag) = value;
  return RKV_OK;
}

static struct host_sets *sets_of(const struct parser *p, const struct flag *flag) {
  return (struct host_sets *)(void *)((char *)p->flags + flag->where);
}

static enum rkv_status keep_set(const struct parser *p, const struct flag *flag,
                                const char *value) {
  struct host_sets *sets = sets_of(p, flag);
  if (sets->count == HOST_SETS_MAX)
    return rkv_fail(p->error, RKV_INVALID, "%s is given over %d times (use --config FILE)",
                    flag->word, HOST_SETS_MAX);
  sets->list[sets->count++] = value;
  return RKV_OK;
}

static enum rkv_status parse_flag(struct parser *p, const char *arg) {
  const struct flag *flag = find_flag(p, arg);
  const char *value = strchr(arg, '=');
  if (!flag) return RKV_INVALID;
  if (flag->kind == SWITCH || flag->kind == COMMAND) {
    if (value) return rkv_fail(p->error, RKV_INVALID, "%s takes no value", flag->word);
    if (flag->kind == SWITCH)
      *switch_of(p, flag) = true;
    else
      p->flags->command = (enum host_command)flag->where;
    return RKV_OK;
  }
  if (!value && p->at == p->argc)
    return rkv_fail(p->error, RKV_INVALID, "%s needs a value (raft-key-value --help shows it)",
                    flag->word);
  value = value ? value + 1 : p->argv[p->at++];
  return flag->kind == TEXT ? keep(p, flag, value) : keep_set(p, flag, value);
}

/* `storage` is one word of two: with the next argument it is a command. */
static const char *command_word(struct parser *p, const char *word, char whole[COMMAND_MAX]) {
  if (strcmp(word, "storage") != 0 || p->at == p->argc || p->argv[p->at][0] == '-') return word;
  (void)snprintf(whole, COMMAND_MAX, "%s %s", word, p->argv[p->at++]);
  return whole;
}

/* The first word is the command, a second one the plugin that `plugins` shows. */
static enum rkv_status parse_word(struct parser *p, const char *word) {
  char whole[COMMAND_MAX];
  struct host_nearest nearest = {0};
  struct host_flags *flags = p->flags;
  if (p->commanded && flags->command == HOST_COMMAND_PLUGINS && !flags->plugin) {
    flags->plugin = word;
    return RKV_OK;
  }
  if (p->commanded)
    return rkv_fail(p->error, RKV_INVALID, "%s: one word too many (raft-key-value --help)", word);
  nearest.word = word = command_word(p, word, whole);
  if (strcmp(word, "storage") == 0)
    return rkv_fail(p->error, RKV_INVALID,
                    "storage: copy, verify, dump or stat? (raft-key-value --help tells all)");
  for (size_t i = HOST_COMMAND_CHECK; i <= HOST_COMMAND_STORAGE_STAT; i++) {
    if (strcmp(word, commands[i]) == 0) {
      if (flags->command == HOST_COMMAND_RUN) flags->command = (enum host_command)i;
      p->commanded = true;
      return RKV_OK;
    }
    host_nearest_try(&nearest, commands[i]);
  }
  return refuse_unknown(p, "command", word, host_nearest_best(&nearest));
}

/* ---- whether it makes sense together ---- */

static bool is_given(const struct parser *p, const struct flag *flag) {
  switch (flag->kind) {
  case TEXT: return *text_of(p, flag) != NULL;
  case SWITCH: return *switch_of(p, flag);
  case SETTINGS: return sets_of(p, flag)->count > 0;
  case COMMAND: break;
  }
  return false;
}

const char *host_set_dot(const char *set) {
  const char *dot = NULL, *at = set;
  for (; *at && *at != '='; at++)
    if (*at == '.') dot = at;
  return *at ? dot : NULL;
}

/* --set of a command about one plugin: KEY=VALUE is that plugin's, under.KEY=VALUE of the one that
 * it is built over. */
static void part_sets(struct host_flags *flags) {
  struct host_sets all = flags->sets;
  if (!(LOOKS & (1u << flags->command))) return;
  flags->sets.count = 0;
  for (size_t i = 0; i < all.count; i++) {
    const char *set = all.list[i];
    const bool own = !host_set_dot(set) || strncmp(set, "under.", strlen("under.")) == 0;
    struct host_sets *sets = own ? &flags->storage_sets : &flags->sets;
    sets->list[sets->count++] = set;
  }
}

static enum rkv_status check_whole_sets(const struct parser *p) {
  const struct host_sets *sets = &p->flags->sets;
  for (size_t i = 0; i < sets->count; i++) {
    const char *value = sets->list[i], *dot = host_set_dot(value), *equals = strchr(value, '=');
    if (!dot || !equals || dot == value || equals < dot + 2)
      return rkv_fail(p->error, RKV_INVALID,
                      "--set %s: not SECTION.KEY=VALUE (try --set node.log_level=debug)", value);
  }
  return RKV_OK;
}

/* KEY=VALUE of the plugin that another flag names. */
static enum rkv_status check_own_sets(const struct parser *p, const struct host_sets *sets,
                                      const char *word, const char *plugin,
                                      const char *plugin_word) {
  if (sets->count > 0 && !plugin)
    return rkv_fail(p->error, RKV_INVALID,
                    "%s %s needs %s PLUGIN (a setting of the configuration's own storage: --set "
                    "storage.KEY=VALUE)",
                    word, sets->list[0], plugin_word);
  for (size_t i = 0; i < sets->count; i++) {
    const char *value = sets->list[i], *equals = strchr(value, '=');
    if (!equals || equals == value)
      return rkv_fail(p->error, RKV_INVALID, "%s %s: not KEY=VALUE (try %s dir=PATH)", word, value,
                      word);
  }
  return RKV_OK;
}

static enum rkv_status check_sets(const struct parser *p) {
  const struct host_flags *f = p->flags;
  enum rkv_status status = check_whole_sets(p);
  if (status == RKV_OK) status = check_own_sets(p, &f->from_sets, "--set-from", f->from, "--from");
  if (status == RKV_OK) status = check_own_sets(p, &f->to_sets, "--set-to", f->to, "--to");
  if (status == RKV_OK)
    status = check_own_sets(p, &f->storage_sets, "--set", f->storage, "--plugin");
  return status;
}

/* Refuses a flag that the command would ignore. */
static enum rkv_status check_use(const struct parser *p) {
  const struct host_flags *flags = p->flags;
  if (flags->command == HOST_COMMAND_HELP || flags->command == HOST_COMMAND_VERSION) return RKV_OK;
  for (size_t i = 0; i < FLAG_COUNT; i++)
    if (is_given(p, &known_flags[i]) && !(known_flags[i].commands & (1u << flags->command)))
      return rkv_fail(p->error, RKV_INVALID, "%s means nothing %s%s (leave it out)",
                      known_flags[i].word, flags->command == HOST_COMMAND_RUN ? "here" : "to ",
                      commands[flags->command]);
  if (flags->command == HOST_COMMAND_CHECK && !flags->config)
    return rkv_fail(p->error, RKV_INVALID, "check needs --config FILE");
  if (flags->command == HOST_COMMAND_STORAGE_COPY && !flags->to)
    return rkv_fail(p->error, RKV_INVALID, "storage copy needs --to PLUGIN");
  return check_sets(p);
}

enum rkv_status host_flags_parse(int argc, char *const argv[], struct host_flags *flags,
                                 struct rkv_error *error) {
  struct parser p = {.argc = argc, .argv = argv, .at = 1, .flags = flags, .error = error};
  memset(flags, 0, sizeof *flags);
  while (p.at < argc) {
    const char *arg = argv[p.at++];
    enum rkv_status status = arg[0] == '-' ? parse_flag(&p, arg) : parse_word(&p, arg);
    if (status != RKV_OK) return status;
  }
  part_sets(flags);
  return check_use(&p);
}
