/* claim.h: OWNED_FILE as a short text: which node the directory belongs to, in which format, and
 * whether its storage is made: what is missing later is never taken for what was not made yet. */
#ifndef STORAGE_PARTS_CLAIM_H
#define STORAGE_PARTS_CLAIM_H

#include "files.h"
#include "owned.h"

struct claim {
  const struct files *files;
  const char *path; /* of the directory, which is open as `dir` */
  int dir;
  const char *plugin;
  unsigned format; /* what this version writes; greater ones are refused */
  rkv_node_id node_id;
  const char *const *ours; /* begins of names that the storage gives, up to NULL */
};

/* Reads the file; where nobody's files are, claims the directory.
 * Errors: RKV_FOREIGN for another node, a newer format, or files of somebody else; RKV_CORRUPT;
 * those of refuse_errno. */
enum rkv_status claim_take(const struct claim *claim, bool *made, struct rkv_error *error);
/* Says durably that the storage is made. Errors: those of refuse_errno. */
enum rkv_status claim_made(const struct claim *claim, struct rkv_error *error);

#endif
