/* store.h: the running storage: what its files share.
 *
 * The log (storage-parts/log.h) has the queue and the writer thread; a second thread makes and
 * recycles segments. What they share is under the log's lock too.
 *
 * (S1) Each durable entry held has its place in the index.
 * (S2) A segment is dropped or recycled, the oldest first, when no entry held stands in it, the
 *      truncation or purge that made it so is durable, and it has no reader. */
#ifndef WAL_STORE_H
#define WAL_STORE_H

#include "index.h"
#include "options.h"
#include "owner.h"

#include <storage-parts/queue.h>

#define STORE_LOG "wal"

enum { STORE_METRICS = 2 }; /* besides the log's own */

struct store {
  struct log log; /* the first member: its operations take a store */
  struct wal_options options;

  pthread_cond_t chores; /* for the keeper: a segment or spare can be worked on, or the end */
  bool writer_waits;     /* for a spare */
  bool closed;           /* the writer has ended: the keeper is needed no more */

  struct index index;
  struct segment *oldest, *active;
  uint64_t oldest_needed;            /* sequence: segments before it hold nothing any more */
  uint64_t spares[STORE_SPARES_MAX]; /* numbers of spare files */
  bool spare_recycled[STORE_SPARES_MAX];
  size_t spare_count;
  unsigned pause_ms;   /* of the keeper, after a spare that found no room (the keeper) */
  uint64_t look_at_ms; /* not before then it tries again (the keeper) */

  pthread_mutex_t owner_lock; /* only for `owner`, while it is written */
  struct owner owner;         /* fd -1: a directory of format 1, whose device has no room for it */

  atomic_uint_least64_t segments; /* there are */
  struct rkv_metric metrics[STORE_METRICS];
  struct writer *writer; /* the writer's own */
  struct thread *keeper;
};

/* From now on the directory must hold these (O2 of owner.h). Errors: RKV_IO. */
enum rkv_status store_raise_owner(struct store *s, uint64_t segment, uint64_t snapshot,
                                  struct rkv_error *error);
/* Of new segments. */
uint32_t store_format(const struct store *s);
/* Tells the keeper which segments hold nothing any more (S2). Under the lock. */
void store_release_segments(struct store *s);

/* Spares go in at the end and out at the front; recycled: the file may have held records, so that
 * what stands behind the log's end is not zeros. Under the lock. */
void store_add_spare(struct store *s, uint64_t number, bool recycled);
void store_drop_spare(struct store *s);

/* Completes the oldest operations, up to `last` (included or not), which are durable: the active
 * segment ends at `segment_end`. By the writer only. */
void store_finish(struct store *s, const struct op *last, bool included, uint64_t segment_end);

#endif
