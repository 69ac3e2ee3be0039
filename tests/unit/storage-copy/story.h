/* story.h: storages of node 1 that a test fills, copies and looks into.
 *
 * Each act is in a process of its own: a plugin's threads do not outlive a fork, and a test may end
 * the process in the middle. */
#ifndef STORAGE_COPY_STORY_H
#define STORAGE_COPY_STORY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <contract/shim.h>
#include <host/exit_codes.h>
#include <host/storage/copy.h>

enum { STORY_PATH_MAX = 600, STORY_TEXT_MAX = 2048 };

/* The directories of one test, below the build folder. */
struct story {
  char folder[STORY_PATH_MAX];
  char root[STORY_PATH_MAX]; /* what the shim looks at: whole device */
  char from[STORY_PATH_MAX], to[STORY_PATH_MAX], other[STORY_PATH_MAX]; /* below root */
  char kept[STORY_PATH_MAX], undo[STORY_PATH_MAX];
};

void story_begin(struct story *story, const char *name);
void story_end(const struct story *story);

/* One storage. */
struct place {
  const char *plugin, *dir;
};

/* What the tests put in. `from` is the first entry of a run; entries [from, to] are of term `term`,
 * of `size` bytes. */
struct filling {
  uint64_t first, last, term;
  uint64_t size;
  uint64_t snapshot_bytes; /* a snapshot up to `last` after that; 0: none */
  uint64_t purge;          /* up to this entry after that; 0: none */
  bool vote_only;          /* neither entries nor an identity */
  bool empty_state;        /* the snapshot is of the state before the first entry */
};

/* True if it was done. */
bool story_fill(const struct story *story, struct place place, const struct filling *filling);

enum standing {
  STANDS_EMPTY,   /* nothing was stored */
  STANDS_READY,   /* a node starts on it */
  STANDS_REFUSED, /* a node does not */
  STANDS_BROKEN   /* it does not open */
};

/* All that a storage holds for its node, as numbers; what was noted of a move is no part of it. */
struct holding {
  uint64_t vote_term, vote_node, vote_committed, incarnation, cluster_high, cluster_low, settled;
  uint64_t purged_term, purged_index, last_term, last_index, entries;
  uint64_t snapshot_term, snapshot_index, snapshot_size, snapshot_bytes, snapshot_meta;
};

struct seen {
  enum standing standing;
  char text[STORY_TEXT_MAX]; /* why it is refused or broken */
  struct holding holding;
};

/* Opens it as a node's start does. */
struct seen story_look(const struct story *story, struct place place);

/* What a copy came to. */
struct copied {
  bool ended;                /* by itself, with `code` */
  int code;                  /* of enum host_exit */
  unsigned calls;            /* of the shim, if it ended by itself */
  char text[STORY_TEXT_MAX]; /* of out and err */
};

/* The command itself; `plan` (may be NULL) holds below root. */
struct copied story_copy(const struct story *story, struct place from, struct place to,
                         const struct shim_plan *plan);

#endif
