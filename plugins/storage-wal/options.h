/* options.h: the options of the plugin's INI section, once: the table that the host checks and the
 * struct that the rooms read. */
#ifndef WAL_OPTIONS_H
#define WAL_OPTIONS_H

#include <storage-parts/declare.h>

/* X(name, TYPE, default, min, max, flags, help), those that are numbers. Appended, never reordered:
 * rkv_config has this order, `dir` first. */
#define WAL_OPTION_LIST(X)                                                                         \
  X(segment_bytes, SIZE, "64MiB", 64 * KIB, 1 * GIB, 0,                                            \
    "size of a log file; small ones are for tests")                                                \
  X(spares_max, UINT, "2", 1, STORE_SPARES_MAX, 0,                                                 \
    "log files kept ready, made ahead or recycled; one is made before it is needed")               \
  DECLARE_QUEUE_BYTES_MAX(X)                                                                       \
  X(sync, BOOL, "true", 0, 0, 0,                                                                   \
    "WARNING: false never waits for the device, and power loss may lose what was acknowledged")

enum { STORE_SPARES_MAX = 16 };

struct wal_options {
  const char *dir;
  WAL_OPTION_LIST(DECLARE_FIELD)
};

#endif
