/* snapshot.h: snapshots as chunks in the family `snapshots`, and the newest one's description in
 * the family `vote`.
 *
 * (P1) The description names a snapshot whose chunks are all there and durable.
 * (P2) The chunks of the one before are dropped only after that, and when nobody reads them. */
#ifndef ROCKS_SNAPSHOT_H
#define ROCKS_SNAPSHOT_H

#include <rkv/storage.h>

#include <stdatomic.h>
#include <stdbool.h>

enum { SNAPSHOT_MEMBERSHIP_MAX = 1024 * 1024 }; /* bytes */

struct store;

/* A whole snapshot. */
struct snapshot {
  struct store *s;
  uint64_t number;
  struct rkv_snapshot_meta meta; /* membership: a reference of its own */
  atomic_uint refs;              /* one of the store while it is the newest, one per reader */
  atomic_bool replaced;          /* the last who drops it drops its chunks */
};

/* ---- snapshot.c ---- */

/* Finds the newest snapshot, and reads what snapshot_drop_others will. Before the writer runs. */
enum rkv_status snapshot_find(struct store *s, struct rkv_error *error);
/* Drops the chunks that a crash may have left of a snapshot before and of one that was not
 * finished. Before the writer runs. */
enum rkv_status snapshot_drop_others(struct store *s, struct rkv_error *error);
/* Makes the description durable. */
enum rkv_status snapshot_describe(const struct snapshot *snapshot, struct rkv_error *error);
/* Gives a reference back; NULL: nothing. Not under the lock. */
void snapshot_drop(struct snapshot *snapshot);

/* ---- snapshot_write.c, snapshot_reader.c: the operations of the ABI ---- */

enum rkv_status snapshot_begin(void *storage, const struct rkv_snapshot_meta *meta, void **writer,
                               struct rkv_error *error);
enum rkv_status snapshot_write(void *writer, struct rkv_buf chunk, struct rkv_error *error);
enum rkv_status snapshot_commit(void *writer, struct rkv_error *error);
void snapshot_abort(void *writer);

enum rkv_status snapshot_open(void *storage, void **reader, struct rkv_snapshot_meta *meta,
                              struct rkv_error *error);
enum rkv_status snapshot_read(void *reader, uint64_t offset, size_t max, struct rkv_buf *chunk,
                              struct rkv_error *error);
void snapshot_close(void *reader);

#endif
