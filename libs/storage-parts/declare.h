/* declare.h: what each durable storage declares in the same words: rows of its option table, the
 * operations that are here, the descriptor.
 *
 * A storage has its options but `dir`, all of them numbers, in one list
 * X(name, TYPE, default, min, max, flags, help). */
#ifndef STORAGE_PARTS_DECLARE_H
#define STORAGE_PARTS_DECLARE_H

#include "life.h"
#include "queue.h"
#include "reading.h"
#include "snapshots.h"

#include <rkv/plugin.h>

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* The first row of the table. */
#define DECLARE_DIR(help_)                                                                         \
  { .name = "dir", .help = (help_), .type = RKV_OPTION_PATH, .flags = RKV_OPTION_REQUIRED }

/* A member of each list: log.queue_bytes_max. */
#define DECLARE_QUEUE_BYTES_MAX(X)                                                                 \
  X(queue_bytes_max, SIZE, "256MiB", 1 * MIB, 64 * GIB, 0,                                         \
    "what may wait in memory for a slow or full device; beyond it the node stops")

/* A row for a member of the list. */
#define DECLARE_OPTION(name_, type_, default_, min_, max_, flags_, help_)                          \
  {.name = #name_,                                                                                 \
   .default_text = default_,                                                                       \
   .help = help_,                                                                                  \
   .min = min_,                                                                                    \
   .max = max_,                                                                                    \
   .type = RKV_OPTION_##type_,                                                                     \
   .flags = flags_},

/* Its field in the struct of values. */
#define DECLARE_FIELD(name, type, default_, min, max, flags, help) uint64_t name;

/* Defines `NAME(config, values, error)`, which takes out of what open is given the values of the
 * table: `dir`, then the list, into a struct of a field for each. Errors: RKV_BROKEN for another
 * number of values. */
#define DECLARE_ONE(name, type, default_, min, max, flags, help) +1
#define DECLARE_TAKE_ONE(name, type, default_, min, max, flags, help)                              \
  values->name = config->values[n++].number;
#define DECLARE_TAKE(name_, struct_, list_)                                                        \
  static enum rkv_status name_(const struct rkv_config *config, struct struct_ *values,            \
                               struct rkv_error *error) {                                          \
    const uint32_t count = 1 list_(DECLARE_ONE);                                                   \
    uint32_t n = 0;                                                                                \
    if (config->count != count)                                                                    \
      return rkv_fail(error, RKV_BROKEN, "%u option values instead of %u", config->count, count);  \
    values->dir = config->values[n++].text;                                                        \
    list_(DECLARE_TAKE_ONE) return RKV_OK;                                                         \
  }

/* All operations of a storage that begins with a struct log but open and read. */
#define DECLARE_OPERATIONS                                                                         \
  .close = life_close, .load = reading_load, .save_vote = queue_save_vote,                         \
  .save_identity = queue_save_identity, .append = queue_append, .truncate = queue_truncate,        \
  .purge = queue_purge, .snapshot_begin = snapshots_begin, .snapshot_write = snapshots_write,      \
  .snapshot_commit = snapshots_commit, .snapshot_abort = snapshots_abort,                          \
  .snapshot_open = snapshots_open, .snapshot_read = snapshots_read,                                \
  .snapshot_close = snapshots_close

/* Defines `NAME(host, config, storage, error)`, the open of a storage with these log_ops. */
#define DECLARE_OPEN(name_, log_ops_)                                                              \
  static enum rkv_status name_(const struct rkv_host *host, const struct rkv_config *config,       \
                               void **storage, struct rkv_error *error) {                          \
    return life_open(&(log_ops_), host, config, &files_posix, &threads_posix, storage, error);     \
  }

/* The plugin's one exported symbol; `capabilities_` are those beside DURABLE, `options_` is an
 * array, `ops_` a struct rkv_storage_ops. */
#define DECLARE_PLUGIN(name_, version_, description_, capabilities_, options_, ops_)               \
  RKV_PLUGIN(STORAGE, name_, version_, description_, RKV_CAP_DURABLE | (capabilities_),            \
             RKV_OPTIONS(options_), ops_)

#endif
