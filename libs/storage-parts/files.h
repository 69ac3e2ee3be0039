/* files.h: the operations on files that a durable storage uses, as a table: the kernel's in
 * production, a simulated device's in the simulator, which loses power between any two of them.
 *
 * Each function does what the system call in its comment does, and tells a failure as that does:
 * -1 and errno. A directory and a file have a descriptor of the table's own, which only `close`
 * ends. Any thread may call any of them. */
#ifndef STORAGE_PARTS_FILES_H
#define STORAGE_PARTS_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

struct files {
  void *ctx; /* handed to each */

  /* ---- directories ---- */
  int (*make_dir)(void *ctx, const char *path); /* mkdir, 0700 */
  int (*open_dir)(void *ctx, const char *path); /* open, to be read */
  int (*lock_dir)(void *ctx, int dir);          /* flock, exclusive, without waiting */
  /* Makes the directory's own name durable: fsync of the directory above, or syncfs where the
   * directory above may not be opened. */
  int (*sync_above)(void *ctx, int dir);
  int (*sync_dir)(void *ctx, int dir); /* fsync: makes the names in the directory durable */
  /* readdir, from the first to the last, . and .. too, until `tell` gives false (0 then too). */
  int (*each_name)(void *ctx, int dir, bool (*tell)(void *arg, const char *name), void *arg);
  int (*free_bytes)(void *ctx, int dir, uint64_t *bytes); /* fstatvfs: what this user may fill */

  /* ---- names ---- */
  /* stat: st_dev and st_ino are those that look_at gives for the directory opened at this path. */
  int (*look_path)(void *ctx, const char *path, struct stat *info);
  int (*open)(void *ctx, int dir, const char *name, int flags); /* openat, 0600, O_CLOEXEC */
  int (*look)(void *ctx, int dir, const char *name, struct stat *info); /* fstatat, not by a link */
  int (*rename)(void *ctx, int dir, const char *from, const char *to);  /* renameat */
  int (*unlink)(void *ctx, int dir, const char *name);                  /* unlinkat */

  /* ---- open files ---- */
  int (*look_at)(void *ctx, int fd, struct stat *info); /* fstat, of a directory too */
  ssize_t (*read)(void *ctx, int fd, void *bytes, size_t len, off_t from); /* pread */
  ssize_t (*write)(void *ctx, int fd, const struct iovec *pieces, int count,
                   off_t to);                /* pwritev */
  int (*cut)(void *ctx, int fd, off_t size); /* ftruncate */
  int (*sync)(void *ctx, int fd);            /* fdatasync */
  void (*forget)(void *ctx, int fd);         /* posix_fadvise: the file's cached pages may go */
  void (*close)(void *ctx, int fd);

  ssize_t (*random)(void *ctx, void *bytes, size_t len); /* getrandom */
};

extern const struct files files_posix;

#endif
