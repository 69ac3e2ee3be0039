/* folder_files.h: the files in a storage's directory. What is done to them goes through a table of
 * file operations and ends in an rkv_status, with a text that says where.
 *
 * Every file is opened relative to the directory with O_CLOEXEC | O_NOFOLLOW and made with mode
 * 0600. */
#ifndef STORAGE_PARTS_FOLDER_FILES_H
#define STORAGE_PARTS_FOLDER_FILES_H

#include "files.h"

#include <rkv/status.h>

#include <limits.h>

/* The directory (folder.h opens it). */
struct folder {
  const struct files *files;
  const char *path; /* borrowed */
  int fd;           /* -1: not open */
  bool sync;        /* false: nothing is made durable */
};

/* Opens a plain file and makes it if O_CREAT says so. Anything else is refused without waiting: to
 * open a pipe could block. *fd is -1 after an error. Errors: those of refuse_errno and
 * refuse_kind. */
enum rkv_status folder_open_file(const struct folder *folder, const char *name, int flags, int *fd,
                                 struct rkv_error *error);
void folder_close_file(const struct folder *folder, int fd); /* -1: nothing to do */

/* Writes it all. `from` is an offset. Errors: those of refuse_errno. */
enum rkv_status folder_write(const struct folder *folder, int fd, const char *name,
                             const void *bytes, size_t len, uint64_t from, struct rkv_error *error);
/* Writes zeros from `from` to `to`, durably. Errors: those of refuse_errno, RKV_NO_MEMORY. */
enum rkv_status folder_fill(const struct folder *folder, int fd, const char *name, uint64_t from,
                            uint64_t to, struct rkv_error *error);
/* Reads `len` bytes or up to the end of the file; *got tells how many. Errors: RKV_IO. */
enum rkv_status folder_read(const struct folder *folder, int fd, const char *name, void *bytes,
                            size_t len, uint64_t from, size_t *got, struct rkv_error *error);
/* Errors: those of refuse_errno. */
enum rkv_status folder_sync_file(const struct folder *folder, int fd, const char *name,
                                 struct rkv_error *error);
enum rkv_status folder_file_size(const struct folder *folder, int fd, const char *name,
                                 uint64_t *size, struct rkv_error *error);
/* Fills in random bytes. Errors: RKV_IO. */
enum rkv_status folder_random(const struct folder *folder, void *bytes, size_t len,
                              struct rkv_error *error);

/* The refusal for errno after `what` failed on the file `name`. */
enum rkv_status folder_fail(const struct folder *folder, const char *name, const char *what,
                            struct rkv_error *error);

#endif
