/* pair_snapshot.h: the operations of a pair on snapshots, as of any storage. A writer or a reader
 * knows its sides. Of pair_ops.c. */
#ifndef NODE_PAIR_SNAPSHOT_H
#define NODE_PAIR_SNAPSHOT_H

#include <rkv/storage.h>

enum rkv_status pair_snapshot_begin(void *storage, const struct rkv_snapshot_meta *meta,
                                    void **writer, struct rkv_error *error);
enum rkv_status pair_snapshot_write(void *writer, struct rkv_buf chunk, struct rkv_error *error);
enum rkv_status pair_snapshot_commit(void *writer, struct rkv_error *error);
void pair_snapshot_abort(void *writer);
enum rkv_status pair_snapshot_open(void *storage, void **reader, struct rkv_snapshot_meta *meta,
                                   struct rkv_error *error);
enum rkv_status pair_snapshot_read(void *reader, uint64_t offset, size_t max, struct rkv_buf *chunk,
                                   struct rkv_error *error);
void pair_snapshot_close(void *reader);

#endif
