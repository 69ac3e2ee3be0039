/* main.c: rkvctl, from the command line to the exit code (commands.h, enum outcome). */
#include "print.h"

#include <grpc/support/log.h>

#include <stdlib.h>
#include <string.h>

/* The core writes its own lines to stderr; who wants them sets GRPC_VERBOSITY. */
static void drop_log(gpr_log_func_args *line) {
  (void)line;
}

static void print_help(FILE *to) {
  const struct command *command;
  size_t i;
  (void)fputs("rkvctl: talk to a raft-key-value cluster\n\n"
              "  rkvctl [--endpoints A,B,C] [--timeout 5s] [--json] COMMAND ...\n\n",
              to);
  for (i = 0; (command = commands_at(i)); i++) {
    char line[64];
    (void)snprintf(line, sizeof line, "%s %s", command->name, command->operands);
    (void)fprintf(to, "  %-36s %s\n", line, command->summary);
  }
  (void)fprintf(to,
                "\n  --endpoints A,B,C   whom to ask (else RKVCTL_ENDPOINTS, else %s)\n"
                "  --timeout 5s        how long in all: 500ms, 5s, 1m\n"
                "  --json              for scripts\n"
                "  --help, --version   COMMAND --help tells more\n\n"
                "exit: 0 done, 1 refused, 2 wrong usage, 3 no answer or unknown\n",
                ARGS_DEFAULT_ENDPOINT);
}

static void print_command_help(const struct command *command) {
  (void)printf("rkvctl %s %s\n\n%s\n%s", command->name, command->operands, command->summary,
               command->help);
}

static enum outcome unknown_command(const char *name) {
  const char *near = commands_nearest(name);
  char text[160];
  if (near) {
    (void)snprintf(text, sizeof text, "unknown command \"%.40s\" (did you mean %s?)", name, near);
  } else {
    (void)snprintf(text, sizeof text, "unknown command \"%.40s\" (rkvctl --help lists them)", name);
  }
  return print_usage_error("", text);
}

static enum outcome check_words(const struct command *command, const struct args *args) {
  unsigned operands = args->word_count - 1;
  char text[160];
  if (args->retain && !command->takes_retain)
    return print_usage_error(command->name, "--retain belongs to change-membership");
  if (args->read && !command->takes_read)
    return print_usage_error(command->name, "--read belongs to get");
  if (operands >= command->words_min && operands <= command->words_max) return OUTCOME_DONE;
  (void)snprintf(text, sizeof text, "%s (usage: rkvctl %s %s)",
                 operands < command->words_min ? "something is missing" : "too many words",
                 command->name, command->operands);
  return print_usage_error(command->name, text);
}

static enum outcome run(const struct command *command, const struct args *args) {
  struct session session = {.client = NULL, .args = args};
  enum outcome outcome;
  if (client_open(&session.client)) return print_out_of_memory(command->name);
  outcome = command->run(&session, args->words + 1, args->word_count - 1);
  client_close(session.client);
  return outcome;
}

int main(int argc, char **argv) {
  const struct command *command;
  struct rkv_error error;
  struct args args;
  enum outcome outcome;
  if (args_parse(argc, argv, getenv("RKVCTL_ENDPOINTS"), &args, &error))
    return (int)print_usage_error("", error.text);
  if (args.version) {
    (void)printf("rkvctl %s\n", RKV_VERSION);
    return OUTCOME_DONE;
  }
  if (args.word_count == 0) {
    print_help(args.help ? stdout : stderr);
    return args.help ? OUTCOME_DONE : OUTCOME_USAGE;
  }
  command = commands_find(args.words[0]);
  if (!command) return (int)unknown_command(args.words[0]);
  if (args.help) {
    print_command_help(command);
    return OUTCOME_DONE;
  }
  outcome = check_words(command, &args);
  if (outcome != OUTCOME_DONE) return (int)outcome;
  if (!getenv("GRPC_VERBOSITY")) gpr_set_log_function(drop_log);
  outcome = run(command, &args);
  if (fflush(stdout) != 0 || ferror(stdout)) {
    (void)fprintf(stderr, "rkvctl: %s: the answer cannot be written to stdout\n", command->name);
    return OUTCOME_NO_ANSWER;
  }
  return (int)outcome;
}
