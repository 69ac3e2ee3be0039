/* owner.h: what is written in the file `rkv-owner` (storage-parts/claim.h): which of RocksDB's log
 * files must be there, and up to which change.
 *
 * It is read before RocksDB is opened, which changes files: so a refusal leaves everything as it
 * was. It says `closed` from an orderly close to the first write behind the next open: then the log
 * has no tail that a crash could have torn. An open that is refused leaves that as it was.
 *
 * Format 2 adds notes (ledger.h): format 1 had none. Any of its bytes changed, it is refused. */
#ifndef ROCKS_OWNER_H
#define ROCKS_OWNER_H

#include "tail.h"

#include <storage-parts/claim.h>

enum { OWNER_NOTES_MAX = TAIL_FILES_MAX };

/* One of RocksDB's log files, or of several in a row, holds changes up to a sequence number. */
struct owner_note {
  uint64_t first, last; /* numbers of files */
  uint64_t sequence;
};

struct owner {
  struct claim claim;
  enum claim_state state;
  size_t count;
  struct owner_note notes[OWNER_NOTES_MAX];
};

/* Reads it, or claims the log's directory if nobody has and nobody's files are in it. The log is
 * borrowed. Errors: those of claim_take. */
enum rkv_status owner_take(struct owner *owner, const struct log *log, struct rkv_error *error);

/* Makes state and notes durable, in a directory that was claimed. Errors: those of claim_write. */
enum rkv_status owner_write(const struct owner *owner, struct rkv_error *error);

#endif
