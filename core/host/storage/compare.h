/* compare.h: whether two storages hold the same. */
#ifndef HOST_STORAGE_COMPARE_H
#define HOST_STORAGE_COMPARE_H

#include <host/storage/progress.h>
#include <host/storage/subject.h>

struct comparison {
  const struct subject *from, *to; /* both are open */
  struct rkv_log_id last;          /* of the node's log: `from` may hold the note behind it */
  struct progress *progress;
  bool differs; /* why it failed */
};

/* Reads both whole: vote, what is purged, snapshot, log; no identities. Errors: RKV_IO
 * with the first difference, which is in `to`; those of the storages. */
enum rkv_status compare_storages(struct comparison *comparison, struct rkv_error *error);

#endif
