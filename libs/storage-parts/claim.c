/* claim.c: reads and writes the file that says whose directory it is. */
#include "claim.h"

#include "crc32c.h"
#include "folder.h"
#include "refuse.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 256 };

/* A first claim that a crash ends leaves nothing that counts: a leading dot is nobody's. */
static const char first_temporary[] = ".rkv-owner";

static size_t claim_print(const struct claim *c, rkv_node_id node_id, bool made,
                          char text[TEXT_MAX]) {
  size_t len =
      (size_t)snprintf(text, TEXT_MAX, "raft-key-value %.64s\nformat %u\nnode %" PRIu64 "\n%s\n",
                       c->plugin, c->format, node_id, made ? "made" : "new");
  return len + (size_t)snprintf(text + len, TEXT_MAX - len, "check %08" PRIx32 "\n",
                                crc32c(0, text, len));
}

static enum rkv_status claim_put(const struct claim *c, bool made, struct rkv_error *error) {
  const struct files *files = c->files;
  const char *name = made ? OWNED_FILE_NEW : first_temporary;
  char text[TEXT_MAX];
  struct iovec piece = {text, claim_print(c, c->node_id, made, text)};
  int file;
  enum rkv_status status =
      folder_open_file(files, c->dir, name, O_RDWR | O_CREAT | O_TRUNC, &file, error);
  if (status != RKV_OK) return status;
  errno = ENOSPC; /* what a part of it comes from */
  if (files->write(files->ctx, file, &piece, 1, 0) != (ssize_t)piece.iov_len ||
      files->sync(files->ctx, file) != 0)
    status = refuse_errno(c->path, "write rkv-owner", error);
  files->close(files->ctx, file);
  if (status == RKV_OK && (files->rename(files->ctx, c->dir, name, OWNED_FILE) != 0 ||
                           files->sync_dir(files->ctx, c->dir) != 0))
    status = refuse_errno(c->path, "rename to rkv-owner", error);
  return status;
}

/* What stands behind the first line. False: these are other bytes. */
static bool take_text(const struct claim *c, const char *text, unsigned *format, uint64_t *node,
                      bool *made) {
  const char *second = strchr(text, '\n');
  char wanted[TEXT_MAX];
  if (!second || sscanf(second, " format %u node %" SCNu64, format, node) != 2) return false;
  if (*format != c->format) return true; /* it is not read further */
  for (int m = 0; m < 2; m++) {
    *made = m == 1;
    (void)claim_print(c, *node, *made, wanted);
    if (strcmp(text, wanted) == 0) return true;
  }
  return false;
}

static enum rkv_status take(const struct claim *c, const char *text, bool *made,
                            struct rkv_error *error) {
  char where[PATH_MAX];
  unsigned format = 0;
  uint64_t node = 0;
  enum rkv_status status;
  (void)snprintf(where, sizeof where, "%s/%s", c->path, OWNED_FILE);
  status = owned_check_plugin(where, c->plugin, text, strlen(text), error);
  if (status != RKV_OK) return status;
  if (!take_text(c, text, &format, &node, made))
    return rkv_fail(error, RKV_CORRUPT, "%s: does not say whose directory this is", where);
  status = owned_check_format(where, format, c->format, error);
  return status == RKV_OK ? owned_check_node(where, node, c->node_id, error) : status;
}

struct claim_looking {
  const struct claim *claim;
  struct folder_found found;
};

static enum rkv_status claim_look_at(void *arg, const char *name, struct rkv_error *error) {
  struct claim_looking *looking = arg;
  bool ours = strcmp(name, OWNED_FILE_NEW) == 0;
  char *first;
  (void)error;
  if (name[0] == '.' || strcmp(name, "lost+found") == 0) return RKV_OK; /* they are nobody's */
  for (const char *const *our = looking->claim->ours; *our; our++)
    ours = ours || strncmp(name, *our, strlen(*our)) == 0;
  first = ours ? looking->found.ours : looking->found.others;
  if (!first[0] || strcmp(name, first) < 0) (void)snprintf(first, NAME_MAX + 1, "%s", name);
  return RKV_OK;
}

static enum rkv_status claim_check_new(const struct claim *c, struct rkv_error *error) {
  struct claim_looking looking = {.claim = c};
  const struct folder_found *found = &looking.found;
  enum rkv_status status =
      folder_each_name(c->files, c->path, c->dir, claim_look_at, &looking, error);
  if (status != RKV_OK) return status;
  if (found->ours[0])
    return rkv_fail(error, RKV_CORRUPT,
                    "%s/%s is missing beside %s; if that is another program's, give the node a "
                    "directory of its own instead",
                    c->path, OWNED_FILE, found->ours);
  if (found->others[0])
    return rkv_fail(error, RKV_FOREIGN,
                    "%s: holds %s, which somebody else made (give each storage a directory of its "
                    "own)",
                    c->path, found->others);
  return RKV_OK;
}

enum rkv_status claim_take(const struct claim *c, bool *made, struct rkv_error *error) {
  const struct files *files = c->files;
  char text[TEXT_MAX] = "";
  struct stat info;
  enum rkv_status status;
  ssize_t got;
  int file;
  *made = false;
  if (files->look(files->ctx, c->dir, OWNED_FILE, &info) != 0 && errno == ENOENT) {
    status = claim_check_new(c, error);
    return status == RKV_OK ? claim_put(c, false, error) : status;
  }
  status = folder_open_file(files, c->dir, OWNED_FILE, O_RDONLY, &file, error);
  if (status != RKV_OK) return status;
  got = files->read(files->ctx, file, text, sizeof text - 1, 0);
  if (got < 0) status = refuse_errno(c->path, "read rkv-owner", error);
  files->close(files->ctx, file);
  return status == RKV_OK ? take(c, text, made, error) : status;
}

enum rkv_status claim_made(const struct claim *c, struct rkv_error *error) {
  return claim_put(c, true, error);
}
