/* folder.h: the directory of a storage: made and locked, its names, the room on its device. */
#ifndef STORAGE_PARTS_FOLDER_H
#define STORAGE_PARTS_FOLDER_H

#include "files.h"

#include <rkv/status.h>

#include <limits.h>

/* Opens the directory, makes it (0700) if it is not there, and takes it for this process alone
 * until *fd is closed. *fd is -1 after an error.
 * Errors: RKV_UNAVAILABLE if another process has it; those of refuse_errno. */
enum rkv_status folder_open(const struct files *files, const char *path, int *fd,
                            struct rkv_error *error);

/* Makes the directory's own name and the names in it durable: a process that was killed may have
 * given a name without syncing it. Errors: those of refuse_errno. */
enum rkv_status folder_settle(const struct files *files, const char *path, int fd,
                              struct rkv_error *error);

/* The path leads to this directory still. Errors: RKV_IO if it was moved away or removed, and with
 * it whatever is written to it. */
enum rkv_status folder_check_place(const struct files *files, const char *path, int fd,
                                   struct rkv_error *error);

/* Opens a plain file in the directory, O_CLOEXEC and not by a link, and makes it with 0600 if
 * O_CREAT says so. Anything else is refused without waiting: to open a pipe could block. *fd is -1
 * after an error. Errors: those of refuse_errno and refuse_kind. */
enum rkv_status folder_open_file(const struct files *files, int folder, const char *name, int flags,
                                 int *fd, struct rkv_error *error);

/* Calls `tell` with each name, . and .. too, until `tell` refuses one. Errors: those of `tell`, of
 * refuse_errno. */
enum rkv_status folder_each_name(const struct files *files, const char *path, int fd,
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
enum rkv_status folder_look(const struct files *files, const char *path, int fd,
                            enum folder_maker (*maker)(const char *name),
                            struct folder_found *found, struct rkv_error *error);

/* Bytes free on the device; UINT64_MAX if the device does not tell. */
uint64_t folder_free_bytes(const struct files *files, int fd);

#endif
