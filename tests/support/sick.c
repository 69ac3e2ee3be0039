/* sick.c: a library to preload. What a process writes into a folder fails while a file is there,
 * whose path is RKV_SICK and whose text is `ERRNO AFTER FOLDER` (swaps.py in tests/cluster): the
 * device takes AFTER bytes more. A device that is full still syncs.
 *
 * It stands before the C library's functions and passes on every call that it does not fail. The
 * file is read again for every call: there are few, and a test changes it at any moment. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* Where the file of this descriptor is; "": nowhere. */
static void path_of(int fd, char out[PATH_MAX]) {
  char link[64];
  (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t len = readlink(link, out, PATH_MAX - 1);
  out[len > 0 ? len : 0] = '\0';
}

static atomic_long taken; /* bytes, since the file was there */

/* True, with errno, if a write of `size` bytes to this descriptor is to fail; 0: a sync. */
static bool is_sick(int fd, size_t size) {
  const char *path = getenv("RKV_SICK");
  FILE *file = path ? fopen(path, "re") : NULL;
  char text[PATH_MAX + 16] = "", where[PATH_MAX], *folder;
  if (!file) {
    atomic_store(&taken, 0);
    return false;
  }
  (void)fgets(text, sizeof text, file);
  (void)fclose(file);
  long number = strtol(text, &folder, 10);
  const long after = strtol(folder, &folder, 10);
  if (number <= 0 || *folder++ != ' ' || (number == ENOSPC && size == 0)) return false;
  path_of(fd, where);
  if (strncmp(where, folder, strlen(folder)) != 0) return false;
  if (atomic_fetch_add(&taken, (long)size) + (long)size < after) return false;
  errno = (int)number;
  return true;
}

#define NEXT(name) (__extension__(__typeof__(&name)) dlsym(RTLD_NEXT, #name))

EXPORT ssize_t write(int fd, const void *data, size_t size) {
  return is_sick(fd, size) ? -1 : NEXT(write)(fd, data, size);
}

EXPORT ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
  return is_sick(fd, size) ? -1 : NEXT(pwrite)(fd, data, size, at);
}

EXPORT ssize_t pwrite64(int fd, const void *data, size_t size, off_t at) {
  return pwrite(fd, data, size, at);
}

static size_t size_of(const struct iovec *pieces, int count) {
  size_t size = 0;
  for (int i = 0; i < count; i++) size += pieces[i].iov_len;
  return size;
}

EXPORT ssize_t writev(int fd, const struct iovec *pieces, int count) {
  return is_sick(fd, size_of(pieces, count)) ? -1 : NEXT(writev)(fd, pieces, count);
}

EXPORT ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t at) {
  return is_sick(fd, size_of(pieces, count)) ? -1 : NEXT(pwritev)(fd, pieces, count, at);
}

EXPORT ssize_t pwritev64(int fd, const struct iovec *pieces, int count, off_t at) {
  return pwritev(fd, pieces, count, at);
}

EXPORT int fsync(int fd) {
  return is_sick(fd, 0) ? -1 : NEXT(fsync)(fd);
}

EXPORT int fdatasync(int fd) {
  return is_sick(fd, 0) ? -1 : NEXT(fdatasync)(fd);
}
