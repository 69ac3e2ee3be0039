/* shim_names.c: the calls that make, change and remove names, and open files. */
#define _GNU_SOURCE
#include "shim_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- names ---- */

/* A change of names around a bare call; `to`: of a rename or link. */
struct renaming {
  enum undo_name what;
  unsigned kinds;
  int folder, to_folder;
  const char *name, *to;
  long call;
  long flags; /* last argument of the bare call */
};

static long rename_bare(const struct renaming *r) {
  if (r->call == SYS_renameat2)
    return syscall(r->call, r->folder, r->name, r->to_folder, r->to, r->flags);
  if (r->call == SYS_linkat)
    return syscall(r->call, r->folder, r->name, r->to_folder, r->to, r->flags);
  return syscall(r->call, r->folder, r->name, r->flags);
}

static int rename_with(const struct renaming *r) {
  char path[UNDO_PATH_MAX], to[UNDO_PATH_MAX] = "";
  bool last, made = r->call == SYS_linkat;
  long result;
  int error;
  if (!shim_path_at(r->folder, r->name, path) || (r->to && !shim_path_at(r->to_folder, r->to, to)))
    return (int)rename_bare(r);
  shim_linger();
  shim_lock();
  last = shim_ends_here();
  error = shim_plan_for(r->kinds);
  if (!error && shim_tracks()) undo_before(r->what, made ? to : path, r->to && !made ? to : NULL);
  result = error ? shim_failing(error) : rename_bare(r);
  if (!error && shim_tracks() && result != 0) undo_forget_last();
  error = errno;
  if (last) shim_die();
  shim_unlock();
  errno = error;
  return (int)result;
}

EXPORTED int renameat(int folder, const char *name, int to_folder, const char *to) {
  struct renaming r = {
      UNDO_RENAME, KIND(NAME) | KIND(MODIFY), folder, to_folder, name, to, SYS_renameat2, 0};
  return rename_with(&r);
}

EXPORTED int rename(const char *name, const char *to) {
  return renameat(AT_FDCWD, name, AT_FDCWD, to);
}

EXPORTED int linkat(int folder, const char *name, int to_folder, const char *to, int flags) {
  struct renaming r = {
      UNDO_CREATE, KIND(NAME) | KIND(MODIFY), folder, to_folder, name, to, SYS_linkat, flags};
  return rename_with(&r);
}

EXPORTED int link(const char *name, const char *to) {
  return linkat(AT_FDCWD, name, AT_FDCWD, to, 0);
}

EXPORTED int unlinkat(int folder, const char *name, int flags) {
  struct renaming r = {UNDO_UNLINK, KIND(NAME) | KIND(MODIFY), folder, 0, name, NULL, SYS_unlinkat,
                       flags};
  return rename_with(&r);
}

EXPORTED int unlink(const char *name) {
  return unlinkat(AT_FDCWD, name, 0);
}

EXPORTED int rmdir(const char *name) {
  return unlinkat(AT_FDCWD, name, AT_REMOVEDIR);
}

EXPORTED int mkdirat(int folder, const char *name, mode_t mode) {
  struct renaming r = {
      UNDO_MKDIR, KIND(NAME) | KIND(SPACE) | KIND(MODIFY), folder, 0, name, NULL, SYS_mkdirat,
      mode};
  return rename_with(&r);
}

EXPORTED int mkdir(const char *name, mode_t mode) {
  return mkdirat(AT_FDCWD, name, mode);
}

/* ---- opening ---- */

static int open_with(int folder, const char *name, int flags, mode_t mode) {
  char path[UNDO_PATH_MAX];
  unsigned kinds = KIND(OPEN);
  bool made, last, changes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT);
  long result;
  int error;
  if (!shim_path_at(folder, name, path)) return (int)syscall(SYS_openat, folder, name, flags, mode);
  if (flags & O_CREAT) shim_linger();
  shim_lock();
  made = (flags & O_CREAT) && syscall(SYS_faccessat, AT_FDCWD, path, F_OK) != 0;
  if (made) kinds |= KIND(NAME) | KIND(SPACE);
  if (changes) kinds |= KIND(MODIFY);
  last = made && shim_ends_here();
  error = shim_plan_for(kinds);
  if (!error && made && shim_tracks()) undo_before(UNDO_CREATE, path, NULL);
  result = error ? shim_failing(error) : syscall(SYS_openat, folder, name, flags, mode);
  if (!error && made && shim_tracks() && result < 0) undo_forget_last();
  error = errno;
  if (last) shim_die();
  shim_unlock();
  errno = error;
  return (int)result;
}

static mode_t mode_of(int flags, va_list args) {
  return flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

#define OPEN_BODY(folder)                                                                          \
  va_list args;                                                                                    \
  mode_t mode;                                                                                     \
  va_start(args, flags);                                                                           \
  mode = mode_of(flags, args);                                                                     \
  va_end(args);                                                                                    \
  return open_with(folder, name, flags, mode)

EXPORTED int open(const char *name, int flags, ...) {
  OPEN_BODY(AT_FDCWD);
}

EXPORTED int open64(const char *name, int flags, ...) {
  OPEN_BODY(AT_FDCWD);
}

EXPORTED int openat(int folder, const char *name, int flags, ...) {
  OPEN_BODY(folder);
}

EXPORTED int openat64(int folder, const char *name, int flags, ...) {
  OPEN_BODY(folder);
}

EXPORTED int creat(const char *name, mode_t mode) {
  return open_with(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
