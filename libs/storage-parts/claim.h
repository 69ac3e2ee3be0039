/* claim.h: OWNED_FILE as a short text: whose the directory is, in which format, and how far its
 * storage is; then lines of the storage's own, then a checksum of all before.
 *
 * It says `new` until the storage is made: what is missing later is never taken for what was not
 * made yet. */
#ifndef STORAGE_PARTS_CLAIM_H
#define STORAGE_PARTS_CLAIM_H

#include "log.h"
#include "owned.h"

struct claim {
  const struct log *log;     /* its folder is open; what is written is durable even without sync */
  unsigned format;           /* what this version writes; greater ones are refused */
  unsigned format_unchecked; /* formats up to this one had neither lines nor checksum; 0: none */
  const char *const *ours;   /* patterns (fnmatch) of the storage's names, up to NULL */
  const char *(*maker)(const char *name); /* whose this name is, NULL: unknown; may be NULL */
};

/* X(NAME, text): how far the storage is. CLOSED: it was, in order, and is not written since. */
#define CLAIM_STATE_LIST(X) X(NEW, "new") X(MADE, "made") X(CLOSED, "closed")
enum claim_state {
#define CLAIM_STATE_ENUM(name, text) CLAIM_##name,
  CLAIM_STATE_LIST(CLAIM_STATE_ENUM)
#undef CLAIM_STATE_ENUM
      CLAIM_STATES
};

/* Reads the file into *state and `lines`, a text with room for `max` bytes (NULL, 0: no line is
 * expected); where nobody's files are, claims the directory (CLAIM_NEW, no lines).
 * Errors: RKV_FOREIGN for another node, a newer format, or files of somebody else; RKV_CORRUPT;
 * RKV_NO_MEMORY; those of refuse_errno. */
enum rkv_status claim_take(const struct claim *claim, enum claim_state *state, char *lines,
                           size_t max, struct rkv_error *error);
/* Makes this durable, or leaves the file as it was. `lines`: none is empty, each ends. Errors:
 * RKV_NO_MEMORY, those of refuse_errno. */
enum rkv_status claim_write(const struct claim *claim, enum claim_state state, const char *lines,
                            struct rkv_error *error);

#endif
