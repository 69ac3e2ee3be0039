/* folder.c: makes, locks, syncs and lists a storage's directory. */
#include "folder.h"

#include "refuse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static enum rkv_status folder_take_lock(const struct files *files, const char *path, int fd,
                                        struct rkv_error *error) {
  if (files->lock_dir(files->ctx, fd) == 0) return RKV_OK;
  if (errno != EWOULDBLOCK) return refuse_errno(path, "lock the directory", error);
  return rkv_fail(error, RKV_UNAVAILABLE,
                  "%s: another node or tool uses this directory (stop it first)", path);
}

enum rkv_status folder_open(const struct files *files, const char *path, int *fd,
                            struct rkv_error *error) {
  enum rkv_status status;
  *fd = -1;
  if (files->make_dir(files->ctx, path) != 0 && errno != EEXIST)
    return refuse_errno(path, "make the directory", error);
  *fd = files->open_dir(files->ctx, path);
  if (*fd < 0) return refuse_errno(path, "open the directory", error);
  status = folder_take_lock(files, path, *fd, error);
  if (status == RKV_OK) return RKV_OK;
  files->close(files->ctx, *fd);
  *fd = -1;
  return status;
}

enum rkv_status folder_settle(const struct files *files, const char *path, int fd,
                              struct rkv_error *error) {
  if (files->sync_above(files->ctx, fd) != 0)
    return refuse_errno(path, "sync the directory above", error);
  if (files->sync_dir(files->ctx, fd) != 0) return refuse_errno(path, "sync the directory", error);
  return RKV_OK;
}

enum rkv_status folder_check_place(const struct files *files, const char *path, int fd,
                                   struct rkv_error *error) {
  struct stat at_path, own;
  bool found = files->look_path(files->ctx, path, &at_path) == 0;
  if (!found && errno != ENOENT && errno != ENOTDIR) return RKV_OK; /* it cannot be told */
  if (files->look_at(files->ctx, fd, &own) != 0) return refuse_errno(path, "look at", error);
  if (found && at_path.st_dev == own.st_dev && at_path.st_ino == own.st_ino) return RKV_OK;
  return rkv_fail(
      error, RKV_IO,
      "%s: the directory was moved away or removed while this node used it (put it back at "
      "this path, with what is new there now, then start the node again)",
      path);
}

enum rkv_status folder_open_file(const struct files *files, int folder, const char *name, int flags,
                                 int *fd, struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  struct stat info;
  *fd = files->open(files->ctx, folder, name, flags | O_NOFOLLOW | O_NONBLOCK);
  if (*fd < 0) return refuse_errno(name, "open", error);
  if (files->look_at(files->ctx, *fd, &info) != 0)
    status = refuse_errno(name, "look at", error);
  else if (!S_ISREG(info.st_mode))
    status = refuse_kind(name, error);
  if (status == RKV_OK) return RKV_OK;
  files->close(files->ctx, *fd);
  *fd = -1;
  return status;
}

/* ---- names ---- */

struct telling {
  enum rkv_status (*tell)(void *arg, const char *name, struct rkv_error *error);
  void *arg;
  struct rkv_error *error;
  enum rkv_status status;
};

static bool tell_name(void *arg, const char *name) {
  struct telling *telling = arg;
  telling->status = telling->tell(telling->arg, name, telling->error);
  return telling->status == RKV_OK;
}

enum rkv_status folder_each_name(const struct files *files, const char *path, int fd,
                                 enum rkv_status (*tell)(void *arg, const char *name,
                                                         struct rkv_error *error),
                                 void *arg, struct rkv_error *error) {
  struct telling telling = {tell, arg, error, RKV_OK};
  if (files->each_name(files->ctx, fd, tell_name, &telling) != 0)
    return refuse_errno(path, "list the directory", error);
  return telling.status;
}

struct looking {
  enum folder_maker (*maker)(const char *name);
  struct folder_found *found;
};

static enum rkv_status folder_look_at_name(void *arg, const char *name, struct rkv_error *error) {
  const struct looking *looking = arg;
  enum folder_maker maker = looking->maker(name);
  char *first = maker == FOLDER_OURS ? looking->found->ours : looking->found->others;
  (void)error;
  if (maker == FOLDER_NOBODY || name[0] == '.' || strcmp(name, "lost+found") == 0) return RKV_OK;
  if (!first[0] || strcmp(name, first) < 0) (void)snprintf(first, NAME_MAX + 1, "%s", name);
  return RKV_OK;
}

enum rkv_status folder_look(const struct files *files, const char *path, int fd,
                            enum folder_maker (*maker)(const char *name),
                            struct folder_found *found, struct rkv_error *error) {
  struct looking looking = {maker, found};
  *found = (struct folder_found){0};
  return folder_each_name(files, path, fd, folder_look_at_name, &looking, error);
}

/* ---- room ---- */

uint64_t folder_free_bytes(const struct files *files, int fd) {
  uint64_t bytes;
  return files->free_bytes(files->ctx, fd, &bytes) == 0 ? bytes : UINT64_MAX;
}
