/* rkv/storage.h: the operations of a log storage, the plugin that owns all that must survive: vote,
 * log, snapshots.
 *
 * The log is a run of entries first..last without holes. purge drops a prefix, truncate a suffix. A
 * storage promises durability only if it declares RKV_CAP_DURABLE; every storage promises the order
 * of effects. It compares no terms: what the caller gives comes back, also where a term is smaller
 * than the one before it.
 *
 * Threads. save_vote, save_identity, append, truncate, purge and load are called by one thread at a
 * time; all but load must not block (plugin.h): a slow device belongs to a thread of the plugin's
 * own. The caller sees to it that these calls do not overlap, also where some of them are made out
 * of completions, on the plugin's thread. Their effects happen, and their completions are called,
 * in the order of the calls; but on a full device a purge of durable entries may take effect before
 * operations that wait for room. read may be called by any thread, overlapping them; it may block.
 * The snapshot_* operations are called by threads that may block, at most one writer at a time,
 * readers overlapping everything. Snapshots and log have no order among each other: while
 * operations wait for the device, a snapshot that is committed later may be durable before them.
 *
 * After one failed write or sync nothing may succeed any more: every later completion gets the
 * error, and host->fatal is called. (A failed fsync drops the dirty pages, and the next fsync
 * reports success.)
 *
 * A caller that breaks the contract of append or truncate is treated likewise: the call changes
 * nothing, host->fatal is called with RKV_BROKEN and a text that names the cause, and every
 * operation that is handed in from then on ends with that error. What waits at that moment may
 * happen or end with it too; what is held can still be read.
 *
 * A storage with files has a PATH option named `dir`, which is required: by this name the host's
 * commands and rkv-contract tell it where its directory is. (A BOOL option named `sync`, if there
 * is one, rkv-contract takes for what a user turns off to be told OK before things are durable, and
 * tries what holds when it is on again.) The directory belongs to host->node_id
 * from the first open on: another node's is RKV_FOREIGN. Names in it with a leading dot, and
 * lost+found, are nobody's: they may be there before the first open (the host notes in some what
 * it has to know of the storage), and stay. */
#ifndef RKV_STORAGE_H
#define RKV_STORAGE_H

#include <rkv/entry.h>
#include <rkv/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How the storage tells the end of an asynchronous operation. It calls done exactly once: on any
 * thread, possibly before the operation returns. Only close ends operations with RKV_CANCELLED;
 * from a storage that serves, that status counts as a failed write. done may call storage
 * operations. The storage keeps the pointer until done; the caller owns the struct and may free it
 * inside done. `error` is NULL with RKV_OK. */
struct rkv_completion {
  void (*done)(struct rkv_completion *self, enum rkv_status status, const struct rkv_error *error);
};

/* What a storage holds when it is opened. */
struct rkv_storage_state {
  struct rkv_vote vote;              /* {0,0,false} if none was saved */
  struct rkv_log_id last;            /* last entry held; = purged if the log is empty */
  struct rkv_log_id purged;          /* up to where entries were purged, as purge was told;
                                        none if nothing was */
  struct rkv_snapshot_meta snapshot; /* the newest whole snapshot. last = none and an empty id:
                                        there is none; a snapshot of the empty state has an id.
                                        snapshot.membership: a reference is given to the caller */
  struct rkv_identity identity;      /* zeros if none was saved */
};

struct rkv_storage_ops {
  /* Makes an instance. May block (reads and checks the disk). Errors, all with the place in the
   * text: RKV_CORRUPT, also for files that are missing (the host adds what to do then);
   * RKV_FOREIGN, also for a directory that something else filled; RKV_IO. A refusal changes nothing
   * on the device. What a crash left unfinished, snapshots and temporary files, is gone from the
   * directory when it returns RKV_OK. */
  enum rkv_status (*open)(const struct rkv_host *host, const struct rkv_config *config,
                          void **storage, struct rkv_error *error);

  /* Finishes or cancels the operations that run, then ends the instance. Every completion was
   * called when it returns; what was not cancelled is durable, truncations and purges too. */
  void (*close)(void *storage);

  /* Fills *state with what all calls so far have led to, also with what is not durable yet. Called
   * after open, before anything else; and, of a plugin of ABI 1.5 or later, at any time again, as
   * often as the caller likes. May block. After a failure it may fail with that error. */
  enum rkv_status (*load)(void *storage, struct rkv_storage_state *state, struct rkv_error *error);

  /* Replaces the vote; done = durable by the plugin's promise, and so are all earlier operations.
   * This is so for each of the three operations with a completion. */
  void (*save_vote)(void *storage, struct rkv_vote vote, struct rkv_completion *completion);

  /* Replaces the identity; done = durable. A storage with files keeps them for this cluster from
   * then on. */
  void (*save_identity)(void *storage, struct rkv_identity identity,
                        struct rkv_completion *completion);

  /* Appends entries[0..count), count >= 1, whose indexes are last + 1, last + 2, ...: any other is
   * a broken contract. The array is borrowed until the call returns. The payloads are shared: the
   * storage takes its own references. The entries can be read as soon as the call has returned. */
  void (*append)(void *storage, const struct rkv_entry *entries, size_t count,
                 struct rkv_completion *completion);

  /* Drops every entry with an index above `after`; an `after` below purged is a broken contract.
   * The entries cannot be read any more when the call has returned. Durable not later than the next
   * operation with a completion, or than close. Errors are reported to the completions that
   * follow. */
  void (*truncate)(void *storage, rkv_index after);

  /* Drops every entry up to and including `up_to`, which may lie beyond the last entry (after a
   * snapshot was installed): then the log is empty and `up_to` is its last id. If an index not
   * below that of `up_to` was purged already, nothing happens. The index alone says what is
   * dropped, and `up_to` is what load gives as purged from then on: its term wins over that of the
   * entry held, if they differ, for `up_to` names what is committed. 0 is a term like others. The
   * entries cannot be read any more when the call has returned. Durable as a truncation is. Space
   * is returned, not necessarily at once. */
  void (*purge)(void *storage, struct rkv_log_id up_to);

  /* Reads entries from index `from` to `to`, both included, as far as they are held: at most
   * `capacity` (>= 1) entries, and only as many as have `bytes_max` bytes of payload, but at least
   * one. *count tells how many, 0 after an error; payload references are given to the caller. The
   * entries of one call stood in the log together, at one moment: if it is truncated or purged
   * meanwhile, there may be fewer than would fit, so a caller asks again for the rest. No entry and
   * RKV_OK: `from` is behind the last entry, or behind `to`. `to` may be any number. Errors:
   * RKV_NOT_FOUND if `from` was purged or is 0; RKV_CORRUPT. */
  enum rkv_status (*read)(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                          struct rkv_entry *entries, size_t capacity, size_t *count,
                          struct rkv_error *error);

  /* Begins to write a snapshot beside the present one. *meta is borrowed; the writer keeps what it
   * needs. meta->id is not empty if meta->last is none. meta->size is not looked at: the snapshot
   * has as many bytes as are written. meta->last may be any id, also none and those of earlier
   * snapshots. */
  enum rkv_status (*snapshot_begin)(void *storage, const struct rkv_snapshot_meta *meta,
                                    void **writer, struct rkv_error *error);

  /* The next bytes (borrowed; share them to keep them). After an error the writer still has to be
   * ended, by snapshot_abort. */
  enum rkv_status (*snapshot_write)(void *writer, struct rkv_buf chunk, struct rkv_error *error);

  /* Makes the snapshot the newest one, atomically and durably; open readers of the old one go on
   * reading it. The writer has ended, whatever is returned. On an error the present snapshot
   * stays. */
  enum rkv_status (*snapshot_commit)(void *writer, struct rkv_error *error);

  /* Drops the unfinished snapshot; the writer has ended. */
  void (*snapshot_abort)(void *writer);

  /* Opens the newest snapshot for reading and fills *meta (size included; a reference to membership
   * is given). Errors: RKV_NOT_FOUND if there is none. */
  enum rkv_status (*snapshot_open)(void *storage, void **reader, struct rkv_snapshot_meta *meta,
                                   struct rkv_error *error);

  /* Reads at most `max` bytes at `offset`; an empty *chunk is the end. A reference is given. */
  enum rkv_status (*snapshot_read)(void *reader, uint64_t offset, size_t max, struct rkv_buf *chunk,
                                   struct rkv_error *error);

  void (*snapshot_close)(void *reader);
};

#ifdef __cplusplus
}
#endif
#endif
