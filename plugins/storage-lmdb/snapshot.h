/* snapshot.h: snapshots as files of their own beside the database, which names the newest one.
 *
 * A file is a header, then blocks of data with a CRC-32C each; numbers are little-endian.
 *
 *   offset  field
 *   0       "RKVSNAPL"
 *   8       CRC-32C u32 of the header behind it, format u32
 *   16      node u64, number u64, last term and index, membership's term and index, size u64
 *   72      membership's length u64, id, membership */
#ifndef LMDB_SNAPSHOT_H
#define LMDB_SNAPSHOT_H

#include "store.h"

extern const struct snapshots_ops snapshot_ops;

/* Finds the newest snapshot, by the number in the state. Before the writer runs. Errors: those of
 * open. */
enum rkv_status snapshot_find(struct store *s, struct rkv_error *error);
/* Drops all other files of snapshots, which a crash may have left. Before the writer runs. */
enum rkv_status snapshot_drop_others(struct store *s, struct rkv_error *error);

#endif
