/* folder_files.c: opens, writes, reads and syncs the files of a storage's directory. */
#include "folder_files.h"

#include "refuse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ZEROS = 1024 * 1024 }; /* bytes of them written at once */

/* The path before a name is cut off, never the name. */
static const char *path_of(const struct folder *folder, const char *name, char path[PATH_MAX]) {
  int len = (int)(PATH_MAX - 2 - strlen(name));
  (void)snprintf(path, PATH_MAX, "%.*s/%s", len > 0 ? len : 0, folder->path, name);
  return path;
}

enum rkv_status folder_fail(const struct folder *folder, const char *name, const char *what,
                            struct rkv_error *error) {
  char path[PATH_MAX];
  return refuse_errno(path_of(folder, name, path), what, error);
}

enum rkv_status folder_open_file(const struct folder *folder, const char *name, int flags, int *fd,
                                 struct rkv_error *error) {
  const struct files *files = folder->files;
  char path[PATH_MAX];
  enum rkv_status status = RKV_OK;
  struct stat info;
  *fd = files->open(files->ctx, folder->fd, name, flags | O_NOFOLLOW | O_NONBLOCK);
  if (*fd < 0) return folder_fail(folder, name, "open", error);
  if (files->look_at(files->ctx, *fd, &info) != 0)
    status = folder_fail(folder, name, "look at", error);
  else if (!S_ISREG(info.st_mode))
    status = refuse_kind(path_of(folder, name, path), error);
  if (status == RKV_OK) return RKV_OK;
  files->close(files->ctx, *fd);
  *fd = -1;
  return status;
}

void folder_close_file(const struct folder *folder, int fd) {
  if (fd >= 0) folder->files->close(folder->files->ctx, fd);
}

/* ---- bytes ---- */

enum rkv_status folder_write(const struct folder *folder, int fd, const char *name,
                             const void *bytes, size_t len, uint64_t from,
                             struct rkv_error *error) {
  const struct files *files = folder->files;
  struct iovec rest = {(void *)(uintptr_t)bytes, len};
  while (rest.iov_len > 0) {
    ssize_t wrote = files->write(files->ctx, fd, &rest, 1, (off_t)from);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote == 0) errno = ENOSPC;
    if (wrote <= 0) return folder_fail(folder, name, "write", error);
    rest = (struct iovec){(char *)rest.iov_base + wrote, rest.iov_len - (size_t)wrote};
    from += (uint64_t)wrote;
  }
  return RKV_OK;
}

enum rkv_status folder_fill(const struct folder *folder, int fd, const char *name, uint64_t from,
                            uint64_t to, struct rkv_error *error) {
  uint8_t *zeros = calloc(1, to - from < ZEROS ? (size_t)(to - from) : (size_t)ZEROS);
  enum rkv_status status = RKV_OK;
  if (!zeros) return rkv_fail(error, RKV_NO_MEMORY, "no memory for zeros");
  while (from < to && status == RKV_OK) {
    size_t len = to - from < ZEROS ? (size_t)(to - from) : (size_t)ZEROS;
    status = folder_write(folder, fd, name, zeros, len, from, error);
    from += len;
  }
  free(zeros);
  return status == RKV_OK ? folder_sync_file(folder, fd, name, error) : status;
}

enum rkv_status folder_read(const struct folder *folder, int fd, const char *name, void *bytes,
                            size_t len, uint64_t from, size_t *got, struct rkv_error *error) {
  const struct files *files = folder->files;
  char *at = bytes;
  *got = 0;
  while (*got < len) {
    ssize_t came = files->read(files->ctx, fd, at + *got, len - *got, (off_t)(from + *got));
    if (came < 0 && errno == EINTR) continue;
    if (came < 0) return folder_fail(folder, name, "read", error);
    if (came == 0) break;
    *got += (size_t)came;
  }
  return RKV_OK;
}

enum rkv_status folder_sync_file(const struct folder *folder, int fd, const char *name,
                                 struct rkv_error *error) {
  if (!folder->sync || folder->files->sync(folder->files->ctx, fd) == 0) return RKV_OK;
  return folder_fail(folder, name, "sync", error);
}

enum rkv_status folder_file_size(const struct folder *folder, int fd, const char *name,
                                 uint64_t *size, struct rkv_error *error) {
  struct stat info;
  if (folder->files->look_at(folder->files->ctx, fd, &info) != 0)
    return folder_fail(folder, name, "look at", error);
  *size = (uint64_t)info.st_size;
  return RKV_OK;
}

enum rkv_status folder_random(const struct folder *folder, void *bytes, size_t len,
                              struct rkv_error *error) {
  const struct files *files = folder->files;
  size_t got = 0;
  while (got < len) {
    ssize_t came = files->random(files->ctx, (uint8_t *)bytes + got, len - got);
    if (came < 0 && errno == EINTR) continue;
    if (came < 0) return rkv_fail(error, RKV_IO, "no random bytes: %s", strerror(errno));
    got += (size_t)came;
  }
  return RKV_OK;
}
