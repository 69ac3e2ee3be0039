/* shim_undo.h: what power loss would undo: writes and names that were not synced. One thread at a
 * time. */
#ifndef CONTRACT_SHIM_UNDO_H
#define CONTRACT_SHIM_UNDO_H

#include "shim.h"

#include <stddef.h>
#include <sys/types.h>

enum { UNDO_PATH_MAX = 1024 };

enum undo_name { UNDO_CREATE, UNDO_RENAME, UNDO_UNLINK, UNDO_MKDIR };

/* Where things that names stood for are kept; `remember`: writes that were synced are, too. */
void undo_begin(const char *folder, bool remember);

/* Before bytes [at, at + len) of the file are written, or its size becomes `at` (len 0). */
void undo_write(int fd, off_t at, size_t len);

/* Before a name is changed; `to`: of RENAME. */
void undo_before(enum undo_name what, const char *path, const char *to);
/* The change has failed after all. */
void undo_forget_last(void);

/* The file's bytes are durable; false: the device has dropped them for good. */
void undo_synced(int fd, bool kept);
/* Bytes [at, at + len) of the file were written through to the device. */
void undo_through(int fd, off_t at, size_t len);
/* The directory's names are durable. */
void undo_synced_names(const char *path);

/* What is not durable is left to another process, or taken over from one (shim_heir.c). */
void undo_leave(void);
void undo_take_over(void);

/* Tells each write that was synced, as shim_each_synced. */
void undo_each_synced(void (*tell)(void *arg, const char *path, uint64_t at, uint64_t len),
                      void *arg);

/* Plays the loss of power, as the plan has it. */
void undo_all(const struct shim_plan *plan);

/* ---- shim_harm.c ---- */

/* What of writes that were not synced reaches the device is not what was written (all losses but
 * SECTORS). */
void undo_harm(const struct shim_plan *plan);

#endif
