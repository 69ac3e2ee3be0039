/* snapshot.h: snapshots as chunks in the family `snapshots`, and the newest one's description in
 * the family `vote`: it names a snapshot whose chunks are all there and durable. */
#ifndef ROCKS_SNAPSHOT_H
#define ROCKS_SNAPSHOT_H

#include <storage-parts/snapshots.h>

enum { SNAPSHOT_MEMBERSHIP_MAX = 1024 * 1024 }; /* bytes */

struct store;

/* ---- snapshot.c ---- */

/* Finds the newest snapshot, and reads what snapshot_drop_others will. Before the writer runs.
 * Errors: RKV_CORRUPT, RKV_IO, RKV_NO_MEMORY. */
enum rkv_status snapshot_find(struct store *s, struct rkv_error *error);
/* Drops the chunks that a crash may have left of a snapshot before and of one that was not
 * finished, and the name of the file of one that was being written. Before the writer runs. Errors:
 * RKV_CORRUPT, RKV_IO, RKV_NO_SPACE, RKV_FULL. */
enum rkv_status snapshot_drop_others(struct store *s, struct rkv_error *error);
/* Makes the description durable. Errors: RKV_IO, RKV_NO_SPACE, RKV_FULL, RKV_NO_MEMORY. */
enum rkv_status snapshot_describe(const struct snapshot *snapshot, struct rkv_error *error);
/* Drops the chunks of a snapshot that was replaced. */
void snapshot_drop(struct snapshot *snapshot);

/* ---- snapshot_store.c ---- */

extern const struct snapshots_ops snapshot_ops;

#endif
