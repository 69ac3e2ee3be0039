/* owner.h: the file `rkv-owner`: which node the directory belongs to, in which format, and what
 * must be in it.
 *
 * It is read before RocksDB is opened, which changes files: so a refusal leaves everything as it
 * was. It says `new` until the database is made: a database that is missing later is never taken
 * for one that was not made yet. It says `closed` from an orderly close to the first write behind
 * the next open: then the log has no tail that a crash could have torn. An open that is refused
 * leaves that as it was.
 *
 * Format 2 adds notes (ledger.h): format 1 had none. Any of its bytes changed, it is refused. */
#ifndef ROCKS_OWNER_H
#define ROCKS_OWNER_H

#include "tail.h"

#include <rkv/status.h>
#include <rkv/types.h>

#include <stdbool.h>

#define OWNER_FORMAT 2u /* what this version writes; greater ones are refused */

enum { OWNER_NOTES_MAX = TAIL_FILES_MAX };

enum owner_state { OWNER_NEW, OWNER_MADE, OWNER_CLOSED };

/* One of RocksDB's log files, or of several in a row, holds changes up to a sequence number. */
struct owner_note {
  uint64_t first, last; /* numbers of files */
  uint64_t sequence;
};

struct owner {
  enum owner_state state;
  unsigned format; /* that was read */
  size_t count;
  struct owner_note notes[OWNER_NOTES_MAX];
};

/* Makes the directory (0700), takes it for this process alone, makes durable what is found in it
 * (sync), and claims it if nobody has and nobody's files are in it. *lock is
 * a descriptor that holds it until it is closed, also after an error (-1: none).
 * Errors: RKV_UNAVAILABLE if another process has it; RKV_FOREIGN for another node, a newer format,
 * or files of somebody else; RKV_CORRUPT; RKV_FULL without a descriptor; RKV_IO; RKV_NO_SPACE. */
enum rkv_status owner_claim(const char *dir, rkv_node_id node_id, bool sync, int *lock,
                            struct owner *owner, struct rkv_error *error);

/* Makes state and notes durable, in a directory that was claimed. Errors: RKV_IO, RKV_NO_SPACE,
 * RKV_FULL, RKV_NO_MEMORY. */
enum rkv_status owner_write(const char *dir, int lock, rkv_node_id node_id,
                            const struct owner *owner, struct rkv_error *error);

#endif
