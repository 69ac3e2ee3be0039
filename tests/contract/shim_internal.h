/* shim_internal.h: what the shim's files share. */
#ifndef CONTRACT_SHIM_INTERNAL_H
#define CONTRACT_SHIM_INTERNAL_H

#include "shim.h"
#include "shim_undo.h"

#define KIND(call) (1u << SHIM_##call) /* the kinds of a call are a set */
#define EXPORTED __attribute__((visibility("default")))

void shim_lock(void);
void shim_unlock(void);

/* The path of a descriptor; false: it is outside of the shim's directory. */
bool shim_path_of(int fd, char path[UNDO_PATH_MAX]);
/* The same for a descriptor that is synced: here the directory above counts too, because it holds
 * the directory's name. */
bool shim_path_synced(int fd, char path[UNDO_PATH_MAX]);
/* The absolute path of a name; false: it is outside of the shim's directory. */
bool shim_path_at(int folder, const char *name, char path[UNDO_PATH_MAX]);

/* The plan's time for one call, until shim_heal. Not under the lock. */
void shim_linger(void);

/* Sets errno; -1. */
long shim_failing(int error);

/* ---- under the lock ---- */
/* Counts the call under each of its kinds. Returns 0, or the errno to fail with. */
int shim_plan_for(unsigned kinds);
/* True: the process ends after this call. If it ends before the call, the function does not
 * return. */
bool shim_ends_here(void);
_Noreturn void shim_die(void);
void shim_wait_for_names(void); /* a sync of a directory takes its time */
bool shim_ends_at_names(void);  /* at a sync of a directory */
bool shim_tracks(void);         /* what is not synced is remembered */
bool shim_tears(void);          /* the last write is half done */
bool shim_skips(void);          /* syncs do not reach the device */
void shim_count_sync(void);
const char *shim_dir(void);
uint64_t shim_capacity(void); /* the plan's */

/* ---- shim_room.c ---- */
/* Bytes by which files may still grow. */
uint64_t shim_room(void);

#endif
