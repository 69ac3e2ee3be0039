/* options.h: the options of the plugin's INI section, once: the table that the host checks and the
 * struct that the rooms read. */
#ifndef LMDB_OPTIONS_H
#define LMDB_OPTIONS_H

#include <storage-parts/declare.h>

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* X(name, TYPE, default, min, max, flags, help), those that are numbers. Appended, never reordered:
 * rkv_config has this order, `dir` first. */
#define LMDB_OPTION_LIST(X)                                                                        \
  X(queue_bytes_max, SIZE, "256MiB", 1 * MIB, 64 * GIB, 0,                                         \
    "what may wait in memory for a slow or full device; beyond it the node stops")

struct lmdb_options {
  const char *dir;
  LMDB_OPTION_LIST(DECLARE_FIELD)
};

#endif
