/* through.c: reads, compares and writes the file that names a stacked plugin. */
#include "through.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MODE = 0600, FOLDER_MODE = 0700 };

/* One look at a directory. */
struct passage {
  const struct host_part *part;
  const char *path;
  int folder;
  bool made;                       /* by this look */
  char name[HOST_PLUGIN_NAME_MAX]; /* through which plugin it is written; "": through none */
};

static enum rkv_status passage_fail(const struct passage *p, const char *file, int failed,
                                    struct rkv_error *error) {
  return rkv_fail(error, failed == ENOSPC ? RKV_NO_SPACE : RKV_IO, "%.300s%s%s: %s", p->path,
                  file[0] ? "/" : "", file, strerror(failed));
}

/* ---- what is there ---- */

static bool is_of_storage(const char *name) {
  return name[0] != '.' && strcmp(name, "lost+found") != 0;
}

/* True if a storage may have something there; also if that cannot be told. */
static bool holds_something(const struct passage *p) {
  int own = openat(p->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *stream = own < 0 ? NULL : fdopendir(own);
  const struct dirent *item;
  bool holds = stream == NULL;
  if (!stream && own >= 0) (void)close(own);
  while (!holds && (item = readdir(stream)) != NULL) holds = is_of_storage(item->d_name);
  if (stream) (void)closedir(stream);
  return holds;
}

static bool is_plugin_name(const char *name) {
  return name[0] && name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

/* The file has one line. */
static enum rkv_status read_name(struct passage *p, struct rkv_error *error) {
  int fd = openat(p->folder, HOST_THROUGH_FILE, O_RDONLY | O_CLOEXEC);
  ssize_t got;
  int failed;
  if (fd < 0 && errno == ENOENT) return RKV_OK;
  if (fd < 0) return passage_fail(p, HOST_THROUGH_FILE, errno, error);
  got = read(fd, p->name, sizeof p->name - 1);
  failed = errno;
  (void)close(fd);
  if (got < 0) return passage_fail(p, HOST_THROUGH_FILE, failed, error);
  p->name[got] = '\0';
  p->name[strcspn(p->name, "\n")] = '\0';
  if (is_plugin_name(p->name) || !holds_something(p)) return RKV_OK;
  return rkv_fail(error, RKV_FOREIGN,
                  "%.300s/" HOST_THROUGH_FILE ": names no plugin (write the name of the one that "
                  "this storage is written through, as storage-crypt)",
                  p->path);
}

/* ---- what is to be there ---- */

/* A crash may leave less than a name: nothing else is in the directory then. */
static bool write_file(int fd, const char *line) {
  const size_t len = strlen(line);
  ssize_t wrote = fd < 0 ? -1 : write(fd, line, len);
  bool good = wrote == (ssize_t)len && fsync(fd) == 0;
  int failed = wrote >= 0 && wrote < (ssize_t)len ? ENOSPC : errno;
  if (fd >= 0) (void)close(fd);
  errno = failed;
  return good;
}

/* The directory's own name, where it was made here. */
static bool sync_above(const struct passage *p) {
  int above = p->made ? openat(p->folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  bool good = !p->made || (above >= 0 && fsync(above) == 0);
  int failed = errno;
  if (above >= 0) (void)close(above);
  errno = failed;
  return good;
}

static enum rkv_status set_name(const struct passage *p, struct rkv_error *error) {
  char line[HOST_PLUGIN_NAME_MAX + 1];
  bool good;
  if (p->part->through) {
    (void)snprintf(line, sizeof line, "%s\n", p->part->through);
    good = write_file(openat(p->folder, HOST_THROUGH_FILE,
                             O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, FILE_MODE),
                      line);
  } else {
    good = unlinkat(p->folder, HOST_THROUGH_FILE, 0) == 0;
  }
  if (good && fsync(p->folder) == 0 && sync_above(p)) return RKV_OK;
  return passage_fail(p, HOST_THROUGH_FILE, errno, error);
}

/* ---- whether they are the same ---- */

static enum rkv_status refuse_passage(const struct passage *p, struct rkv_error *error) {
  const char *storage = p->part->plugin->name, *through = p->part->through;
  if (!p->name[0])
    return rkv_fail(error, RKV_FOREIGN,
                    "%.200s: written without %s (write: plugin = %s, without over, and move the "
                    "node to %s by rkvctl swap-storage or raft-key-value storage copy; if only the "
                    "file " HOST_THROUGH_FILE " was lost, write the line %s into it)",
                    p->path, through, storage, through, through);
  return rkv_fail(error, RKV_FOREIGN,
                  "%.200s: written through %s%s%s (write: plugin = %s, over = %s and its own "
                  "settings, and those of %s in section %s, or as under.KEY=VALUE)",
                  p->path, p->name, through ? ", not through " : "", through ? through : "",
                  p->name, storage, storage, "[storage.under]");
}

static enum rkv_status compare_names(struct passage *p, struct rkv_error *error) {
  const char *wanted = p->part->through ? p->part->through : "";
  enum rkv_status status = read_name(p, error);
  if (status != RKV_OK || strcmp(p->name, wanted) == 0) return status;
  return holds_something(p) ? refuse_passage(p, error) : set_name(p, error);
}

enum rkv_status host_through_enter(const struct host_part *part, struct rkv_error *error) {
  struct passage p = {.part = part, .folder = -1};
  enum rkv_status status;
  p.path = part->kind == RKV_KIND_STORAGE ? host_part_folder(part) : NULL;
  if (!p.path || !p.path[0]) return RKV_OK;
  p.made = part->through && mkdir(p.path, FOLDER_MODE) == 0;
  p.folder = open(p.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  /* the storage says better what is wrong, or makes it */
  if (p.folder < 0) return part->through ? passage_fail(&p, "", errno, error) : RKV_OK;
  status = compare_names(&p, error);
  if (status != RKV_OK && p.made) {
    (void)unlinkat(p.folder, HOST_THROUGH_FILE, 0);
    (void)rmdir(p.path);
  }
  (void)close(p.folder);
  return status;
}
