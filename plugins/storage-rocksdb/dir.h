/* dir.h: the directory as the file system shows it, before RocksDB is asked. A leaf. */
#ifndef ROCKS_DIR_H
#define ROCKS_DIR_H

#include <rkv/status.h>

/* Nobody has claimed the directory (open as `fd`): refuses if anything but names with a leading
 * dot and lost+found is in it.
 * Errors: RKV_CORRUPT if it looks like a database, which lacks OWNED_FILE; RKV_FOREIGN, with
 * whose files these are; those of refuse_errno. */
enum rkv_status dir_check_new(const char *dir, int fd, struct rkv_error *error);

/* Refuses links, pipes, devices and folders in the place of files, before RocksDB opens one.
 * Errors: those of refuse_errno. */
enum rkv_status dir_check_kinds(const char *dir, int fd, struct rkv_error *error);

/* The two files by which RocksDB finds all others. Errors: RKV_CORRUPT if one is missing or empty;
 * those of refuse_errno. */
enum rkv_status dir_check_made(const char *dir, int fd, struct rkv_error *error);

#endif
