/* shim_undo.h: remembers what a power loss would undo: writes and names that were not synced. For
 * one thread at a time. */
#ifndef CONTRACT_SHIM_UNDO_H
#define CONTRACT_SHIM_UNDO_H

#include "shim.h"

#include <stddef.h>
#include <sys/types.h>

enum { UNDO_PATH_MAX = 1024 };

enum undo_name { UNDO_CREATE, UNDO_RENAME, UNDO_UNLINK, UNDO_MKDIR };

/* The folder in which removed and replaced files are kept; `remember`: writes that were synced are
 * kept in mind, too. */
void undo_begin(const char *folder, bool remember);

/* To be called before bytes [at, at + len) of the file are written, or before its size becomes `at`
 * (len 0). */
void undo_write(int fd, off_t at, size_t len);

/* To be called before a name is changed; `to` is for RENAME. */
void undo_before(enum undo_name what, const char *path, const char *to);
/* The change of the name failed: forgets it. */
void undo_forget_last(void);

/* The file was synced: its bytes are durable. False: the device dropped some of them for good. */
void undo_synced(int fd, bool kept);
/* Bytes [at, at + len) of the file were written through to the device. */
void undo_through(int fd, off_t at, size_t len);
/* The directory was synced: its names are durable. */
void undo_synced_names(const char *path);

/* Leaves what is not durable to another process, or takes it over from one (shim_heir.c). */
void undo_leave(void);
void undo_take_over(void);

/* Tells each write that was synced, as shim_each_synced. */
void undo_each_synced(void (*tell)(void *arg, const char *path, uint64_t at, uint64_t len),
                      void *arg);

/* Simulates the loss of power, as the plan has it. */
void undo_all(const struct shim_plan *plan);

/* ---- shim_harm.c ---- */

/* What of writes that were not synced reaches the device is not what was written (all losses but
 * SECTORS). */
void undo_harm(const struct shim_plan *plan);

#endif
