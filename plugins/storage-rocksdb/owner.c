/* owner.c: reads and writes the file that says whose directory it is. */
#include "owner.h"

#include "settle.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MODE_DIR = 0700, MODE_FILE = 0600, TEXT_MAX = 128 };

static const char file_name[] = "rkv-owner", temporary[] = "rkv-owner.new";
static const char pattern[] = "raft-key-value storage-rocksdb\nformat %u\nnode %" SCNu64 "\n%15s\n";

static const char *const state_names[] = {
    [OWNER_NEW] = "new", [OWNER_MADE] = "made", [OWNER_CLOSED] = "closed"};
enum { STATES = sizeof state_names / sizeof state_names[0] };

static enum rkv_status fail(const char *dir, const char *what, struct rkv_error *error) {
  bool full = errno == ENOSPC || errno == EDQUOT;
  return rkv_fail(error, full ? RKV_NO_SPACE : RKV_IO, "%s: cannot %s: %s", dir, what,
                  strerror(errno));
}

static enum rkv_status open_dir(const char *dir, int *fd, struct rkv_error *error) {
  if (mkdir(dir, MODE_DIR) != 0 && errno != EEXIST) return fail(dir, "make the directory", error);
  *fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return *fd >= 0 ? RKV_OK : fail(dir, "open the directory", error);
}

/* STATES: none of that name. */
static unsigned state_of(const char *name) {
  unsigned state = 0;
  while (state < STATES && strcmp(name, state_names[state]) != 0) state++;
  return state;
}

static enum rkv_status check(const char *dir, const char *text, rkv_node_id node_id,
                             enum owner_state *state, struct rkv_error *error) {
  unsigned format;
  uint64_t owner;
  char name[16] = "";
  int found = sscanf(text, pattern, &format, &owner, name);
  if (found >= 1 && format > OWNER_FORMAT)
    return rkv_fail(error, RKV_FOREIGN,
                    "%s: format %u, this version knows %u (a newer raft-key-value wrote it)", dir,
                    format, OWNER_FORMAT);
  if (found != 3 || format == 0 || state_of(name) == STATES)
    return rkv_fail(error, RKV_CORRUPT, "%s/%s: does not say whose directory this is", dir,
                    file_name);
  if (owner != node_id)
    return rkv_fail(error, RKV_FOREIGN,
                    "%s: belongs to node %" PRIu64 ", this is node %" PRIu64
                    " (each node needs a directory of its own)",
                    dir, owner, node_id);
  *state = (enum owner_state)state_of(name);
  return RKV_OK;
}

/* RKV_NOT_FOUND: nobody has claimed it. */
static enum rkv_status read_owner(const char *dir, int dir_fd, char text[TEXT_MAX],
                                  struct rkv_error *error) {
  int fd = openat(dir_fd, file_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  ssize_t got;
  if (fd < 0 && errno == ENOENT) return RKV_NOT_FOUND;
  if (fd < 0) return fail(dir, "open rkv-owner", error);
  got = read(fd, text, TEXT_MAX - 1);
  (void)close(fd);
  if (got < 0) return fail(dir, "read rkv-owner", error);
  text[got] = '\0';
  return RKV_OK;
}

/* The file is whole and durable, or as it was. */
enum rkv_status owner_write(const char *dir, int lock, rkv_node_id node_id, enum owner_state state,
                            struct rkv_error *error) {
  char text[TEXT_MAX];
  int len = snprintf(text, sizeof text,
                     "raft-key-value storage-rocksdb\nformat %u\nnode %" PRIu64 "\n%s\n",
                     OWNER_FORMAT, node_id, state_names[state]);
  int fd =
      openat(lock, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, MODE_FILE);
  bool ok;
  if (fd < 0) return fail(dir, "make rkv-owner.new", error);
  ok = write(fd, text, (size_t)len) == len && fsync(fd) == 0;
  (void)close(fd);
  ok = ok && renameat(lock, temporary, lock, file_name) == 0 && fsync(lock) == 0;
  return ok ? RKV_OK : fail(dir, "write rkv-owner", error);
}

static enum rkv_status lock_dir(const char *dir, int fd, struct rkv_error *error) {
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return RKV_OK;
  if (errno != EWOULDBLOCK) return fail(dir, "lock the directory", error);
  return rkv_fail(error, RKV_UNAVAILABLE,
                  "%s: another node or tool uses this directory (stop it first)", dir);
}

enum rkv_status owner_claim(const char *dir, rkv_node_id node_id, bool sync, int *lock,
                            enum owner_state *state, struct rkv_error *error) {
  char text[TEXT_MAX];
  enum rkv_status status;
  *lock = -1;
  status = open_dir(dir, lock, error);
  if (status == RKV_OK) status = lock_dir(dir, *lock, error);
  if (status == RKV_OK && sync) status = settle(dir, *lock, error);
  if (status != RKV_OK) return status;
  status = read_owner(dir, *lock, text, error);
  if (status == RKV_OK) return check(dir, text, node_id, state, error);
  if (status != RKV_NOT_FOUND) return status;
  if (faccessat(*lock, "CURRENT", F_OK, 0) == 0)
    return rkv_fail(error, RKV_FOREIGN, "%s: holds a RocksDB that no node of ours made", dir);
  *state = OWNER_NEW;
  return owner_write(dir, *lock, node_id, OWNER_NEW, error);
}
