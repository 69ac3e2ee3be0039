/* segment.c: makes segment files: zeros first, header next, name last. */
#include "segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of zeros written and synced at once: a sync of the log waits for no more than that. */
enum { PIECE = 1024 * 1024 };

enum rkv_status segment_new(const struct head *head, struct segment **segment,
                            struct rkv_error *error) {
  struct segment *s = calloc(1, sizeof *s);
  if (!s) return rkv_fail(error, RKV_NO_MEMORY, "no memory for a segment");
  s->sequence = head->sequence;
  s->size = head->size;
  s->seed = head_seed(head);
  s->end = HEAD_SIZE;
  *segment = s;
  return RKV_OK;
}

void segment_free_all(struct segment *oldest) {
  while (oldest) {
    struct segment *next = oldest->next;
    free(oldest);
    oldest = next;
  }
}

static bool segment_never(void *arg) {
  (void)arg;
  return false;
}

static enum rkv_status fill(const struct dir *dir, struct dir_name name, int fd, uint64_t from,
                            uint64_t to, bool (*stop)(void *arg), void *arg,
                            struct rkv_error *error) {
  uint8_t *zeros = calloc(1, PIECE);
  enum rkv_status status = RKV_OK;
  if (!zeros) return rkv_fail(error, RKV_NO_MEMORY, "no memory for zeros");
  while (from < to && status == RKV_OK) {
    size_t len = to - from < PIECE ? (size_t)(to - from) : (size_t)PIECE;
    status = stop(arg) ? rkv_fail(error, RKV_CANCELLED, "%s: given up", name.text)
                       : dir_write(dir, fd, name, zeros, len, (off_t)from, error);
    if (status == RKV_OK) status = dir_sync_file(dir, fd, name, error);
    from += len;
  }
  free(zeros);
  return status;
}

enum rkv_status segment_fill(const struct dir *dir, struct dir_name name, int fd, uint64_t from,
                             uint64_t to, struct rkv_error *error) {
  return fill(dir, name, fd, from, to, segment_never, NULL, error);
}

enum rkv_status segment_make_spare(const struct dir *dir, uint64_t number, uint64_t size,
                                   bool (*stop)(void *arg), void *arg, struct rkv_error *error) {
  struct dir_name name = dir_name(DIR_TEMPORARY, number);
  struct rkv_error dropping;
  int fd;
  enum rkv_status status = dir_open_file(dir, name, O_RDWR | O_CREAT | O_TRUNC, &fd, error);
  if (status != RKV_OK) return status;
  status = fill(dir, name, fd, 0, size, stop, arg, error);
  dir_close_file(dir, fd);
  if (status == RKV_OK) status = dir_rename(dir, name, dir_name(DIR_SPARE, number), error);
  if (status == RKV_OK) return RKV_OK;
  (void)dir_drop(dir, name, &dropping); /* if not now, then when the storage is opened */
  return status;
}

enum rkv_status segment_random(const struct dir *dir, void *bytes, size_t len,
                               struct rkv_error *error) {
  size_t got = 0;
  while (got < len) {
    ssize_t came = dir->files->random(dir->files->ctx, (uint8_t *)bytes + got, len - got);
    if (came < 0 && errno == EINTR) continue;
    if (came < 0) return rkv_fail(error, RKV_IO, "no random bytes: %s", strerror(errno));
    got += (size_t)came;
  }
  return RKV_OK;
}

/* Makes a spare larger, for one large record. Without room it is cut back to what it was: the next
 * try must not take zeros for durable whose sync failed. */
static enum rkv_status extend(const struct dir *dir, struct dir_name name, int fd, uint64_t size,
                              struct rkv_error *error) {
  uint64_t old = 0;
  enum rkv_status status = dir_file_size(dir, fd, name, &old, error);
  if (status != RKV_OK || old >= size) return status;
  status = segment_fill(dir, name, fd, old, size, error);
  if (status == RKV_NO_SPACE && dir->files->cut(dir->files->ctx, fd, (off_t)old) != 0)
    return dir_fail(name, "cut", error);
  return status;
}

enum rkv_status segment_begin(const struct dir *dir, uint64_t spare, struct head *head, int *fd,
                              struct rkv_error *error) {
  struct dir_name from = dir_name(DIR_SPARE, spare), to = dir_name(DIR_LOG, head->sequence);
  uint8_t bytes[HEAD_SIZE];
  enum rkv_status status = dir_open_file(dir, from, O_RDWR, fd, error);
  if (status != RKV_OK) return status;
  status = segment_random(dir, head->uuid, HEAD_UUID, error);
  if (status == RKV_OK) status = extend(dir, from, *fd, head->size, error);
  head_encode(head, bytes);
  if (status == RKV_OK) status = dir_write(dir, *fd, from, bytes, sizeof bytes, 0, error);
  if (status == RKV_OK) status = dir_sync_file(dir, *fd, from, error);
  if (status == RKV_OK) status = dir_rename(dir, from, to, error);
  if (status == RKV_OK) return RKV_OK;
  dir_close_file(dir, *fd);
  *fd = -1;
  return status;
}
