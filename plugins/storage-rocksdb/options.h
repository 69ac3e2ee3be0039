/* options.h: the options of the plugin's INI section, once: the table that the host checks and the
 * struct that the rooms read. */
#ifndef ROCKS_OPTIONS_H
#define ROCKS_OPTIONS_H

#include <storage-parts/declare.h>

/* X(name, TYPE, default, min, max, flags, help), those that are numbers. Appended, never reordered:
 * rkv_config has this order, `dir` first. */
#define ROCKS_OPTION_LIST(X)                                                                       \
  X(write_buffer_bytes, SIZE, "64MiB", 64 * KIB, 1 * GIB, 0,                                       \
    "what RocksDB gathers in memory before it makes a file of it; two such buffers may be held")   \
  X(cache_bytes, SIZE, "32MiB", 64 * KIB, 64 * GIB, 0, "RocksDB's cache of blocks read")           \
  DECLARE_QUEUE_BYTES_MAX(X)                                                                       \
  X(sync, BOOL, "true", 0, 0, 0,                                                                   \
    "WARNING: false never waits for the device, and power loss may lose what was acknowledged, "   \
    "or leave a log that is refused")

struct rocks_options {
  const char *dir;
  ROCKS_OPTION_LIST(DECLARE_FIELD)
};

#endif
