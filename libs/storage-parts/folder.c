/* folder.c: makes, locks and syncs a storage's directory, and changes and lists its names. */
#include "folder.h"

#include "refuse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static enum rkv_status folder_take_lock(const struct folder *folder, struct rkv_error *error) {
  if (folder->files->lock_dir(folder->files->ctx, folder->fd) == 0) return RKV_OK;
  if (errno != EWOULDBLOCK) return refuse_errno(folder->path, "lock the directory", error);
  return rkv_fail(error, RKV_UNAVAILABLE,
                  "%s: another node or tool uses this directory (stop it first)", folder->path);
}

static enum rkv_status folder_settle(const struct folder *folder, struct rkv_error *error) {
  const struct files *files = folder->files;
  int fd = folder->fd;
  if (files->sync_above(files->ctx, fd) != 0)
    return refuse_errno(folder->path, "sync the directory above", error);
  if (files->sync_dir(files->ctx, fd) != 0)
    return refuse_errno(folder->path, "sync the directory", error);
  return RKV_OK;
}

enum rkv_status folder_open(struct folder *folder, struct rkv_error *error) {
  const struct files *files = folder->files;
  enum rkv_status status;
  folder->fd = -1;
  if (files->make_dir(files->ctx, folder->path) != 0 && errno != EEXIST)
    return refuse_errno(folder->path, "make the directory", error);
  folder->fd = files->open_dir(files->ctx, folder->path);
  if (folder->fd < 0) return refuse_errno(folder->path, "open the directory", error);
  status = folder_take_lock(folder, error);
  if (status == RKV_OK && folder->sync) status = folder_settle(folder, error);
  if (status != RKV_OK) folder_close(folder);
  return status;
}

void folder_close(struct folder *folder) {
  folder_close_file(folder, folder->fd);
  folder->fd = -1;
}

enum rkv_status folder_check_place(const struct folder *folder, struct rkv_error *error) {
  const struct files *files = folder->files;
  const char *path = folder->path;
  struct stat at_path, own;
  bool found = files->look_path(files->ctx, path, &at_path) == 0;
  if (!found && errno != ENOENT && errno != ENOTDIR) return RKV_OK; /* it cannot be told */
  if (files->look_at(files->ctx, folder->fd, &own) != 0)
    return refuse_errno(path, "look at", error);
  if (found && at_path.st_dev == own.st_dev && at_path.st_ino == own.st_ino) return RKV_OK;
  return rkv_fail(
      error, RKV_IO,
      "%s: the directory was moved away or removed while this node used it (put it back at "
      "this path, with what is new there now, then start the node again)",
      path);
}

uint64_t folder_free_bytes(const struct folder *folder) {
  uint64_t bytes;
  return folder->files->free_bytes(folder->files->ctx, folder->fd, &bytes) == 0 ? bytes
                                                                                : UINT64_MAX;
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

enum rkv_status folder_each_name(const struct folder *folder,
                                 enum rkv_status (*tell)(void *arg, const char *name,
                                                         struct rkv_error *error),
                                 void *arg, struct rkv_error *error) {
  struct telling telling = {tell, arg, error, RKV_OK};
  if (folder->files->each_name(folder->files->ctx, folder->fd, tell_name, &telling) != 0)
    return refuse_errno(folder->path, "list the directory", error);
  return telling.status;
}

struct looking {
  enum folder_maker (*maker)(const void *arg, const char *name);
  const void *arg;
  struct folder_found *found;
};

static enum rkv_status folder_look_at_name(void *arg, const char *name, struct rkv_error *error) {
  const struct looking *looking = arg;
  enum folder_maker maker = looking->maker(looking->arg, name);
  char *first = maker == FOLDER_OURS ? looking->found->ours : looking->found->others;
  (void)error;
  if (maker == FOLDER_NOBODY || name[0] == '.' || strcmp(name, "lost+found") == 0) return RKV_OK;
  if (!first[0] || strcmp(name, first) < 0) (void)snprintf(first, NAME_MAX + 1, "%s", name);
  return RKV_OK;
}

enum rkv_status folder_look(const struct folder *folder,
                            enum folder_maker (*maker)(const void *arg, const char *name),
                            const void *arg, struct folder_found *found, struct rkv_error *error) {
  struct looking looking = {maker, arg, found};
  *found = (struct folder_found){0};
  return folder_each_name(folder, folder_look_at_name, &looking, error);
}

bool folder_lacks(const struct folder *folder, const char *name) {
  struct stat info;
  return folder->files->look(folder->files->ctx, folder->fd, name, &info) != 0 && errno == ENOENT;
}

static enum rkv_status sync_names(const struct folder *folder, const char *name,
                                  struct rkv_error *error) {
  const struct files *files = folder->files;
  if (!folder->sync || files->sync_dir(files->ctx, folder->fd) == 0) return RKV_OK;
  return rkv_fail(error, RKV_IO, "%s/%s: cannot sync the directory of: %s", folder->path, name,
                  strerror(errno)); /* never NO_SPACE, which would be tried again */
}

enum rkv_status folder_rename(const struct folder *folder, const char *from, const char *to,
                              struct rkv_error *error) {
  const struct files *files = folder->files;
  enum rkv_status status = folder_check_place(folder, error);
  if (status != RKV_OK) return status;
  if (files->rename(files->ctx, folder->fd, from, to) != 0)
    return folder_fail(folder, from, "rename", error);
  return sync_names(folder, to, error);
}

enum rkv_status folder_drop(const struct folder *folder, const char *name,
                            struct rkv_error *error) {
  const struct files *files = folder->files;
  if (files->unlink(files->ctx, folder->fd, name) != 0 && errno != ENOENT)
    return folder_fail(folder, name, "remove", error);
  return sync_names(folder, name, error);
}
