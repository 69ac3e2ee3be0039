/* dir.c: names, lock and I/O of the storage's directory. */
#define _GNU_SOURCE /* syncfs */
#include "dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { DIGITS = 16, MODE_DIR = 0700, MODE_FILE = 0600 };

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

/* No descriptor is left: of this process (EMFILE), or of the machine. */
static enum rkv_status fail_open(const char *path, const char *what, struct rkv_error *error) {
  struct rlimit limit = {0};
  if (errno == ENFILE)
    return rkv_fail(error, RKV_FULL, "%s: cannot %s: %s (raise fs.file-max)", path, what,
                    strerror(errno));
  (void)getrlimit(RLIMIT_NOFILE, &limit);
  return rkv_fail(error, RKV_FULL,
                  "%s: cannot %s: %s, this process may have %" PRIu64
                  " (raise the limit of open files)",
                  path, what, strerror(EMFILE), (uint64_t)limit.rlim_cur);
}

static enum rkv_status fail_path(const char *path, const char *what, struct rkv_error *error) {
  enum rkv_status status = RKV_IO;
  if (errno == EMFILE || errno == ENFILE) return fail_open(path, what, error);
  if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG) status = RKV_NO_SPACE;
  return rkv_fail(error, status, "%s: cannot %s: %s", path, what, strerror(errno));
}

enum rkv_status dir_fail(struct dir_name name, const char *what, struct rkv_error *error) {
  return fail_path(name.text, what, error);
}

/* ---- the directory ---- */

/* The directory above. *fd is -1, with RKV_OK, for one that this process may not read. */
static enum rkv_status open_parent(const char *path, int *fd, struct rkv_error *error) {
  char *parent = strdup(path);
  enum rkv_status status = RKV_OK;
  char *slash;
  if (!parent) return rkv_fail(error, RKV_NO_MEMORY, "no memory for a path");
  for (size_t len = strlen(parent); len > 1 && parent[len - 1] == '/';) parent[--len] = '\0';
  slash = strrchr(parent, '/');
  if (slash) slash[slash == parent ? 1 : 0] = '\0';
  *fd = open(slash ? parent : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (*fd < 0 && errno != EACCES) status = fail_path(parent, "open the directory", error);
  free(parent);
  return status;
}

/* The directory's own name and those in it are durable from now on: a process that was killed
 * between giving a name and syncing it leaves that to the next one. */
static enum rkv_status settle_names(const struct dir *dir, const char *path,
                                    struct rkv_error *error) {
  int parent = -1; /* then the whole file system is synced in its place */
  enum rkv_status status = open_parent(path, &parent, error);
  if (status != RKV_OK) return status;
  if ((parent < 0 ? syncfs(dir->fd) : fsync(parent)) != 0 || fsync(dir->fd) != 0)
    status = fail_path(path, "sync the directory or the one above", error);
  if (parent >= 0) (void)close(parent);
  return status;
}

enum rkv_status dir_open(struct dir *dir, const char *path, bool sync, struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  *dir = (struct dir){.fd = -1, .sync = sync};
  if (mkdir(path, MODE_DIR) != 0 && errno != EEXIST)
    return fail_path(path, "make the directory", error);
  dir->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir->fd < 0) return fail_path(path, "open the directory", error);
  if (flock(dir->fd, LOCK_EX | LOCK_NB) != 0)
    status = errno == EWOULDBLOCK
                 ? rkv_fail(error, RKV_UNAVAILABLE,
                            "%s: another node or tool uses this directory (stop it first)", path)
                 : fail_path(path, "lock the directory", error);
  if (status == RKV_OK && sync) status = settle_names(dir, path, error);
  if (status != RKV_OK) dir_close(dir);
  return status;
}

void dir_close(struct dir *dir) {
  if (dir->fd >= 0) (void)close(dir->fd);
  dir->fd = -1;
}

static enum rkv_status sync_names(const struct dir *dir, struct dir_name name,
                                  struct rkv_error *error) {
  if (!dir->sync || fsync(dir->fd) == 0) return RKV_OK;
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

static bool push(uint64_t **numbers, size_t *count, uint64_t number) {
  if ((*count & (*count - 1)) == 0) { /* full at 0, 1, 2, 4, 8, ... */
    uint64_t *more = realloc(*numbers, (*count ? 2 * *count : 1) * sizeof *more);
    if (!more) return false;
    *numbers = more;
  }
  (*numbers)[(*count)++] = number;
  return true;
}

/* Tells each name but . and .. until one is refused. */
static enum rkv_status each_name(const struct dir *dir,
                                 enum rkv_status (*tell)(void *arg, const char *text,
                                                         struct rkv_error *error),
                                 void *arg, struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
  struct dirent *item;
  if (!stream) {
    status = fail_path(".", "list the directory", error);
    if (fd >= 0) (void)close(fd);
    return status;
  }
  for (errno = 0; status == RKV_OK && (item = readdir(stream)) != NULL; errno = 0)
    status = tell(arg, item->d_name, error);
  if (status == RKV_OK && errno != 0) status = fail_path(".", "list the directory", error);
  (void)closedir(stream);
  return status;
}

struct listing {
  enum dir_file file;
  uint64_t **numbers;
  size_t *count;
};

static enum rkv_status list_name(void *arg, const char *text, struct rkv_error *error) {
  const struct listing *listing = arg;
  uint64_t number;
  if (!matches(text, patterns[listing->file], &number)) return RKV_OK;
  if (push(listing->numbers, listing->count, number)) return RKV_OK;
  return rkv_fail(error, RKV_NO_MEMORY, "no memory for a list of files");
}

enum rkv_status dir_list(const struct dir *dir, enum dir_file file, uint64_t **numbers,
                         size_t *count, struct rkv_error *error) {
  struct listing listing = {file, numbers, count};
  enum rkv_status status;
  *numbers = NULL;
  *count = 0;
  status = each_name(dir, list_name, &listing, error);
  if (*count > 1) qsort(*numbers, *count, sizeof **numbers, ascending);
  return status;
}

static bool is_ours(const char *text) {
  uint64_t number;
  for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
    if (matches(text, patterns[i], &number)) return true;
  return strcmp(text, DIR_OWNER) == 0;
}

static enum rkv_status look_at_name(void *arg, const char *text, struct rkv_error *error) {
  struct dir_found *found = arg;
  char *first = is_ours(text) ? found->ours : found->others;
  (void)error;
  if (text[0] == '.' || strcmp(text, "lost+found") == 0 || strcmp(text, DIR_OWNER_NEW) == 0)
    return RKV_OK;
  if (!first[0] || strcmp(text, first) < 0) (void)snprintf(first, NAME_MAX + 1, "%s", text);
  return RKV_OK;
}

enum rkv_status dir_look(const struct dir *dir, struct dir_found *found, struct rkv_error *error) {
  *found = (struct dir_found){0};
  return each_name(dir, look_at_name, found, error);
}

static enum rkv_status fail_kind(struct dir_name name, struct rkv_error *error) {
  return rkv_fail(error, RKV_IO, "%s: no plain file (put the file itself there, and no link)",
                  name.text);
}

/* What is no file is looked at without waiting for it: a pipe would have to be written to. */
enum rkv_status dir_open_file(const struct dir *dir, struct dir_name name, int flags, int *fd,
                              struct rkv_error *error) {
  const int always = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  struct stat info;
  enum rkv_status status = RKV_OK;
  *fd = openat(dir->fd, name.text, flags | always, (mode_t)MODE_FILE);
  if (*fd < 0) return errno == ELOOP ? fail_kind(name, error) : dir_fail(name, "open", error);
  if (fstat(*fd, &info) != 0) status = dir_fail(name, "look at", error);
  if (status == RKV_OK && !S_ISREG(info.st_mode)) status = fail_kind(name, error);
  if (status == RKV_OK) return RKV_OK;
  (void)close(*fd);
  *fd = -1;
  return status;
}

enum rkv_status dir_rename(const struct dir *dir, struct dir_name from, struct dir_name to,
                           struct rkv_error *error) {
  if (renameat(dir->fd, from.text, dir->fd, to.text) != 0) return dir_fail(from, "rename", error);
  return sync_names(dir, to, error);
}

enum rkv_status dir_drop(const struct dir *dir, struct dir_name name, struct rkv_error *error) {
  if (unlinkat(dir->fd, name.text, 0) != 0 && errno != ENOENT)
    return dir_fail(name, "remove", error);
  return sync_names(dir, name, error);
}

/* ---- bytes ---- */

enum rkv_status dir_write(int fd, struct dir_name name, const void *bytes, size_t len, off_t from,
                          struct rkv_error *error) {
  const char *at = bytes;
  while (len > 0) {
    ssize_t wrote = pwrite(fd, at, len, from);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return dir_fail(name, "write", error);
    at += wrote;
    from += wrote;
    len -= (size_t)wrote;
  }
  return RKV_OK;
}

enum rkv_status dir_read(int fd, struct dir_name name, void *bytes, size_t len, off_t from,
                         size_t *got, struct rkv_error *error) {
  char *at = bytes;
  *got = 0;
  while (*got < len) {
    ssize_t came = pread(fd, at + *got, len - *got, from + (off_t)*got);
    if (came < 0 && errno == EINTR) continue;
    if (came < 0) return dir_fail(name, "read", error);
    if (came == 0) break;
    *got += (size_t)came;
  }
  return RKV_OK;
}

enum rkv_status dir_sync_file(const struct dir *dir, int fd, struct dir_name name,
                              struct rkv_error *error) {
  if (!dir->sync || fdatasync(fd) == 0) return RKV_OK;
  return dir_fail(name, "sync", error);
}

uint64_t dir_free_bytes(const struct dir *dir) {
  struct statvfs device;
  if (fstatvfs(dir->fd, &device) != 0) return UINT64_MAX;
  return (uint64_t)device.f_bavail * device.f_frsize;
}

enum rkv_status dir_file_size(int fd, struct dir_name name, uint64_t *size,
                              struct rkv_error *error) {
  struct stat info;
  if (fstat(fd, &info) != 0) return dir_fail(name, "look at", error);
  *size = (uint64_t)info.st_size;
  return RKV_OK;
}
