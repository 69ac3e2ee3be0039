/* flags.h: the command line. */
#ifndef HOST_FLAGS_H
#define HOST_FLAGS_H

#include <rkv/status.h>

#include <stdbool.h>
#include <stddef.h>

#define HOST_SETS_MAX 128 /* of --set, --set-from, --set-to each, on one command line */

/* X(NAME, word): what to do. RUN is what is done without a word. */
#define HOST_COMMAND_LIST(X)                                                                       \
  X(RUN, "")                                                                                       \
  X(CHECK, "check")                                                                                \
  X(CONFIG, "config")                                                                              \
  X(PLUGINS, "plugins")                                                                            \
  X(STORAGE_COPY, "storage copy")                                                                  \
  X(STORAGE_VERIFY, "storage verify")                                                              \
  X(STORAGE_DUMP, "storage dump")                                                                  \
  X(STORAGE_STAT, "storage stat")                                                                  \
  X(HELP, "--help")                                                                                \
  X(VERSION, "--version")

enum host_command {
#define HOST_COMMAND_ENUM(name, word) HOST_COMMAND_##name,
  HOST_COMMAND_LIST(HOST_COMMAND_ENUM)
#undef HOST_COMMAND_ENUM
};

/* What one flag was given, each time. */
struct host_sets {
  const char *list[HOST_SETS_MAX];
  size_t count;
};

/* All texts are borrowed from argv. */
struct host_flags {
  enum host_command command;
  const char *id, *addr, *config; /* NULL: not given */
  struct host_sets sets;          /* SECTION.KEY=VALUE */
  const char *plugin;             /* `plugins NAME`; NULL: all */
  const char *storage;            /* --plugin of storage verify, dump, stat */
  const char *machine;            /* of storage dump */
  const char *from, *to;          /* of storage copy */
  /* KEY=VALUE, of those three plugins */
  struct host_sets from_sets, to_sets, storage_sets;
  bool json;
};

/* Errors: RKV_INVALID with one line: what is wrong, and what would be right. */
enum rkv_status host_flags_parse(int argc, char *const argv[], struct host_flags *flags,
                                 struct rkv_error *error);

/* Where the section of `SECTION.KEY=VALUE` ends, which may have a '.' itself: the last '.' before
 * the '='; NULL: there is none. */
const char *host_set_dot(const char *set);

/* What --help prints. */
extern const char host_help[];

#endif
