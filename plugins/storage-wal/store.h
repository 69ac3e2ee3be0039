/* store.h: the running storage: what its files share.
 *
 * Operations change the image at once, under `lock`, and wait in one queue for the writer thread,
 * which writes, syncs and completes them in order. A second thread makes and recycles segments.
 *
 * (L1) image, queue, segments, spares and failures change under `lock`; no completion, no log line
 *      and no I/O happens while it is held.
 * (L2) An entry held is either in a queued operation (its first `live` ones) or, once the operation
 *      was taken off the queue, durable at the place that the index tells.
 * (L3) Segments are dropped oldest first, once nothing held stands in them, the truncation or purge
 *      that made it so is durable, and nobody reads them.
 * (L4) After `failed` nothing succeeds any more. */
#ifndef WAL_STORE_H
#define WAL_STORE_H

#include "image.h"
#include "options.h"
#include "recover.h"

#include <rkv/storage.h>

#include <pthread.h>
#include <stdatomic.h>

#define STORE_LOG "wal"

/* X(name, help): numbers shown in the node's metrics. */
#define STORE_METRIC_LIST(X)                                                                       \
  X(syncs, "times the log waited for the device")                                                  \
  X(written_bytes, "bytes written to the log")                                                     \
  X(segments, "log files in use")                                                                  \
  X(waiting_bytes, "bytes that wait to be written")                                                \
  X(full, "1 while the device has no room for another log file")                                   \
  X(no_descriptors, "1 while there is no file descriptor for another log file")

struct store_metrics {
#define STORE_METRIC_FIELD(name, help) atomic_uint_least64_t name;
  STORE_METRIC_LIST(STORE_METRIC_FIELD)
#undef STORE_METRIC_FIELD
};
enum { STORE_METRICS = sizeof(struct store_metrics) / sizeof(atomic_uint_least64_t) };

/* One call of append, save_vote, truncate or purge on its way to the disk. */
struct op {
  struct op *next;
  struct rkv_completion *completion; /* NULL: truncate, purge */
  uint16_t type;                     /* an enum record_type */
  bool refused;                      /* it ends with store.refusal */
  uint64_t bytes;                    /* of payload, and of the op itself */
  struct rkv_vote vote;
  struct rkv_identity identity;
  struct rkv_log_id id; /* what TRUNCATE and PURGE came to */
  size_t count, live;   /* ENTRY: entries, and how many of them are still held (lock) */
  size_t staged;        /* of them handed to the device (writer) */
  struct rkv_entry entries[];
};

struct snapshot; /* snapshot.h */

struct store {
  const struct rkv_host *host;
  struct wal_options options;
  struct dir dir;

  pthread_mutex_t lock;
  pthread_cond_t work;   /* for the writer: an operation or a spare came, or the end */
  pthread_cond_t chores; /* for the keeper: a segment or spare can be worked on, or the end */
  bool closing;          /* no operation is accepted any more */
  bool writer_waits;     /* for a spare */
  bool writer_done;      /* the keeper is needed no more */

  struct image image;
  struct op *first, *last; /* the queue, oldest first */
  size_t drops_queued;     /* truncations and purges in it */
  uint64_t bytes_queued;
  uint64_t cuts;            /* truncations so far: a reader sees that the log changed under it */
  rkv_index durable_last;   /* no durable entry is held beyond it */
  rkv_index durable_purged; /* what the device knows to be purged */
  struct rkv_error refusal; /* status RKV_OK: none; else a broken contract, in order of the calls */
  struct rkv_error failed;  /* status RKV_OK: none; else final, for everything */

  struct segment *oldest, *active;
  uint64_t needed;                   /* sequence: older segments hold nothing any more */
  uint64_t spares[STORE_SPARES_MAX]; /* numbers of spare files */
  bool spare_recycled[STORE_SPARES_MAX];
  size_t spare_count;
  uint64_t next_file;  /* number for the next spare or temporary file */
  atomic_int lack;     /* an enum rkv_status (lack.h) */
  unsigned pause_ms;   /* of the keeper, after a spare that found no room (the keeper) */
  uint64_t look_at_ms; /* not before then it tries again (the keeper) */

  struct snapshot *newest; /* NULL: none */

  pthread_mutex_t owner_lock; /* only for `owner`, while it is written */
  struct owner owner;         /* fd -1: a directory of format 1, whose device has no room for it */

  struct store_metrics counts;
  struct rkv_metric metrics[STORE_METRICS];
  struct writer *writer; /* the writer's own */
  pthread_t writer_thread, keeper_thread;
};

/* ---- store.c ---- */
/* Ends all success (L4) and reports to the host; the first reason wins. Never under the lock. */
void store_fail(struct store *s, const struct rkv_error *why);
bool store_failed(struct store *s); /* takes the lock */
/* From now on the directory must hold these (O2 of owner.h). Errors: RKV_IO. */
enum rkv_status store_raise_owner(struct store *s, uint64_t segment, uint64_t snapshot,
                                  struct rkv_error *error);
/* Of new segments. */
uint32_t store_format(const struct store *s);
/* Segments that hold nothing are left to the keeper (L3). Under the lock. */
void store_release_segments(struct store *s);

/* ---- queue.c: the operations that change the log ---- */
void queue_save_vote(void *storage, struct rkv_vote vote, struct rkv_completion *completion);
void queue_save_identity(void *storage, struct rkv_identity identity,
                         struct rkv_completion *completion);
void queue_append(void *storage, const struct rkv_entry *entries, size_t count,
                  struct rkv_completion *completion);
void queue_truncate(void *storage, rkv_index after);
void queue_purge(void *storage, struct rkv_log_id up_to);
/* Takes the oldest operations off the queue, up to `last` (included or not; NULL: all there are),
 * which are durable or failed, and completes them. By the writer only. */
void queue_finish(struct store *s, const struct op *last, bool included, uint64_t segment_end);

/* ---- read.c ---- */
enum rkv_status read_entries(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                             struct rkv_entry *entries, size_t capacity, size_t *count,
                             struct rkv_error *error);

/* ---- writer.c: the thread that writes the log ---- */
/* Goes on where the recovery ended; takes its descriptor. Errors: RKV_NO_MEMORY. */
enum rkv_status writer_new(struct store *s, struct recovery *r, struct rkv_error *error);
void writer_free(struct writer *w);
void *writer_main(void *store);

/* ---- keeper.c: the thread that makes spares ahead and recycles ---- */
void *keeper_main(void *store);
/* Takes over what the directory holds of spares, drops what is unfinished. Before the threads. */
enum rkv_status keeper_adopt(struct store *s, struct rkv_error *error);
/* Makes one spare unless there is one. Before the threads. */
enum rkv_status keeper_make_first(struct store *s, struct rkv_error *error);
/* The spare to take next was taken. Under the lock. */
void keeper_taken(struct store *s);

#endif
