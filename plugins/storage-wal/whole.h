/* whole.h: are all files of the directory there? A leaf.
 *
 * An empty directory is a new one: nothing tells it from one whose files were all removed. Any
 * other must hold the segment and the snapshot of which `rkv-owner` knows; a segment that is
 * missing before those is found by the log itself (V1 of recover.h). */
#ifndef WAL_WHOLE_H
#define WAL_WHOLE_H

#include "owner.h"

/* The segments found, ascending, are the last ones (V1 of recover.h); with none and no rkv-owner
 * the directory is a new one. Errors: RKV_CORRUPT, naming what is missing; RKV_FOREIGN if others
 * filled it; RKV_IO. */
enum rkv_status whole_log(const struct folder *folder, const struct owner *owner,
                          const uint64_t *sequences, size_t count, struct rkv_error *error);

/* The newest snapshot found is this one (0: none). Errors: RKV_CORRUPT. */
enum rkv_status whole_snapshot(const struct owner *owner, uint64_t newest, struct rkv_error *error);

#endif
