/* shim_undo_internal.h: how the shim's files keep what a power loss would undo. */
#ifndef CONTRACT_SHIM_UNDO_INTERNAL_H
#define CONTRACT_SHIM_UNDO_INTERNAL_H

#include "shim_undo.h"

/* What a write replaced. */
struct undo_kept {
  struct undo_kept *older;
  int fd; /* a descriptor of the shim's own, independent of the plugin's */
  ino_t file;
  off_t at, size; /* the file's size before */
  size_t len, old;
  bool doomed;    /* a failed sync dropped the write: it is lost where nothing is written again */
  bool through;   /* some of its bytes were written again, and are durable now */
  uint8_t *bytes; /* `old` of them, behind this struct */
};

/* A name that was changed. */
struct undo_named {
  struct undo_named *older;
  enum undo_name what;
  char path[UNDO_PATH_MAX], to[UNDO_PATH_MAX];
  char held[UNDO_PATH_MAX]; /* another name for the file that was removed or replaced; "": none */
};

struct undo {
  char folder[UNDO_PATH_MAX];
  unsigned number;           /* of the next file that is kept in the folder */
  bool remember;             /* what is synced is kept, in `settled` */
  struct undo_kept *kept;    /* the newest first */
  struct undo_kept *settled; /* the oldest first */
  struct undo_named *named;
};
extern struct undo undo;

/* A number that follows from another by chance. */
uint64_t undo_mix(uint64_t x);
/* As it was before the write, from byte `from` of the file on. */
void undo_from(const struct undo_kept *kept, off_t from);

#endif
