/* snapshot_newest.c: which snapshot file counts when the storage is opened. */
#include "snapshot.h"
#include "store.h"

#include <fcntl.h>
#include <stdlib.h>

static enum rkv_status read_newest(struct store *s, uint64_t number, struct rkv_error *error) {
  struct dir_name name = dir_name(DIR_SNAPSHOT, number);
  struct snapshot *snapshot = NULL;
  int fd;
  enum rkv_status status = dir_open_file(&s->dir, name, O_RDONLY, &fd, error);
  if (status != RKV_OK) return status;
  status = dir_sync_file(&s->dir, fd, name, error); /* a process without sync may have written it */
  if (status == RKV_OK) snapshot = snapshots_new(&s->log);
  if (snapshot)
    status = snapshot_read_header(&s->dir, fd, name, s->log.host, s->log.host->node_id,
                                  (struct snapshot_file *)snapshot, error);
  else if (status == RKV_OK)
    status = rkv_fail(error, RKV_NO_MEMORY, "no memory for a snapshot's header");
  dir_close_file(&s->dir, fd);
  if (status != RKV_OK) {
    snapshots_drop(snapshot);
    return status;
  }
  snapshot->number = number;
  s->log.newest = snapshot;
  return RKV_OK;
}

enum rkv_status snapshot_find(struct store *s, struct rkv_error *error) {
  uint64_t *numbers;
  size_t count;
  enum rkv_status status = dir_list(&s->dir, DIR_SNAPSHOT, &numbers, &count, error);
  if (status == RKV_OK && count > 0) status = read_newest(s, numbers[count - 1], error);
  free(numbers);
  return status;
}

enum rkv_status snapshot_drop_old(struct store *s, struct rkv_error *error) {
  uint64_t *numbers;
  size_t count;
  enum rkv_status status = dir_list(&s->dir, DIR_SNAPSHOT, &numbers, &count, error);
  for (size_t i = 0; i + 1 < count && status == RKV_OK; i++)
    status = dir_drop(&s->dir, dir_name(DIR_SNAPSHOT, numbers[i]), error);
  free(numbers);
  return status;
}
