/* folder.c: makes, locks, syncs and lists a storage's directory. */
#define _GNU_SOURCE /* syncfs */
#include "folder.h"

#include "refuse.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { MODE_DIR = 0700, MODE_FILE = 0600 };

static enum rkv_status lock(const char *path, int fd, struct rkv_error *error) {
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return RKV_OK;
  if (errno != EWOULDBLOCK) return refuse_errno(path, "lock the directory", error);
  return rkv_fail(error, RKV_UNAVAILABLE,
                  "%s: another node or tool uses this directory (stop it first)", path);
}

enum rkv_status folder_open(const char *path, int *fd, struct rkv_error *error) {
  enum rkv_status status;
  *fd = -1;
  if (mkdir(path, MODE_DIR) != 0 && errno != EEXIST)
    return refuse_errno(path, "make the directory", error);
  *fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (*fd < 0) return refuse_errno(path, "open the directory", error);
  status = lock(path, *fd, error);
  if (status == RKV_OK) return RKV_OK;
  (void)close(*fd);
  *fd = -1;
  return status;
}

enum rkv_status folder_settle(const char *path, int fd, struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  int parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  /* One that may not be read: the whole file system is synced in its place. */
  if (parent < 0 && errno != EACCES) return refuse_errno(path, "open the directory above", error);
  if ((parent < 0 ? syncfs(fd) : fsync(parent)) != 0 || fsync(fd) != 0)
    status = refuse_errno(path, "sync the directory or the one above", error);
  if (parent >= 0) (void)close(parent);
  return status;
}

enum rkv_status folder_open_file(int folder, const char *name, int flags, int *fd,
                                 struct rkv_error *error) {
  const int always = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  enum rkv_status status = RKV_OK;
  struct stat info;
  *fd = openat(folder, name, flags | always, (mode_t)MODE_FILE);
  if (*fd < 0) return refuse_errno(name, "open", error);
  if (fstat(*fd, &info) != 0)
    status = refuse_errno(name, "look at", error);
  else if (!S_ISREG(info.st_mode))
    status = refuse_kind(name, error);
  if (status == RKV_OK) return RKV_OK;
  (void)close(*fd);
  *fd = -1;
  return status;
}

/* ---- names ---- */

enum rkv_status folder_each_name(const char *path, int fd,
                                 enum rkv_status (*tell)(void *arg, const struct dirent *item,
                                                         struct rkv_error *error),
                                 void *arg, struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *items = again >= 0 ? fdopendir(again) : NULL;
  const struct dirent *item;
  if (!items) {
    status = refuse_errno(path, "list the directory", error);
    if (again >= 0) (void)close(again);
    return status;
  }
  while (status == RKV_OK && (errno = 0, item = readdir(items)) != NULL)
    status = tell(arg, item, error);
  if (status == RKV_OK && errno != 0) status = refuse_errno(path, "list the directory", error);
  (void)closedir(items);
  return status;
}

struct looking {
  enum folder_maker (*maker)(const char *name);
  struct folder_found *found;
};

static enum rkv_status look_at(void *arg, const struct dirent *item, struct rkv_error *error) {
  const struct looking *looking = arg;
  const char *name = item->d_name;
  enum folder_maker maker = looking->maker(name);
  char *first = maker == FOLDER_OURS ? looking->found->ours : looking->found->others;
  (void)error;
  if (maker == FOLDER_NOBODY || name[0] == '.' || strcmp(name, "lost+found") == 0) return RKV_OK;
  if (!first[0] || strcmp(name, first) < 0) (void)snprintf(first, NAME_MAX + 1, "%s", name);
  return RKV_OK;
}

enum rkv_status folder_look(const char *path, int fd, enum folder_maker (*maker)(const char *name),
                            struct folder_found *found, struct rkv_error *error) {
  struct looking looking = {maker, found};
  *found = (struct folder_found){0};
  return folder_each_name(path, fd, look_at, &looking, error);
}

/* ---- room ---- */

uint64_t folder_free_bytes(int fd) {
  struct statvfs device;
  if (fstatvfs(fd, &device) != 0) return UINT64_MAX;
  return (uint64_t)device.f_bavail * device.f_frsize;
}
