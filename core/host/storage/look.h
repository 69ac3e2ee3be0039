/* look.h: what a storage holds, for people and for programs. Nothing is changed but by the plugin's
 * open, which may drop a write that a crash cut off. Errors: RKV_CORRUPT with the place; those of
 * the storage. */
#ifndef HOST_STORAGE_LOOK_H
#define HOST_STORAGE_LOOK_H

#include <host/storage/progress.h>
#include <host/storage/subject.h>

/* Vote, identity, first and last entry, snapshot. */
enum rkv_status look_stat(const struct subject *s, bool json, FILE *out, struct rkv_error *error);
/* Reads everything, with whatever checksums the plugin has. */
enum rkv_status look_verify(const struct subject *s, bool json, FILE *out,
                            struct progress *progress, struct rkv_error *error);

#endif
