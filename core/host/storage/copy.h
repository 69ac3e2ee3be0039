/* copy.h: moves a stopped node from one storage to another. */
#ifndef HOST_STORAGE_COPY_H
#define HOST_STORAGE_COPY_H

#include <host/storage/progress.h>
#include <host/storage/subject.h>
#include <node/moved.h>

/* What there was to do. */
enum copy_done {
  COPY_WHOLE,    /* all of it */
  COPY_FINISHED, /* an earlier copy was whole: its last steps */
  COPY_BEFORE    /* nothing: it had been done */
};

struct copy {
  struct subject *from, *to;
  struct progress progress;
  enum copy_done done;
  struct rkv_log_id last;       /* of the node's log */
  char where[MOVED_TO_MAX + 1]; /* what `to` is, as the note has it */
  uint64_t token;               /* of `to` (node/moved.h) */
};

/* What can be refused before `to` is opened, which would make it. Errors: RKV_INVALID for a source
 * that is empty; RKV_FOREIGN for one that is no node's own; those of the storage. */
enum rkv_status copy_check_source(struct copy *copy, struct rkv_error *error);

/* Copies vote, cluster, snapshot and log, reads both back and compares them, retires the source and
 * makes the copy the node's (node/moved.h). Both are open; `to` may be opened anew meanwhile. After
 * an error the node starts on its source, or the same call ends what is unfinished. *copy stays
 * until both storages are closed.
 * Errors: RKV_INVALID for two storages that do not fit; RKV_FOREIGN; those of the storages. */
enum rkv_status copy_run(struct copy *copy, struct rkv_error *error);

#endif
