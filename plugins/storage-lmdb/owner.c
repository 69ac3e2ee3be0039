/* owner.c: reads and writes the file that says whose directory it is. */
#include "owner.h"

#include <storage-parts/crc32c.h>
#include <storage-parts/folder.h>
#include <storage-parts/owned.h>
#include <storage-parts/refuse.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FORMAT 1u /* what this version writes; greater ones are refused */
enum { TEXT_MAX = 256 };

/* A first claim that a crash ends leaves nothing that counts: a leading dot is nobody's. */
static const char first_temporary[] = ".rkv-owner";
static const struct files *const files = &files_posix;

static size_t print(char text[TEXT_MAX], rkv_node_id node_id, bool made) {
  int len =
      snprintf(text, TEXT_MAX, "raft-key-value storage-lmdb\nformat %u\nnode %" PRIu64 "\n%s\n",
               FORMAT, node_id, made ? "made" : "new");
  return (size_t)(len + snprintf(text + len, TEXT_MAX - (size_t)len, "check %08" PRIx32 "\n",
                                 crc32c(0, text, (size_t)len)));
}

static enum rkv_status put(const char *dir, int fd, rkv_node_id node_id, bool made,
                           struct rkv_error *error) {
  const char *name = made ? OWNED_FILE_NEW : first_temporary;
  char text[TEXT_MAX];
  struct iovec piece = {text, print(text, node_id, made)};
  int file;
  enum rkv_status status =
      folder_open_file(files, fd, name, O_RDWR | O_CREAT | O_TRUNC, &file, error);
  if (status != RKV_OK) return status;
  errno = ENOSPC; /* what a part of it comes from */
  if (files->write(files->ctx, file, &piece, 1, 0) != (ssize_t)piece.iov_len ||
      files->sync(files->ctx, file) != 0)
    status = refuse_errno(dir, "write rkv-owner", error);
  files->close(files->ctx, file);
  if (status == RKV_OK && (files->rename(files->ctx, fd, name, OWNED_FILE) != 0 ||
                           files->sync_dir(files->ctx, fd) != 0))
    status = refuse_errno(dir, "rename to rkv-owner", error);
  return status;
}

static enum rkv_status take(const char *dir, const char *text, rkv_node_id node_id, bool *made,
                            struct rkv_error *error) {
  char where[PATH_MAX], wanted[TEXT_MAX];
  unsigned format = 0;
  uint64_t node = 0;
  enum rkv_status status;
  int found = sscanf(text, "raft-key-value storage-lmdb\nformat %u\nnode %" SCNu64, &format, &node);
  (void)snprintf(where, sizeof where, "%s/%s", dir, OWNED_FILE);
  status = owned_check_plugin(where, "storage-lmdb", text, strlen(text), error);
  if (status == RKV_OK && found >= 1) status = owned_check_format(where, format, FORMAT, error);
  if (status != RKV_OK) return status;
  for (int m = 0; m < 2; m++) {
    *made = m == 1;
    (void)print(wanted, node, *made);
    if (found == 2 && strcmp(text, wanted) == 0)
      return owned_check_node(where, node, node_id, error);
  }
  return rkv_fail(error, RKV_CORRUPT, "%s: does not say whose directory this is", where);
}

static enum folder_maker maker_of(const char *name) {
  static const char *const ours[] = {OWNER_DATA, OWNER_SNAPSHOT, OWNER_TEMPORARY, OWNED_FILE_NEW};
  for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
    if (strncmp(name, ours[i], strlen(ours[i])) == 0) return FOLDER_OURS;
  return FOLDER_OTHERS;
}

static enum rkv_status check_new(const char *dir, int fd, struct rkv_error *error) {
  struct folder_found found;
  enum rkv_status status = folder_look(files, dir, fd, maker_of, &found, error);
  if (status != RKV_OK) return status;
  if (found.ours[0])
    return rkv_fail(error, RKV_CORRUPT,
                    "%s/%s is missing beside %s; if that is another program's, give the node a "
                    "directory of its own instead",
                    dir, OWNED_FILE, found.ours);
  if (found.others[0])
    return rkv_fail(error, RKV_FOREIGN,
                    "%s: holds %s, which somebody else made (give each storage a directory of its "
                    "own)",
                    dir, found.others);
  return RKV_OK;
}

enum rkv_status owner_claim(const char *dir, int fd, rkv_node_id node_id, bool *made,
                            struct rkv_error *error) {
  char text[TEXT_MAX] = "";
  struct stat info;
  enum rkv_status status;
  ssize_t got;
  int file;
  *made = false;
  if (files->look(files->ctx, fd, OWNED_FILE, &info) != 0 && errno == ENOENT) {
    status = check_new(dir, fd, error);
    return status == RKV_OK ? put(dir, fd, node_id, false, error) : status;
  }
  status = folder_open_file(files, fd, OWNED_FILE, O_RDONLY, &file, error);
  if (status != RKV_OK) return status;
  got = files->read(files->ctx, file, text, sizeof text - 1, 0);
  if (got < 0) status = refuse_errno(dir, "read rkv-owner", error);
  files->close(files->ctx, file);
  return status == RKV_OK ? take(dir, text, node_id, made, error) : status;
}

enum rkv_status owner_made(const char *dir, int fd, rkv_node_id node_id, struct rkv_error *error) {
  return put(dir, fd, node_id, true, error);
}
