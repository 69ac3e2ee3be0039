/* settle.c: syncs a directory with all that is in it. */
#include "settle.h"

#include <storage-parts/folder.h>
#include <storage-parts/refuse.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

struct settling {
  const char *dir;
  int fd;
};

/* Directories and links below are nobody's of ours. */
static enum rkv_status settle_file(void *arg, const char *name, struct rkv_error *error) {
  const struct settling *s = arg;
  enum rkv_status status = RKV_OK;
  struct stat info;
  int fd;
  if (fstatat(s->fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(info.st_mode))
    return RKV_OK;
  fd = openat(s->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0 && errno == ELOOP) return RKV_OK;
  if (fd < 0 || fdatasync(fd) != 0) {
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", s->dir, name);
    status = refuse_errno(path, "sync it", error);
  }
  if (fd >= 0) (void)close(fd);
  return status;
}

enum rkv_status settle(const char *dir, int fd, struct rkv_error *error) {
  struct settling s = {dir, fd};
  enum rkv_status status = folder_each_name(&files_posix, dir, fd, settle_file, &s, error);
  return status == RKV_OK ? folder_settle(&files_posix, dir, fd, error) : status;
}
