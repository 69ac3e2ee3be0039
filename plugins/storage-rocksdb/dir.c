/* dir.c: looks at names. */
#include "dir.h"

#include <storage-parts/folder.h>
#include <storage-parts/owned.h>
#include <storage-parts/refuse.h>

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- a new one ---- */

/* Names in a database of ours, as patterns, and in a directory of storage-wal. */
static const char *const ours[] = {"CURRENT",    "IDENTITY",   "LOCK",         "LOG",
                                   "LOG.old.*",  "MANIFEST-*", "OPTIONS-*",    "[0-9]*.log",
                                   "[0-9]*.sst", "*.dbtmp",    "snapshot.new", OWNED_FILE_NEW};
static const char *const wals[] = {"log-*.wal", "spare-*.wal", "snapshot-*", "temporary-*"};

static bool is_like(const char *name, const char *const *patterns, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (fnmatch(patterns[i], name, 0) == 0) return true;
  return false;
}
#define IS_LIKE(name, patterns) is_like(name, patterns, sizeof(patterns) / sizeof(patterns)[0])

static enum folder_maker maker_of(const char *name) {
  return IS_LIKE(name, ours) ? FOLDER_OURS : FOLDER_OTHERS;
}

enum rkv_status dir_check_new(const char *dir, int fd, struct rkv_error *error) {
  struct folder_found found;
  enum rkv_status status = folder_look(&files_posix, dir, fd, maker_of, &found, error);
  if (status != RKV_OK) return status;
  if (found.ours[0])
    return rkv_fail(error, RKV_CORRUPT,
                    "%s/%s is missing beside %s; if that is another program's, give the node a "
                    "directory of its own instead",
                    dir, OWNED_FILE, found.ours);
  if (!found.others[0]) return RKV_OK;
  return rkv_fail(error, RKV_FOREIGN,
                  "%s: holds %s, which %s made (give each storage a directory of its own)", dir,
                  found.others, IS_LIKE(found.others, wals) ? "storage-wal" : "somebody else");
}

/* ---- kinds of files ---- */

/* Whoever opened a pipe or a device would wait for another program, or read what has no end; what a
 * link leads to is not what is settled and claimed here. */
static bool is_file(int dir_fd, const char *name) {
  struct stat info;
  if (fstatat(dir_fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0) return true; /* gone, or told later */
  return S_ISREG(info.st_mode);
}

static bool is_read(const char *name) {
  return IS_LIKE(name, ours) || strcmp(name, OWNED_FILE) == 0;
}

struct place {
  const char *dir;
  int fd;
};

static enum rkv_status check_kind(void *arg, const char *name, struct rkv_error *error) {
  const struct place *place = arg;
  char path[PATH_MAX];
  if (!is_read(name) || is_file(place->fd, name)) return RKV_OK;
  (void)snprintf(path, sizeof path, "%s/%s", place->dir, name);
  return refuse_kind(path, error);
}

enum rkv_status dir_check_kinds(const char *dir, int fd, struct rkv_error *error) {
  struct place place = {dir, fd};
  return folder_each_name(&files_posix, dir, fd, check_kind, &place, error);
}

/* ---- one that is made ---- */

/* A file's first bytes as a text. Errors: RKV_CORRUPT if there are none. */
static enum rkv_status read_some(const char *dir, int dir_fd, const char *name, char *text,
                                 size_t max, struct rkv_error *error) {
  char path[PATH_MAX];
  int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  ssize_t got = fd >= 0 ? read(fd, text, max - 1) : -1;
  enum rkv_status status = RKV_OK;
  (void)snprintf(path, sizeof path, "%s/%s", dir, name);
  if (fd < 0 && errno == ENOENT)
    status = rkv_fail(error, RKV_CORRUPT, "%s is missing", path);
  else if (got < 0)
    status = refuse_errno(path, "read it", error);
  else if (got == 0)
    status = rkv_fail(error, RKV_CORRUPT, "%s is empty", path);
  if (fd >= 0) (void)close(fd);
  text[got > 0 ? got : 0] = '\0';
  return status;
}

enum rkv_status dir_check_made(const char *dir, int fd, struct rkv_error *error) {
  char manifest[NAME_MAX + 1], byte[2];
  enum rkv_status status = read_some(dir, fd, "CURRENT", manifest, sizeof manifest, error);
  if (status != RKV_OK) return status;
  manifest[strcspn(manifest, "\n")] = '\0';
  if (strncmp(manifest, "MANIFEST-", 9) != 0 || strchr(manifest, '/'))
    return rkv_fail(error, RKV_CORRUPT, "%s/CURRENT: does not name a manifest", dir);
  return read_some(dir, fd, manifest, byte, sizeof byte, error);
}
