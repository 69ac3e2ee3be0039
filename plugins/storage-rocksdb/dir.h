/* dir.h: the directory as the file system shows it, before RocksDB is asked; and what is said when
 * the C library or RocksDB refuses. A leaf. */
#ifndef ROCKS_DIR_H
#define ROCKS_DIR_H

#include <rkv/status.h>

/* Refuses what the C library refused, by errno; `what` completes "cannot". Returns RKV_NO_SPACE;
 * RKV_FULL without a free file descriptor, which may have changed when it is tried again; else
 * RKV_IO. */
enum rkv_status dir_fail(const char *path, const char *what, struct rkv_error *error);

/* Nobody has claimed the directory (open as `fd`): refuses if anything but names with a leading
 * dot and lost+found is in it.
 * Errors: RKV_CORRUPT if it looks like a database, which lacks `owner`; RKV_FOREIGN, with whose
 * files these are; those of dir_fail. */
enum rkv_status dir_check_new(const char *dir, int fd, const char *owner, struct rkv_error *error);

/* Refuses pipes and devices in the place of files, which RocksDB would wait for. Errors: those of
 * dir_fail. */
enum rkv_status dir_check_kinds(const char *dir, int fd, struct rkv_error *error);

/* The two files by which RocksDB finds all others. Errors: RKV_CORRUPT if one is missing or empty;
 * those of dir_fail. */
enum rkv_status dir_check_made(const char *dir, int fd, struct rkv_error *error);

#endif
