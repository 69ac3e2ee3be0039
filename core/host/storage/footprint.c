/* footprint.c: makes a directory, and removes what came into it. */
#include <host/storage/footprint.h>

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MODE = 0700, DEPTH_MAX = 8 /* folders below the directory */ };

static bool is_dots(const char *name) {
  return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* ---- begin ---- */

/* Its own descriptor, since a stream of the folder closes the one that it is made of. */
static DIR *stream_of(int fd) {
  int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *folder = own < 0 ? NULL : fdopendir(own);
  if (!folder && own >= 0) (void)close(own);
  return folder;
}

static bool is_empty(int fd) {
  DIR *folder = stream_of(fd);
  const struct dirent *item;
  bool empty = folder != NULL;
  while (folder && empty && (item = readdir(folder)) != NULL) empty = is_dots(item->d_name);
  if (folder) (void)closedir(folder);
  return empty;
}

static enum rkv_status hold(struct footprint *f, const char *path, bool made,
                            struct rkv_error *error) {
  f->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (f->fd < 0)
    return rkv_fail(error, RKV_INVALID, "%s: %s (name a directory)", path, strerror(errno));
  if (!made && !is_empty(f->fd))
    return rkv_fail(error, RKV_PRECONDITION,
                    "%s: not empty (name an empty place; what a copy that was given up by a crash "
                    "left there, the node does not need)",
                    path);
  f->path = made ? realpath(path, NULL) : NULL;
  if (made && !f->path) return rkv_fail(error, RKV_NO_MEMORY, "%s: out of memory", path);
  return RKV_OK;
}

enum rkv_status footprint_begin(struct footprint *f, const char *path, struct rkv_error *error) {
  enum rkv_status status;
  bool made;
  f->fd = -1;
  f->path = NULL;
  if (!path || !path[0]) return RKV_OK;
  made = mkdir(path, MODE) == 0;
  if (!made && errno != EEXIST)
    return rkv_fail(error, RKV_INVALID, "%s: %s (name a place in which this node may make it)",
                    path, strerror(errno));
  status = hold(f, path, made, error);
  if (status == RKV_OK) return RKV_OK;
  if (made) (void)rmdir(path);
  footprint_keep(f);
  return status;
}

/* ---- end ---- */

void footprint_keep(struct footprint *f) {
  if (f->fd >= 0) (void)close(f->fd);
  free(f->path);
  f->fd = -1;
  f->path = NULL;
}

static bool remove_all(int fd, unsigned depth);

/* Never what a symbolic link leads to. */
static bool remove_item(int fd, const char *name, unsigned depth) {
  int below;
  bool gone;
  if (unlinkat(fd, name, 0) == 0) return true;
  if ((errno != EISDIR && errno != EPERM) || depth == DEPTH_MAX) return false;
  below = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (below < 0) return false;
  gone = remove_all(below, depth + 1);
  (void)close(below);
  return gone && unlinkat(fd, name, AT_REMOVEDIR) == 0;
}

static bool remove_all(int fd, unsigned depth) {
  DIR *folder = stream_of(fd);
  const struct dirent *item;
  bool gone = folder != NULL;
  while (folder && (item = readdir(folder)) != NULL)
    if (!is_dots(item->d_name)) gone = remove_item(fd, item->d_name, depth) && gone;
  if (folder) (void)closedir(folder);
  return gone;
}

enum rkv_status footprint_remove(struct footprint *f, struct rkv_error *error) {
  bool gone = f->fd < 0 || remove_all(f->fd, 0);
  int failed = errno;
  enum rkv_status status = RKV_OK;
  if (gone && f->path && rmdir(f->path) != 0) {
    failed = errno;
    gone = false;
  }
  if (!gone)
    status = rkv_fail(error, RKV_IO, "%s: what was begun there is not all removed: %s (remove it)",
                      f->path ? f->path : "the directory", strerror(failed));
  footprint_keep(f);
  assert(f->fd < 0);
  return status;
}
