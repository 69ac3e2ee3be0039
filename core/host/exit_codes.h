/* exit_codes.h: the exit codes of the process (sysexits.h), and which status becomes which. */
#ifndef HOST_EXIT_CODES_H
#define HOST_EXIT_CODES_H

#include <rkv/status.h>

/* X(NAME, number, when). */
#define HOST_EXIT_LIST(X)                                                                          \
  X(OK, 0, "stopped as asked")                                                                     \
  X(USAGE, 64, "flags that make no sense")                                                         \
  X(UNAVAILABLE, 69, "address in use or a resource out of reach")                                  \
  X(BROKEN, 70, "a contract broken inside")                                                        \
  X(STORAGE, 74, "storage failed")                                                                 \
  X(CONFIG, 78, "configuration or plugin refused")

enum host_exit {
#define HOST_EXIT_ENUM(name, number, when) HOST_EXIT_##name = number,
  HOST_EXIT_LIST(HOST_EXIT_ENUM)
#undef HOST_EXIT_ENUM
};

/* The exit code for a failure of opening or running a node. */
static inline int host_exit_code(enum rkv_status status) {
  switch (status) {
  case RKV_OK: return HOST_EXIT_OK;
  case RKV_IO:
  case RKV_NO_SPACE:
  case RKV_CORRUPT: return HOST_EXIT_STORAGE;
  case RKV_ADDRESS:
  case RKV_UNAVAILABLE:
  case RKV_NO_MEMORY:
  case RKV_FULL: return HOST_EXIT_UNAVAILABLE;
  case RKV_INVALID:
  case RKV_FOREIGN:
  case RKV_NOT_FOUND:
  case RKV_PRECONDITION: return HOST_EXIT_CONFIG;
  default: return HOST_EXIT_BROKEN;
  }
}

/* What to do about a failure, where the plugin's text cannot say it because the plugin knows
 * nothing of the cluster. "" for all other statuses. */
static inline const char *host_remedy(enum rkv_status status) {
  return status == RKV_CORRUPT
             ? " (damaged: put what this node stored aside and start it with an empty place, and "
               "the leader takes it in anew; where a majority of the voters is like this, restore "
               "their storages from copies)"
             : "";
}

#endif
