/* snapshot_file.h: the format of a file that holds a snapshot: a header, then blocks with a
 * checksum each. wal-format.md (share/doc/raft-key-value) tells it byte by byte. */
#ifndef STORAGE_PARTS_SNAPSHOT_FILE_H
#define STORAGE_PARTS_SNAPSHOT_FILE_H

#include "log.h"

enum {
  SNAPSHOT_FILE_UUID = 16,
  SNAPSHOT_FILE_BLOCK = 256 * 1024, /* data bytes of a block; the last one may be shorter */
  SNAPSHOT_FILE_BLOCK_HEAD = 8,
  SNAPSHOT_FILE_HEAD_UNIT = 4096,
  SNAPSHOT_FILE_HEAD_MAX = 1024 * 1024,
};

/* A snapshot file as its header, of base.head_bytes, describes it. */
struct snapshot_file {
  struct snapshot base; /* the first member */
  rkv_node_id node_id;
  uint8_t uuid[SNAPSHOT_FILE_UUID];
};

/* Bytes of the header with this membership. Errors: RKV_TOO_LARGE. */
enum rkv_status snapshot_file_head_bytes(const struct rkv_snapshot_meta *meta, uint32_t *bytes,
                                         struct rkv_error *error);
/* Fills out[0..base.head_bytes). */
void snapshot_file_encode(const struct snapshot_file *file, uint8_t *out);
/* Reads and checks the header; buf_alloc is used for the membership. node_id 0: of any node.
 * Errors: RKV_CORRUPT, RKV_FOREIGN, RKV_IO, RKV_NO_MEMORY. */
enum rkv_status snapshot_file_read_head(const struct folder *folder, int fd, const char *name,
                                        const struct rkv_host *host, rkv_node_id node_id,
                                        struct snapshot_file *file, struct rkv_error *error);
/* Where block `number` begins, its head included. */
uint64_t snapshot_file_block_at(const struct snapshot_file *file, uint64_t number);
/* Fills in the head that stands before data[0..length) in the block. */
void snapshot_file_seal_block(const struct snapshot_file *file, uint64_t number, uint32_t length,
                              uint8_t *block);
/* Reads block `number` whole (its head too) into `block` and checks it; *length of data. */
enum rkv_status snapshot_file_read_block(const struct folder *folder, int fd, const char *name,
                                         const struct snapshot_file *file, uint64_t number,
                                         uint8_t *block, uint32_t *length, struct rkv_error *error);

#endif
