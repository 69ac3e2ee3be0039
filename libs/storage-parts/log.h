/* log.h: the running log of a durable storage: what is held, what waits for the disk, what failed.
 *
 * A storage's instance begins with a struct log, so that its table of operations can have the
 * functions of queue.h and reading.h as they are. Operations change what is held at once, under
 * `lock`, and wait in one queue for the storage's writer thread, which writes, syncs and completes
 * them in order.
 *
 * (L1) What is held, queue and failures change under `lock`; no completion, no log line and no I/O
 *      happens while it is held.
 * (L2) An entry held is durable if its index is at most `durable_last`; a later one is among the
 *      first `live` entries of a queued operation.
 * (L3) After `failed` nothing succeeds any more. */
#ifndef STORAGE_PARTS_LOG_H
#define STORAGE_PARTS_LOG_H

#include "folder.h"
#include "threads.h"

#include <rkv/storage.h>

#include <stdatomic.h>

enum op_type { OP_APPEND, OP_VOTE, OP_IDENTITY, OP_TRUNCATE, OP_PURGE };

/* One call on its way to the disk. */
struct op {
  struct op *next;
  struct rkv_completion *completion; /* NULL: truncate, purge */
  enum op_type type;
  bool refused;   /* completes with log.refusal */
  uint64_t bytes; /* of payload, and of the op itself */
  struct rkv_vote vote;
  struct rkv_identity identity;
  /* PURGE: as it was given, beyond those that were handed in before. A storage that took it ahead
   * of its turn (queue_purge_ahead) gets it, and all below it, again: what is purged stays so.
   * TRUNCATE: the last one left (held.last_known: with its term). */
  struct rkv_log_id id;
  rkv_index first_dropped, last_dropped; /* entries that TRUNCATE or PURGE drops */
  size_t count, live; /* APPEND: entries, and how many of them are still held (lock) */
  size_t staged;      /* of them handed to the device (the writer) */
  struct rkv_entry entries[];
};

/* What the operations so far lead to. */
struct held {
  struct rkv_vote vote;
  struct rkv_identity identity;
  struct rkv_log_id purged;
  struct rkv_log_id last; /* = purged: no entries. Its term is only known if last_known */
  bool last_known;
};

struct log;
struct snapshots_ops; /* snapshots.h */

/* A whole snapshot (snapshots.h); a storage may have it as the first member of what it needs. */
struct snapshot {
  struct log *log;
  uint64_t number;               /* how the storage tells snapshots apart */
  uint32_t head_bytes;           /* that are stored before its data; 0: not known */
  struct rkv_snapshot_meta meta; /* membership: a reference of its own */
  atomic_uint refs;              /* one of the log while it is the newest, one per reader */
  atomic_bool replaced;          /* with the last reference its bytes go, too */
};

/* What differs between storages. `written`, `take` and `drop` may be NULL, and one of `term` and
 * `read`. */
struct log_ops {
  const char *plugin;  /* its name, with which texts begin */
  const char *section; /* of the host's log */
  size_t size;         /* bytes of the storage's instance */
  const struct snapshots_ops *snapshots;
  /* The life of a storage (life.h). Takes the options, opens the directory (log->folder) and says
   * by log_begin what it holds; log->queue_bytes_max is an option. An error may leave a part, which
   * `free` frees as well. Errors: those of rkv_storage_ops.open. */
  enum rkv_status (*open)(struct log *log, const struct rkv_config *config,
                          struct rkv_error *error);
  /* Makes some of the operations that wait durable and finishes them (queue.h). An error fails the
   * log (L3), RKV_NO_SPACE and RKV_FULL like any other: a storage that would rather wait for room
   * does so in here (log_pause). By the writer thread. */
  enum rkv_status (*write)(struct log *log, struct op *first, const struct op *last,
                           struct rkv_error *error);
  /* The storage is closed and nothing waits any more. By the writer thread, once. */
  void (*written)(struct log *log);
  /* Frees what `open` took, but the log and its folder. The writer thread is not there. */
  void (*free)(struct log *log);
  /* Makes durable that this snapshot, whose file has its name, is the newest: for snapshot_files.h.
   * Errors: as of snapshots_ops.finish. */
  enum rkv_status (*note_snapshot)(struct log *log, uint64_t number, struct rkv_error *error);
  /* Takes an append that follows the last entry, before it is held. Errors: those of a broken
   * contract. Under the lock. */
  enum rkv_status (*take)(struct log *log, const struct op *op, struct rkv_error *error);
  /* A truncation or purge that has not changed what is held yet. Under the lock. */
  void (*drop)(struct log *log, const struct op *op);
  /* The term of an entry held; NULL: the entry itself is read (by `read`). Under the lock. */
  rkv_term (*term)(struct log *log, rkv_index index);
  /* As in rkv_storage_ops. */
  enum rkv_status (*read)(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                          struct rkv_entry *entries, size_t capacity, size_t *count,
                          struct rkv_error *error);
};

/* X(name, help): numbers shown in the node's metrics. */
#define LOG_METRIC_LIST(X)                                                                         \
  X(syncs, "times the log waited for the device")                                                  \
  X(written_bytes, "bytes written to the log")                                                     \
  X(waiting_bytes, "bytes that wait to be written")                                                \
  X(full, "1 while the device has no room to go on")

struct log_metrics {
#define LOG_METRIC_FIELD(name, help) atomic_uint_least64_t name;
  LOG_METRIC_LIST(LOG_METRIC_FIELD)
#undef LOG_METRIC_FIELD
};
enum { LOG_METRICS = sizeof(struct log_metrics) / sizeof(atomic_uint_least64_t) };

struct log {
  const struct rkv_host *host;
  const struct log_ops *ops;
  const struct threads *threads;
  struct thread *writer;    /* NULL: not begun */
  uint64_t queue_bytes_max; /* more that waits is a failure */
  struct folder folder;
  uint64_t next_file; /* number of the next temporary file in it (the lock) */

  pthread_mutex_t lock;
  pthread_cond_t work; /* for the writer: an operation came, or the end */
  bool closing;        /* no operation is accepted any more */

  struct held held;
  struct op *first, *last; /* the queue, oldest first */
  size_t drops_queued;     /* truncations and purges in it */
  uint64_t bytes_queued;
  uint64_t cuts; /* truncations so far: a reader sees that the log changed under it */
  rkv_index durable_last;
  rkv_index durable_purged;
  struct rkv_error refusal; /* status RKV_OK: none; else a broken contract, in order of the calls */
  struct rkv_error failed;  /* status RKV_OK: none; else final, for everything */
  struct snapshot *newest;  /* NULL: none */

  atomic_int lack; /* an enum rkv_status: what the writer waits for */
  struct log_metrics counts;
  struct rkv_metric metrics[LOG_METRICS];
};

/* Empty, all zeros before; `host`, `ops` and `threads` are borrowed until log_destroy. */
void log_init(struct log *log, const struct rkv_host *host, const struct log_ops *ops,
              const struct threads *threads, uint64_t queue_bytes_max);
void log_destroy(struct log *log);
/* What a directory holds: durable, all of it. Before the writer runs. */
void log_begin(struct log *log, const struct held *held);
/* Errors: those of metric_register. */
enum rkv_status log_register(struct log *log, struct rkv_error *error);
/* From now on operations are refused; the writer ends when the queue is empty. Takes the lock. */
void log_close(struct log *log);

/* ---- the lock; `condition` is log->work or one of the storage's own ---- */

static inline void log_lock(struct log *log) {
  log->threads->lock(log->threads->ctx, &log->lock);
}

/* For asserts: somebody holds it, the caller if all is well. */
static inline bool log_is_locked(struct log *log) {
  return pthread_mutex_trylock(&log->lock) != 0;
}

static inline void log_unlock(struct log *log) {
  (void)pthread_mutex_unlock(&log->lock);
}

static inline void log_signal(struct log *log, pthread_cond_t *condition) {
  log->threads->signal(log->threads->ctx, condition);
}

static inline void log_wait(struct log *log, pthread_cond_t *condition) {
  log->threads->wait(log->threads->ctx, condition, &log->lock);
}

/* ---- numbers ---- */

/* The log waited for the device once, and has `bytes` more since. Any thread. */
void log_count_sync(struct log *log, uint64_t bytes);

/* ---- failure ---- */

/* Ends all success (L3) and reports to the host; the first reason wins. Never under the lock. */
void log_fail(struct log *log, const struct rkv_error *why);
/* True from the first failure on. Takes the lock. */
bool log_failed(struct log *log);

/* ---- what is lacking, and passes: room on the device, or a file descriptor ---- */

/* True for a lack that may pass and is waited for: RKV_NO_SPACE, RKV_FULL. */
bool log_passes(enum rkv_status status);
/* Notes how the last try to get room ended (RKV_OK: there is room); a change is logged with the
 * text `what` (NULL with RKV_OK). Any thread, not under the lock. */
void log_note_lack(struct log *log, enum rkv_status status, const char *what);
/* What the last try lacked; RKV_OK: nothing. */
enum rkv_status log_lack(const struct log *log);
/* Fills *error for a queue over its limit, with what its operations wait for. */
void log_flooded(const struct log *log, struct rkv_error *error);

/* ---- waiting ---- */

/* RKV_OK: the writer may go on, or wait on if it lacks something. Errors: what has failed;
 * RKV_CANCELLED when the storage is closed while the writer lacks something. Under the lock. */
enum rkv_status log_hopes(const struct log *log, bool lacks, struct rkv_error *error);
/* Waits `ms`, or until log_hopes refuses. Errors: those of log_hopes. Takes the lock. */
enum rkv_status log_pause(struct log *log, unsigned ms, struct rkv_error *error);
/* The host's time, in milliseconds. */
uint64_t log_now_ms(const struct log *log);
/* Waits for a signal, at most until then. Under the lock. */
void log_wait_until(struct log *log, pthread_cond_t *condition, uint64_t ms);
/* Bytes to keep free for the next snapshot: half as much again as the present one has, `first` if
 * there is none. The purge that follows a snapshot gives room, so a device that is full for entries
 * must have room for the snapshot. Takes the lock. */
uint64_t log_next_snapshot(struct log *log, uint64_t first);
/* True if the newest purge handed in, log->held.purged, may go ahead of what waits for room: a
 * storage knows of one up to `purged`, all that this one drops is durable, and no truncation that
 * waits reaches below durable_last. Under the lock. */
bool log_may_purge(const struct log *log, rkv_index purged);

#endif
