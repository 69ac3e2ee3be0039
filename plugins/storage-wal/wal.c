/* wal.c: opens the storage by the values of its options, and has the table of its operations. */
#include "wal.h"

#include "open.h"
#include "read.h"
#include "record.h"

#include <stdio.h>
#include <string.h>

DECLARE_TAKE(wal_take_options, wal_options, WAL_OPTION_LIST)

/* Puts the directory before the text of a leaf, which knows files by their names alone. */
static enum rkv_status wal_placed(const char *dir, enum rkv_status status,
                                  struct rkv_error *error) {
  char text[RKV_ERROR_TEXT_MAX];
  if (status == RKV_OK || !error || strstr(error->text, dir)) return status;
  memcpy(text, error->text, sizeof text);
  return rkv_fail(error, status, "%.200s: %s", dir, text);
}

enum rkv_status wal_open_on(const struct rkv_host *host, const struct rkv_config *config,
                            const struct files *files, const struct threads *threads,
                            void **storage, struct rkv_error *error) {
  struct wal_options values;
  struct store *store;
  enum rkv_status status = wal_take_options(config, &values, error);
  if (status != RKV_OK) return status;
  values.segment_bytes -= values.segment_bytes % RECORD_ALIGN;
  status = store_open(host, &values, files, threads, &store, error);
  if (status == RKV_OK) *storage = store;
  return wal_placed(values.dir, status, error);
}

static enum rkv_status wal_open(const struct rkv_host *host, const struct rkv_config *config,
                                void **storage, struct rkv_error *error) {
  return wal_open_on(host, config, &files_posix, &threads_posix, storage, error);
}

const struct rkv_storage_ops wal_ops = {
    .open = wal_open, .close = store_close, .read = read_entries, DECLARE_OPERATIONS};
