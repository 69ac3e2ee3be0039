/* owner.c: reads and writes the file that says whose directory it is. */
#include "owner.h"

#include "dir.h"
#include "settle.h"

#include <storage-parts/crc32c.h>
#include <storage-parts/folder.h>
#include <storage-parts/owned.h>
#include <storage-parts/refuse.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MODE_FILE = 0600, HEAD_MAX = 128, NOTE_LINE_MAX = 80 };
enum { TEXT_MAX = HEAD_MAX + (OWNER_NOTES_MAX + 1) * NOTE_LINE_MAX };

static const char file_name[] = OWNED_FILE, temporary[] = OWNED_FILE_NEW;
/* A first claim that a crash ends leaves nothing behind that counts: a leading dot is nobody's. */
static const char first_temporary[] = ".rkv-owner";

static const char head_pattern[] =
    "raft-key-value storage-rocksdb\nformat %u\nnode %" SCNu64 "\n%15[a-z]\n%n";
static const char note_pattern[] = "log %" SCNu64 " %" SCNu64 " %" SCNu64 "\n%n";
#define CHECK_FORMAT "check %08" PRIx32 "\n" /* crc32c of all before */

static const char *const state_names[] = {
    [OWNER_NEW] = "new", [OWNER_MADE] = "made", [OWNER_CLOSED] = "closed"};
enum { STATES = sizeof state_names / sizeof state_names[0] };

/* ---- from text ---- */

/* STATES: none of that name. */
static unsigned state_of(const char *name) {
  unsigned state = 0;
  while (state < STATES && strcmp(name, state_names[state]) != 0) state++;
  return state;
}

/* The notes and the check behind the head, which ends at `at`. */
static bool take_notes(struct owner *owner, const char *text, const char *at) {
  char check[NOTE_LINE_MAX];
  int len = 0;
  struct owner_note note;
  for (; sscanf(at, note_pattern, &note.first, &note.last, &note.sequence, &len) == 3 && len > 0;
       at += len, len = 0) {
    if (owner->count == OWNER_NOTES_MAX) return false;
    owner->notes[owner->count++] = note;
  }
  (void)snprintf(check, sizeof check, CHECK_FORMAT, crc32c(0, text, (size_t)(at - text)));
  return strcmp(at, check) == 0;
}

static enum rkv_status owner_take(const char *dir, const char *text, rkv_node_id node_id,
                                  struct owner *owner, struct rkv_error *error) {
  uint64_t node;
  char name[16] = "";
  int len = 0, found = sscanf(text, head_pattern, &owner->format, &node, name, &len);
  char where[PATH_MAX];
  enum rkv_status status;
  (void)snprintf(where, sizeof where, "%s/%s", dir, file_name);
  status = owned_check_plugin(where, "storage-rocksdb", text, strlen(text), error);
  if (status == RKV_OK && found >= 1)
    status = owned_check_format(where, owner->format, OWNER_FORMAT, error);
  if (status != RKV_OK) return status;
  if (found != 3 || len == 0 || owner->format == 0 || state_of(name) == STATES ||
      (owner->format == 1 ? text[len] != '\0' : !take_notes(owner, text, text + len)))
    return rkv_fail(error, RKV_CORRUPT, "%s: does not say whose directory this is", where);
  owner->state = (enum owner_state)state_of(name);
  return owned_check_node(where, node, node_id, error);
}

/* RKV_NOT_FOUND: nobody has claimed it. */
static enum rkv_status read_owner(const char *dir, int dir_fd, char text[TEXT_MAX],
                                  struct rkv_error *error) {
  int fd = openat(dir_fd, file_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  ssize_t got;
  if (fd < 0 && errno == ENOENT) return RKV_NOT_FOUND;
  if (fd < 0) return refuse_errno(dir, "open rkv-owner", error);
  got = read(fd, text, TEXT_MAX - 1);
  if (got < 0) {
    enum rkv_status status = refuse_errno(dir, "read rkv-owner", error);
    (void)close(fd);
    return status;
  }
  (void)close(fd);
  text[got] = '\0';
  return RKV_OK;
}

/* ---- to text ---- */

static size_t print(char text[TEXT_MAX], rkv_node_id node_id, const struct owner *owner) {
  size_t len = (size_t)snprintf(text, TEXT_MAX,
                                "raft-key-value storage-rocksdb\nformat %u\nnode %" PRIu64 "\n%s\n",
                                OWNER_FORMAT, node_id, state_names[owner->state]);
  for (size_t i = 0; i < owner->count; i++) {
    const struct owner_note *note = &owner->notes[i];
    len += (size_t)snprintf(text + len, TEXT_MAX - len, "log %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
                            note->first, note->last, note->sequence);
  }
  return len + (size_t)snprintf(text + len, TEXT_MAX - len, CHECK_FORMAT, crc32c(0, text, len));
}

/* The file is whole and durable, or as it was. */
static enum rkv_status write_text(const char *dir, int lock, const char *name, const char *text,
                                  size_t len, struct rkv_error *error) {
  int fd = openat(lock, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, MODE_FILE);
  enum rkv_status status = RKV_OK;
  ssize_t wrote;
  if (fd < 0) return refuse_errno(dir, "make a file to write rkv-owner", error);
  wrote = write(fd, text, len);
  if (wrote >= 0 && wrote < (ssize_t)len) errno = ENOSPC; /* what a part of it comes from */
  if (wrote != (ssize_t)len || fsync(fd) != 0) status = refuse_errno(dir, "write rkv-owner", error);
  (void)close(fd);
  if (status == RKV_OK && (renameat(lock, name, lock, file_name) != 0 || fsync(lock) != 0))
    status = refuse_errno(dir, "rename to rkv-owner", error);
  return status;
}

enum rkv_status owner_write(const char *dir, int lock, rkv_node_id node_id,
                            const struct owner *owner, struct rkv_error *error) {
  char *text = malloc(TEXT_MAX);
  enum rkv_status status;
  if (!text) return rkv_fail(error, RKV_NO_MEMORY, "%s: no memory to write rkv-owner", dir);
  status = write_text(dir, lock, owner->state == OWNER_NEW ? first_temporary : temporary, text,
                      print(text, node_id, owner), error);
  free(text);
  return status;
}

/* ---- claim ---- */

static enum rkv_status claim(const char *dir, rkv_node_id node_id, int lock, char text[TEXT_MAX],
                             struct owner *owner, struct rkv_error *error) {
  enum rkv_status status = read_owner(dir, lock, text, error);
  if (status == RKV_OK) return owner_take(dir, text, node_id, owner, error);
  if (status == RKV_NOT_FOUND) status = dir_check_new(dir, lock, error);
  return status == RKV_OK ? owner_write(dir, lock, node_id, owner, error) : status;
}

enum rkv_status owner_claim(const char *dir, rkv_node_id node_id, bool sync, int *lock,
                            struct owner *owner, struct rkv_error *error) {
  char *text = malloc(TEXT_MAX);
  enum rkv_status status;
  *lock = -1;
  owner->state = OWNER_NEW;
  owner->count = 0;
  owner->format = OWNER_FORMAT;
  if (!text) return rkv_fail(error, RKV_NO_MEMORY, "%s: no memory to read rkv-owner", dir);
  status = folder_open(&files_posix, dir, lock, error);
  if (status == RKV_OK) status = dir_check_kinds(dir, *lock, error);
  if (status == RKV_OK && sync) status = settle(dir, *lock, error);
  if (status == RKV_OK) status = claim(dir, node_id, *lock, text, owner, error);
  free(text);
  return status;
}
