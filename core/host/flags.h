/* flags.h: the command line. */
#ifndef HOST_FLAGS_H
#define HOST_FLAGS_H

#include <rkv/status.h>

#include <stdbool.h>
#include <stddef.h>

#define HOST_SETS_MAX 128 /* --set on one command line */

/* X(NAME, word): what to do. RUN is what is done without a word. */
#define HOST_COMMAND_LIST(X)                                                                       \
  X(RUN, "")                                                                                       \
  X(CHECK, "check")                                                                                \
  X(CONFIG, "config")                                                                              \
  X(PLUGINS, "plugins")                                                                            \
  X(HELP, "--help")                                                                                \
  X(VERSION, "--version")

enum host_command {
#define HOST_COMMAND_ENUM(name, word) HOST_COMMAND_##name,
  HOST_COMMAND_LIST(HOST_COMMAND_ENUM)
#undef HOST_COMMAND_ENUM
};

/* All texts are borrowed from argv. */
struct host_flags {
  enum host_command command;
  const char *id, *addr, *config; /* NULL: not given */
  const char *sets[HOST_SETS_MAX];
  size_t set_count;
  const char *plugin; /* `plugins NAME`; NULL: all */
  bool json;
};

/* Errors: RKV_INVALID with one line: what is wrong, and what would be right. */
enum rkv_status host_flags_parse(int argc, char *const argv[], struct host_flags *flags,
                                 struct rkv_error *error);

/* What --help prints. */
extern const char host_help[];

#endif
