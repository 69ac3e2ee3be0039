/* plugin.c: storage-wal, a log storage in files: options and descriptor. */
#include "open.h"
#include "read.h"
#include "record.h"

#include <storage-parts/declare.h>

static const struct rkv_option options[] = {
    DECLARE_DIR("directory of this node's log and snapshots; made if it is not there"),
    WAL_OPTION_LIST(DECLARE_OPTION)};
enum { OPTION_COUNT = sizeof options / sizeof options[0] };

/* The log's leaves know files by their names alone. */
static enum rkv_status placed(const char *dir, enum rkv_status status, struct rkv_error *error) {
  char text[RKV_ERROR_TEXT_MAX];
  if (status == RKV_OK || !error || strstr(error->text, dir)) return status;
  memcpy(text, error->text, sizeof text);
  return rkv_fail(error, status, "%.200s: %s", dir, text);
}

static enum rkv_status wal_open(const struct rkv_host *host, const struct rkv_config *config,
                                void **storage, struct rkv_error *error) {
  struct wal_options values;
  struct store *store;
  enum rkv_status status;
  size_t n = 0;
  if (config->count != OPTION_COUNT)
    return rkv_fail(error, RKV_BROKEN, "%u option values instead of %d", config->count,
                    OPTION_COUNT);
  values.dir = config->values[n++].text;
#define WAL_OPTION_TAKE(name, type, default_, min, max, flags, help)                               \
  values.name = config->values[n++].number;
  WAL_OPTION_LIST(WAL_OPTION_TAKE)
#undef WAL_OPTION_TAKE
  values.segment_bytes -= values.segment_bytes % RECORD_ALIGN;
  status = store_open(host, &values, &store, error);
  if (status == RKV_OK) *storage = store;
  return placed(values.dir, status, error);
}

static const struct rkv_storage_ops ops = {
    .open = wal_open, .close = store_close, .read = read_entries, DECLARE_OPERATIONS};

DECLARE_PLUGIN("storage-wal",
               "log, vote and snapshots in files; what is acknowledged is on the disk", options,
               ops);
