/* numbered.h: files whose names are a prefix, a number of 16 hexadecimal digits, and a suffix. */
#ifndef STORAGE_PARTS_NUMBERED_H
#define STORAGE_PARTS_NUMBERED_H

#include "folder.h"

struct numbered {
  const char *prefix, *suffix;
};

enum { NUMBERED_NAME_MAX = 48 }; /* bytes of a file name, its NUL included */
struct numbered_name {
  char text[NUMBERED_NAME_MAX];
};

struct numbered_name numbered_name(struct numbered kind, uint64_t number);
/* True if it is a name of this kind; *number is what it has. */
bool numbered_is(struct numbered kind, const char *name, uint64_t *number);

/* The numbers of all files of one kind, ascending; *numbers is freed by the caller. Errors: those
 * of folder_each_name, RKV_NO_MEMORY. */
enum rkv_status numbered_list(const struct folder *folder, struct numbered kind, uint64_t **numbers,
                              size_t *count, struct rkv_error *error);
/* Drops all files of one kind but that with the number `but`; no file has the number 0. Errors:
 * those of numbered_list, folder_drop. */
enum rkv_status numbered_drop(const struct folder *folder, struct numbered kind, uint64_t but,
                              struct rkv_error *error);

#endif
