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

/* Its own name and those in it are durable when it returns: a process that was killed between
 * giving a name and syncing it leaves that to the next one. Errors: those of refuse_errno. */
enum rkv_status folder_settle(const struct files *files, const char *path, int fd,
                              struct rkv_error *error);

/* The path leads to this directory still. Errors: RKV_IO if it was moved away or removed, and with
 * it whatever is written to it. */
enum rkv_status folder_check_place(const struct files *files, const char *path, int fd,
                                   struct rkv_error *error);

/* Opens a plain file in the directory, O_CLOEXEC and not by a link, and makes it with 0600 if
 * O_CREAT says so. What is no file is not waited for: a pipe would have to be written to. *fd is -1
 * after an error. Errors: those of refuse_errno and refuse_kind. */
enum rkv_status folder_open_file(const struct files *files, int folder, const char *name, int flags,
                                 int *fd, struct rkv_error *error);

/* Tells each name, . and .. too, until one is refused. Errors: those of `tell`, of refuse_errno. */
enum rkv_status folder_each_name(const struct files *files, const char *path, int fd,
                                 enum rkv_status (*tell)(void *arg, const char *name,
                                                         struct rkv_error *error),
                                 void *arg, struct rkv_error *error);

/* Names that stand in a directory, the first of each by the alphabet; "": none. Those with a
 * leading dot, and lost+found, are left out: they say nothing. */
struct folder_found {
  char ours[NAME_MAX + 1], others[NAME_MAX + 1];
};
/* Whose a name is. */
enum folder_maker { FOLDER_OURS, FOLDER_OTHERS, FOLDER_NOBODY };
enum rkv_status folder_look(const struct files *files, const char *path, int fd,
                            enum folder_maker (*maker)(const char *name),
                            struct folder_found *found, struct rkv_error *error);

/* What is free on the device; one that does not tell is not full. */
uint64_t folder_free_bytes(const struct files *files, int fd);

#endif
