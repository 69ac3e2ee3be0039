/* shim.c: the plan, which decides how each call ends. */
#define _GNU_SOURCE
#include "shim.h"

#include "shim_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
  pthread_mutex_t lock;
  bool on, skip_syncs;
  struct shim_plan plan;
  char dir[UNDO_PATH_MAX];
  unsigned count, names, calls[SHIM_CALLS], synced, failed;
} shim = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- plans ---- */

void shim_begin(const char *dir, const char *undo, const struct shim_plan *plan) {
  undo_begin(undo, plan->remember);
  (void)pthread_mutex_lock(&shim.lock);
  shim.plan = *plan;
  if (plan->die_at && plan->death == SHIM_POWER) shim.plan.track = true;
  if (plan->handed_on) undo_take_over();
  if (shim.plan.sector == 0) shim.plan.sector = 512;
  (void)snprintf(shim.dir, sizeof shim.dir, "%s", dir);
  shim.on = true;
  (void)pthread_mutex_unlock(&shim.lock);
}

void shim_each_synced(void (*tell)(void *arg, const char *path, uint64_t at, uint64_t len),
                      void *arg) {
  (void)pthread_mutex_lock(&shim.lock);
  undo_each_synced(tell, arg);
  (void)pthread_mutex_unlock(&shim.lock);
}

void shim_skip_syncs(bool skip) {
  shim.skip_syncs = skip;
}

static unsigned locked(const unsigned *number) {
  unsigned value;
  (void)pthread_mutex_lock(&shim.lock);
  value = *number;
  (void)pthread_mutex_unlock(&shim.lock);
  return value;
}

unsigned shim_calls(void) {
  return locked(&shim.count);
}

unsigned shim_calls_of(enum shim_call call) {
  return locked(&shim.calls[call]);
}

unsigned shim_synced(void) {
  return locked(&shim.synced);
}

unsigned shim_failed(void) {
  return locked(&shim.failed);
}

void shim_refuse_room(unsigned n) {
  (void)pthread_mutex_lock(&shim.lock);
  shim.plan.fail = SHIM_SPACE;
  shim.plan.fail_from = n;
  shim.plan.fail_times = 1;
  shim.plan.fail_errno = ENOSPC;
  (void)pthread_mutex_unlock(&shim.lock);
}

void shim_heal(void) {
  (void)pthread_mutex_lock(&shim.lock);
  shim.plan.fail_from = 0;
  shim.plan.linger_ms = 0;
  (void)pthread_mutex_unlock(&shim.lock);
}

/* Under the lock: no other call comes between. */
void shim_die(void) {
  if (shim.plan.death == SHIM_POWER)
    undo_all(&shim.plan);
  else if (shim.plan.handed_on)
    undo_leave();
  (void)syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
  for (;;) (void)syscall(SYS_pause);
}

void shim_lose_power(void) {
  (void)pthread_mutex_lock(&shim.lock);
  shim.plan.death = SHIM_POWER;
  shim_die();
}

void shim_kill(void) {
  (void)pthread_mutex_lock(&shim.lock);
  shim.plan.death = SHIM_KILLED;
  shim_die();
}

void shim_lock(void) {
  (void)pthread_mutex_lock(&shim.lock);
}

void shim_unlock(void) {
  (void)pthread_mutex_unlock(&shim.lock);
}

void shim_linger(void) {
  enum { STEP_MS = 5 };
  const struct timespec step = {0, STEP_MS * 1000000};
  for (unsigned ms = 0; ms < locked(&shim.plan.linger_ms); ms += STEP_MS)
    (void)nanosleep(&step, NULL);
}

void shim_wait_for_names(void) {
  const struct timespec time = {0, (long)shim.plan.names_ms * 1000000};
  if (shim.plan.names_ms > 0) (void)nanosleep(&time, NULL);
}

bool shim_ends_at_names(void) {
  return ++shim.names == shim.plan.die_at_names;
}

bool shim_tracks(void) {
  return shim.plan.track;
}

bool shim_tears(void) {
  return shim.plan.death == SHIM_TORN;
}

bool shim_skips(void) {
  return shim.skip_syncs;
}

const char *shim_dir(void) {
  return shim.dir;
}

uint64_t shim_capacity(void) {
  return shim.on ? shim.plan.capacity : 0;
}

void shim_count_sync(void) {
  shim.synced++;
}

/* ---- which calls ---- */

static bool below(const char *path) {
  size_t len = strlen(shim.dir);
  return strncmp(path, shim.dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static bool is_above(const char *path) {
  size_t len = strlen(path);
  return strncmp(path, shim.dir, len) == 0 && shim.dir[len] == '/' &&
         !strchr(shim.dir + len + 1, '/');
}

static bool descriptor_path(int fd, char path[UNDO_PATH_MAX]) {
  char link[64];
  long len;
  if (!shim.on || fd < 0) return false;
  (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  len = syscall(SYS_readlink, link, path, UNDO_PATH_MAX - 1);
  if (len <= 0) return false;
  path[len] = '\0';
  return true;
}

bool shim_path_of(int fd, char path[UNDO_PATH_MAX]) {
  return descriptor_path(fd, path) && below(path);
}

bool shim_path_synced(int fd, char path[UNDO_PATH_MAX]) {
  return descriptor_path(fd, path) && (below(path) || is_above(path));
}

/* The absolute path of a name; false: nowhere that matters. */
bool shim_path_at(int folder, const char *name, char path[UNDO_PATH_MAX]) {
  char base[UNDO_PATH_MAX / 2], link[64];
  long len;
  if (!shim.on || !name) return false;
  if (name[0] == '/') {
    (void)snprintf(path, UNDO_PATH_MAX, "%s", name);
    return below(path);
  }
  if (folder == AT_FDCWD)
    (void)snprintf(link, sizeof link, "/proc/self/cwd");
  else
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
  len = syscall(SYS_readlink, link, base, sizeof base - 1);
  if (len <= 0) return false;
  base[len] = '\0';
  (void)snprintf(path, UNDO_PATH_MAX, "%s/%.500s", base, name);
  return below(path);
}

/* Under the lock: counts the call under each of its kinds; 0, or the errno to fail with. */
int shim_plan_for(unsigned kinds) {
  int error = 0;
  for (unsigned call = 0; call < SHIM_CALLS; call++) {
    unsigned n;
    if (!(kinds & 1u << call)) continue;
    n = ++shim.calls[call];
    if (call == shim.plan.fail && shim.plan.fail_from && n >= shim.plan.fail_from &&
        n - shim.plan.fail_from < shim.plan.fail_times)
      error = shim.plan.fail_errno;
  }
  if (error) shim.failed++;
  return error;
}

/* Under the lock: this is the call at which it ends, unless the end comes behind it. */
bool shim_ends_here(void) {
  bool here = ++shim.count == shim.plan.die_at;
  if (here && shim.plan.death == SHIM_KILLED) shim_die();
  return here;
}

long shim_failing(int error) {
  errno = error;
  return -1;
}
