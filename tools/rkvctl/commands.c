/* commands.c: the list of commands, and finding one by name. */
#include "commands.h"

#include <rkv/membership.h>

#include <host/nearest.h>

#include <string.h>

#define ARGS_BYTES (ARGS_TEXT | ARGS_HEX | ARGS_FILE | ARGS_STDIN | ARGS_OUT | ARGS_AS_HEX)

static const struct command commands[] = {
    {"get", "KEY [--read LEVEL]", "print the value of KEY",
     "Reads from the first endpoint that answers. LEVEL says what the read must have seen:\n"
     "  local         what that node has applied; a follower may lag (the default)\n"
     "  lease         as linearizable, trusting clocks; refused unless the nodes are configured "
     "so\n"
     "  linearizable  every write that was acknowledged before the read began\n"
     "A key that is not there: exit 4.\n",
     1, 1, ARGS_READ, cmd_get},
    {"set", "KEY VALUE|--stdin", "write VALUE, or what stdin holds, under KEY",
     "Finds the leader by itself. Never sent again once it may have been carried out: if the\n"
     "answer is lost, exit 3 says so, and reading KEY back tells what happened.\n"
     "--stdin takes every byte up to the end as it is; a command line holds 128 KiB at most.\n",
     1, 2, ARGS_STDIN, cmd_set},
    {"apply", "--text T|--hex H|--file F|--stdin",
     "give a command of any bytes to the state machine",
     "For a state machine of your own: the bytes are the command, as its validate and apply get "
     "it,\n"
     "and what apply answers is printed. Finds the leader, and is never sent twice, like set.\n"
     "  --text T   the bytes of T     --hex H    hex digits, blanks between them if you like\n"
     "  --file F   all of the file F  --stdin    all of stdin\n"
     "The answer: text as it is, other bytes as \\xNN; --raw all bytes as they are, --as-hex hex\n"
     "digits, --out FILE into a file, with nothing else in it.\n",
     0, 0, ARGS_BYTES, cmd_apply},
    {"query", "--text T|... [--read LEVEL]", "ask the state machine anything",
     "Bytes and answer as for apply, LEVEL as for get. Changes nothing.\n", 0, 0,
     ARGS_BYTES | ARGS_READ, cmd_query},
    {"init", "ID=HOST:PORT...", "make a new cluster of these nodes, all of them voters",
     "Ask one of the named nodes (--endpoints), which is waited for; all must be empty, and "
     "answer\n"
     "before the time is up (--unreachable: they need not).\n",
     1, RKV_NODES_MAX, ARGS_UNREACHABLE, cmd_init},
    {"add-learner", "ID=HOST:PORT", "let a node follow the log without a vote",
     "Answers when the node has nearly caught up; give a longer --timeout if the log is "
     "long.\n"
     "A node that does not answer is waited for, and said to be, until the time is up; then it is\n"
     "refused, unless --unreachable.\n",
     1, 1, ARGS_UNREACHABLE, cmd_add_learner},
    {"members", "", "list voters and learners", "", 0, 0, 0, cmd_members},
    {"change-membership", "ID... [--retain]", "make these nodes, and no others, the voters",
     "Every ID must be a member already (add-learner). --retain keeps voters that leave as\n"
     "learners. Refused if one does not answer in time, unless --unreachable.\n",
     1, RKV_NODES_MAX, ARGS_RETAIN | ARGS_UNREACHABLE, cmd_change_membership},
    {"remove", "ID", "let a voter or learner leave the cluster",
     "A leader hands over first. Refused: the last voter, during a change, and where no majority "
     "of\n"
     "the others answers. A leader that is not of this project lacks it.\n",
     1, 1, 0, cmd_remove},
    {"set-address", "ID=HOST:PORT", "tell the cluster that a member is at another address",
     "Refused while another node answers there. A leader that is not of this project lacks it.\n",
     1, 1, 0, cmd_set_address},
    {"transfer", "ID", "make voter ID the leader",
     "The leader refuses writes until ID has its whole log and leads, or time is up. Refused "
     "for\n"
     "nodes that are no voters. Without an answer it may have happened all the same: see "
     "status.\n",
     1, 1, 0, cmd_transfer},
    {"swap-storage", "ID [--plugin P ...]", "move a running node to another storage",
     "  rkvctl swap-storage ID --plugin P --set KEY=VALUE ... [--check] [--yes]\n"
     "  rkvctl swap-storage ID              how far it is, and on to its end\n"
     "  rkvctl swap-storage ID --cancel     the node stays on its storage\n\n"
     "Node ID serves, votes and leads meanwhile. P is the name of a storage in its plugin_dir, "
     "the\n"
     "settings are those of section [storage]; a secret goes as file:PATH or ${ENV}, which the "
     "node\n"
     "reads. It must have swap_storage = true in [node]. First the node is asked whether it would\n"
     "begin, then it begins, and is followed to the end, which says which lines of its INI file "
     "to\n"
     "change: the node refuses to start with the old ones.\n"
     "  --check   ask only whether it would begin\n"
     "  --yes     also from a durable storage to one that forgets, such as storage-mem\n"
     "--timeout is for each question, not for the copy. Ctrl-C leaves the swap as it is. Exit 1 "
     "if\n"
     "it was refused or given up, 3 if the node went away before its end.\n",
     1, 1, ARGS_PLUGIN | ARGS_SET | ARGS_CHECK | ARGS_YES | ARGS_CANCEL, cmd_swap},
    {"snapshot", "", "let the first endpoint that answers build a snapshot",
     "Of what it has applied; answers when the snapshot is stored.\n", 0, 0, 0, cmd_snapshot},
    {"status", "[--wait]", "one line for each node: role, term, leader, log",
     "Asks the endpoints and every member they name. Exit 3 if no majority of the voters "
     "answers\n"
     "and can vote, which --json says in each row as \"majority\".\n"
     "--wait (or --wait=voters) waits until every voter answers, votes and holds the leader's "
     "log,\n"
     "and says meanwhile whom it waits for; exit 3 if that has not come when the time is up.\n",
     0, 0, ARGS_WAIT, cmd_status},
    {"metrics", "", "all numbers of the first endpoint that answers",
     "What each of them means is told by the node itself, with its plugins' own:\n", 0, 0, 0,
     cmd_metrics},
    {"wal", "verify|dump|stat DIR", "look at the files of a storage-wal, without a node",
     "On the directory of a stopped node, or a copy; nothing is changed, nobody is asked.\n"
     "  verify  reads all of it; exit 1 and the place if something is not as it was written\n"
     "  dump    one line for each record of the log: file, offset, type, term, index\n"
     "  stat    numbers: vote, first and last entry, records of each type, bytes\n",
     2, 2, 0, cmd_wal},
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

const struct command *commands_at(size_t i) {
  return i < COMMAND_COUNT ? &commands[i] : NULL;
}

const struct command *commands_find(const char *name) {
  for (size_t i = 0; i < COMMAND_COUNT; i++)
    if (strcmp(commands[i].name, name) == 0) return &commands[i];
  return NULL;
}

/* Commands of other programs, which are too far from any name here to be typing errors. */
static const struct {
  const char *word, *means;
} others[] = {
    {"put", "set"},       {"write", "set"},     {"read", "get"},        {"propose", "apply"},
    {"ask", "query"},     {"fetch", "get"},     {"add", "add-learner"}, {"list", NULL},
    {"del", NULL},        {"delete", NULL},     {"rm", NULL},           {"leader", "status"},
    {"health", "status"}, {"nodes", "members"}, {"initialise", "init"}, {"initialize", "init"}};

const char *commands_missing(const char *name) {
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
    if (strcmp(others[i].word, name) == 0 && !others[i].means)
      return strcmp(name, "list") == 0 ? "keys cannot be listed, only read one by one: get KEY"
                                       : "keys cannot be deleted: set KEY to another value";
  return NULL;
}

const char *commands_nearest(const char *name) {
  struct host_nearest nearest = {.word = name};
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
    if (strcmp(others[i].word, name) == 0) return others[i].means;
  for (size_t i = 0; i < COMMAND_COUNT; i++) host_nearest_try(&nearest, commands[i].name);
  return host_nearest_best(&nearest);
}
