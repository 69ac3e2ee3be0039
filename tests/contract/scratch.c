/* scratch.c: makes, marks, sweeps and removes directories for laws. */
#include "scratch.h"

#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define START "rkv-contract-"
#define MARK ".rkv-contract"

enum { RANDOM_CHARS = 6, NAMES_MAX = CONTRACT_PATH_MAX };

/* ---- what killed runs left ---- */

static int looks_ours(const struct dirent *item) {
  size_t len = sizeof START - 1;
  return strncmp(item->d_name, START, len) == 0 && strlen(item->d_name) == len + RANDOM_CHARS;
}

/* A directory of this user with a mark that nobody has locked (S1). */
static void sweep_one(const char *path, FILE *err) {
  char mark[NAMES_MAX + sizeof MARK];
  struct stat info;
  int fd;
  (void)snprintf(mark, sizeof mark, "%s/" MARK, path);
  if (lstat(path, &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != geteuid()) return;
  fd = open(mark, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return;
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
    tree_remove(path);
    (void)fprintf(err, "rkv-contract: removed %s, which a run that was killed had left\n", path);
  }
  (void)close(fd);
}

static void sweep(const char *base, FILE *err) {
  struct dirent **items;
  int count = scandir(base, &items, looks_ours, alphasort);
  for (int i = 0; i < count; i++) {
    char path[NAMES_MAX];
    if (snprintf(path, sizeof path, "%s/%s", base, items[i]->d_name) < (int)sizeof path)
      sweep_one(path, err);
    free(items[i]);
  }
  if (count >= 0) free(items);
}

/* ---- one's own ---- */

/* The mark gets its name when it is locked: who sees the name cannot lock it. */
static int make_mark(const char *path) {
  char mark[NAMES_MAX + sizeof MARK], before[NAMES_MAX + sizeof MARK ".new"];
  int fd;
  (void)snprintf(mark, sizeof mark, "%s/" MARK, path);
  (void)snprintf(before, sizeof before, "%s/" MARK ".new", path);
  fd = open(before, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && rename(before, mark) == 0) return fd;
  if (fd >= 0) (void)close(fd);
  return -1;
}

bool scratch_make(struct scratch *scratch, const char *base, FILE *err) {
  char *real = realpath(base, NULL);
  int len = real ? snprintf(scratch->path, sizeof scratch->path, "%s/" START "XXXXXX", real) : -1;
  bool fits = len > 0 && (size_t)len < sizeof scratch->path;
  if (len > 0 && !fits) errno = ENAMETOOLONG;
  scratch->keep = false;
  scratch->lock = -1;
  if (fits) sweep(real, err);
  free(real);
  if (fits && mkdtemp(scratch->path)) {
    scratch->lock = make_mark(scratch->path);
    if (scratch->lock >= 0) return true;
    tree_remove(scratch->path);
  }
  (void)fprintf(err, "rkv-contract: %s: %s (choose another with --scratch)\n", base,
                strerror(errno));
  return false;
}

static int any_but_dots(const struct dirent *item) {
  return strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0;
}

/* -1: it cannot be read. */
static int count_in(const char *dir) {
  struct dirent **items;
  int count = scandir(dir, &items, any_but_dots, NULL);
  for (int i = 0; i < count; i++) free(items[i]);
  if (count >= 0) free(items);
  return count;
}

bool scratch_take(struct scratch *scratch, const char *dir, FILE *err) {
  char *real;
  int count = -1, len = -1;
  scratch->keep = true;
  scratch->lock = -1;
  if (mkdir(dir, 0700) == 0 || errno == EEXIST) count = count_in(dir);
  real = count >= 0 ? realpath(dir, NULL) : NULL;
  if (real) len = snprintf(scratch->path, sizeof scratch->path, "%s", real);
  free(real);
  if (len > 0 && (size_t)len >= sizeof scratch->path) errno = ENAMETOOLONG, count = -1;
  if (count == 0) return true;
  (void)fprintf(err, "rkv-contract: --keep %s: %s (choose an empty directory, or a new one)\n", dir,
                count > 0 ? "it is not empty" : strerror(errno));
  return false;
}

void scratch_clear(struct scratch *scratch) {
  if (!scratch->keep) tree_remove(scratch->path);
  if (scratch->lock >= 0) (void)close(scratch->lock);
}
