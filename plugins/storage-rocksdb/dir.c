/* dir.c: looks at names, and at the kinds of files. */
#include "dir.h"

#include <storage-parts/owned.h>
#include <storage-parts/refuse.h>

#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

const char *const dir_names[] = {"CURRENT",    "IDENTITY",   "LOCK",           "LOG",
                                 "LOG.old.*",  "MANIFEST-*", "OPTIONS-*",      "[0-9]*.log",
                                 "[0-9]*.sst", "*.dbtmp",    DIR_SNAPSHOT_NEW, NULL};

static bool is_like(const char *name, const char *const *patterns) {
  for (; *patterns; patterns++)
    if (fnmatch(*patterns, name, 0) == 0) return true;
  return false;
}

const char *dir_maker(const char *name) {
  static const char *const wals[] = {"log-*.wal", "spare-*.wal", "snapshot-*", "temporary-*", NULL};
  return is_like(name, wals) ? "storage-wal" : NULL;
}

/* ---- kinds of files ---- */

/* Whoever opened a pipe or a device would wait for another program, or read what has no end; what a
 * link leads to is not what is settled and claimed here. */
static bool is_file(const struct folder *folder, const char *name) {
  struct stat info;
  if (folder->files->look(folder->files->ctx, folder->fd, name, &info) != 0)
    return true; /* gone, or told later */
  return S_ISREG(info.st_mode);
}

static bool is_read(const char *name) {
  return is_like(name, dir_names) || strcmp(name, OWNED_FILE) == 0 ||
         strcmp(name, OWNED_FILE_NEW) == 0;
}

static enum rkv_status check_kind(void *arg, const char *name, struct rkv_error *error) {
  const struct folder *folder = arg;
  char path[PATH_MAX];
  if (!is_read(name) || is_file(folder, name)) return RKV_OK;
  (void)snprintf(path, sizeof path, "%.3000s/%s", folder->path, name);
  return refuse_kind(path, error);
}

enum rkv_status dir_check_kinds(const struct folder *folder, struct rkv_error *error) {
  return folder_each_name(folder, check_kind, (void *)(uintptr_t)folder, error);
}

/* Directories and links below are nobody's of ours. */
static enum rkv_status settle_file(void *arg, const char *name, struct rkv_error *error) {
  const struct folder *folder = arg;
  enum rkv_status status;
  int fd;
  if (!is_file(folder, name)) return RKV_OK;
  status = folder_open_file(folder, name, O_RDONLY, &fd, error);
  if (status == RKV_OK) status = folder_sync_file(folder, fd, name, error);
  folder_close_file(folder, fd);
  return status;
}

enum rkv_status dir_settle(const struct folder *folder, struct rkv_error *error) {
  if (!folder->sync) return RKV_OK;
  return folder_each_name(folder, settle_file, (void *)(uintptr_t)folder, error);
}

/* ---- one that is made ---- */

/* A file's first bytes as a text. Errors: RKV_CORRUPT if there are none. */
static enum rkv_status read_some(const struct folder *folder, const char *name, char *text,
                                 size_t max, struct rkv_error *error) {
  size_t got = 0;
  int fd;
  enum rkv_status status;
  if (folder_lacks(folder, name))
    return rkv_fail(error, RKV_CORRUPT, "%s/%s is missing", folder->path, name);
  status = folder_open_file(folder, name, O_RDONLY, &fd, error);
  if (status == RKV_OK) status = folder_read(folder, fd, name, text, max - 1, 0, &got, error);
  folder_close_file(folder, fd);
  text[got] = '\0';
  if (status != RKV_OK || got > 0) return status;
  return rkv_fail(error, RKV_CORRUPT, "%s/%s is empty", folder->path, name);
}

enum rkv_status dir_check_made(const struct folder *folder, struct rkv_error *error) {
  char manifest[NAME_MAX + 1], byte[2];
  enum rkv_status status = read_some(folder, "CURRENT", manifest, sizeof manifest, error);
  if (status != RKV_OK) return status;
  manifest[strcspn(manifest, "\n")] = '\0';
  if (strncmp(manifest, "MANIFEST-", 9) != 0 || strchr(manifest, '/'))
    return rkv_fail(error, RKV_CORRUPT, "%s/CURRENT: does not name a manifest", folder->path);
  return read_some(folder, manifest, byte, sizeof byte, error);
}
