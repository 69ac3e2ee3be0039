/* ahead.h: entries read ahead for one peer whose next ones left the hot tail; a leaf.
 *
 * What one read gave is a run, and becomes one append as it is. While appends are on their way the
 * next runs are read, so that a peer far behind waits for no read but the first.
 *
 * (A1) The runs hold entries first .. next - 1 without a gap, in order; none: first == next.
 * (A2) At most one read is on its way, from `next` on; what it brings after a restart is dropped.
 *
 * The runs are what the log holds as long as this node leads by `vote`: a leader only appends. */
#ifndef NODE_AHEAD_H
#define NODE_AHEAD_H

#include <rkv/entry.h>

#define AHEAD_RUNS_MAX 4u                    /* runs that wait for one peer */
#define AHEAD_BYTES_MAX (UINT64_C(16) << 20) /* of their payloads: no read begins above it */

struct ahead_run {
  struct rkv_entry *entries; /* one allocation; each holds a reference to its payload */
  size_t count;
  uint64_t bytes; /* of the payloads; ahead_put counts them */
};

struct ahead {
  struct rkv_vote vote;
  rkv_index first, next;
  struct ahead_run runs[AHEAD_RUNS_MAX]; /* the first is sent next */
  size_t count;
  uint64_t bytes;
  bool reading, outdated; /* a read is on its way; what it brings is not wanted any more (A2) */
};

/* Drops a run that nobody took. */
void ahead_run_drop(struct ahead_run *run);

/* Makes `from` the first entry wanted, under this leadership. What is held already stays if it
 * begins there. */
void ahead_begin(struct ahead *a, rkv_index from, struct rkv_vote vote);

/* Drops everything. */
void ahead_clear(struct ahead *a);

/* True if a read should begin now, from a->next on: the caller then sets a->reading. */
bool ahead_has_room(const struct ahead *a);

/* The read ended with these entries, none if it failed: *run is taken over. */
void ahead_put(struct ahead *a, struct ahead_run *run);

/* Takes the run that begins at `from`; false if there is none. */
bool ahead_take(struct ahead *a, rkv_index from, struct ahead_run *run);

#endif
