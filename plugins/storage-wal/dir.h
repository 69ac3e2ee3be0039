/* dir.h: the names of the storage's files in its directory (storage-parts/folder.h). */
#ifndef WAL_DIR_H
#define WAL_DIR_H

#include <storage-parts/snapshot_files.h>

/* X(NAME, prefix, suffix): the files, PREFIX + 16 hex digits + SUFFIX. */
#define DIR_FILE_LIST(X)                                                                           \
  X(LOG, "log-", ".wal")                     /* a segment; the number is its sequence */           \
  X(SPARE, "spare-", ".wal")                 /* room made ahead; holds nothing */                  \
  X(SNAPSHOT, SNAPSHOT_FILES_NAME, "")       /* a whole one; the greatest number is the newest */  \
  X(TEMPORARY, SNAPSHOT_FILES_TEMPORARY, "") /* unfinished; dropped when the storage is opened */

enum dir_file {
#define DIR_FILE_ENUM(name, prefix, suffix) DIR_##name,
  DIR_FILE_LIST(DIR_FILE_ENUM)
#undef DIR_FILE_ENUM
};

struct numbered_name dir_name(enum dir_file file, uint64_t number);

/* As numbered_list. */
enum rkv_status dir_list(const struct folder *folder, enum dir_file file, uint64_t **numbers,
                         size_t *count, struct rkv_error *error);

/* Whose names the directory has. An unfinished OWNED_FILE is left out too: it was never in force.
 * Errors: those of folder_look. */
enum rkv_status dir_look(const struct folder *folder, struct folder_found *found,
                         struct rkv_error *error);

#endif
