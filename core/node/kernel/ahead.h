/* ahead.h: entries read ahead from the storage for one peer, whose next entries left the hot tail;
 * a leaf.
 *
 * One read of the storage gives one run, and one run becomes one append. While appends are in
 * flight the next runs are read, so that a peer far behind waits only for the first read.
 *
 * (A1) The runs hold the entries first .. next - 1, in order and without a gap. Without runs first
 *      == next.
 * (A2) At most one read is in flight. It begins at `next`, unless ahead_clear or ahead_begin came
 *      since: then what it brings is dropped.
 *
 * As long as this node leads with `vote` the runs equal the log, because a leader's log only
 * grows. */
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
  bool reading, outdated; /* a read is in flight; it is to be dropped (A2) */
};

/* Frees a run that was not sent. */
void ahead_run_drop(struct ahead_run *run);

/* From now on `from` is the first entry wanted, in the leadership `vote`. Runs that begin there and
 * are of that leadership stay. */
void ahead_begin(struct ahead *a, rkv_index from, struct rkv_vote vote);

/* Drops everything. */
void ahead_clear(struct ahead *a);

/* True if a read should begin now, from a->next on: the caller then sets a->reading. */
bool ahead_has_room(const struct ahead *a);

/* The read in flight ended with these entries, with none if it failed. Takes the run over and
 * empties *run. */
void ahead_put(struct ahead *a, struct ahead_run *run);

/* Takes the run that begins at `from`; false if there is none. */
bool ahead_take(struct ahead *a, rkv_index from, struct ahead_run *run);

#endif
