/* main.c: rkvctl, from the command line to the exit code (commands.h, enum outcome). */
#include "plugin_way.h"
#include "print.h"

#include <host/descriptors.h>

#include <grpc/support/log.h>

#include <stdlib.h>
#include <string.h>

HOST_DESCRIPTORS_FIRST;

/* Drops a line that the core logs. Used unless the user sets GRPC_VERBOSITY. */
static void drop_log(gpr_log_func_args *line) {
  (void)line;
}

static void print_help(FILE *to) {
  const struct command *command;
  (void)fputs("rkvctl: talk to a raft-key-value cluster\n\n"
              "  rkvctl [--endpoints A,B,C] [--timeout 5s] [--json] [--raw] COMMAND ...\n\n",
              to);
  for (size_t i = 0; (command = commands_at(i)); i++) {
    char line[64];
    (void)snprintf(line, sizeof line, "%s %s", command->name, command->operands);
    (void)fprintf(to, "  %-36s %s\n", line, command->summary);
  }
  (void)fprintf(
      to,
      "\n  --endpoints A,B,C   whom to ask (else RKVCTL_ENDPOINTS, else %s)\n"
      "  --timeout 5s        how long in all: 500ms, 5s, 1m\n"
      "  --transport PLUGIN  over which transport (else gRPC, which is built in): the nodes'\n"
      "  --transport-set K=V a setting of that plugin\n"
      "  --json              for scripts\n"
      "  --raw               bytes as they are, also to a terminal; no newline behind a value\n"
      "  --help, --version   COMMAND --help tells more\n\n"
      "exit: 0 done, 1 refused, 2 wrong usage, 3 no answer or unknown, 4 not found, "
      "5 done, but not printed\n",
      ARGS_DEFAULT_ENDPOINT);
}

static void print_command_help(const struct command *command) {
  (void)printf("rkvctl %s %s\n\n%s\n%s", command->name, command->operands, command->summary,
               command->help);
}

static enum outcome unknown_command(const struct args *args, const char *name) {
  const char *missing = commands_missing(name), *near = commands_nearest(name);
  char text[160];
  if (missing) {
    (void)snprintf(text, sizeof text, "there is no %.40s (%s)", name, missing);
  } else if (near) {
    (void)snprintf(text, sizeof text, "unknown command \"%.40s\" (did you mean %s?)", name, near);
  } else {
    (void)snprintf(text, sizeof text, "unknown command \"%.40s\" (rkvctl --help lists them)", name);
  }
  return print_usage_error(args, "", text);
}

/* Refuses options that belong to other commands. */
static enum outcome check_options(const struct command *command, const struct args *args) {
  unsigned foreign = args->options & ~command->options;
  const char *text = NULL;
#define OPTION_BELONGS(name, bit, word, of)                                                        \
  if (foreign & ARGS_##name) text = word " belongs to " of;
  ARGS_OPTION_LIST(OPTION_BELONGS)
#undef OPTION_BELONGS
  return text ? print_usage_error(args, command->name, text) : OUTCOME_DONE;
}

static enum outcome check_words(const struct command *command, const struct args *args) {
  unsigned operands = args->word_count - 1;
  char text[160];
  if (operands >= command->words_min && operands <= command->words_max)
    return check_options(command, args);
  if (command->options & ARGS_TEXT) { /* a word might be text, digits or a file's name */
    (void)snprintf(
        text, sizeof text,
        "\"%.40s\": bytes are given by an option (--text T, --hex H, --file F or --stdin)",
        args->words[1]);
    return print_usage_error(args, command->name, text);
  }
  (void)snprintf(text, sizeof text, "%s (usage: rkvctl %s%s%s)",
                 operands < command->words_min ? "something is missing" : "too many words",
                 command->name, *command->operands ? " " : "", command->operands);
  return print_usage_error(args, command->name, text);
}

static enum outcome run(const struct command *command, const struct args *args,
                        enum outcome (*act)(struct session *session, const char *const *words,
                                            unsigned count)) {
  struct session session = {.client = NULL, .args = args};
  enum outcome outcome;
  if (args->transport) {
    const struct plugin_way_wish wish = {args->transport, args->transport_sets,
                                         args->transport_set_count};
    struct rkv_error error;
    if (plugin_way_open(&session.client, &wish, &error) != RKV_OK)
      return print_usage_error(args, command->name, error.text);
  } else if (client_open(&session.client) != RKV_OK) {
    return print_out_of_memory(command->name);
  }
  outcome = act(&session, args->words + 1, args->word_count - 1);
  client_close(session.client);
  return outcome;
}

/* Takes `rkvctl help`, `rkvctl help set` and `rkvctl version` like the options of these names. */
static void take_words_for_options(struct args *args) {
  if (args->word_count == 0) return;
  if (strcmp(args->words[0], "version") == 0) args->version = true;
  if (strcmp(args->words[0], "help") != 0) return;
  args->help = true;
  args->word_count--;
  memmove(&args->words[0], &args->words[1], args->word_count * sizeof args->words[0]);
}

static enum outcome obey(struct args *args) {
  const struct command *command;
  enum outcome outcome;
  take_words_for_options(args);
  if (args->version) {
    (void)printf("rkvctl %s\n", RKV_VERSION);
    return OUTCOME_DONE;
  }
  if (args->word_count == 0) {
    if (!args->help && args->json)
      return print_usage_error(args, "", "no command (rkvctl --help lists them)");
    print_help(args->help ? stdout : stderr);
    return args->help ? OUTCOME_DONE : OUTCOME_USAGE;
  }
  command = commands_find(args->words[0]);
  if (!command) return unknown_command(args, args->words[0]);
  if (args->help) {
    print_command_help(command);
    return command->run == cmd_metrics ? run(command, args, cmd_metrics_help) : OUTCOME_DONE;
  }
  outcome = check_words(command, args);
  if (outcome != OUTCOME_DONE) return outcome;
  if (!getenv("GRPC_VERBOSITY")) gpr_set_log_function(drop_log);
  return run(command, args, command->run);
}

int main(int argc, char **argv) {
  struct rkv_error error;
  struct args args;
  enum outcome outcome;
  if (!host_descriptors_fill("rkvctl")) return OUTCOME_NO_ANSWER;
  if (args_parse(argc, argv, getenv("RKVCTL_ENDPOINTS"), &args, &error))
    outcome = print_usage_error(&args, "", error.text);
  else
    outcome = obey(&args);
  if (fflush(stdout) == 0 && !ferror(stdout)) return (int)outcome;
  (void)fprintf(stderr, "rkvctl: the answer cannot be written to stdout (exit %d %s)\n",
                outcome == OUTCOME_DONE ? OUTCOME_UNWRITTEN : outcome,
                outcome == OUTCOME_DONE ? "says that it was done" : "says how it ended");
  return outcome == OUTCOME_DONE ? OUTCOME_UNWRITTEN : (int)outcome;
}
