/* mirror.h: makes a copy equal to the storage that the node stands on, while the node writes: it
 * copies the newest snapshot, then the log, joins the copy to the pair (pair.h), and compares both.
 *
 * (M1) SNAPSHOT and LOG: what was copied is compared with nothing yet, and the node builds no
 *      snapshot meanwhile. One that a leader sends begins the copy of the snapshot anew.
 * (M2) COMPARING: the copy is joined. Entries up to `next` - 1 are equal on both sides; those
 *      behind `to` were given to both. */
#ifndef NODE_MIRROR_H
#define NODE_MIRROR_H

#include <node/pair.h>
#include <node/swap_work.h>

#define MIRROR_RATE (UINT64_C(64) << 20)       /* cost/s (swap_work.h), on top of what is stored */
#define MIRROR_FREE_MAX MIRROR_RATE            /* cost that may be free at once */
#define MIRROR_JOIN_MAX 4096u                  /* entries given to the copy at once when it joins */
#define MIRROR_LAG_NS UINT64_C(1000000000)     /* a joined copy may hold writes up for so long */
#define MIRROR_APPEND_NS UINT64_C(10000000000) /* and one that is filled, what it was given */
#define MIRROR_WAIT_NS UINT64_C(10000000)      /* until a writer of a snapshot is looked at again */
/* Bytes of the log since the newest snapshot: snapshots wait for the copy, but not for ever. */
#define MIRROR_LOG_BYTES_MAX (UINT64_C(8) << 30)

enum mirror_phase { MIRROR_SNAPSHOT, MIRROR_LOG, MIRROR_COMPARING };
enum mirror_verdict {
  MIRROR_WAITS, /* for the worker, the copy, or due_ns */
  MIRROR_AGAIN, /* look at the pair, and run again */
  MIRROR_EQUAL,
  MIRROR_FAILED
};

struct mirror {
  struct node *n;
  struct swap_work *work;
  enum mirror_phase phase;
  bool began; /* the first piece of the phase was posted */
  struct rkv_completion appended;
  atomic_bool appending;  /* entries are on their way to the copy; else: how that ended */
  uint64_t append_due_ns; /* they take too long from then on */
  enum rkv_status append_status;
  struct rkv_error append_error;
  /* as they were when the piece at hand was posted */
  uint64_t snapshots, cuts;
  rkv_index purged;
  bool snapshot_equal;
  rkv_index next, to;          /* (M2) */
  uint64_t given;              /* writes to both sides when all was equal; UINT64_MAX: it was not */
  uint64_t stored_cost;        /* of all that the node stored, as far as pieces were free for it */
  uint64_t pace_ns;            /* no piece before */
  uint64_t by_copy, behind_ns; /* the writes that the copy had ended; when that is too long ago,
                                  0: it holds nothing up */
  uint64_t done, total;        /* bytes of the snapshot, entries of the log */
};

/* The copy is in the pair already. `work` is idle. */
void mirror_begin(struct mirror *m, struct node *n, struct swap_work *work);
/* The next piece; `work` is idle. FAILED: *error says why. */
enum mirror_verdict mirror_run(struct mirror *m, const struct pair_look *look,
                               struct rkv_error *error);
/* True, with the reason in *error, if the joined copy holds the node's writes up for too long.
 * `work` may be busy. */
bool mirror_is_held_up(struct mirror *m, const struct pair_look *look, struct rkv_error *error);
/* When to run again at the latest; 0: when something happens. */
uint64_t mirror_due(const struct mirror *m);
/* False while the copy has a completion of the mirror's. */
bool mirror_is_idle(struct mirror *m);

#endif
