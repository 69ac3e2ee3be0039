/* compare.h: whether two storages hold the same. */
#ifndef HOST_STORAGE_COMPARE_H
#define HOST_STORAGE_COMPARE_H

#include <host/storage/progress.h>
#include <host/storage/subject.h>

/* Reads both whole: vote, cluster, what is purged, the log up to `last`, the snapshot. Incarnations
 * are not compared, and `to` ends at `last`. Errors: RKV_CORRUPT with the first difference; the
 * storages'. */
enum rkv_status compare_storages(const struct subject *from, const struct subject *to,
                                 struct rkv_log_id last, struct progress *progress,
                                 struct rkv_error *error);

#endif
