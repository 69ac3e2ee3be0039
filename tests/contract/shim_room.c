/* shim_room.c: a device of a given size: a write that does not fit fails, a write of which a part
 * fits writes that part, and a removal makes room again. */
#define _GNU_SOURCE
#include "shim_internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { BLOCK = 512 };

/* Bytes of all files; directories below are none of a storage's. */
static uint64_t used(void) {
  char path[UNDO_PATH_MAX];
  DIR *items = opendir(shim_dir());
  const struct dirent *item;
  struct stat info;
  uint64_t sum = 0;
  while (items && (item = readdir(items))) {
    (void)snprintf(path, sizeof path, "%.700s/%.300s", shim_dir(), item->d_name);
    if (lstat(path, &info) == 0 && S_ISREG(info.st_mode)) sum += (uint64_t)info.st_size;
  }
  if (items) (void)closedir(items);
  return sum;
}

uint64_t shim_room(void) {
  uint64_t capacity = shim_capacity(), taken;
  if (capacity == 0) return UINT64_MAX;
  taken = used();
  return taken < capacity ? capacity - taken : 0;
}

uint64_t shim_free(void) {
  return shim_room();
}

/* ---- what the C library tells of it ---- */

static int tell(const struct statfs *info, bool ours, struct statvfs *out) {
  memset(out, 0, sizeof *out);
  out->f_bsize = out->f_frsize = ours ? BLOCK : (unsigned long)info->f_bsize;
  out->f_blocks = ours ? shim_capacity() / BLOCK : info->f_blocks;
  out->f_bfree = ours ? shim_room() / BLOCK : info->f_bfree;
  out->f_bavail = ours ? out->f_bfree : info->f_bavail;
  out->f_files = info->f_files;
  out->f_ffree = out->f_favail = info->f_ffree;
  out->f_namemax = (unsigned long)info->f_namelen;
  return 0;
}

EXPORTED int fstatvfs(int fd, struct statvfs *out) {
  char path[UNDO_PATH_MAX];
  struct statfs info;
  if (syscall(SYS_fstatfs, fd, &info) != 0) return -1;
  return tell(&info, shim_path_of(fd, path) && shim_capacity() > 0, out);
}

EXPORTED int statvfs(const char *name, struct statvfs *out) {
  char path[UNDO_PATH_MAX];
  struct statfs info;
  if (syscall(SYS_statfs, name, &info) != 0) return -1;
  return tell(&info, shim_path_at(AT_FDCWD, name, path) && shim_capacity() > 0, out);
}

EXPORTED int statvfs64(const char *name, struct statvfs64 *out) {
  return statvfs(name, (struct statvfs *)out);
}

EXPORTED int fstatvfs64(int fd, struct statvfs64 *out) {
  return fstatvfs(fd, (struct statvfs *)out);
}
