/* snapshot_files.h: snapshots as files of their own in a storage's directory; which of them is the
 * newest is noted by the storage.
 *
 * A file is a header, then blocks of data with a CRC-32C each; numbers are little-endian.
 *
 *   offset  field
 *   0       "RKVSNAPL"
 *   8       CRC-32C u32 of the header behind it, format u32
 *   16      node u64, number u64, last term and index, membership's term and index, size u64
 *   72      membership's length u64, id, membership */
#ifndef STORAGE_PARTS_SNAPSHOT_FILES_H
#define STORAGE_PARTS_SNAPSHOT_FILES_H

#include "files.h"
#include "snapshots.h"

/* Names: one of these, then a number of 16 hexadecimal digits. */
#define SNAPSHOT_FILES_NAME "snapshot-"
#define SNAPSHOT_FILES_TEMPORARY "temporary-" /* not finished */

/* A storage's instance begins with it, and its log's operations are snapshot_files_ops. */
struct snapshot_files {
  struct log log; /* the first member */
  const struct files *files;
  const char *path; /* of the directory, which is open as `dir` */
  int dir;
  uint64_t next_file;        /* number of a temporary file (the log's lock) */
  uint64_t newest;           /* 0: none (`finishing`) */
  pthread_mutex_t finishing; /* one snapshot is made the newest at a time */
  /* Makes durable that this is the newest. Errors: as of snapshots_ops.finish. */
  enum rkv_status (*count)(struct snapshot_files *s, uint64_t number, struct rkv_error *error);
};

extern const struct snapshots_ops snapshot_files_ops;

/* Reads the newest one. Before the writer runs. Errors: RKV_CORRUPT, also if it is missing;
 * RKV_FOREIGN; RKV_IO; RKV_NO_MEMORY. */
enum rkv_status snapshot_files_find(struct snapshot_files *s, struct rkv_error *error);
/* Drops all others, which a crash may have left. Before the writer runs. */
enum rkv_status snapshot_files_drop_others(struct snapshot_files *s, struct rkv_error *error);

#endif
