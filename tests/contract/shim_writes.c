/* shim_writes.c: the calls that change and sync bytes, which the plugin makes in place of the C
 * library's. */
#define _GNU_SOURCE
#include "shim_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- writes ---- */

static size_t total(const struct iovec *pieces, int count) {
  size_t len = 0;
  for (int i = 0; i < count; i++) len += pieces[i].iov_len;
  return len;
}

/* Where a write without a place goes. */
static off_t place_of(int fd) {
  struct stat info;
  long flags = syscall(SYS_fcntl, fd, F_GETFL);
  if (flags >= 0 && (flags & O_APPEND) && fstat(fd, &info) == 0) return info.st_size;
  return syscall(SYS_lseek, fd, 0, SEEK_CUR);
}

static long bare_write(int fd, const struct iovec *pieces, int count, off_t at) {
  if (at < 0) return syscall(SYS_writev, fd, pieces, count);
  return syscall(SYS_pwritev, fd, pieces, count, at, 0);
}

/* A write that does not fit as a whole is carried out in part. */
static long fitting_write(int fd, const struct iovec *pieces, int count, off_t at, off_t grows) {
  uint64_t room = grows > 0 ? shim_room() : UINT64_MAX;
  struct iovec part;
  size_t fits;
  if ((uint64_t)(grows > 0 ? grows : 0) <= room) return bare_write(fd, pieces, count, at);
  fits = total(pieces, count) - (size_t)((uint64_t)grows - room);
  if (fits == 0) return shim_failing(ENOSPC);
  if (fits < pieces[0].iov_len) {
    part = (struct iovec){pieces[0].iov_base, fits};
    return bare_write(fd, &part, 1, at);
  }
  while (total(pieces, count) > fits) count--;
  return bare_write(fd, pieces, count, at);
}

/* What is written through it is durable at once. */
static bool writes_through(int fd) {
  long flags = syscall(SYS_fcntl, fd, F_GETFL);
  return flags >= 0 && (flags & O_DSYNC);
}

/* at < 0: at the descriptor's own place. */
static long change(int fd, const struct iovec *pieces, int count, off_t at) {
  char path[UNDO_PATH_MAX];
  struct stat info;
  off_t place, grows;
  unsigned kinds = KIND(WRITE);
  long result;
  int error;
  bool last, through;
  if (!shim_path_of(fd, path)) return bare_write(fd, pieces, count, at);
  through = writes_through(fd);
  if (through) kinds |= KIND(SYNC);
  shim_linger();
  shim_lock();
  place = at < 0 ? place_of(fd) : at;
  if (fstat(fd, &info) != 0) info.st_size = place;
  grows = place + (off_t)total(pieces, count) - info.st_size;
  if (grows > 0) kinds |= KIND(SPACE);
  last = shim_ends_here();
  error = shim_plan_for(kinds);
  if (last && shim_tears() && count > 0) {
    struct iovec half = {pieces[0].iov_base, (pieces[0].iov_len + 1) / 2};
    (void)bare_write(fd, &half, 1, at);
    shim_die();
  }
  if (!error && shim_tracks() && total(pieces, count) > 0 && !through)
    undo_write(fd, place, total(pieces, count));
  result = error ? shim_failing(error) : fitting_write(fd, pieces, count, at, grows);
  error = errno;
  if (result > 0 && through && shim_tracks()) undo_through(fd, place, (size_t)result);
  if (result > 0 && through) shim_count_sync();
  if (last) shim_die();
  shim_unlock();
  errno = error;
  return result;
}

static long change_one(int fd, const void *bytes, size_t len, off_t at) {
  struct iovec piece = {(void *)(uintptr_t)bytes, len};
  return change(fd, &piece, 1, at);
}

EXPORTED ssize_t write(int fd, const void *bytes, size_t len) {
  return change_one(fd, bytes, len, -1);
}

EXPORTED ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at) {
  return change_one(fd, bytes, len, at);
}

EXPORTED ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at) {
  return change_one(fd, bytes, len, at);
}

EXPORTED ssize_t writev(int fd, const struct iovec *pieces, int count) {
  return change(fd, pieces, count, -1);
}

EXPORTED ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t at) {
  return change(fd, pieces, count, at);
}

EXPORTED ssize_t pwritev64(int fd, const struct iovec *pieces, int count, off64_t at) {
  return change(fd, pieces, count, at);
}

/* ---- sizes ---- */

static long resize(int fd, int mode, off_t at, off_t len, bool cut) {
  char path[UNDO_PATH_MAX];
  struct stat info;
  bool seen = shim_path_of(fd, path), last = false;
  long result;
  int error = 0;
  if (seen) {
    shim_linger();
    shim_lock();
    last = shim_ends_here();
    if (fstat(fd, &info) != 0) info.st_size = 0;
    error = shim_plan_for(KIND(WRITE) | (at + len > info.st_size ? KIND(SPACE) : 0));
    if (!(mode & FALLOC_FL_KEEP_SIZE) && at + len > info.st_size &&
        (uint64_t)(at + len - info.st_size) > shim_room())
      error = ENOSPC;
    if (!error && shim_tracks() && (cut || !(mode & FALLOC_FL_KEEP_SIZE)))
      undo_write(fd, cut ? at : info.st_size,
                 cut || at + len <= info.st_size ? 0 : (size_t)(at + len - info.st_size));
  }
  if (error)
    result = shim_failing(error);
  else
    result = cut ? syscall(SYS_ftruncate, fd, at) : syscall(SYS_fallocate, fd, mode, at, len);
  error = errno;
  if (last) shim_die();
  if (seen) shim_unlock();
  errno = error;
  return result;
}

EXPORTED int ftruncate(int fd, off_t size) {
  return (int)resize(fd, 0, size, 0, true);
}

EXPORTED int ftruncate64(int fd, off64_t size) {
  return (int)resize(fd, 0, size, 0, true);
}

EXPORTED int fallocate(int fd, int mode, off_t at, off_t len) {
  return (int)resize(fd, mode, at, len, false);
}

EXPORTED int fallocate64(int fd, int mode, off64_t at, off64_t len) {
  return (int)resize(fd, mode, at, len, false);
}

EXPORTED int posix_fallocate(int fd, off_t at, off_t len) {
  return resize(fd, 0, at, len, false) == 0 ? 0 : errno;
}

EXPORTED int posix_fallocate64(int fd, off64_t at, off64_t len) {
  return resize(fd, 0, at, len, false) == 0 ? 0 : errno;
}

/* ---- syncs ---- */

static int sync_with(int fd, long number) {
  char path[UNDO_PATH_MAX];
  struct stat info;
  bool seen = shim_path_synced(fd, path);
  long result = 0;
  int error;
  if (seen) {
    bool names = fstat(fd, &info) == 0 && S_ISDIR(info.st_mode);
    if (names) shim_wait_for_names();
    shim_linger();
    shim_lock();
    if (names && shim_ends_at_names()) shim_die();
    if (shim_ends_here()) shim_die(); /* before the sync is done */
    error = shim_plan_for(KIND(SYNC));
    if (shim_tracks() && fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) undo_synced(fd, !error);
    if (shim_tracks() && !error && S_ISDIR(info.st_mode)) undo_synced_names(path);
    if (!error) shim_count_sync();
    shim_unlock();
    if (error) return (int)shim_failing(error);
  }
  if (!shim_skips()) result = syscall(number, fd);
  return (int)result;
}

EXPORTED int fsync(int fd) {
  return sync_with(fd, SYS_fsync);
}

EXPORTED int fdatasync(int fd) {
  return sync_with(fd, SYS_fdatasync);
}
