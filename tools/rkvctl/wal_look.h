/* wal_look.h: reads the files of a storage-wal without changing them. */
#ifndef RKVCTL_WAL_LOOK_H
#define RKVCTL_WAL_LOOK_H

#include <recover.h>

#include <stdbool.h>

enum { WAL_TYPES = 16 }; /* greater than any enum record_type */

struct wal_look {
  struct recover_watcher watcher; /* first: what recover knows */
  /* Called for each record, in order; may be NULL. */
  void (*record)(void *arg, const struct scan *scan);
  void *arg;

  /* What was found. */
  rkv_node_id node_id;
  uint32_t format;
  uint64_t segments, records, file_bytes, record_bytes, payload_bytes;
  uint64_t by_type[WAL_TYPES];
  struct rkv_vote vote;
  struct rkv_identity identity;
  struct rkv_log_id purged, last;
  bool closed;  /* the node closed the log in order */
  bool torn;    /* the last write was cut off; a node that opens the log drops it */
  uint64_t end; /* of the last segment's records */
  char last_segment[NUMBERED_NAME_MAX], torn_why[SCAN_WHY_MAX];
  bool has_snapshot;
  struct rkv_snapshot_meta snapshot; /* the newest; without its membership */
};

/* Reads the log of a stopped node or of a copy; with `whole` also every byte of the newest
 * snapshot. Errors, with the place: RKV_NOT_FOUND if there is no log; RKV_UNAVAILABLE if a node
 * runs on it; RKV_CORRUPT, RKV_FOREIGN, RKV_IO, RKV_NO_MEMORY. */
enum rkv_status wal_look(struct wal_look *look, const char *path, bool whole,
                         struct rkv_error *error);

#endif
