/* flags.c: reads argv. */
#include "flags.h"

#include "nearest.h"

#include <stdint.h>
#include <string.h>

/* X(word, kind, where its value goes, the commands that it is for, its line of --help). A TEXT or a
 * SWITCH goes to a field of struct host_flags, a COMMAND becomes the command, SETTINGS are
 * collected in a list. */
#define ALL (UINT32_MAX)
#define FOR(command) (1u << HOST_COMMAND_##command)
#define TO(field) offsetof(struct host_flags, field)
#define NODES (FOR(RUN) | FOR(CHECK) | FOR(CONFIG))
#define FLAG_LIST(X)                                                                               \
  X("--id", TEXT, TO(id), NODES, "--id N                    this node's number (1 or more)")       \
  X("--addr", TEXT, TO(addr), NODES,                                                               \
    "--addr HOST:PORT          where it serves and is known to its peers")                         \
  X("--config", TEXT, TO(config), ALL,                                                             \
    "--config FILE             an INI file: [node] [transport] [storage] [state-machine]")         \
  X("--set", SETTINGS, TO(sets), ALL,                                                              \
    "--set SECTION.KEY=VALUE   one setting; beats the file, is beaten by --id and --addr")         \
  X("--json", SWITCH, TO(json), FOR(PLUGINS), "--json                    plugins: print JSON")     \
  X("--help", COMMAND, HOST_COMMAND_HELP, ALL, "--help                    this text")              \
  X("--version", COMMAND, HOST_COMMAND_VERSION, ALL, "--version                 which one it is")

const char host_help[] =
    "raft-key-value: one node of a replicated key-value store\n"
    "\n"
    "  raft-key-value --id N --addr HOST:PORT [--config FILE] [--set SECTION.KEY=VALUE]...\n"
    "  raft-key-value check   --config FILE     load and validate everything, start nothing\n"
    "  raft-key-value config  --config FILE     the effective configuration and its origins\n"
    "  raft-key-value plugins [NAME] [--json]   what is installed; NAME: its options\n"
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

static enum rkv_status keep_set(const struct parser *p, const char *value) {
  const char *dot = strchr(value, '.'), *equals = strchr(value, '=');
  if (!dot || !equals || dot == value || equals < dot + 2)
    return rkv_fail(p->error, RKV_INVALID,
                    "--set %s: not SECTION.KEY=VALUE (try --set node.log_level=debug)", value);
  if (p->flags->set_count == HOST_SETS_MAX)
    return rkv_fail(p->error, RKV_INVALID, "--set is given over %d times (use --config FILE)",
                    HOST_SETS_MAX);
  p->flags->sets[p->flags->set_count++] = value;
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
  return flag->kind == TEXT ? keep(p, flag, value) : keep_set(p, value);
}

/* The first word is the command, a second one the plugin that `plugins` shows. */
static enum rkv_status parse_word(struct parser *p, const char *word) {
  struct host_nearest nearest = {.word = word};
  struct host_flags *flags = p->flags;
  if (p->commanded && flags->command == HOST_COMMAND_PLUGINS && !flags->plugin) {
    flags->plugin = word;
    return RKV_OK;
  }
  if (p->commanded)
    return rkv_fail(p->error, RKV_INVALID, "%s: one word too many (raft-key-value --help)", word);
  for (size_t i = HOST_COMMAND_CHECK; i <= HOST_COMMAND_PLUGINS; i++) {
    if (strcmp(word, commands[i]) == 0) {
      if (flags->command == HOST_COMMAND_RUN) flags->command = (enum host_command)i;
      p->commanded = true;
      return RKV_OK;
    }
    host_nearest_try(&nearest, commands[i]);
  }
  return refuse_unknown(p, "command", word, host_nearest_best(&nearest));
}

static bool is_given(const struct parser *p, const struct flag *flag) {
  return flag->kind == TEXT ? *text_of(p, flag) != NULL
                            : flag->kind == SWITCH && *switch_of(p, flag);
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
  return RKV_OK;
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
  return check_use(&p);
}
