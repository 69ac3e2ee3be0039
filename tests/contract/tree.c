/* tree.c: directories with all that is below them. */
#define _GNU_SOURCE /* nftw, memmem */
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_FDS = 16, PATH_BYTES = 1024, BLOCK = 65536, COPY_TRIES_MAX = 1000 };

bool tree_make(const char *path) {
  return mkdir(path, 0700) == 0;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at) {
  (void)info, (void)kind, (void)at;
  (void)remove(path);
  return 0;
}

void tree_remove(const char *path) {
  (void)nftw(path, remove_one, DEPTH_FDS, FTW_DEPTH | FTW_PHYS);
}

/* ---- walking ---- */

static int named(const struct dirent *item) {
  return strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0;
}

/* Calls `act` for each thing in one directory, by name; stops when one says false. */
static bool each_item(const char *path, bool (*act)(const char *path, const char *name, void *arg),
                      void *arg) {
  struct dirent **items;
  int count = scandir(path, &items, named, alphasort);
  bool good = count >= 0;
  for (int i = 0; i < count; i++) {
    good = good && act(path, items[i]->d_name, arg);
    free(items[i]);
  }
  if (count >= 0) free(items);
  return good;
}

struct walk {
  void (*act)(const char *file, void *arg);
  void *arg;
};

static bool walk_item(const char *path, const char *name, void *arg) {
  struct walk *walk = arg;
  char below[PATH_BYTES];
  struct stat info;
  (void)snprintf(below, sizeof below, "%s/%s", path, name);
  if (lstat(below, &info) != 0) return true;
  if (S_ISDIR(info.st_mode)) (void)each_item(below, walk_item, arg);
  if (S_ISREG(info.st_mode)) walk->act(below, walk->arg);
  return true;
}

void tree_each(const char *path, void (*act)(const char *file, void *arg), void *arg) {
  struct walk walk = {act, arg};
  (void)each_item(path, walk_item, &walk);
}

/* ---- copying ---- */

/* Holes stay holes: the files of a log are mostly zeros. */
static bool copy_bytes(int in, int out, off_t size) {
  static const char zeros[BLOCK];
  char bytes[BLOCK];
  if (ftruncate(out, size) != 0) return false;
  for (off_t at = 0; at < size;) {
    ssize_t got = pread(in, bytes, sizeof bytes, at);
    if (got == 0) errno = ESTALE; /* the file was cut meanwhile */
    if (got <= 0) return false;
    if (memcmp(bytes, zeros, (size_t)got) != 0 && pwrite(out, bytes, (size_t)got, at) != got)
      return false;
    at += got;
  }
  return true;
}

static bool copy_file(const char *from, const char *to, const struct stat *info) {
  int in = open(from, O_RDONLY | O_CLOEXEC);
  int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, info->st_mode & 0777);
  bool good = in >= 0 && out >= 0 && copy_bytes(in, out, info->st_size);
  int why = errno;
  if (in >= 0) (void)close(in);
  if (out >= 0 && close(out) != 0) good = false;
  if (!good) errno = why;
  return good;
}

static bool copy_item(const char *path, const char *name, void *arg) {
  char from[PATH_BYTES], to[PATH_BYTES];
  struct stat info;
  (void)snprintf(from, sizeof from, "%s/%s", path, name);
  (void)snprintf(to, sizeof to, "%s/%s", (const char *)arg, name);
  if (lstat(from, &info) != 0) return false;
  if (S_ISDIR(info.st_mode)) return tree_make(to) && each_item(from, copy_item, to);
  return S_ISREG(info.st_mode) ? copy_file(from, to, &info) : true;
}

static bool remove_item(const char *path, const char *name, void *arg) {
  char below[PATH_BYTES];
  (void)arg;
  (void)snprintf(below, sizeof below, "%s/%s", path, name);
  tree_remove(below);
  return true;
}

/* ---- comparing ---- */

#define BASIS UINT64_C(0xcbf29ce484222325)

/* FNV-1a: against change by accident, not by intent. */
static void mix(uint64_t *hash, const void *bytes, size_t len) {
  for (const unsigned char *at = bytes; len > 0; at++, len--)
    *hash = (*hash ^ *at) * UINT64_C(0x100000001b3);
}

static void mix_file(uint64_t *hash, const char *path) {
  char bytes[BLOCK];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t got;
  while (fd >= 0 && (got = read(fd, bytes, sizeof bytes)) > 0) mix(hash, bytes, (size_t)got);
  if (fd >= 0) (void)close(fd);
}

uint64_t tree_file_hash(const char *path) {
  uint64_t hash = BASIS;
  mix_file(&hash, path);
  return hash;
}

static bool hash_item(const char *path, const char *name, void *arg) {
  char below[PATH_BYTES];
  struct stat info;
  (void)snprintf(below, sizeof below, "%s/%s", path, name);
  if (lstat(below, &info) != 0) return true;
  mix(arg, name, strlen(name));
  mix(arg, &info.st_mode, sizeof info.st_mode);
  if (S_ISDIR(info.st_mode)) return each_item(below, hash_item, arg);
  mix(arg, &info.st_size, sizeof info.st_size);
  mix_file(arg, below);
  return true;
}

uint64_t tree_hash(const char *path) {
  uint64_t hash = BASIS;
  (void)each_item(path, hash_item, &hash);
  return hash;
}

/* ---- bytes ---- */

bool tree_file_finds(const char *path, const void *bytes, size_t len, uint64_t *at) {
  struct stat info = {.st_size = 0};
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  const uint8_t *all = MAP_FAILED, *found = NULL;
  if (fd >= 0 && fstat(fd, &info) == 0 && info.st_size > 0)
    all = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, fd, 0);
  if (all != MAP_FAILED) {
    found = memmem(all, (size_t)info.st_size, bytes, len);
    if (found) *at = (uint64_t)(found - all);
    (void)munmap((void *)(uintptr_t)all, (size_t)info.st_size);
  }
  if (fd >= 0) (void)close(fd);
  return found != NULL;
}

/* ---- a copy ---- */

static bool mix_name(const char *path, const char *name, void *arg) {
  char below[PATH_BYTES];
  struct stat info;
  (void)snprintf(below, sizeof below, "%s/%s", path, name);
  mix(arg, name, strlen(name));
  if (lstat(below, &info) == 0 && S_ISDIR(info.st_mode)) return each_item(below, mix_name, arg);
  return true;
}

static uint64_t names(const char *path) {
  uint64_t hash = BASIS;
  (void)each_item(path, mix_name, &hash);
  return hash;
}

/* Who uses `from` may rename and remove files in it: a copy that misses one is made again. */
bool tree_copy(const char *from, const char *to) {
  if (!tree_make(to) && errno != EEXIST) return false;
  for (int i = 0; i < COPY_TRIES_MAX; i++) {
    uint64_t before = names(from);
    bool copied;
    if (!each_item(to, remove_item, NULL)) return false;
    copied = each_item(from, copy_item, (void *)(uintptr_t)to);
    if (!copied && errno != ENOENT && errno != ESTALE) return false;
    if (copied && names(from) == before) return true;
  }
  return false;
}
