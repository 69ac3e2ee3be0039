/* flags.c: reads argv. */
#include "flags.h"

#include "nearest.h"

#include <stdint.h>
#include <string.h>

const char host_help[] =
    "raft-key-value: one node of a replicated key-value store\n"
    "\n"
    "  raft-key-value --id N --addr HOST:PORT [--config FILE] [--set SECTION.KEY=VALUE]...\n"
    "  raft-key-value check   --config FILE     load and validate everything, start nothing\n"
    "  raft-key-value config  --config FILE     the effective configuration and its origins\n"
    "  raft-key-value plugins [NAME] [--json]   what is installed; NAME: its options\n"
    "\n"
    "  --id N                    this node's number (1 or more)\n"
    "  --addr HOST:PORT          where it serves and is known to its peers\n"
    "  --config FILE             an INI file: [node] [transport] [storage] [state-machine]\n"
    "  --set SECTION.KEY=VALUE   one setting; beats the file, is beaten by --id and --addr\n"
    "  --json                    plugins: print JSON\n"
    "  --help, --version\n"
    "\n"
    "Stops on SIGTERM or SIGINT within 5 s; a second signal stops at once. SIGHUP reads\n"
    "FILE again: log_level is taken, what needs a restart is named in the log.\n"
    "Exit: 0 stopped as asked, 64 usage, 69 address in use, 70 broken inside, 74 storage failed,\n"
    "78 configuration or plugin refused.\n";

/* X(word, takes a value, meant for commands). */
#define ALL (UINT32_MAX)
#define FOR(command) (1u << HOST_COMMAND_##command)
#define FLAG_LIST(X)                                                                               \
  X("--id", true, FOR(RUN) | FOR(CHECK) | FOR(CONFIG))                                             \
  X("--addr", true, FOR(RUN) | FOR(CHECK) | FOR(CONFIG))                                           \
  X("--config", true, ALL)                                                                         \
  X("--set", true, ALL)                                                                            \
  X("--json", false, FOR(PLUGINS))                                                                 \
  X("--help", false, ALL)                                                                          \
  X("--version", false, ALL)

struct flag {
  const char *word;
  bool valued;
  uint32_t commands;
};

static const struct flag known_flags[] = {
#define FLAG(word, valued, commands) {word, valued, commands},
    FLAG_LIST(FLAG)
#undef FLAG
};
#define FLAG_COUNT (sizeof known_flags / sizeof known_flags[0])

static const char *const commands[] = {
#define COMMAND(name, word) word,
    HOST_COMMAND_LIST(COMMAND)
#undef COMMAND
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

struct parser {
  int argc;
  char *const *argv;
  int at;
  bool commanded; /* the command word was seen */
  struct host_flags *flags;
  struct rkv_error *error;
};

static enum rkv_status unknown(const struct parser *p, const char *what, const char *word,
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
    (void)unknown(p, "flag", arg, NULL);
    return NULL;
  }
  memcpy(word, arg, len);
  word[len] = '\0';
  for (size_t i = 0; i < FLAG_COUNT; i++) {
    if (strcmp(word, known_flags[i].word) == 0) return &known_flags[i];
    host_nearest_try(&nearest, known_flags[i].word);
  }
  (void)unknown(p, "flag", word, host_nearest_best(&nearest));
  return NULL;
}

static enum rkv_status keep(const struct parser *p, const char **slot, const struct flag *flag,
                            const char *value) {
  if (*slot) return rkv_fail(p->error, RKV_INVALID, "%s is given twice (keep one)", flag->word);
  *slot = value;
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

static enum rkv_status take_value(struct parser *p, const struct flag *flag, const char *value) {
  struct host_flags *flags = p->flags;
  if (strcmp(flag->word, "--id") == 0) return keep(p, &flags->id, flag, value);
  if (strcmp(flag->word, "--addr") == 0) return keep(p, &flags->addr, flag, value);
  if (strcmp(flag->word, "--config") == 0) return keep(p, &flags->config, flag, value);
  return keep_set(p, value);
}

static enum rkv_status parse_flag(struct parser *p, const char *arg) {
  const struct flag *flag = find_flag(p, arg);
  const char *equals = strchr(arg, '=');
  if (!flag) return RKV_INVALID;
  if (!flag->valued) {
    if (equals) return rkv_fail(p->error, RKV_INVALID, "%s takes no value", flag->word);
    if (strcmp(flag->word, "--json") == 0) p->flags->json = true;
    if (strcmp(flag->word, "--help") == 0) p->flags->command = HOST_COMMAND_HELP;
    if (strcmp(flag->word, "--version") == 0) p->flags->command = HOST_COMMAND_VERSION;
    return RKV_OK;
  }
  if (equals) return take_value(p, flag, equals + 1);
  if (p->at == p->argc)
    return rkv_fail(p->error, RKV_INVALID, "%s needs a value (raft-key-value --help shows it)",
                    flag->word);
  return take_value(p, flag, p->argv[p->at++]);
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
  return unknown(p, "command", word, host_nearest_best(&nearest));
}

/* Flags that this command has no use for would be ignored: better refused. */
static enum rkv_status check_use(const struct parser *p) {
  const struct host_flags *flags = p->flags;
  const char *given[FLAG_COUNT] = {flags->id, flags->addr, NULL, NULL, flags->json ? "" : NULL};
  if (flags->command == HOST_COMMAND_HELP || flags->command == HOST_COMMAND_VERSION) return RKV_OK;
  for (size_t i = 0; i < FLAG_COUNT; i++)
    if (given[i] && !(known_flags[i].commands & (1u << flags->command)))
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
