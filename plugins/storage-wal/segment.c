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

/* Fills a file with durable zeros, piece by piece. */
static enum rkv_status fill(const struct folder *folder, struct numbered_name name, int fd,
                            uint64_t from, uint64_t to, bool (*stop)(void *arg), void *arg,
                            struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  for (; from < to && status == RKV_OK; from += PIECE)
    status = stop && stop(arg) ? rkv_fail(error, RKV_CANCELLED, "%s: given up", name.text)
                               : folder_fill(folder, fd, name.text, from,
                                             to - from < PIECE ? to : from + PIECE, error);
  return status;
}

enum rkv_status segment_fill(const struct folder *folder, struct numbered_name name, int fd,
                             uint64_t from, uint64_t to, struct rkv_error *error) {
  return fill(folder, name, fd, from, to, NULL, NULL, error);
}

enum rkv_status segment_make_spare(const struct folder *folder, uint64_t number, uint64_t size,
                                   bool (*stop)(void *arg), void *arg, struct rkv_error *error) {
  struct numbered_name name = dir_name(DIR_TEMPORARY, number);
  struct rkv_error dropping;
  int fd;
  enum rkv_status status =
      folder_open_file(folder, name.text, O_RDWR | O_CREAT | O_TRUNC, &fd, error);
  if (status != RKV_OK) return status;
  status = fill(folder, name, fd, 0, size, stop, arg, error);
  folder_close_file(folder, fd);
  if (status == RKV_OK)
    status = folder_rename(folder, name.text, dir_name(DIR_SPARE, number).text, error);
  if (status == RKV_OK) return RKV_OK;
  (void)folder_drop(folder, name.text, &dropping); /* if not now, then when the storage is opened */
  return status;
}

/* Makes a spare larger, for one large record. Without room it is cut back to what it was: the next
 * try must not take zeros for durable whose sync failed. */
static enum rkv_status extend(const struct folder *folder, struct numbered_name name, int fd,
                              uint64_t size, struct rkv_error *error) {
  uint64_t old = 0;
  enum rkv_status status = folder_file_size(folder, fd, name.text, &old, error);
  if (status != RKV_OK || old >= size) return status;
  status = segment_fill(folder, name, fd, old, size, error);
  if (status == RKV_NO_SPACE && folder->files->cut(folder->files->ctx, fd, (off_t)old) != 0)
    return folder_fail(folder, name.text, "cut", error);
  return status;
}

enum rkv_status segment_begin(const struct folder *folder, uint64_t spare, struct head *head,
                              int *fd, struct rkv_error *error) {
  struct numbered_name from = dir_name(DIR_SPARE, spare), to = dir_name(DIR_LOG, head->sequence);
  uint8_t bytes[HEAD_SIZE];
  enum rkv_status status = folder_open_file(folder, from.text, O_RDWR, fd, error);
  if (status != RKV_OK) return status;
  status = folder_random(folder, head->uuid, HEAD_UUID, error);
  if (status == RKV_OK) status = extend(folder, from, *fd, head->size, error);
  head_encode(head, bytes);
  if (status == RKV_OK)
    status = folder_write(folder, *fd, from.text, bytes, sizeof bytes, 0, error);
  if (status == RKV_OK) status = folder_sync_file(folder, *fd, from.text, error);
  if (status == RKV_OK) status = folder_rename(folder, from.text, to.text, error);
  if (status == RKV_OK) return RKV_OK;
  folder_close_file(folder, *fd);
  *fd = -1;
  return status;
}
