/* owner.h: the file `rkv-owner`: which node the directory belongs to, in which format, and whether
 * its database is made: a database that is missing later is never taken for one that was not made
 * yet. */
#ifndef LMDB_OWNER_H
#define LMDB_OWNER_H

#include <rkv/status.h>
#include <rkv/types.h>

#include <stdbool.h>

/* What the storage may find in its directory. */
#define OWNER_DATA "data.mdb"
#define OWNER_SNAPSHOT "snapshot-"   /* with a number of 16 hexadecimal digits */
#define OWNER_TEMPORARY "temporary-" /* likewise: a snapshot that is not finished */

/* Reads the file in the directory that is open as `fd`; where nobody's files are, claims it.
 * Errors: RKV_FOREIGN for another node, a newer format, or files of somebody else; RKV_CORRUPT;
 * those of refuse_errno. */
enum rkv_status owner_claim(const char *dir, int fd, rkv_node_id node_id, bool *made,
                            struct rkv_error *error);
/* Says durably that the database is made. Errors: those of refuse_errno. */
enum rkv_status owner_made(const char *dir, int fd, rkv_node_id node_id, struct rkv_error *error);

#endif
