/* snapshot.h: snapshots as files of their own (docs/wal-format.md).
 *
 * A file gets its name snapshot-N when it is whole and durable, and the one before is dropped after
 * that (P1 and P2 of storage-parts/snapshots.h); the greatest N is the newest. */
#ifndef WAL_SNAPSHOT_H
#define WAL_SNAPSHOT_H

#include "dir.h"

#include <storage-parts/snapshots.h>

enum {
  SNAPSHOT_UUID = 16,
  SNAPSHOT_BLOCK = 256 * 1024, /* data bytes of a block; the last one may be shorter */
  SNAPSHOT_BLOCK_HEADER = 8,
  SNAPSHOT_HEADER_UNIT = 4096,
  SNAPSHOT_HEADER_MAX = 1024 * 1024,
};

/* A snapshot file as its header describes it. */
struct snapshot_file {
  struct snapshot base; /* the first member */
  rkv_node_id node_id;
  uint8_t uuid[SNAPSHOT_UUID];
  uint32_t header_size;
};

/* ---- snapshot_file.c: a leaf ---- */

/* Bytes of the header with this membership. Errors: RKV_TOO_LARGE. */
enum rkv_status snapshot_header_size(const struct rkv_snapshot_meta *meta, uint32_t *size,
                                     struct rkv_error *error);
/* Fills out[0..snapshot->header_size). */
void snapshot_encode(const struct snapshot_file *snapshot, uint8_t *out);
/* Reads and checks the header; buf_alloc is used for the membership. node_id 0: of any node.
 * Errors: RKV_CORRUPT, RKV_FOREIGN, RKV_IO, RKV_NO_MEMORY. */
enum rkv_status snapshot_read_header(const struct dir *dir, int fd, struct dir_name name,
                                     const struct rkv_host *host, rkv_node_id node_id,
                                     struct snapshot_file *snapshot, struct rkv_error *error);
/* Where block `number` begins, its header included. */
uint64_t snapshot_block_at(const struct snapshot_file *snapshot, uint64_t number);
/* Fills in the header that stands before data[0..length) in the block. */
void snapshot_block_seal(const struct snapshot_file *snapshot, uint64_t number, uint32_t length,
                         uint8_t *block);
/* Reads block `number` whole (its header too) into `block` and checks it; *length of data. */
enum rkv_status snapshot_read_block(const struct dir *dir, int fd, struct dir_name name,
                                    const struct snapshot_file *snapshot, uint64_t number,
                                    uint8_t *block, uint32_t *length, struct rkv_error *error);

/* ---- snapshot_newest.c ---- */

struct store;
/* Finds the newest snapshot, if there is one. Before the threads run. */
enum rkv_status snapshot_find(struct store *s, struct rkv_error *error);
/* Drops all others. Before the threads run. */
enum rkv_status snapshot_drop_old(struct store *s, struct rkv_error *error);

/* ---- snapshot_store.c ---- */

extern const struct snapshots_ops snapshot_ops;

#endif
