/* shim_undo.c: keeps the bytes and names that a change replaces, and puts them back.
 *
 * Makes only bare system calls: here the names of the C library are the shim's own. */
#define _GNU_SOURCE
#include "shim_undo_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct undo undo;

void undo_begin(const char *folder, bool remember) {
  undo.remember = remember;
  (void)snprintf(undo.folder, sizeof undo.folder, "%s", folder);
  (void)syscall(SYS_mkdirat, AT_FDCWD, folder, 0700);
}

/* ---- bytes ---- */

void undo_write(int fd, off_t at, size_t len) {
  char path[64];
  struct stat info;
  struct undo_kept *kept;
  size_t old;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return;
  if (len == 0 && at < info.st_size) len = (size_t)(info.st_size - at); /* the file is cut here */
  old = at >= info.st_size ? 0 : (size_t)(info.st_size - at);
  if (old > len) old = len;
  kept = calloc(1, sizeof *kept + len);
  (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  if (!kept) abort();
  *kept = (struct undo_kept){.older = undo.kept,
                             .file = info.st_ino,
                             .at = at,
                             .size = info.st_size,
                             .len = len,
                             .old = old,
                             .bytes = (uint8_t *)(kept + 1)};
  kept->fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
  if (kept->fd < 0 || (old > 0 && syscall(SYS_pread64, kept->fd, kept->bytes, old, at) < 0)) {
    if (kept->fd >= 0) (void)syscall(SYS_close, kept->fd);
    free(kept); /* no descriptor is left: this write cannot be lost */
    return;
  }
  undo.kept = kept;
}

static void settle(struct undo_kept *kept) {
  struct undo_kept **end = &undo.settled;
  if (!undo.remember) {
    (void)syscall(SYS_close, kept->fd);
    free(kept);
    return;
  }
  while (*end) end = &(*end)->older;
  kept->older = NULL;
  *end = kept;
}

/* Bytes [at, at + len) of the file are durable as they are now: a loss of this older write must not
 * take them back. */
static void outlived(struct undo_kept *kept, int fd, off_t at, size_t len) {
  const off_t end = at + (off_t)len, last = kept->at + (off_t)kept->len;
  off_t from = at > kept->at ? at : kept->at, to = end < last ? end : last;
  if (from >= to) return;
  (void)syscall(SYS_pread64, fd, kept->bytes + (from - kept->at), (size_t)(to - from), from);
  if (kept->size < to) kept->size = to;
  if (kept->at + (off_t)kept->old < to) kept->old = (size_t)(to - kept->at);
}

static void outlive_doomed(int fd, const struct undo_kept *synced) {
  for (struct undo_kept *kept = undo.kept; kept; kept = kept->older)
    if (kept->doomed && kept->file == synced->file) outlived(kept, fd, synced->at, synced->len);
}

void undo_synced(int fd, bool keep) {
  struct stat info;
  if (fstat(fd, &info) != 0) return;
  for (struct undo_kept **at = &undo.kept; *at;) {
    struct undo_kept *kept = *at;
    if (kept->file != info.st_ino || kept->doomed || !keep) {
      if (kept->file == info.st_ino && !keep) kept->doomed = true;
      at = &kept->older;
      continue;
    }
    *at = kept->older;
    outlive_doomed(kept->fd, kept);
    settle(kept);
  }
}

/* Later losses of the older writes must not take it back. */
void undo_through(int fd, off_t at, size_t len) {
  const off_t end = at + (off_t)len;
  struct stat info;
  if (fstat(fd, &info) != 0) return;
  for (struct undo_kept *kept = undo.kept; kept; kept = kept->older) {
    if (kept->file != info.st_ino || at >= kept->at + (off_t)kept->len || end <= kept->at) continue;
    kept->through = true;
    outlived(kept, fd, at, len);
  }
}

void undo_each_synced(void (*tell)(void *arg, const char *path, uint64_t at, uint64_t len),
                      void *arg) {
  for (const struct undo_kept *kept = undo.settled; kept; kept = kept->older) {
    char link[64], path[UNDO_PATH_MAX];
    struct stat info;
    long len;
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", kept->fd);
    len = syscall(SYS_readlink, link, path, sizeof path - 1);
    if (len <= 0 || fstat(kept->fd, &info) != 0 || info.st_nlink == 0) continue;
    path[len] = '\0';
    tell(arg, path, (uint64_t)kept->at, kept->len);
  }
}

uint64_t undo_mix(uint64_t x) {
  x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  return x ^ (x >> 31);
}

/* A sector is lost as a whole or not at all, whichever write touched it. */
static bool lost(const struct undo_kept *kept, uint64_t seed, off_t sector) {
  return kept->doomed ||
         undo_mix(seed + undo_mix((uint64_t)kept->file + undo_mix((uint64_t)sector))) % 2 == 0;
}

static void put_back(const struct undo_kept *kept, uint64_t seed, unsigned sector) {
  static const uint8_t zeros[4096];
  off_t last = kept->at + (off_t)kept->len, old = kept->size;
  for (off_t at = kept->at; at < last;) {
    off_t stop = (at / sector + 1) * sector;
    if (stop > last) stop = last;
    if (at < old && stop > old) stop = old;
    if (lost(kept, seed, at / sector))
      (void)syscall(SYS_pwrite64, kept->fd, at < old ? kept->bytes + (at - kept->at) : zeros,
                    (size_t)(stop - at), at);
    at = stop;
  }
  if (last > old && lost(kept, seed + 1, -1)) (void)syscall(SYS_ftruncate, kept->fd, old);
}

void undo_from(const struct undo_kept *kept, off_t from) {
  static const uint8_t zeros[4096];
  off_t last = kept->at + (off_t)kept->len, old = kept->size, len;
  if (from < kept->at) from = kept->at;
  for (off_t at = from; at < last; at += len) {
    len = last - at < (off_t)sizeof zeros ? last - at : (off_t)sizeof zeros;
    if (at < old && at + len > old) len = old - at;
    (void)syscall(SYS_pwrite64, kept->fd, at < old ? kept->bytes + (at - kept->at) : zeros,
                  (size_t)len, at);
  }
  if (last > old) (void)syscall(SYS_ftruncate, kept->fd, from > old ? from : old);
}

/* ---- names ---- */

static void hold(struct undo_named *named, const char *path) {
  struct stat info;
  if (lstat(path, &info) != 0 || !S_ISREG(info.st_mode)) return;
  (void)snprintf(named->held, sizeof named->held, "%.900s/%u", undo.folder, undo.number++);
  if (syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, named->held, 0) != 0) named->held[0] = '\0';
}

void undo_before(enum undo_name what, const char *path, const char *to) {
  struct undo_named *named = calloc(1, sizeof *named);
  if (!named) abort();
  named->older = undo.named;
  named->what = what;
  (void)snprintf(named->path, sizeof named->path, "%s", path);
  if (to) (void)snprintf(named->to, sizeof named->to, "%s", to);
  if (what == UNDO_UNLINK) hold(named, path);
  if (what == UNDO_RENAME) hold(named, to);
  undo.named = named;
}

static void drop(struct undo_named *named) {
  if (named->held[0]) (void)syscall(SYS_unlinkat, AT_FDCWD, named->held, 0);
  free(named);
}

void undo_forget_last(void) {
  struct undo_named *named = undo.named;
  undo.named = named->older;
  drop(named);
}

static bool is_in(const char *path, const char *folder) {
  size_t len = strlen(folder);
  return strncmp(path, folder, len) == 0 && path[len] == '/' && !strchr(path + len + 1, '/');
}

void undo_synced_names(const char *path) {
  for (struct undo_named **at = &undo.named; *at;) {
    struct undo_named *named = *at;
    if (!is_in(named->path, path) && !(named->to[0] && is_in(named->to, path))) {
      at = &named->older;
      continue;
    }
    *at = named->older;
    drop(named);
  }
}

/* A directory without a name is gone with all that is in it. */
static void take_away(const char *path) {
  char lost[UNDO_PATH_MAX];
  (void)snprintf(lost, sizeof lost, "%.900s/%u", undo.folder, undo.number++);
  (void)syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, lost, 0);
}

static void take_back(const struct undo_named *named) {
  switch (named->what) {
  case UNDO_CREATE: (void)syscall(SYS_unlinkat, AT_FDCWD, named->path, 0); break;
  case UNDO_MKDIR: take_away(named->path); break;
  case UNDO_UNLINK:
    if (named->held[0]) (void)syscall(SYS_linkat, AT_FDCWD, named->held, AT_FDCWD, named->path, 0);
    break;
  case UNDO_RENAME:
    (void)syscall(SYS_renameat2, AT_FDCWD, named->to, AT_FDCWD, named->path, 0);
    if (named->held[0]) (void)syscall(SYS_linkat, AT_FDCWD, named->held, AT_FDCWD, named->to, 0);
    break;
  }
}

void undo_all(const struct shim_plan *plan) {
  uint64_t count = 0, gone;
  if (plan->loss == SHIM_SECTORS)
    for (const struct undo_kept *kept = undo.kept; kept; kept = kept->older)
      put_back(kept, plan->seed, plan->sector);
  else
    undo_harm(plan);
  for (const struct undo_named *named = undo.named; named; named = named->older) count++;
  gone = plan->all_names ? count : undo_mix(plan->seed + 2) % (count + 1);
  for (const struct undo_named *named = undo.named; gone > 0; named = named->older, gone--)
    take_back(named);
}
