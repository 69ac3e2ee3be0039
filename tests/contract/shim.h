/* shim.h: stands between a plugin and the C library: counts the calls that change files under one
 * directory, fails chosen ones, ends the process at one, and loses what was not synced.
 *
 * The program exports write, pwrite, writev, pwritev, ftruncate, fallocate, open, openat, creat,
 * rename, renameat, unlink, unlinkat, mkdir, mkdirat, link, linkat, fsync, fdatasync, statvfs and
 * fstatvfs (and their 64-bit names), so that a plugin that is loaded calls these. Writes in other
 * ways (mmap, io_uring, stdio, bare system calls) are not seen; shim_calls shows that.
 *
 * The simulated device keeps what a file was before each write that was not synced. When power is
 * lost each sector of such a write is put back or not, by chance; a file that grew may shrink
 * again. A write through a descriptor with O_DSYNC is durable when it returns. Names that were
 * made, changed and removed since the directory's last sync are undone from the last one back to a
 * random point. A sync that is made to fail drops what it should have kept, and a later sync does
 * not bring it back. The name of the directory itself is lost unless the directory above it is
 * synced. What is not durable survives the kill of a process, as the page cache does. */
#ifndef CONTRACT_SHIM_H
#define CONTRACT_SHIM_H

#include <stdbool.h>
#include <stdint.h>

/* X(NAME): the kinds of calls. SPACE: a write, truncation or allocation that makes a file larger,
 * or a new name. MODIFY: opening a file for writing, or a new name. */
#define SHIM_CALL_LIST(X) X(WRITE) X(SYNC) X(NAME) X(OPEN) X(SPACE) X(MODIFY)

enum shim_call {
#define SHIM_CALL_ENUM(name) SHIM_##name,
  SHIM_CALL_LIST(SHIM_CALL_ENUM)
#undef SHIM_CALL_ENUM
      SHIM_CALLS
};

enum shim_death {
  SHIM_KILLED, /* before the call */
  SHIM_TORN,   /* in the middle of it, if it is a write */
  SHIM_POWER,  /* after it, and sectors that were not synced are lost by chance */
};

/* X(NAME): what power loss makes of writes that were not synced. SECTORS: each sector stays or is
 * as it was. CUT: from some byte on all of a file is as it was. FLIP: bits of them are changed.
 * NOISE: from some byte on there is garbage. */
#define SHIM_LOSS_LIST(X) X(SECTORS) X(CUT) X(FLIP) X(NOISE)

enum shim_loss {
#define SHIM_LOSS_ENUM(name) SHIM_##name,
  SHIM_LOSS_LIST(SHIM_LOSS_ENUM)
#undef SHIM_LOSS_ENUM
      SHIM_LOSSES
};

struct shim_plan {
  unsigned die_at;       /* number of the call, the first is 1; 0: never */
  unsigned die_at_names; /* likewise, counting only syncs of directories: killed before it */
  enum shim_death death;
  enum shim_loss loss;
  unsigned sector; /* bytes that are lost or kept as a whole: 512 or 4096 */
  uint64_t seed;
  bool track;          /* remembers what is not synced, for shim_lose_power */
  bool handed_on;      /* ... also what the process before left, and keeps it for the next one */
  uint64_t capacity;   /* bytes that fit on the device, ENOSPC beyond; 0: any number */
  enum shim_call fail; /* calls of this kind fail ... */
  unsigned fail_from;  /* from this one on; 0: none */
  unsigned fail_times; /* how many calls fail */
  int fail_errno;
  bool remember; /* keeps in mind which writes were synced, for shim_each_synced */
  /* a sync of a directory takes so long: a plugin that does not wait for it goes on before it */
  unsigned names_ms;
  unsigned linger_ms; /* every call that changes or syncs a file or a name takes so long */
  bool all_names;     /* a power loss takes every name that is not synced, not only some */
};

/* Puts the plan in force for files and directories below `dir`. `undo` is a directory that is made,
 * for what is kept to undo. Once per process. */
void shim_begin(const char *dir, const char *undo, const struct shim_plan *plan);

/* Keeps syncs from reaching the real device. The suite does not need them: it simulates the loss of
 * power itself, and kill -9 loses nothing of the page cache. */
void shim_skip_syncs(bool skip);

/* Calls so far: all that change the disk; those of one kind; successful syncs of files. */
unsigned shim_calls(void);
unsigned shim_calls_of(enum shim_call call);
unsigned shim_synced(void);
/* Calls that were made to fail. */
unsigned shim_failed(void);

/* Tells each write that was synced, the oldest first, by the name that its file has now; a file
 * without a name is left out. */
void shim_each_synced(void (*tell)(void *arg, const char *path, uint64_t at, uint64_t len),
                      void *arg);

/* Bytes by which files may still grow. */
uint64_t shim_free(void);
/* The n-th call that needs room, counted from the first call of all, will find none. */
void shim_refuse_room(unsigned n);

/* No call fails or lingers any more. */
void shim_heal(void);

/* Ends the process now by SIGKILL; no power is lost. */
_Noreturn void shim_kill(void);

/* Loses power now: the process ends by SIGKILL. */
_Noreturn void shim_lose_power(void);

/* From now on this process has a date so many seconds later; its monotonic clock goes on. The
 * program exports clock_gettime, time, gettimeofday and timespec_get. */
void shim_shift_date(long long seconds);

#endif
