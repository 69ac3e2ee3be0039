/* wal_look.c: walks a storage-wal directory with the plugin's own leaf modules. */
#include "wal_look.h"

#include <rkv/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

/* ---- the log ---- */

static void on_head(struct recover_watcher *watcher, const struct scan *scan) {
  struct wal_look *look = (struct wal_look *)watcher;
  look->node_id = scan->head.node_id;
  look->format = scan->head.format;
  look->file_bytes += scan->head.size;
  look->segments++;
  memcpy(look->last_segment, scan->name.text, sizeof look->last_segment);
}

static void on_record(struct recover_watcher *watcher, const struct scan *scan) {
  struct wal_look *look = (struct wal_look *)watcher;
  look->records++;
  look->record_bytes += scan->offset - scan->at;
  look->payload_bytes += scan->record.length;
  if (scan->record.type < WAL_TYPES) look->by_type[scan->record.type]++;
  if (look->record) look->record(look->arg, scan);
}

/* Reads the owner's line into *owner, which needs no owner_close. */
static enum rkv_status look_at_log(struct wal_look *look, const struct folder *folder,
                                   struct owner *owner, struct rkv_error *error) {
  struct recovery r;
  enum rkv_status status = recover(folder, 0, &look->watcher, &r, error);
  if (status != RKV_OK) return status;
  *owner = r.owner;
  if (look->segments == 0) {
    recover_free(&r);
    return rkv_fail(error, RKV_NOT_FOUND, "there is no log of storage-wal in it");
  }
  look->vote = r.image.held.vote;
  look->identity = r.image.held.identity;
  look->purged = r.image.held.purged;
  look->last = r.image.held.last;
  look->closed = r.closed;
  look->torn = r.torn;
  look->end = r.active->end;
  memcpy(look->torn_why, r.torn_why, sizeof look->torn_why);
  recover_free(&r);
  return RKV_OK;
}

/* ---- the newest snapshot ---- */

static void free_bytes(struct rkv_buf_owner *owner) {
  free(owner);
}

static uint8_t *alloc(void *ctx, size_t len, struct rkv_buf *out) {
  struct rkv_buf_owner *owner = malloc(sizeof *owner + len);
  (void)ctx;
  *out = rkv_buf_none();
  if (!owner) return NULL;
  *owner = (struct rkv_buf_owner){.refs = 1, .free = free_bytes};
  *out = (struct rkv_buf){(uint8_t *)(owner + 1), len, owner};
  return (uint8_t *)(owner + 1);
}

static enum rkv_status check_blocks(const struct folder *folder, int fd, struct numbered_name name,
                                    const struct snapshot_file *snapshot, struct rkv_error *error) {
  uint64_t blocks = (snapshot->base.meta.size + SNAPSHOT_FILE_BLOCK - 1) / SNAPSHOT_FILE_BLOCK;
  uint8_t *block = malloc(SNAPSHOT_FILE_BLOCK_HEAD + SNAPSHOT_FILE_BLOCK);
  enum rkv_status status = RKV_OK;
  uint32_t length;
  if (!block) return rkv_fail(error, RKV_NO_MEMORY, "%s: no memory to read it", name.text);
  for (uint64_t n = 0; n < blocks && status == RKV_OK; n++)
    status = snapshot_file_read_block(folder, fd, name.text, snapshot, n, block, &length, error);
  free(block);
  return status;
}

static enum rkv_status look_at_snapshot(struct wal_look *look, const struct folder *folder,
                                        uint64_t number, bool whole, struct rkv_error *error) {
  const struct rkv_host host = {.struct_size = sizeof host, .buf_alloc = alloc};
  struct numbered_name name = dir_name(DIR_SNAPSHOT, number);
  struct snapshot_file snapshot = {.base.number = number};
  int fd;
  enum rkv_status status = folder_open_file(folder, name.text, O_RDONLY, &fd, error);
  if (status != RKV_OK) return status;
  status = snapshot_file_read_head(folder, fd, name.text, &host, look->node_id, &snapshot, error);
  if (status == RKV_OK && whole) status = check_blocks(folder, fd, name, &snapshot, error);
  rkv_buf_drop(&snapshot.base.meta.membership);
  folder_close_file(folder, fd);
  look->has_snapshot = status == RKV_OK;
  look->snapshot = snapshot.base.meta;
  return status;
}

enum rkv_status wal_look(struct wal_look *look, const char *path, bool whole,
                         struct rkv_error *error) {
  struct stat info;
  struct folder folder = {.files = &files_posix, .path = path, .fd = -1};
  struct owner owner;
  uint64_t *numbers = NULL;
  size_t count = 0;
  enum rkv_status status;
  look->watcher = (struct recover_watcher){on_head, on_record};
  if (stat(path, &info) != 0) /* folder_open would make the directory */
    return rkv_fail(error, RKV_NOT_FOUND, "%s: %s", path, strerror(errno));
  status = folder_open(&folder, error);
  if (status != RKV_OK) return status;
  status = look_at_log(look, &folder, &owner, error);
  if (status == RKV_OK) status = dir_list(&folder, DIR_SNAPSHOT, &numbers, &count, error);
  if (status == RKV_OK) status = whole_snapshot(&owner, count ? numbers[count - 1] : 0, error);
  if (status == RKV_OK && count > 0)
    status = look_at_snapshot(look, &folder, numbers[count - 1], whole, error);
  free(numbers);
  folder_close(&folder);
  return status;
}
