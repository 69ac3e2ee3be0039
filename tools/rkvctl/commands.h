/* commands.h: the commands of rkvctl. A command gets the parsed words, sends requests, prints, and
 * returns how it ended. */
#ifndef RKVCTL_COMMANDS_H
#define RKVCTL_COMMANDS_H

#include "args.h"

struct client;

/* How rkvctl ends: its exit code. */
enum outcome {
  OUTCOME_DONE = 0,
  OUTCOME_REFUSED = 1,   /* a node answered and said no */
  OUTCOME_USAGE = 2,     /* what was typed is wrong; nothing was sent */
  OUTCOME_NO_ANSWER = 3, /* no node answered in time, or the answer leaves open whether a write
                            happened: the text says so */
  OUTCOME_NOT_FOUND = 4, /* the key is not there */
  OUTCOME_UNWRITTEN = 5, /* done, but stdout did not take the answer */
};

struct session {
  struct client *client;
  const struct args *args;
  bool patient; /* if no node listens, ask again until the time is up */
  /* NULL: a node that declines for now ends the command with a refusal. Else it is asked again
   * until the time is up, and `waits` is called once for each reason. */
  void (*waits)(const struct session *session, const char *why);
  const char *command; /* the name of the command that waits */
};

struct command {
  const char *name, *operands, *summary;
  const char *help;              /* what --help adds to the summary */
  unsigned words_min, words_max; /* operands */
  unsigned options;              /* enum args_option that it takes */
  enum outcome (*run)(struct session *session, const char *const *words, unsigned count);
};

/* NULL: there is no such command. */
const struct command *commands_find(const char *name);

/* The name of the command that `name` probably means, or NULL. */
const char *commands_nearest(const char *name);

/* Why there is no command `name`, for names that users expect; else NULL. */
const char *commands_missing(const char *name);

/* The i-th command; NULL behind the last one. */
const struct command *commands_at(size_t i);

enum outcome cmd_get(struct session *session, const char *const *words, unsigned count);
enum outcome cmd_set(struct session *session, const char *const *words, unsigned count);
enum outcome cmd_apply(struct session *session, const char *const *words, unsigned count);
enum outcome cmd_query(struct session *session, const char *const *words, unsigned count);
enum outcome cmd_init(struct session *session, const char *const *words, unsigned count);
enum outcome cmd_add_learner(struct session *session, const char *const *words, unsigned count);
enum outcome cmd_members(struct session *session, const char *const *words, unsigned count);
enum outcome cmd_change_membership(struct session *session, const char *const *words,
                                   unsigned count);
enum outcome cmd_remove(struct session *session, const char *const *words, unsigned count);
enum outcome cmd_set_address(struct session *session, const char *const *words, unsigned count);
enum outcome cmd_swap(struct session *session, const char *const *words, unsigned count);
enum outcome cmd_status(struct session *session, const char *const *words, unsigned count);
enum outcome cmd_transfer(struct session *session, const char *const *words, unsigned count);
enum outcome cmd_snapshot(struct session *session, const char *const *words, unsigned count);
enum outcome cmd_metrics(struct session *session, const char *const *words, unsigned count);
/* What `rkvctl metrics --help` adds: the numbers with what they mean, as a node tells it. */
enum outcome cmd_metrics_help(struct session *session, const char *const *words, unsigned count);
enum outcome cmd_wal(struct session *session, const char *const *words, unsigned count);

#endif
