/* snapshots.h: the newest snapshot, its readers, and the snapshot that is being written.
 *
 * A snapshot is stored in blocks of one size, the last one shorter.
 *
 * (P1) The newest snapshot is whole and durable.
 * (P2) The bytes of the snapshot before it are dropped after that, once it has no reader. */
#ifndef STORAGE_PARTS_SNAPSHOTS_H
#define STORAGE_PARTS_SNAPSHOTS_H

#include "log.h"

/* A snapshot that is being written, and a reader of one; a storage's own structs may begin with
 * these. */
struct snapshot_writer {
  struct snapshot *snapshot; /* meta.size: bytes so far */
  uint8_t *block;            /* what is being filled, behind ops->block_head bytes */
  uint32_t filled;
  uint64_t number; /* of that block */
};

struct snapshot_reader {
  struct snapshot *snapshot;
  uint64_t number;      /* of the block that is held */
  struct rkv_buf block; /* empty: none is */
};

/* How snapshots are stored. RKV_IO and RKV_CORRUPT of `write` and `finish` are final: a device that
 * cannot write a snapshot cannot be trusted with the log. A full device, or a lack of descriptors,
 * refuses the one snapshot. */
struct snapshots_ops {
  size_t snapshot_size, writer_size, reader_size; /* bytes of the storage's structs */
  uint32_t block_head, block_bytes;
  /* Makes the place that is written to; after an error `end` is called too. */
  enum rkv_status (*begin)(struct snapshot_writer *w, struct rkv_error *error);
  /* Block w->number, w->filled bytes of data, is whole. */
  enum rkv_status (*write)(struct snapshot_writer *w, struct rkv_error *error);
  /* All blocks are written: makes the snapshot durable, in the place of the newest one. */
  enum rkv_status (*finish)(struct snapshot_writer *w, struct rkv_error *error);
  /* Frees what `begin` made; drops what is unfinished. */
  void (*end)(struct snapshot_writer *w);
  /* Drops what is stored of a snapshot that was replaced. */
  void (*drop)(struct snapshot *snapshot);
  /* NULL: nothing to do. After an error `close` is called too. */
  enum rkv_status (*open)(struct snapshot_reader *r, struct rkv_error *error);
  void (*close)(struct snapshot_reader *r);
  /* Gives block `number`, which has `len` bytes, checked; a reference is given. */
  enum rkv_status (*read)(struct snapshot_reader *r, uint64_t number, uint32_t len,
                          struct rkv_buf *block, struct rkv_error *error);
};

/* An empty one with one reference, of `log->ops->snapshots->snapshot_size`. NULL: no memory. */
struct snapshot *snapshots_new(struct log *log);
/* Gives a reference back; NULL: nothing. Not under the lock. */
void snapshots_drop(struct snapshot *snapshot);

/* ---- as in rkv_storage_ops; `storage` begins with its struct log ---- */
enum rkv_status snapshots_begin(void *storage, const struct rkv_snapshot_meta *meta, void **writer,
                                struct rkv_error *error);
enum rkv_status snapshots_write(void *writer, struct rkv_buf chunk, struct rkv_error *error);
enum rkv_status snapshots_commit(void *writer, struct rkv_error *error);
void snapshots_abort(void *writer);

enum rkv_status snapshots_open(void *storage, void **reader, struct rkv_snapshot_meta *meta,
                               struct rkv_error *error);
enum rkv_status snapshots_read(void *reader, uint64_t offset, size_t max, struct rkv_buf *chunk,
                               struct rkv_error *error);
void snapshots_close(void *reader);

#endif
