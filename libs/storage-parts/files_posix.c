/* files_posix.c: the operations on files as the kernel does them. */
#define _GNU_SOURCE /* syncfs */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { MODE_DIR = 0700, MODE_FILE = 0600 };

/* ---- directories ---- */

static int make_dir(void *ctx, const char *path) {
  (void)ctx;
  return mkdir(path, MODE_DIR);
}

static int open_dir(void *ctx, const char *path) {
  (void)ctx;
  return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int lock_dir(void *ctx, int dir) {
  (void)ctx;
  return flock(dir, LOCK_EX | LOCK_NB);
}

static int sync_above(void *ctx, int dir) {
  int above = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC), result, error;
  (void)ctx;
  if (above < 0 && errno != EACCES) return -1;
  result = above < 0 ? syncfs(dir) : fsync(above);
  error = errno;
  if (above >= 0) (void)close(above);
  errno = error;
  return result;
}

static int sync_dir(void *ctx, int dir) {
  (void)ctx;
  return fsync(dir);
}

static int each_name(void *ctx, int dir, bool (*tell)(void *arg, const char *name), void *arg) {
  int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), error;
  DIR *items = again >= 0 ? fdopendir(again) : NULL;
  const struct dirent *item;
  (void)ctx;
  if (!items) {
    error = errno;
    if (again >= 0) (void)close(again);
    errno = error;
    return -1;
  }
  for (;;) {
    errno = 0;
    item = readdir(items);
    error = item ? 0 : errno;
    if (!item || !tell(arg, item->d_name)) break;
  }
  (void)closedir(items);
  errno = error;
  return error ? -1 : 0;
}

static int free_bytes(void *ctx, int dir, uint64_t *bytes) {
  struct statvfs device;
  (void)ctx;
  if (fstatvfs(dir, &device) != 0) return -1;
  *bytes = (uint64_t)device.f_bavail * device.f_frsize;
  return 0;
}

/* ---- names ---- */

static int look_path(void *ctx, const char *path, struct stat *info) {
  (void)ctx;
  return stat(path, info);
}

static int open_file(void *ctx, int dir, const char *name, int flags) {
  (void)ctx;
  return openat(dir, name, flags | O_CLOEXEC, (mode_t)MODE_FILE);
}

static int look(void *ctx, int dir, const char *name, struct stat *info) {
  (void)ctx;
  return fstatat(dir, name, info, AT_SYMLINK_NOFOLLOW);
}

static int rename_file(void *ctx, int dir, const char *from, const char *to) {
  (void)ctx;
  return renameat(dir, from, dir, to);
}

static int unlink_file(void *ctx, int dir, const char *name) {
  (void)ctx;
  return unlinkat(dir, name, 0);
}

/* ---- open files ---- */

static int look_at(void *ctx, int fd, struct stat *info) {
  (void)ctx;
  return fstat(fd, info);
}

static ssize_t read_file(void *ctx, int fd, void *bytes, size_t len, off_t from) {
  (void)ctx;
  return pread(fd, bytes, len, from);
}

static ssize_t write_file(void *ctx, int fd, const struct iovec *pieces, int count, off_t to) {
  (void)ctx;
  return pwritev(fd, pieces, count, to);
}

static int cut(void *ctx, int fd, off_t size) {
  (void)ctx;
  return ftruncate(fd, size);
}

static int sync_file(void *ctx, int fd) {
  (void)ctx;
  return fdatasync(fd);
}

static void forget(void *ctx, int fd) {
  (void)ctx;
  (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

static void close_file(void *ctx, int fd) {
  (void)ctx;
  (void)close(fd);
}

static ssize_t random_bytes(void *ctx, void *bytes, size_t len) {
  (void)ctx;
  return getrandom(bytes, len, 0);
}

const struct files files_posix = {
    .make_dir = make_dir,
    .open_dir = open_dir,
    .lock_dir = lock_dir,
    .sync_above = sync_above,
    .sync_dir = sync_dir,
    .each_name = each_name,
    .free_bytes = free_bytes,
    .look_path = look_path,
    .open = open_file,
    .look = look,
    .rename = rename_file,
    .unlink = unlink_file,
    .look_at = look_at,
    .read = read_file,
    .write = write_file,
    .cut = cut,
    .sync = sync_file,
    .forget = forget,
    .close = close_file,
    .random = random_bytes,
};
