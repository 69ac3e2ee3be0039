/* folder.h: the directory of a storage: made and locked, its names, the room on its device.
 *
 * A function that changes names makes the change durable before it returns. */
#ifndef STORAGE_PARTS_FOLDER_H
#define STORAGE_PARTS_FOLDER_H

#include "folder_files.h"

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
/* Fills *found; `maker` says of each name whose it is. Errors: those of folder_each_name. */
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

#endif
