/* store.h: the running storage: what its files share.
 *
 * Operations change the image at once, under `lock`, and wait in one queue for the writer thread,
 * which makes one batch of what waits, writes it with one sync, and completes them in order.
 *
 * (L1) image, queue and failures change under `lock`; no completion, no log line and no I/O happens
 *      while it is held.
 * (L2) An entry held is in the database if its index is at most `durable_last`, else in a queued
 *      operation (its first `live` ones).
 * (L3) After `failed` nothing succeeds any more. */
#ifndef ROCKS_STORE_H
#define ROCKS_STORE_H

#include "db.h"
#include "ledger.h"

#include <rkv/storage.h>

#include <pthread.h>
#include <stdatomic.h>

#define STORE_LOG "rocksdb"

/* X(name, help): numbers shown in the node's metrics. */
#define STORE_METRIC_LIST(X)                                                                       \
  X(syncs, "times the log waited for the device")                                                  \
  X(written_bytes, "bytes of operations written to the database")                                  \
  X(waiting_bytes, "bytes that wait to be written")                                                \
  X(full, "1 while the device has no room to go on")

struct store_metrics {
#define STORE_METRIC_FIELD(name, help) atomic_uint_least64_t name;
  STORE_METRIC_LIST(STORE_METRIC_FIELD)
#undef STORE_METRIC_FIELD
};
enum { STORE_METRICS = sizeof(struct store_metrics) / sizeof(atomic_uint_least64_t) };

enum op_type { OP_APPEND, OP_VOTE, OP_IDENTITY, OP_TRUNCATE, OP_PURGE };

/* One call on its way to the disk. */
struct op {
  struct op *next;
  struct rkv_completion *completion; /* NULL: truncate, purge */
  enum op_type type;
  bool refused;   /* it ends with store.refusal */
  uint64_t bytes; /* of payload, and of the op itself */
  struct rkv_vote vote;
  struct rkv_identity identity;
  struct rkv_log_id id; /* PURGE: up to; TRUNCATE: only the index, of the entry that is kept */
  rkv_index first_dropped, last_dropped; /* TRUNCATE: entries; PURGE: the last of them */
  size_t count, live; /* APPEND: entries, and how many of them are still held (lock) */
  struct rkv_entry entries[];
};

/* What the operations so far lead to. */
struct image {
  struct rkv_vote vote;
  struct rkv_identity identity;
  struct rkv_log_id purged;
  struct rkv_log_id last; /* its term is only known if last_known */
  bool last_known;
};

struct snapshot; /* snapshot.h */

struct store {
  const struct rkv_host *host;
  struct rocks_options options;
  bool opened; /* all of it: what it holds is known to be whole */
  struct db db;
  struct ledger ledger;

  pthread_mutex_t lock;
  pthread_cond_t work; /* for the writer: an operation came, or the end */
  bool closing;        /* no operation is accepted any more */

  struct image image;
  struct op *first, *last; /* the queue, oldest first */
  uint64_t bytes_queued;
  uint64_t cuts; /* truncations so far: a reader sees that the log changed under it */
  rkv_index durable_last;
  rkv_index purged;         /* what the database knows to be purged (the writer) */
  rkv_index reclaimed;      /* of it, what RocksDB was asked to make room of (the writer) */
  struct rkv_error refusal; /* status RKV_OK: none; else a broken contract, in order of the calls */
  struct rkv_error failed;  /* status RKV_OK: none; else final, for everything */

  struct snapshot *newest; /* NULL: none */
  uint64_t next_snapshot;  /* its number */

  struct store_metrics counts;
  struct rkv_metric metrics[STORE_METRICS];
  pthread_t writer_thread;
};

/* ---- store.c ---- */
/* Opens the directory and starts the writer. Errors: those of rkv_storage_ops.open. */
enum rkv_status store_open(const struct rkv_host *host, const struct rocks_options *options,
                           struct store **store, struct rkv_error *error);
void store_close(void *storage);
enum rkv_status store_load(void *storage, struct rkv_storage_state *state, struct rkv_error *error);
/* Ends all success (L3) and reports to the host; the first reason wins. Never under the lock. */
void store_fail(struct store *s, const struct rkv_error *why);
/* True from the first failure on. Any thread. */
bool store_failed(struct store *s);

/* ---- queue.c: the operations that change the log ---- */
void queue_save_vote(void *storage, struct rkv_vote vote, struct rkv_completion *completion);
void queue_save_identity(void *storage, struct rkv_identity identity,
                         struct rkv_completion *completion);
void queue_append(void *storage, const struct rkv_entry *entries, size_t count,
                  struct rkv_completion *completion);
void queue_truncate(void *storage, rkv_index after);
void queue_purge(void *storage, struct rkv_log_id up_to);
/* Takes the oldest operations off the queue up to `last`, included (NULL: all there are), which are
 * durable or failed, and completes them. By the writer only. */
void queue_finish(struct store *s, const struct op *last);

/* ---- read.c ---- */
enum rkv_status read_entries(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                             struct rkv_entry *entries, size_t capacity, size_t *count,
                             struct rkv_error *error);

/* ---- writer.c ---- */
void *writer_main(void *store);

/* ---- room.c: a device that gets full is noticed before RocksDB fails ----
 *
 * (R1) RocksDB keeps room for what it does by itself, which a snapshot may come close to; entries
 *      leave room for a snapshot too: on its heels comes the purge that makes room. */
/* RocksDB writes while it is opened, and ends the process if it cannot; *frugal: it shall write as
 * little as it can. Errors: RKV_NO_SPACE. */
enum rkv_status room_to_open(const struct store *s, bool *frugal, struct rkv_error *error);
/* True if `bytes` of a snapshot can be written. */
bool room_for_snapshot(const struct store *s, uint64_t bytes);
/* True if `bytes` of entries can be. Says when that changes. Takes the lock. */
bool room_for_entries(struct store *s, uint64_t bytes);
/* Waits for a while. Errors: RKV_CANCELLED when the storage is closed meanwhile; what has failed
 * meanwhile. */
enum rkv_status room_pause(struct store *s, struct rkv_error *error);

#endif
