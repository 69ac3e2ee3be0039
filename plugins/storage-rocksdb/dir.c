/* dir.c: looks at names and errno. */
#include "dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static enum rkv_status fail_descriptors(const char *path, const char *what,
                                        struct rkv_error *error) {
  struct rlimit limit = {0};
  if (errno == ENFILE)
    return rkv_fail(error, RKV_FULL,
                    "%s: cannot %s: the machine has no file descriptor left (raise fs.file-max)",
                    path, what);
  (void)getrlimit(RLIMIT_NOFILE, &limit);
  return rkv_fail(error, RKV_FULL,
                  "%s: cannot %s: all %llu file descriptors that this process may have are in use "
                  "(raise LimitNOFILE of the service, or ulimit -n)",
                  path, what, (unsigned long long)limit.rlim_cur);
}

static enum rkv_status fail_kind(const char *path, struct rkv_error *error) {
  return rkv_fail(error, RKV_IO, "%s: no plain file (put the file itself there, and no link)",
                  path);
}

enum rkv_status dir_fail(const char *path, const char *what, struct rkv_error *error) {
  bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
  if (errno == EMFILE || errno == ENFILE) return fail_descriptors(path, what, error);
  if (errno == ELOOP) return fail_kind(path, error);
  return rkv_fail(error, full ? RKV_NO_SPACE : RKV_IO, "%s: cannot %s: %s", path, what,
                  strerror(errno));
}

/* ---- a new one ---- */

/* Names in a database of ours, as patterns, and in a directory of storage-wal. */
static const char *const ours[] = {"CURRENT",    "IDENTITY",   "LOCK",         "LOG",
                                   "LOG.old.*",  "MANIFEST-*", "OPTIONS-*",    "[0-9]*.log",
                                   "[0-9]*.sst", "*.dbtmp",    "snapshot.new", "rkv-owner.new"};
static const char *const wals[] = {"log-*.wal", "spare-*.wal", "snapshot-*", "temporary-*"};

static bool is_like(const char *name, const char *const *patterns, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (fnmatch(patterns[i], name, 0) == 0) return true;
  return false;
}
#define IS_LIKE(name, patterns) is_like(name, patterns, sizeof(patterns) / sizeof(patterns)[0])

/* Whose a file is; the more it says about the directory the greater. */
enum maker { NOBODY, SOMEBODY, STORAGE_WAL, ROCKSDB };

static enum maker maker_of(const char *name) {
  if (name[0] == '.' || strcmp(name, "lost+found") == 0) return NOBODY;
  if (IS_LIKE(name, ours)) return ROCKSDB;
  return IS_LIKE(name, wals) ? STORAGE_WAL : SOMEBODY;
}

/* The file that says most about who made the directory. */
static enum rkv_status find_maker(const char *dir, int dir_fd, enum maker *maker,
                                  char name[NAME_MAX + 1], struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *items = fd >= 0 ? fdopendir(fd) : NULL;
  const struct dirent *item;
  *maker = NOBODY;
  if (!items) {
    status = dir_fail(dir, "list the directory", error);
    if (fd >= 0) (void)close(fd);
    return status;
  }
  while ((errno = 0, item = readdir(items))) {
    enum maker is = maker_of(item->d_name);
    if (is <= *maker) continue;
    *maker = is;
    (void)snprintf(name, NAME_MAX + 1, "%s", item->d_name);
  }
  if (errno != 0) status = dir_fail(dir, "list the directory", error);
  (void)closedir(items);
  return status;
}

enum rkv_status dir_check_new(const char *dir, int fd, const char *owner, struct rkv_error *error) {
  char name[NAME_MAX + 1];
  enum maker maker;
  enum rkv_status status = find_maker(dir, fd, &maker, name, error);
  if (status != RKV_OK || maker == NOBODY) return status;
  if (maker == ROCKSDB)
    return rkv_fail(error, RKV_CORRUPT,
                    "%s/%s is missing beside %s; if that is another program's, give the node a "
                    "directory of its own instead",
                    dir, owner, name);
  return rkv_fail(error, RKV_FOREIGN,
                  "%s: holds %s, which %s made (give each storage a directory of its own)", dir,
                  name, maker == STORAGE_WAL ? "storage-wal" : "somebody else");
}

/* ---- kinds of files ---- */

/* Whoever opened it would wait for another program, or read what has no end. */
static bool is_endless(int dir_fd, const char *name) {
  struct stat info;
  if (fstatat(dir_fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
    return false; /* gone, or told later */
  return S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode);
}

static bool is_read(const char *name) {
  return IS_LIKE(name, ours) || strcmp(name, "rkv-owner") == 0;
}

enum rkv_status dir_check_kinds(const char *dir, int dir_fd, struct rkv_error *error) {
  char path[PATH_MAX];
  enum rkv_status status = RKV_OK;
  int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *items = fd >= 0 ? fdopendir(fd) : NULL;
  const struct dirent *item;
  if (!items) {
    status = dir_fail(dir, "list the directory", error);
    if (fd >= 0) (void)close(fd);
    return status;
  }
  while (status == RKV_OK && (errno = 0, item = readdir(items))) {
    if (item->d_type == DT_REG || !is_read(item->d_name) || !is_endless(dir_fd, item->d_name))
      continue;
    (void)snprintf(path, sizeof path, "%s/%s", dir, item->d_name);
    status = fail_kind(path, error);
  }
  if (status == RKV_OK && errno != 0) status = dir_fail(dir, "list the directory", error);
  (void)closedir(items);
  return status;
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
    status = dir_fail(path, "read it", error);
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
