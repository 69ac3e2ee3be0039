/* shim_heir.c: hands on what is not durable: it survives the process that wrote it, because the
 * page cache belongs to the machine. A killed process leaves it in a file, and the next process
 * goes on with it.
 *
 * Makes only bare system calls, as shim_undo.c does. Leaves out a file that has no name any more:
 * no loss of power can bring it back. */
#define _GNU_SOURCE
#include "shim_undo_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char heritage[] = "heritage";

/* One write in the file; the file written to stands under `held`. */
struct kept_row {
  char held[UNDO_PATH_MAX];
  struct undo_kept kept;
};

static int open_heritage(int flags) {
  char path[UNDO_PATH_MAX + sizeof heritage];
  (void)snprintf(path, sizeof path, "%s/%s", undo.folder, heritage);
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600);
}

static void put(int fd, const void *bytes, size_t len) {
  if (syscall(SYS_write, fd, bytes, len) != (long)len) abort();
}

static bool get(int fd, void *bytes, size_t len) {
  return syscall(SYS_read, fd, bytes, len) == (long)len;
}

/* ---- what is left ---- */

static bool hold(const struct undo_kept *kept, char held[UNDO_PATH_MAX]) {
  char path[64];
  (void)snprintf(path, sizeof path, "/proc/self/fd/%d", kept->fd);
  (void)snprintf(held, UNDO_PATH_MAX, "%.900s/%u", undo.folder, undo.number++);
  return syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, held, AT_SYMLINK_FOLLOW) == 0;
}

static void save_kept(int fd) {
  for (const struct undo_kept *kept = undo.kept; kept; kept = kept->older) {
    struct kept_row row = {.kept = *kept};
    if (!hold(kept, row.held)) continue;
    put(fd, &row, sizeof row);
    if (kept->old > 0) put(fd, kept->bytes, kept->old);
  }
}

void undo_leave(void) {
  struct kept_row end = {.kept.fd = -1};
  int fd = open_heritage(O_WRONLY | O_CREAT | O_TRUNC);
  if (fd < 0) abort();
  put(fd, &undo.number, sizeof undo.number); /* once more below, when all is counted */
  save_kept(fd);
  put(fd, &end, sizeof end);
  for (const struct undo_named *named = undo.named; named; named = named->older)
    put(fd, named, sizeof *named);
  (void)syscall(SYS_pwrite64, fd, &undo.number, sizeof undo.number, 0);
  (void)syscall(SYS_close, fd);
}

/* ---- what is taken over ---- */

static void take_kept(int fd) {
  struct undo_kept **end = &undo.kept;
  struct kept_row row;
  while (get(fd, &row, sizeof row) && row.kept.fd >= 0) {
    struct undo_kept *kept = calloc(1, sizeof *kept + row.kept.old);
    if (!kept) abort();
    *kept = row.kept;
    kept->older = NULL;
    kept->bytes = (uint8_t *)(kept + 1);
    kept->fd = (int)syscall(SYS_openat, AT_FDCWD, row.held, O_RDWR | O_CLOEXEC, 0);
    if (kept->fd < 0 || (kept->old > 0 && !get(fd, kept->bytes, kept->old))) abort();
    (void)syscall(SYS_unlinkat, AT_FDCWD, row.held, 0);
    *end = kept;
    end = &kept->older;
  }
}

static void take_named(int fd) {
  struct undo_named **end = &undo.named, row;
  while (get(fd, &row, sizeof row)) {
    struct undo_named *named = malloc(sizeof *named);
    if (!named) abort();
    *named = row;
    named->older = NULL;
    *end = named;
    end = &named->older;
  }
}

void undo_take_over(void) {
  int fd = open_heritage(O_RDONLY);
  if (fd < 0) return; /* no process before left anything */
  if (!get(fd, &undo.number, sizeof undo.number)) abort();
  take_kept(fd);
  take_named(fd);
  (void)syscall(SYS_close, fd);
}
