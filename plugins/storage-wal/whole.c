/* whole.c: what is missing of a directory's files, by their names. */
#include "whole.h"

#include <storage-parts/owned.h>

#include <inttypes.h>

/* There is no log and no rkv-owner. */
static enum rkv_status check_new(const struct folder *folder, struct rkv_error *error) {
  struct folder_found found;
  enum rkv_status status = dir_look(folder, &found, error);
  if (status != RKV_OK) return status;
  if (found.ours[0])
    return rkv_fail(error, RKV_CORRUPT, "%s is missing, and every log-*.wal, beside %s", OWNED_FILE,
                    found.ours);
  if (found.others[0])
    return rkv_fail(error, RKV_FOREIGN,
                    "%s: no file of storage-wal, and none of it is there (give it a directory of "
                    "its own)",
                    found.others);
  return RKV_OK;
}

enum rkv_status whole_log(const struct folder *folder, const struct owner *owner,
                          const uint64_t *sequences, size_t count, struct rkv_error *error) {
  for (size_t i = 1; i < count; i++)
    if (sequences[i] != sequences[i - 1] + 1)
      return rkv_fail(error, RKV_CORRUPT, "expected %s, found %s",
                      dir_name(DIR_LOG, sequences[i - 1] + 1).text,
                      dir_name(DIR_LOG, sequences[i]).text);
  if (owner->fd < 0) return count > 0 ? RKV_OK : check_new(folder, error);
  if (owner->segment == 0 || (count > 0 && sequences[count - 1] >= owner->segment)) return RKV_OK;
  return rkv_fail(error, RKV_CORRUPT, "%s is missing: the log was told to be durable up to it",
                  dir_name(DIR_LOG, owner->segment).text);
}

enum rkv_status whole_snapshot(const struct owner *owner, uint64_t newest,
                               struct rkv_error *error) {
  if (newest >= owner->snapshot) return RKV_OK;
  return rkv_fail(error, RKV_CORRUPT, "%s is missing: it was told to be durable",
                  dir_name(DIR_SNAPSHOT, owner->snapshot).text);
}
