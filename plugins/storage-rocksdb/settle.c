/* settle.c: syncs a directory with all that is in it. */
#include "settle.h"

#include <storage-parts/folder.h>
#include <storage-parts/refuse.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct settling {
  const char *dir;
  int fd;
};

/* Directories and links below are nobody's of ours. */
static enum rkv_status settle_file(void *arg, const struct dirent *item, struct rkv_error *error) {
  const struct settling *s = arg;
  enum rkv_status status = RKV_OK;
  int fd;
  if (item->d_type != DT_REG && item->d_type != DT_UNKNOWN) return RKV_OK;
  fd = openat(s->fd, item->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0 && errno == ELOOP) return RKV_OK;
  if (fd < 0 || fdatasync(fd) != 0) {
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", s->dir, item->d_name);
    status = refuse_errno(path, "sync it", error);
  }
  if (fd >= 0) (void)close(fd);
  return status;
}

enum rkv_status settle(const char *dir, int fd, struct rkv_error *error) {
  struct settling s = {dir, fd};
  enum rkv_status status = folder_each_name(dir, fd, settle_file, &s, error);
  return status == RKV_OK ? folder_settle(dir, fd, error) : status;
}
