/* pair.h: the storage that the node stands on and, while the node moves, the copy beside it. The
 * pair is a storage itself (pair_ops), the only one that the node's services know. Behind it stand
 * pair_queue.c (the writes that wait for both sides), pair_ops.c and pair_snapshot.c (the
 * operations), and pair.c (the phases).
 *
 *   phase     writes go to                           done means           reads come from
 *   ALONE     current                                durable in current   current
 *   COPYING   current; truncations to both           durable in current   current
 *   JOINED    both                                   durable in both      current
 *   RETIRING  copy; the last write to current is     durable in the copy, copy
 *             its retirement (moved.h)               and current retired
 *
 * When the copy is finished it becomes current, and the phase is ALONE again. A copy that fails
 * before RETIRING is out at once: from then on done means durable in current, and the copy is to be
 * dropped. A current that fails fails the write, as without a copy.
 *
 * (Q1) Completions are called once each, in the order of the calls.
 * (Q2) Nothing is done because the copy has it alone, before current is retired.
 * (Q3) COPYING: the copy's log equals current's up to `copied`. JOINED: every write that was given
 *      to one was given to both.
 * (Q4) The copy's identity is UNFINISHED until current is retired and pair_finish was called.
 * (Q5) At most one copy; a side that was left stays until nobody uses it (pair_released).
 *
 * Threads: functions without a remark are the runner's. A completion may call operations of
 * pair_ops, as of any storage, but none from the middle of one that goes to both sides; and of this
 * file only pair_look, pair_current, pair_copy and pair_released. */
#ifndef NODE_PAIR_H
#define NODE_PAIR_H

#include <rkv/storage.h>

#include <pthread.h>
#include <stdbool.h>

struct pair_side {
  const struct rkv_storage_ops *ops; /* NULL: there is no such side */
  void *storage;
};

enum pair_phase { PAIR_ALONE, PAIR_COPYING, PAIR_JOINED, PAIR_RETIRING };

struct pair_write; /* a write on its way that may not be done when one side has it */

/* How a write of the pair's own ends. Several may share one: it is stateless. */
struct pair_own {
  struct rkv_completion completion; /* first: what the storage knows */
  struct pair *pair;
};

/* Who is told that something changed which pair_look shows: the copy is whole or failed, its
 * identity or current's retirement became durable, a left side is used by nobody any more. Any
 * thread; must not block. */
struct pair_watch {
  void (*changed)(void *ctx);
  void *ctx;
};

struct pair {
  pthread_mutex_t lock; /* of everything below */
  struct pair_side sides[2];
  /* snapshot readers, snapshot writers and reads of each side on their way */
  unsigned uses[2];
  unsigned now; /* index of current; the copy, or the side that was left, is the other */
  enum pair_phase phase;
  bool left; /* the other side was left: nothing is given to it any more */
  struct pair_watch watch;
  /* what was given to current */
  struct rkv_vote vote;
  struct rkv_identity identity;
  struct rkv_log_id last, purged; /* last.term: 0 after a truncation, for the pair cannot know it */
  uint64_t cuts;                  /* truncations, and purges beyond the last entry */
  uint64_t snapshots;             /* that became current's newest */
  unsigned writers;               /* snapshot writers that are open */
  bool committing;                /* one of them makes its snapshot current's newest */
  rkv_index copied;               /* COPYING: last entry given to the copy */
  /* writes that wait for a side, for current's retirement or for their turn, oldest first */
  struct pair_write *first, **end;
  struct pair_write *spare; /* for the write that finds no memory */
  uint64_t given, done[2];  /* writes to both that were given; that each side has ended */
  uint64_t voted;           /* `given`, with the last vote among them */
  bool giving;              /* the runner gives something to the sides: no completion is called */
  bool delivering;          /* a thread calls completions */
  bool tell;                /* the watch is to be told */
  /* durable: all that current had alone when it was joined is in the copy, too; current's
   * retirement; the copy's own identity */
  bool whole, retired, finished;
  bool unretired; /* current's retirement failed */
  bool finishing; /* pair_finish was called */
  bool failed;
  struct rkv_error error;  /* of the copy, or of the retirement */
  struct rkv_error broken; /* of the first write that failed */
  struct pair_own mark, joined, note, retirement, finish;
};

/* Before anything is read or written. The pair remembers what `load` tells. */
void pair_init(struct pair *p, const struct rkv_storage_ops *ops, void *storage);
/* The sides are closed. */
void pair_destroy(struct pair *p);

/* The operations on a struct pair; threads as storage.h says. open and close are NULL: the sides
 * belong to the host. */
extern const struct rkv_storage_ops pair_ops;

/* ---- moving ---- */

struct pair_look {
  enum pair_phase phase;
  struct rkv_log_id last, purged; /* of the node's log; last.term is 0 after a truncation */
  rkv_index copied;
  uint64_t cuts, snapshots;
  bool writing;            /* a snapshot writer is open */
  bool whole;              /* durable: all that current had alone is in the copy, too */
  uint64_t given, by_copy; /* writes given to both; ended by the copy ... */
  uint64_t by_current;     /* ... and by current: more than by_copy: the copy holds them up */
  bool retired, finished;  /* durable */
  bool failed;             /* the copy, or the retirement of current: `error` says why */
  struct rkv_error error;
};

/* Any thread. */
void pair_look(struct pair *p, struct pair_look *out);
/* The sides, for the worker's reads beside the node's. Valid until the copy is dropped or
 * finished. Any thread. */
struct pair_side pair_current(struct pair *p);
struct pair_side pair_copy(struct pair *p);

/* ALONE, and no side left -> COPYING. The copy is open, loaded and empty. It is marked as
 * unfinished. The watch stays until the next pair_begin. */
void pair_begin(struct pair *p, struct pair_side copy, struct pair_watch watch);

/* COPYING. Purges the copy up to where current is purged, which may lie beyond `copied`: the copy
 * has current's newest snapshot then. */
void pair_purge_copy(struct pair *p);

/* COPYING. Gives the entries that follow `copied` to the copy alone; `completion` is called when
 * they are durable there, or failed; NULL: their failure is the copy's. */
void pair_append_copy(struct pair *p, const struct rkv_entry *entries, size_t count,
                      struct rkv_completion *completion);

/* COPYING -> JOINED: from now on every write goes to both. copied == last.index. Gives the copy the
 * vote, and brings its purge up to date; `whole` shows when that is durable. False, and nothing
 * happens, while a snapshot writer is open, or if current's newest snapshot is not the one that
 * `snapshots` counts (the copy would lack it), or if the copy failed. */
bool pair_join(struct pair *p, uint64_t snapshots);

/* JOINED -> RETIRING, the one point of no return: current gets its last two writes, the note `to`
 * (moved.h, as `token`; borrowed until current is closed) behind `last`, the log's last entry, and
 * the identity of a retired storage. False, and nothing happens, unless the copy is whole and has
 * each vote that was given to both (moved_settle asks for current's), or if it failed, or while a
 * snapshot becomes current's newest. One that is committed from here on until `retired` shows is in
 * the copy alone: the node promises nothing by it (swap.h, J3). If the retirement fails, or the
 * copy from now on, the pair has failed as a storage: writes end with that error. */
bool pair_retire(struct pair *p, struct rkv_log_id last, const char *to, uint64_t token);

/* RETIRING and `retired`: the copy gets the node's own identity. Once that is durable, `finished`
 * shows, the copy is current, and the old current is left. */
void pair_finish(struct pair *p);

/* The copy says that it cannot go on. False: it counts already, and the pair fails with it. Any
 * thread. */
bool pair_refuse_copy(struct pair *p, const struct rkv_error *error);

/* COPYING or JOINED -> ALONE: the copy is left. `failed` shows on until the next pair_begin. */
void pair_drop(struct pair *p);

/* Whether nobody uses the side that was left: the host may close it. Its close may still call
 * completions. Any thread. */
bool pair_released(struct pair *p);
/* The side that was left is closed. Any thread. */
void pair_forget(struct pair *p);

#endif
