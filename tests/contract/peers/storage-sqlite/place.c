/* place.c: the directory: whose it is, what must be in it, what is durable. */
#define _GNU_SOURCE
#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWNER "rkv-owner"
#define OWNER_NEW ".rkv-owner.new"
#define ASIDE ".log.db-wal.old"
#define HEAD "raft-key-value storage-sqlite 1\n"

enum { OWNER_BYTES = 256, BLOCK = 65536 };

static const char *const states[PLACE_STATES] = {
#define PLACE_STATE_WORD(name, word) word,
    PLACE_STATE_LIST(PLACE_STATE_WORD)
#undef PLACE_STATE_WORD
};
static const char *const journals[] = {"wal", "rollback"};

void place_path(const struct place *place, const char *name, char path[PATH_BYTES]) {
  (void)snprintf(path, PATH_BYTES, "%s/%s", place->dir, name);
}

enum rkv_status place_failed(const struct place *place, const char *name, struct rkv_error *error) {
  return rkv_fail(error, errno == ENOSPC ? RKV_NO_SPACE : RKV_IO, "%s/%s: %s", place->dir, name,
                  strerror(errno));
}

int64_t place_size(const struct place *place, const char *name) {
  struct stat info;
  return fstatat(place->fd, name, &info, 0) == 0 ? (int64_t)info.st_size : -1;
}

/* ---- what is in it ---- */

/* The next name that is somebody's; NULL: no more. */
static const char *next_name(DIR *items) {
  const struct dirent *item;
  while ((item = readdir(items)))
    if (item->d_name[0] != '.' && strcmp(item->d_name, "lost+found") != 0) return item->d_name;
  return NULL;
}

static DIR *list(const struct place *place) {
  return opendir(place->dir);
}

static bool starts(const char *name, const char *start) {
  return strncmp(name, start, strlen(start)) == 0;
}

static bool is_ours(const char *name) {
  return strcmp(name, DB_NAME) == 0 || strcmp(name, WAL_NAME) == 0 ||
         strcmp(name, JOURNAL_NAME) == 0 || starts(name, SNAPSHOT_START);
}

bool place_put_aside(const struct place *place) {
  (void)unlinkat(place->fd, ASIDE, 0); /* of a life that ended in between */
  return renameat(place->fd, WAL_NAME, place->fd, ASIDE) == 0;
}

void place_put_back(const struct place *place, bool aside) {
  if (place_size(place, WAL_NAME) == 0) (void)unlinkat(place->fd, WAL_NAME, 0);
  if (aside) (void)renameat(place->fd, ASIDE, place->fd, WAL_NAME);
}

void place_drop_aside(const struct place *place) {
  (void)unlinkat(place->fd, ASIDE, 0);
}

void place_sweep(const struct place *place, const char *start, const char *but) {
  DIR *items = list(place);
  const char *name;
  while (items && (name = next_name(items)))
    if (starts(name, start) && (!but || strcmp(name, but) != 0)) (void)unlinkat(place->fd, name, 0);
  if (items) (void)closedir(items);
}

/* There is no owner's file. */
static enum rkv_status look_without_owner(const struct place *place, struct rkv_error *error) {
  DIR *items = list(place);
  const char *name;
  enum rkv_status status = RKV_OK;
  if (!items) return place_failed(place, "", error);
  while (status == RKV_OK && (name = next_name(items))) {
    if (is_ours(name))
      status = rkv_fail(error, RKV_CORRUPT, "%s: %s is there, and " OWNER " is missing", place->dir,
                        name);
    else
      status = rkv_fail(error, RKV_FOREIGN,
                        "%s holds %s, which is of something else (choose an empty directory)",
                        place->dir, name);
  }
  (void)closedir(items);
  return status;
}

static int word_of(const char *const *words, int count, const char *word) {
  for (int i = 0; i < count; i++)
    if (strcmp(words[i], word) == 0) return i;
  return -1;
}

static enum rkv_status read_owner(struct place *place, int fd, struct rkv_error *error) {
  char text[OWNER_BYTES + 1], state[16] = "", journal[16] = "";
  ssize_t got = pread(fd, text, OWNER_BYTES, 0);
  uint64_t node = 0;
  int s, j;
  if (got < 0) return place_failed(place, OWNER, error);
  text[got] = '\0';
  if (got == 0) return rkv_fail(error, RKV_CORRUPT, "%s/" OWNER " is empty", place->dir);
  if (!starts(text, HEAD))
    return rkv_fail(error, RKV_FOREIGN, "%s/" OWNER " is not of storage-sqlite 1: %.*s", place->dir,
                    (int)strcspn(text, "\n"), text);
  if (sscanf(text + sizeof HEAD - 1, "node %" SCNu64 "\n%15s %15s", &node, journal, state) != 3)
    return rkv_fail(error, RKV_CORRUPT, "%s/" OWNER " is cut off", place->dir);
  if (node != place->node)
    return rkv_fail(error, RKV_FOREIGN, "%s is of node %" PRIu64 ", and this is node %" PRIu64,
                    place->dir, node, place->node);
  s = word_of(states, PLACE_STATES, state);
  j = word_of(journals, 2, journal);
  if (s < 0 || j < 0)
    return rkv_fail(error, RKV_CORRUPT, "%s/" OWNER ": neither state nor journal: %s %s",
                    place->dir, journal, state);
  place->state = (enum place_state)s;
  place->journal = (enum journal)j;
  return RKV_OK;
}

/* What must be there is. */
static enum rkv_status look_for(const struct place *place, const char *name,
                                struct rkv_error *error) {
  int64_t size = place_size(place, name);
  if (size > 0) return RKV_OK;
  return rkv_fail(error, RKV_CORRUPT, "%s/%s is %s", place->dir, name,
                  size < 0 ? "missing" : "empty");
}

static enum rkv_status look(struct place *place, struct rkv_error *error) {
  int fd = openat(place->fd, OWNER, O_RDONLY | O_CLOEXEC);
  enum rkv_status status;
  if (fd < 0 && errno != ENOENT) return place_failed(place, OWNER, error);
  place->state = PLACE_NEW;
  if (fd < 0) return look_without_owner(place, error);
  status = read_owner(place, fd, error);
  (void)close(fd);
  if (status == RKV_OK && place->state != PLACE_NEW) status = look_for(place, DB_NAME, error);
  if (status == RKV_OK && place->state == PLACE_OPEN)
    status = look_for(place, place->journal == JOURNAL_WAL ? WAL_NAME : JOURNAL_NAME, error);
  return status;
}

enum rkv_status place_open(struct place *place, struct rkv_error *error) {
  enum rkv_status status;
  if (mkdir(place->dir, 0700) != 0 && errno != EEXIST) return place_failed(place, "", error);
  place->fd = open(place->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (place->fd < 0) return place_failed(place, "", error);
  if (flock(place->fd, LOCK_EX | LOCK_NB) != 0)
    status = rkv_fail(error, RKV_PRECONDITION, "%s: another process uses it", place->dir);
  else
    status = look(place, error);
  if (status != RKV_OK) place_close(place);
  return status;
}

void place_close(struct place *place) {
  if (place->fd >= 0) (void)close(place->fd);
  place->fd = -1;
}

/* ---- what is durable ---- */

static bool sync_one(int at, const char *name) {
  int fd = openat(at, name, O_RDONLY | O_CLOEXEC);
  bool good = fd >= 0 && fsync(fd) == 0;
  if (fd >= 0) (void)close(fd);
  return good;
}

enum rkv_status place_sync_names(const struct place *place, struct rkv_error *error) {
  if (!place->sync) return RKV_OK;
  if (fsync(place->fd) != 0 || !sync_one(place->fd, "..")) return place_failed(place, "", error);
  return RKV_OK;
}

enum rkv_status place_settle(const struct place *place, struct rkv_error *error) {
  DIR *items = place->sync ? list(place) : NULL;
  enum rkv_status status = RKV_OK;
  const char *name;
  if (place->sync && !items) return place_failed(place, "", error);
  while (items && status == RKV_OK && (name = next_name(items)))
    if ((is_ours(name) || strcmp(name, OWNER) == 0) && !sync_one(place->fd, name))
      status = place_failed(place, name, error);
  if (items) (void)closedir(items);
  return status == RKV_OK ? place_sync_names(place, error) : status;
}

enum rkv_status place_note(struct place *place, enum place_state state, enum journal journal,
                           struct rkv_error *error) {
  char text[OWNER_BYTES];
  int len = snprintf(text, sizeof text, HEAD "node %" PRIu64 "\n%s %s\n", place->node,
                     journals[journal], states[state]);
  int fd = openat(place->fd, OWNER_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  bool good = fd >= 0 && write(fd, text, (size_t)len) == len && (!place->sync || fsync(fd) == 0);
  if (fd >= 0 && close(fd) != 0) good = false;
  if (!good || renameat(place->fd, OWNER_NEW, place->fd, OWNER) != 0)
    return place_failed(place, OWNER, error);
  place->state = state;
  place->journal = journal;
  return place_sync_names(place, error);
}

bool place_copy(const struct place *place, const char *from, const char *to) {
  int in = openat(place->fd, from, O_RDONLY | O_CLOEXEC);
  int out = openat(place->fd, to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  char *bytes = malloc(BLOCK);
  ssize_t got = -1;
  bool good = in >= 0 && out >= 0 && bytes;
  while (good && (got = read(in, bytes, BLOCK)) > 0) good = write(out, bytes, (size_t)got) == got;
  if (in >= 0) (void)close(in);
  if (out >= 0) (void)close(out);
  free(bytes);
  return good && got == 0;
}
