/* snapshot_files.h: snapshots as files of their own in a storage's directory (snapshot_file.h).
 *
 * A file gets its name, with a number that ascends, when it is whole and durable; then the storage
 * notes that it is the newest (log_ops.note_snapshot), and the one before is dropped (P1 and P2 of
 * snapshots.h). */
#ifndef STORAGE_PARTS_SNAPSHOT_FILES_H
#define STORAGE_PARTS_SNAPSHOT_FILES_H

#include "numbered.h"
#include "snapshot_file.h"
#include "snapshots.h"

#define SNAPSHOT_FILES_NAME "snapshot-"
#define SNAPSHOT_FILES_TEMPORARY "temporary-" /* not finished, of a storage's other files too */
static const struct numbered snapshot_files_name = {SNAPSHOT_FILES_NAME, ""};
static const struct numbered snapshot_files_temporary = {SNAPSHOT_FILES_TEMPORARY, ""};

/* What a storage's log_ops have as their snapshots. */
extern const struct snapshots_ops snapshot_files_ops;

/* Reads the newest one, which has this number (0: there is none), into log->newest. Before the
 * writer runs. Errors: RKV_CORRUPT, also if it is missing; RKV_FOREIGN; RKV_IO; RKV_NO_MEMORY. */
enum rkv_status snapshot_files_find(struct log *log, uint64_t number, struct rkv_error *error);
/* Drops all others, and what is not finished, which a crash may have left. Before the writer runs.
 * Errors: those of numbered_drop. */
enum rkv_status snapshot_files_drop_others(struct log *log, struct rkv_error *error);

#endif
