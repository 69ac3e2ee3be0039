/* owner.h: the file `rkv-owner`: whose directory it is, and which newest files must be in it
 * (docs/wal-format.md). A leaf.
 *
 * (O1) rkv-owner is durable before any other file of this storage has its name: files without it
 *      are what is left of a directory, or a directory of format 1.
 * (O2) `segment` is at least the sequence of every segment of which a record was acknowledged,
 *      `snapshot` the number of every snapshot whose commit returned.
 * (O3) A change replaces the older of two places, so that a crash that tears it leaves the newer
 *      one. A change takes no room of the device. */
#ifndef WAL_OWNER_H
#define WAL_OWNER_H

#include "dir.h"

#include <rkv/types.h>

struct owner {
  int fd; /* -1: the directory has none */
  rkv_node_id node_id;
  uint32_t seed;     /* of the places' checksums */
  uint64_t changes;  /* so far: the place of the next one follows from it */
  uint64_t segment;  /* (O2); 0: none */
  uint64_t snapshot; /* (O2); 0: none */
};

/* Reads it. With a node id it may be changed later: what a killed process left of it in the page
 * cache is synced first. Errors: RKV_FOREIGN if another plugin, node (0: of any) or a newer version
 * owns the directory; RKV_CORRUPT; RKV_IO, RKV_FULL. */
enum rkv_status owner_read(const struct folder *folder, rkv_node_id node_id, struct owner *owner,
                           struct rkv_error *error);

/* Makes it, with segment and snapshot as *owner has them. Errors: RKV_NO_SPACE, RKV_FULL, RKV_IO,
 * and there is no rkv-owner. */
enum rkv_status owner_make(const struct folder *folder, rkv_node_id node_id, struct owner *owner,
                           struct rkv_error *error);

/* Raises them, if they are below these; durable when it returns. Errors: RKV_IO. */
enum rkv_status owner_raise(const struct folder *folder, struct owner *owner, uint64_t segment,
                            uint64_t snapshot, struct rkv_error *error);

void owner_close(const struct folder *folder, struct owner *owner);

#endif
