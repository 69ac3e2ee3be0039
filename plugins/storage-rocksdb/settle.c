/* settle.c: syncs a directory with all that is in it. */
#define _GNU_SOURCE /* syncfs */
#include "settle.h"

#include "dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

static enum rkv_status fail(const char *dir, const char *name, struct rkv_error *error) {
  char path[PATH_MAX];
  (void)snprintf(path, sizeof path, "%s/%s", dir, name);
  return dir_fail(path, "sync it", error);
}

/* Directories and links below are nobody's of ours. */
static enum rkv_status settle_file(const char *dir, int dir_fd, const char *name,
                                   struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0 && errno == ELOOP) return RKV_OK;
  if (fd < 0 || fdatasync(fd) != 0) status = fail(dir, name, error);
  if (fd >= 0) (void)close(fd);
  return status;
}

static enum rkv_status settle_files(const char *dir, int dir_fd, struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *items = fd >= 0 ? fdopendir(fd) : NULL;
  const struct dirent *item;
  if (!items) {
    status = fail(dir, "", error);
    if (fd >= 0) (void)close(fd);
    return status;
  }
  while (status == RKV_OK && (errno = 0, item = readdir(items)))
    if (item->d_type == DT_REG || item->d_type == DT_UNKNOWN)
      status = settle_file(dir, dir_fd, item->d_name, error);
  if (status == RKV_OK && errno != 0) status = fail(dir, "", error);
  (void)closedir(items);
  return status;
}

/* A directory above that may not be read: the whole file system is synced in its place. */
static enum rkv_status settle_parent(const char *dir, int dir_fd, struct rkv_error *error) {
  char parent[PATH_MAX];
  enum rkv_status status = RKV_OK;
  int fd;
  if (snprintf(parent, sizeof parent, "%s/..", dir) >= (int)sizeof parent)
    return rkv_fail(error, RKV_IO, "%s: the path is too long", dir);
  fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 && errno != EACCES) return fail(dir, "..", error);
  if ((fd < 0 ? syncfs(dir_fd) : fsync(fd)) != 0) status = fail(dir, "..", error);
  if (fd >= 0) (void)close(fd);
  return status;
}

enum rkv_status settle(const char *dir, int fd, struct rkv_error *error) {
  enum rkv_status status = settle_files(dir, fd, error);
  if (status == RKV_OK) status = settle_parent(dir, fd, error);
  if (status == RKV_OK && fsync(fd) != 0) status = fail(dir, "", error);
  return status;
}
