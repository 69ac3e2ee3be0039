/* shim.h: stands between the storage and the kernel: counts the operations that change the disk,
 * and fails or ends the process at a chosen one.
 *
 * Without a plan they do what they always do, but that nothing is really synced. */
#ifndef WAL_SHIM_H
#define WAL_SHIM_H

#include <storage-parts/files.h>

/* X(NAME): the calls. */
#define SHIM_CALL_LIST(X) X(WRITE) X(SYNC) X(SYNC_NAMES) X(RENAME) X(UNLINK)

enum shim_call {
#define SHIM_CALL_ENUM(name) SHIM_##name,
  SHIM_CALL_LIST(SHIM_CALL_ENUM)
#undef SHIM_CALL_ENUM
      SHIM_CALLS
};

/* The kernel's files with the shim in front: the operations of the list. */
struct files shim_files(void);

enum shim_death {
  SHIM_KILLED, /* before the call */
  SHIM_TORN,   /* in the middle of it, if it is a write */
  SHIM_POWER,  /* before it, and of what was not synced any sectors are lost */
};

/* From now on nothing is counted or planned. */
void shim_reset(void);
/* Calls so far. */
unsigned shim_count(void);
/* Ends the process at call number `n` (the first is 1) by SIGKILL. */
void shim_die_at(unsigned n, enum shim_death death, uint64_t seed);
/* Calls of this kind fail with `error` from the n-th one on, `times` of them. */
void shim_fail(enum shim_call call, unsigned n, unsigned times, int error);
/* The same for calls on files of this name alone, which are counted alone. */
void shim_fail_in(const char *name, enum shim_call call, unsigned n, unsigned times, int error);
/* While it is full, writes that make a file longer fail with ENOSPC. */
void shim_full(bool full);
/* Writes end in the middle, as they may, and are interrupted now and then. */
void shim_short(bool short_writes);
/* Syncs of files do not return while they are held. */
void shim_hold(bool hold);
/* Waits until a sync is held. */
void shim_await_held(void);

#endif
