/* pair_queue.h: the lock of a pair, which sides get what, and the writes that wait. Of pair_*.c. */
#ifndef NODE_PAIR_QUEUE_H
#define NODE_PAIR_QUEUE_H

#include <node/pair.h>

/* What a write waits for: a bit per side, and current's retirement. */
enum { PAIR_RETIREMENT = 4 };
static inline unsigned pair_bit(unsigned side) {
  return 1U << side;
}

/* Which side is meant by a completion that a pair_write hands to a side. */
struct pair_end {
  struct rkv_completion completion; /* first: what the storage knows */
  struct pair_write *write;
};

struct pair_write {
  struct pair_write *next;
  struct pair *pair;
  struct pair_end ends[2];
  struct rkv_completion *own; /* the caller's; NULL: called */
  unsigned needs;             /* what it waits for; 0: it is over */
  unsigned held;              /* sides that will still call their end */
  bool both;                  /* counted in given and done */
  enum rkv_status status;     /* if it failed */
};

void pair_lock(struct pair *p);
/* Gives the lock back; tells the watch, and calls the completions whose turn it is. */
void pair_unlock(struct pair *p);
/* The runner has given what it gives: `giving` ends. Takes the lock and gives it back. */
void pair_given(struct pair *p);

/* ---- under the lock ---- */

/* Index of the copy, or of the side that was left. */
static inline unsigned pair_other(const struct pair *p) {
  return 1 - p->now;
}
/* Index of the side that is read, and whose failure is the caller's. */
static inline unsigned pair_main(const struct pair *p) {
  return p->phase == PAIR_RETIRING ? pair_other(p) : p->now;
}
/* No write waits, and no completion is being called. */
static inline bool pair_is_idle(const struct pair *p) {
  return !p->first && !p->delivering;
}
/* The sides that get what is written, as bits. */
unsigned pair_targets(const struct pair *p);

/* A place for a write among those that wait. NULL: it needs none, and is given to the one target
 * with the caller's own completion. *refused: there is no memory for it. */
struct pair_write *pair_place(struct pair *p, struct rkv_completion *own, bool *refused);

/* Nothing waits for `need` any more. */
void pair_met(struct pair *p, unsigned need);
/* The copy failed, if there is one that may (before RETIRING). */
void pair_fail_copy(struct pair *p, const struct rkv_error *error);
/* The pair failed, as a storage fails: current's retirement did, or the copy after it. */
void pair_fail(struct pair *p, const struct rkv_error *error);
void pair_fail_retirement(struct pair *p, const struct rkv_error *error);

/* Somebody begins, ends to use a side. */
void pair_use(struct pair *p, unsigned side);
void pair_unuse(struct pair *p, unsigned side);

#endif
