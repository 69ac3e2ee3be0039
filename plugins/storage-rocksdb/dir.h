/* dir.h: the directory as the file system shows it, before RocksDB is asked. A leaf. */
#ifndef ROCKS_DIR_H
#define ROCKS_DIR_H

#include <storage-parts/folder.h>

/* A snapshot that is written; RocksDB takes it over under a name of its own. */
#define DIR_SNAPSHOT_NEW "snapshot.new"

/* Names in a database of ours, as patterns, up to NULL. */
extern const char *const dir_names[];
/* Who made a file that is none of these; NULL: unknown. */
const char *dir_maker(const char *name);

/* Refuses links, pipes, devices and folders in the place of files, before RocksDB opens one.
 * Errors: those of refuse_errno. */
enum rkv_status dir_check_kinds(const struct folder *folder, struct rkv_error *error);

/* Makes every file durable: a life without `sync` may not have synced a byte. Nothing without
 * folder->sync. Errors: those of refuse_errno. */
enum rkv_status dir_settle(const struct folder *folder, struct rkv_error *error);

/* The two files by which RocksDB finds all others. Errors: RKV_CORRUPT if one is missing or empty;
 * those of refuse_errno. */
enum rkv_status dir_check_made(const struct folder *folder, struct rkv_error *error);

#endif
