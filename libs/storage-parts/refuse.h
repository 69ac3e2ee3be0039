/* refuse.h: what is said when the C library refuses. A leaf. */
#ifndef STORAGE_PARTS_REFUSE_H
#define STORAGE_PARTS_REFUSE_H

#include <rkv/status.h>

/* Refuses what the C library refused, by errno; `what` completes "cannot". Returns RKV_NO_SPACE;
 * RKV_FULL without a free file descriptor, which may have changed when it is tried again; else
 * RKV_IO. */
enum rkv_status refuse_errno(const char *path, const char *what, struct rkv_error *error);

/* Refuses what stands in the place of a file and is none, with RKV_IO. */
enum rkv_status refuse_kind(const char *path, struct rkv_error *error);

#endif
