/* scratch.c: makes, copies and removes directories of plain files. */
#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void fail(const char *path) {
  perror(path);
  exit(1);
}

void scratch_make(char path[SCRATCH_PATH_MAX]) {
  const char *given = getenv("TMPDIR");
  (void)snprintf(path, SCRATCH_PATH_MAX, "%s/scratch-XXXXXX",
                 given && *given ? given : RKV_BINARY_DIR "/tests");
  if (!mkdtemp(path)) fail(path);
}

static void join(char out[2 * SCRATCH_PATH_MAX], const char *path, const char *name) {
  (void)snprintf(out, 2 * SCRATCH_PATH_MAX, "%s/%s", path, name);
}

/* Calls `act` for each file. */
static void each(const char *path, void (*act)(const char *path, const char *name, const char *arg),
                 const char *arg) {
  DIR *dir = opendir(path);
  struct dirent *item;
  if (!dir) fail(path);
  while ((item = readdir(dir)))
    if (item->d_name[0] != '.') act(path, item->d_name, arg);
  (void)closedir(dir);
}

static void remove_one(const char *path, const char *name, const char *unused) {
  char file[2 * SCRATCH_PATH_MAX];
  (void)unused;
  join(file, path, name);
  if (unlink(file) != 0) fail(file);
}

void scratch_remove(const char *path) {
  each(path, remove_one, NULL);
  if (rmdir(path) != 0) fail(path);
}

/* Copies a file; holes stay holes, because the files of a log are mostly zeros. */
static void copy_one(const char *path, const char *name, const char *target) {
  static const char zeros[4096];
  char from[2 * SCRATCH_PATH_MAX], to[2 * SCRATCH_PATH_MAX], bytes[sizeof zeros];
  struct stat info;
  int in, out;
  join(from, path, name);
  join(to, target, name);
  in = open(from, O_RDONLY | O_CLOEXEC);
  /* renamed or removed meanwhile by a storage that is open */
  if (in < 0 && errno == ENOENT) return;
  out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (in < 0 || out < 0 || fstat(in, &info) != 0 || ftruncate(out, info.st_size) != 0) fail(from);
  for (off_t at = 0; at < info.st_size;) {
    ssize_t got = pread(in, bytes, sizeof bytes, at);
    if (got <= 0) fail(from);
    for (ssize_t i = 0; i < got; i++)
      if (bytes[i]) {
        if (pwrite(out, bytes, (size_t)got, at) != got) fail(to);
        break;
      }
    at += got;
  }
  (void)close(in);
  (void)close(out);
}

void scratch_copy(const char *from, const char *to) {
  each(to, remove_one, NULL);
  each(from, copy_one, to);
}
