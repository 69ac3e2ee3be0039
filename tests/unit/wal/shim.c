/* shim.c: the calls that change the disk, counted, failed, cut off.
 *
 * For lost power every write first keeps what it replaces; a sync forgets that. At the end each
 * sector that was written and not synced is put back or not, by chance. */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECTOR = 512 };

/* What a write replaced. */
struct kept {
  struct kept *older;
  int fd; /* a duplicate */
  ino_t file;
  off_t at;
  size_t len;
  char bytes[];
};

static struct {
  pthread_mutex_t lock;
  unsigned count;
  unsigned die_at; /* 0: never */
  enum shim_death death;
  uint64_t seed;
  unsigned calls[SHIM_CALLS], fail_from[SHIM_CALLS], fail_times[SHIM_CALLS];
  int fail_errno[SHIM_CALLS];
  const char *fail_in; /* only in files of this name; NULL: in all */
  bool full, short_writes;
  unsigned writes; /* since short_writes */
  bool hold;
  unsigned held; /* syncs that wait */
  pthread_cond_t hold_changed;
  struct kept *kept;
} plan = {.lock = PTHREAD_MUTEX_INITIALIZER, .hold_changed = PTHREAD_COND_INITIALIZER};

/* ---- plans ---- */

static void forget(ino_t file, bool all) {
  for (struct kept **at = &plan.kept; *at;) {
    struct kept *kept = *at;
    if (!all && kept->file != file) {
      at = &kept->older;
      continue;
    }
    *at = kept->older;
    (void)close(kept->fd);
    free(kept);
  }
}

void shim_reset(void) {
  (void)pthread_mutex_lock(&plan.lock);
  forget(0, true);
  plan.count = plan.die_at = 0;
  memset(plan.calls, 0, sizeof plan.calls);
  memset(plan.fail_times, 0, sizeof plan.fail_times);
  plan.fail_in = NULL;
  plan.full = plan.short_writes = plan.hold = false;
  (void)pthread_cond_broadcast(&plan.hold_changed);
  (void)pthread_mutex_unlock(&plan.lock);
}

unsigned shim_count(void) {
  unsigned count;
  (void)pthread_mutex_lock(&plan.lock);
  count = plan.count;
  (void)pthread_mutex_unlock(&plan.lock);
  return count;
}

void shim_die_at(unsigned n, enum shim_death death, uint64_t seed) {
  shim_reset();
  (void)pthread_mutex_lock(&plan.lock);
  plan.die_at = n;
  plan.death = death;
  plan.seed = seed;
  (void)pthread_mutex_unlock(&plan.lock);
}

void shim_fail(enum shim_call call, unsigned n, unsigned times, int error) {
  shim_reset();
  (void)pthread_mutex_lock(&plan.lock);
  plan.fail_from[call] = n;
  plan.fail_times[call] = times;
  plan.fail_errno[call] = error;
  (void)pthread_mutex_unlock(&plan.lock);
}

void shim_fail_in(const char *name, enum shim_call call, unsigned n, unsigned times, int error) {
  shim_fail(call, n, times, error);
  (void)pthread_mutex_lock(&plan.lock);
  plan.fail_in = name;
  (void)pthread_mutex_unlock(&plan.lock);
}

void shim_full(bool full) {
  (void)pthread_mutex_lock(&plan.lock);
  plan.full = full;
  (void)pthread_mutex_unlock(&plan.lock);
}

void shim_short(bool short_writes) {
  (void)pthread_mutex_lock(&plan.lock);
  plan.short_writes = short_writes;
  (void)pthread_mutex_unlock(&plan.lock);
}

void shim_hold(bool hold) {
  (void)pthread_mutex_lock(&plan.lock);
  plan.hold = hold;
  (void)pthread_cond_broadcast(&plan.hold_changed);
  (void)pthread_mutex_unlock(&plan.lock);
}

void shim_await_held(void) {
  (void)pthread_mutex_lock(&plan.lock);
  while (plan.held == 0) (void)pthread_cond_wait(&plan.hold_changed, &plan.lock);
  (void)pthread_mutex_unlock(&plan.lock);
}

/* Under the lock, which it leaves meanwhile. */
static void wait_while_held(void) {
  plan.held++;
  (void)pthread_cond_broadcast(&plan.hold_changed);
  while (plan.hold) (void)pthread_cond_wait(&plan.hold_changed, &plan.lock);
  plan.held--;
}

/* ---- the end ---- */

static uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  return x ^ (x >> 31);
}

/* A sector is lost as a whole or not at all, whichever write touched it. */
static bool sector_lost(const struct kept *kept, off_t sector) {
  return mix(plan.seed + mix((uint64_t)kept->file + mix((uint64_t)sector))) % 2 == 0;
}

static void put_back(const struct kept *kept) {
  for (off_t at = kept->at; at < kept->at + (off_t)kept->len;) {
    off_t end = (at / SECTOR + 1) * SECTOR;
    if (end > kept->at + (off_t)kept->len) end = kept->at + (off_t)kept->len;
    if (sector_lost(kept, at / SECTOR) &&
        pwrite(kept->fd, kept->bytes + (at - kept->at), (size_t)(end - at), at) < 0)
      abort();
    at = end;
  }
}

static void die(int fd, const struct iovec *pieces, int count, off_t at) {
  if (plan.death == SHIM_TORN && count > 0 &&
      pwrite(fd, pieces[0].iov_base, pieces[0].iov_len / 2, at) < 0)
    abort();
  for (const struct kept *kept = plan.kept; kept && plan.death == SHIM_POWER; kept = kept->older)
    put_back(kept);
  (void)kill(getpid(), SIGKILL);
  for (;;) (void)pause();
}

static size_t total(const struct iovec *pieces, int count) {
  size_t len = 0;
  for (int i = 0; i < count; i++) len += pieces[i].iov_len;
  return len;
}

static bool grows(int fd, const struct iovec *pieces, int count, off_t at) {
  struct stat info;
  return fstat(fd, &info) == 0 && info.st_size < at + (off_t)total(pieces, count);
}

static bool has_name(int fd, const char *name) {
  char link[64], path[PATH_MAX];
  ssize_t len;
  (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  len = readlink(link, path, sizeof path - 1);
  path[len > 0 ? len : 0] = '\0';
  return strcmp(path + (strrchr(path, '/') ? strrchr(path, '/') + 1 - path : 0), name) == 0;
}

/* Under the lock: counts; 0, or the errno to fail with. */
static int begin(enum shim_call call, int fd, const struct iovec *pieces, int count, off_t at) {
  unsigned n = plan.calls[call];
  bool counts = !plan.fail_in || has_name(fd, plan.fail_in);
  if (counts) plan.calls[call] = ++n;
  if (++plan.count == plan.die_at) die(fd, pieces, count, at);
  if (plan.full && count > 0 && grows(fd, pieces, count, at)) return ENOSPC;
  if (counts && plan.fail_times[call] && n >= plan.fail_from[call] &&
      n - plan.fail_from[call] < plan.fail_times[call])
    return plan.fail_errno[call];
  return 0;
}

static void keep(int fd, const struct iovec *pieces, int count, off_t at) {
  struct stat info;
  struct kept *kept;
  size_t len = total(pieces, count);
  kept = calloc(1, sizeof *kept + len);
  if (!kept || fstat(fd, &info) != 0) abort();
  kept->older = plan.kept;
  kept->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  kept->file = info.st_ino;
  kept->at = at;
  kept->len = len;
  if (pread(fd, kept->bytes, len, at) < 0) abort();
  plan.kept = kept;
}

static ssize_t change(int fd, const struct iovec *pieces, int count, off_t at) {
  ssize_t result = -1;
  int error;
  (void)pthread_mutex_lock(&plan.lock);
  error = begin(SHIM_WRITE, fd, pieces, count, at);
  if (error == 0 && plan.die_at && plan.death == SHIM_POWER) keep(fd, pieces, count, at);
  if (error == 0) result = files_posix.write(files_posix.ctx, fd, pieces, count, at);
  (void)pthread_mutex_unlock(&plan.lock);
  if (error) errno = error;
  return result;
}

enum how { WRITE_WHOLE, WRITE_PART, WRITE_INTERRUPTED };

/* How the next write goes. */
static enum how next_write(void) {
  static const enum how hows[] = {WRITE_PART, WRITE_INTERRUPTED, WRITE_WHOLE};
  enum how how = WRITE_WHOLE;
  (void)pthread_mutex_lock(&plan.lock);
  if (plan.short_writes) how = hows[plan.writes++ % (sizeof hows / sizeof hows[0])];
  (void)pthread_mutex_unlock(&plan.lock);
  return how;
}

/* ---- the table ---- */

static ssize_t write_pieces(void *ctx, int fd, const struct iovec *pieces, int count, off_t at) {
  struct iovec part = {pieces[0].iov_base, (pieces[0].iov_len + 1) / 2};
  (void)ctx;
  switch (next_write()) {
  case WRITE_WHOLE: break;
  case WRITE_PART: return change(fd, &part, 1, at);
  case WRITE_INTERRUPTED: errno = EINTR; return -1;
  }
  return change(fd, pieces, count, at);
}

/* Nothing is really synced: a killed process loses nothing that the kernel has, and lost power is
 * played here. So a test takes a second instead of a minute. */
static int settle(enum shim_call call, int fd) {
  struct stat info;
  int error;
  (void)pthread_mutex_lock(&plan.lock);
  if (plan.hold && call == SHIM_SYNC) wait_while_held();
  error = begin(call, fd, NULL, 0, 0);
  if (error == 0 && fstat(fd, &info) == 0) forget(info.st_ino, false);
  (void)pthread_mutex_unlock(&plan.lock);
  if (error) errno = error;
  return error ? -1 : 0;
}

static int sync_file(void *ctx, int fd) {
  (void)ctx;
  return settle(SHIM_SYNC, fd);
}

static int sync_names(void *ctx, int dir) {
  (void)ctx;
  return settle(SHIM_SYNC_NAMES, dir);
}

static int rename_file(void *ctx, int dir, const char *from, const char *to) {
  int result = -1, error;
  (void)pthread_mutex_lock(&plan.lock);
  error = begin(SHIM_RENAME, -1, NULL, 0, 0);
  if (error == 0) result = files_posix.rename(ctx, dir, from, to);
  (void)pthread_mutex_unlock(&plan.lock);
  if (error) errno = error;
  return result;
}

static int unlink_file(void *ctx, int dir, const char *name) {
  int result = -1, error;
  (void)pthread_mutex_lock(&plan.lock);
  error = begin(SHIM_UNLINK, -1, NULL, 0, 0);
  if (error == 0) result = files_posix.unlink(ctx, dir, name);
  (void)pthread_mutex_unlock(&plan.lock);
  if (error) errno = error;
  return result;
}

struct files shim_files(void) {
  struct files files = files_posix;
  files.write = write_pieces;
  files.sync = sync_file;
  files.sync_dir = files.sync_above = sync_names;
  files.rename = rename_file;
  files.unlink = unlink_file;
  return files;
}
