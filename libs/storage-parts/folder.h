/* folder.h: the directory of a storage, and what is done to its files; all of it goes through a
 * table of file operations and ends in an rkv_status, with a text that says where.
 *
 * Every file is opened relative to the directory with O_CLOEXEC | O_NOFOLLOW and made with mode
 * 0600. A function that changes names makes the change durable before it returns. */
#ifndef STORAGE_PARTS_FOLDER_H
#define STORAGE_PARTS_FOLDER_H

#include "files.h"

#include <rkv/status.h>

#include <limits.h>

struct folder {
  const struct files *files;
  const char *path; /* borrowed */
  int fd;           /* -1: not open */
  bool sync;        /* false: nothing is made durable */
};

/* Opens the directory, makes it (0700) if it is not there, and takes it for this process alone
 * until folder_close. With `sync` its own name and the names in it are durable then: a process that
 * was killed may have given a name without syncing it. `fd` is -1 after an error.
 * Errors: RKV_UNAVAILABLE if another process has it; those of refuse_errno. */
enum rkv_status folder_open(struct folder *folder, struct rkv_error *error);
void folder_close(struct folder *folder); /* fd -1: nothing to do */

/* The path leads to this directory still. Errors: RKV_IO if it was moved away or removed, and with
 * it whatever is written to it. */
enum rkv_status folder_check_place(const struct folder *folder, struct rkv_error *error);

/* Bytes free on the device; UINT64_MAX if the device does not tell. */
uint64_t folder_free_bytes(const struct folder *folder);

/* ---- names ---- */

/* Calls `tell` with each name, . and .. too, until `tell` refuses one. Errors: those of `tell`, of
 * refuse_errno. */
enum rkv_status folder_each_name(const struct folder *folder,
                                 enum rkv_status (*tell)(void *arg, const char *name,
                                                         struct rkv_error *error),
                                 void *arg, struct rkv_error *error);

/* For each maker the first of its names in the directory, by the alphabet; "": none. Names with a
 * leading dot and lost+found are left out: any file system may have them. */
struct folder_found {
  char ours[NAME_MAX + 1], others[NAME_MAX + 1];
};
/* Whose a name is. */
enum folder_maker { FOLDER_OURS, FOLDER_OTHERS, FOLDER_NOBODY };
enum rkv_status folder_look(const struct folder *folder,
                            enum folder_maker (*maker)(const void *arg, const char *name),
                            const void *arg, struct folder_found *found, struct rkv_error *error);

/* True if nothing has this name. */
bool folder_lacks(const struct folder *folder, const char *name);

/* Errors: RKV_NO_SPACE and nothing was renamed; RKV_IO, also if the directory was moved away, or if
 * the new name could not be made durable: either name may be on the device then. */
enum rkv_status folder_rename(const struct folder *folder, const char *from, const char *to,
                              struct rkv_error *error);
/* RKV_OK also if there is no such file. Errors: those of refuse_errno. */
enum rkv_status folder_drop(const struct folder *folder, const char *name, struct rkv_error *error);

/* ---- files: folder_files.c ---- */

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
