/* rkv/storage.h: the operations of a log storage, the plugin that owns all that must survive: vote,
 * log, snapshots.
 *
 * The log is a run of entries first..last without holes. purge drops a prefix, truncate a suffix. A
 * storage promises durability only if it declares RKV_CAP_DURABLE; every storage promises the order
 * of effects.
 *
 * Threads. save_vote, save_identity, append, truncate and purge are called by one thread at a time
 * and must not block: a slow device belongs to a thread of the plugin's own. Their effects happen,
 * and their completions are called, in the order of the calls; but on a full device a purge of
 * durable entries may take effect before operations that wait for room. read may be called by any
 * thread, overlapping them; it may block. The snapshot_* operations are called by threads that may
 * block, at most one writer at a time, readers overlapping everything.
 *
 * After one failed write or sync nothing may succeed any more: every later completion gets the
 * error. (A failed fsync drops the dirty pages, and the next fsync reports success.) */
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
  struct rkv_log_id purged;          /* last entry dropped by purge; none if nothing was purged */
  struct rkv_snapshot_meta snapshot; /* the newest whole snapshot; last = none if there is none.
                                        snapshot.membership: a reference is given to the caller */
  struct rkv_identity identity;      /* zeros if none was saved */
};

struct rkv_storage_ops {
  /* Makes an instance. May block (reads and checks the disk). Errors, all with the place in the
   * text: RKV_CORRUPT, also for files that are missing (the host adds what to do then);
   * RKV_FOREIGN, also for a directory that something else filled; RKV_IO. A refusal changes nothing
   * on the device. */
  enum rkv_status (*open)(const struct rkv_host *host, const struct rkv_config *config,
                          void **storage, struct rkv_error *error);

  /* Finishes or cancels the operations that run, then ends the instance. Every completion was
   * called when it returns. */
  void (*close)(void *storage);

  /* Fills *state with what the storage holds. Called once after open, before anything else. */
  enum rkv_status (*load)(void *storage, struct rkv_storage_state *state, struct rkv_error *error);

  /* Replaces the vote; done = durable by the plugin's promise. */
  void (*save_vote)(void *storage, struct rkv_vote vote, struct rkv_completion *completion);

  /* Replaces the identity; done = durable. A storage with files keeps them for this cluster from
   * then on. */
  void (*save_identity)(void *storage, struct rkv_identity identity,
                        struct rkv_completion *completion);

  /* Appends entries[0..count), count >= 1, whose first index is last + 1. The array is borrowed
   * until the call returns. The payloads are shared: the storage takes its own references. done =
   * durable, and so are all earlier operations. The entries can be read as soon as the call has
   * returned. */
  void (*append)(void *storage, const struct rkv_entry *entries, size_t count,
                 struct rkv_completion *completion);

  /* Drops every entry with an index above `after` (after >= purged). Durable not later than the
   * next append. Errors are reported to the completions that follow. */
  void (*truncate)(void *storage, rkv_index after);

  /* Drops every entry up to and including `up_to`, which may lie beyond the last entry (after a
   * snapshot was installed): then the log is empty and `up_to` is its last id. If `up_to` was
   * purged already, nothing happens. Space is returned, not necessarily at once. */
  void (*purge)(void *storage, struct rkv_log_id up_to);

  /* Reads entries from index `from` to `to`, both included, as far as they are held: at most
   * `capacity` entries, and only as many as have `bytes_max` bytes of payload, but at least one.
   * *count tells how many; payload references are given to the caller. Errors: RKV_NOT_FOUND if
   * `from` was purged; RKV_CORRUPT. */
  enum rkv_status (*read)(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                          struct rkv_entry *entries, size_t capacity, size_t *count,
                          struct rkv_error *error);

  /* Begins to write a snapshot beside the present one. *meta is borrowed; the writer keeps what it
   * needs. */
  enum rkv_status (*snapshot_begin)(void *storage, const struct rkv_snapshot_meta *meta,
                                    void **writer, struct rkv_error *error);

  /* The next bytes (borrowed; share them to keep them). */
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
