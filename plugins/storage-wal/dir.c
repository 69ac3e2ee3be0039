/* dir.c: names, lock and I/O of the storage's directory. */
#include "dir.h"

#include <storage-parts/folder.h>
#include <storage-parts/owned.h>
#include <storage-parts/refuse.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS = 16 };

struct pattern {
  const char *prefix, *suffix;
};

static const struct pattern patterns[] = {
#define DIR_FILE_PATTERN(name, prefix, suffix) {prefix, suffix},
    DIR_FILE_LIST(DIR_FILE_PATTERN)
#undef DIR_FILE_PATTERN
};

struct dir_name dir_name(enum dir_file file, uint64_t number) {
  struct dir_name name;
  (void)snprintf(name.text, sizeof name.text, "%s%0*" PRIx64 "%s", patterns[file].prefix, DIGITS,
                 number, patterns[file].suffix);
  return name;
}

enum rkv_status dir_fail(struct dir_name name, const char *what, struct rkv_error *error) {
  return refuse_errno(name.text, what, error);
}

/* ---- the directory ---- */

enum rkv_status dir_open(struct dir *dir, const struct files *files, const char *path, bool sync,
                         struct rkv_error *error) {
  enum rkv_status status = folder_open(files, path, &dir->fd, error);
  dir->files = files;
  dir->path = path;
  dir->sync = sync;
  if (status == RKV_OK && sync) status = folder_settle(files, path, dir->fd, error);
  if (status != RKV_OK) dir_close(dir);
  return status;
}

void dir_close(struct dir *dir) {
  dir_close_file(dir, dir->fd);
  dir->fd = -1;
}

static enum rkv_status sync_names(const struct dir *dir, struct dir_name name,
                                  struct rkv_error *error) {
  const struct files *files = dir->files;
  if (!dir->sync || files->sync_dir(files->ctx, dir->fd) == 0) return RKV_OK;
  return rkv_fail(error, RKV_IO, "%s: cannot sync the directory of: %s", name.text,
                  strerror(errno)); /* never NO_SPACE, which would be tried again */
}

/* ---- names ---- */

static bool matches(const char *text, struct pattern pattern, uint64_t *number) {
  size_t prefix = strlen(pattern.prefix);
  if (strncmp(text, pattern.prefix, prefix) != 0) return false;
  if (strspn(text + prefix, "0123456789abcdef") != DIGITS) return false;
  if (strcmp(text + prefix + DIGITS, pattern.suffix) != 0) return false;
  *number = strtoull(text + prefix, NULL, 16);
  return true;
}

static int ascending(const void *a, const void *b) {
  const uint64_t *left = a, *right = b;
  return *left < *right ? -1 : *left > *right;
}

static bool dir_push_number(uint64_t **numbers, size_t *count, uint64_t number) {
  if ((*count & (*count - 1)) == 0) { /* full at 0, 1, 2, 4, 8, ... */
    uint64_t *more = realloc(*numbers, (*count ? 2 * *count : 1) * sizeof *more);
    if (!more) return false;
    *numbers = more;
  }
  (*numbers)[(*count)++] = number;
  return true;
}

struct listing {
  enum dir_file file;
  uint64_t **numbers;
  size_t *count;
};

static enum rkv_status list_name(void *arg, const char *name, struct rkv_error *error) {
  const struct listing *listing = arg;
  uint64_t number;
  if (!matches(name, patterns[listing->file], &number)) return RKV_OK;
  if (dir_push_number(listing->numbers, listing->count, number)) return RKV_OK;
  return rkv_fail(error, RKV_NO_MEMORY, "no memory for a list of files");
}

enum rkv_status dir_list(const struct dir *dir, enum dir_file file, uint64_t **numbers,
                         size_t *count, struct rkv_error *error) {
  struct listing listing = {file, numbers, count};
  enum rkv_status status;
  *numbers = NULL;
  *count = 0;
  status = folder_each_name(dir->files, ".", dir->fd, list_name, &listing, error);
  if (*count > 1) qsort(*numbers, *count, sizeof **numbers, ascending);
  return status;
}

static enum folder_maker maker_of(const char *text) {
  uint64_t number;
  if (strcmp(text, OWNED_FILE_NEW) == 0) return FOLDER_NOBODY;
  for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
    if (matches(text, patterns[i], &number)) return FOLDER_OURS;
  return strcmp(text, OWNED_FILE) == 0 ? FOLDER_OURS : FOLDER_OTHERS;
}

enum rkv_status dir_look(const struct dir *dir, struct folder_found *found,
                         struct rkv_error *error) {
  return folder_look(dir->files, ".", dir->fd, maker_of, found, error);
}

enum rkv_status dir_open_file(const struct dir *dir, struct dir_name name, int flags, int *fd,
                              struct rkv_error *error) {
  return folder_open_file(dir->files, dir->fd, name.text, flags, fd, error);
}

void dir_close_file(const struct dir *dir, int fd) {
  if (fd >= 0) dir->files->close(dir->files->ctx, fd);
}

enum rkv_status dir_rename(const struct dir *dir, struct dir_name from, struct dir_name to,
                           struct rkv_error *error) {
  const struct files *files = dir->files;
  enum rkv_status status = folder_check_place(files, dir->path, dir->fd, error);
  if (status != RKV_OK) return status;
  if (files->rename(files->ctx, dir->fd, from.text, to.text) != 0)
    return dir_fail(from, "rename", error);
  return sync_names(dir, to, error);
}

enum rkv_status dir_drop(const struct dir *dir, struct dir_name name, struct rkv_error *error) {
  const struct files *files = dir->files;
  if (files->unlink(files->ctx, dir->fd, name.text) != 0 && errno != ENOENT)
    return dir_fail(name, "remove", error);
  return sync_names(dir, name, error);
}

/* ---- bytes ---- */

enum rkv_status dir_write(const struct dir *dir, int fd, struct dir_name name, const void *bytes,
                          size_t len, off_t from, struct rkv_error *error) {
  const struct files *files = dir->files;
  struct iovec rest = {(void *)(uintptr_t)bytes, len};
  while (rest.iov_len > 0) {
    ssize_t wrote = files->write(files->ctx, fd, &rest, 1, from);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return dir_fail(name, "write", error);
    rest = (struct iovec){(char *)rest.iov_base + wrote, rest.iov_len - (size_t)wrote};
    from += wrote;
  }
  return RKV_OK;
}

enum rkv_status dir_read(const struct dir *dir, int fd, struct dir_name name, void *bytes,
                         size_t len, off_t from, size_t *got, struct rkv_error *error) {
  const struct files *files = dir->files;
  char *at = bytes;
  *got = 0;
  while (*got < len) {
    ssize_t came = files->read(files->ctx, fd, at + *got, len - *got, from + (off_t)*got);
    if (came < 0 && errno == EINTR) continue;
    if (came < 0) return dir_fail(name, "read", error);
    if (came == 0) break;
    *got += (size_t)came;
  }
  return RKV_OK;
}

enum rkv_status dir_sync_file(const struct dir *dir, int fd, struct dir_name name,
                              struct rkv_error *error) {
  if (!dir->sync || dir->files->sync(dir->files->ctx, fd) == 0) return RKV_OK;
  return dir_fail(name, "sync", error);
}

enum rkv_status dir_file_size(const struct dir *dir, int fd, struct dir_name name, uint64_t *size,
                              struct rkv_error *error) {
  struct stat info;
  if (dir->files->look_at(dir->files->ctx, fd, &info) != 0) return dir_fail(name, "look at", error);
  *size = (uint64_t)info.st_size;
  return RKV_OK;
}
