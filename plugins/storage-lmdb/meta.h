/* meta.h: the database's file as it stands on the device, before LMDB maps it. A leaf.
 *
 * LMDB reads what it maps without a look at the file's size, and would end the process at a page
 * that is not there. */
#ifndef LMDB_META_H
#define LMDB_META_H

#include <storage-parts/folder_files.h>

/* The file, open as `fd`, is an LMDB of this machine's kind, and as long as its map.
 * Errors: RKV_CORRUPT, RKV_IO. */
enum rkv_status meta_check(const struct folder *folder, int fd, const char *name,
                           struct rkv_error *error);

#endif
