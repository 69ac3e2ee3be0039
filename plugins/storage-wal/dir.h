/* dir.h: the storage's directory: its lock, its file names, and I/O that ends in an rkv_status.
 * All of it goes through a table of file operations (storage-parts/files.h).
 *
 * Every file is opened relative to the directory with O_CLOEXEC | O_NOFOLLOW and made with mode
 * 0600. A function that changes names makes the change durable before it returns. */
#ifndef WAL_DIR_H
#define WAL_DIR_H

#include <storage-parts/folder.h>

/* X(NAME, prefix, suffix): the files, PREFIX + 16 hex digits + SUFFIX. */
#define DIR_FILE_LIST(X)                                                                           \
  X(LOG, "log-", ".wal")         /* a segment; the number is its sequence */                       \
  X(SPARE, "spare-", ".wal")     /* room made ahead; holds nothing */                              \
  X(SNAPSHOT, "snapshot-", "")   /* a whole snapshot; the greatest number is the newest */         \
  X(TEMPORARY, "temporary-", "") /* unfinished; dropped when the storage is opened */

enum dir_file {
#define DIR_FILE_ENUM(name, prefix, suffix) DIR_##name,
  DIR_FILE_LIST(DIR_FILE_ENUM)
#undef DIR_FILE_ENUM
};

enum { DIR_NAME_MAX = 48 }; /* bytes of a file name, its NUL included */

struct dir {
  const struct files *files;
  const char *path; /* borrowed */
  int fd;
  bool sync; /* false: nothing is made durable */
};

struct dir_name {
  char text[DIR_NAME_MAX];
};

struct dir_name dir_name(enum dir_file file, uint64_t number);

/* Opens the directory, makes it (0700) if it is not there, and locks it. With `sync` every name
 * found in it, and its own, is durable when it returns. `files` and `path` are borrowed until
 * dir_close.
 * Errors: RKV_UNAVAILABLE if another instance holds it; RKV_IO. */
enum rkv_status dir_open(struct dir *dir, const struct files *files, const char *path, bool sync,
                         struct rkv_error *error);
void dir_close(struct dir *dir);

/* The numbers of all files of one kind, ascending; *numbers is freed by the caller. */
enum rkv_status dir_list(const struct dir *dir, enum dir_file file, uint64_t **numbers,
                         size_t *count, struct rkv_error *error);

/* Names in the directory. An unfinished OWNED_FILE is left out too: it was never in force. */
enum rkv_status dir_look(const struct dir *dir, struct folder_found *found,
                         struct rkv_error *error);

/* Errors: RKV_IO, also for what is no plain file; RKV_NO_SPACE; RKV_FULL without a free file
 * descriptor. *fd is -1 then. */
enum rkv_status dir_open_file(const struct dir *dir, struct dir_name name, int flags, int *fd,
                              struct rkv_error *error);
void dir_close_file(const struct dir *dir, int fd); /* -1: nothing to do */
/* Errors: RKV_NO_SPACE and nothing was renamed; RKV_IO, also if the directory was moved away, or if
 * the new name could not be made durable: either name may be on the device then. */
enum rkv_status dir_rename(const struct dir *dir, struct dir_name from, struct dir_name to,
                           struct rkv_error *error);
/* RKV_OK also if there is no such file. */
enum rkv_status dir_drop(const struct dir *dir, struct dir_name name, struct rkv_error *error);

/* Writes it all. `from` is an offset. Errors: RKV_IO, RKV_NO_SPACE. */
enum rkv_status dir_write(const struct dir *dir, int fd, struct dir_name name, const void *bytes,
                          size_t len, off_t from, struct rkv_error *error);
/* Reads `len` bytes or up to the end of the file; *got tells how many. Errors: RKV_IO. */
enum rkv_status dir_read(const struct dir *dir, int fd, struct dir_name name, void *bytes,
                         size_t len, off_t from, size_t *got, struct rkv_error *error);
/* Errors: RKV_IO, RKV_NO_SPACE. */
enum rkv_status dir_sync_file(const struct dir *dir, int fd, struct dir_name name,
                              struct rkv_error *error);
enum rkv_status dir_file_size(const struct dir *dir, int fd, struct dir_name name, uint64_t *size,
                              struct rkv_error *error);

/* The refusal for errno after `what` failed on `name`. */
enum rkv_status dir_fail(struct dir_name name, const char *what, struct rkv_error *error);

#endif
