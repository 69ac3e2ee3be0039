/* rkv/state_machine.h: the operations of a state machine, the plugin that owns the meaning of
 * bytes.
 *
 * Only the state machine looks inside a command, a query or an answer. Same log, same state: apply
 * must be deterministic.
 *
 * Threads. apply, restore_*, snapshot_begin, applied and digest are called by one thread at a time,
 * in log order, never overlapping each other ("the applier"). validate may be called by any thread
 * at any time. So may query if the plugin has RKV_CAP_CONCURRENT_QUERIES; else only the applier
 * calls it. snapshot_read and snapshot_end may be called by any one thread per snapshot,
 * overlapping everything. No operation may call back into the node.
 *
 * Durability. The node builds the state anew from its storage whenever it starts, so a machine may
 * forget everything at close. A machine that is durable by itself declares RKV_CAP_DURABLE. After a
 * close or a crash its new instance finds what the earlier one had applied: whole entries, in
 * order, up to some point; a restore as a whole or not at all. Such a machine must have
 * restore_check and run beside a durable storage, else a crash could leave it with entries that its
 * storage never had. A node refuses to start with any other pair, and with a machine that finds a
 * state and does not declare to be durable. The machine gets an entry only once the node's own
 * storage has it. */
#ifndef RKV_STATE_MACHINE_H
#define RKV_STATE_MACHINE_H

#include <rkv/entry.h>
#include <rkv/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rkv_state_machine_ops {
  /* Makes an instance; *sm is the first argument of all that follows. May block. Nothing is kept on
   * failure. */
  enum rkv_status (*open)(const struct rkv_host *host, const struct rkv_config *config, void **sm,
                          struct rkv_error *error);

  /* Ends the instance; no call is running and none will come, every snapshot and restore has ended.
   * May block. */
  void (*close)(void *sm);

  /* Says whether apply could take `command`. Called before anything is proposed, so that a bad
   * command never enters the log. Must not block. Errors: RKV_INVALID or RKV_TOO_LARGE with the
   * field and the limit in the text. */
  enum rkv_status (*validate)(void *sm, struct rkv_buf command, struct rkv_error *error);

  /* Applies `count` committed entries in log order; entries[0] follows the last one applied. Blank
   * and membership entries come too: the machine notes their ids and the membership for its
   * snapshots. For each entry results[i] (empty on call) may be set to the command's answer, whose
   * reference is given to the caller. A committed command that makes no sense (another version
   * wrote it) is an answer, not an error. May take milliseconds, must not wait for I/O. Entries are
   * borrowed. Errors: any status stops the node. */
  enum rkv_status (*apply)(void *sm, const struct rkv_entry *entries, size_t count,
                           struct rkv_buf *results, struct rkv_error *error);

  /* Answers a read from the state as of some applied prefix. The request is borrowed, *response is
   * given to the caller. Must not block. Errors: RKV_INVALID with the field in the text. */
  enum rkv_status (*query)(void *sm, struct rkv_buf request, struct rkv_buf *response,
                           struct rkv_error *error);

  /* What has been applied: the last log id, and the last membership with its log id
   * (rkv_membership_encode; a reference is given to the caller). All none/empty for a machine that
   * starts empty. meta->id and size are not used. */
  enum rkv_status (*applied)(void *sm, struct rkv_snapshot_meta *meta, struct rkv_error *error);

  /* Freezes a consistent view of the state as it is now, in microseconds, without copying it and
   * without stopping later applies. Fills meta->last, membership_id and membership (a reference is
   * given). Several views may exist. */
  enum rkv_status (*snapshot_begin)(void *sm, void **snapshot, struct rkv_snapshot_meta *meta,
                                    struct rkv_error *error);

  /* The next bytes of the view, at most `max`, given to the caller; an empty *chunk is the end. The
   * same state gives the same bytes. May take milliseconds. */
  enum rkv_status (*snapshot_read)(void *snapshot, size_t max, struct rkv_buf *chunk,
                                   struct rkv_error *error);

  /* Ends the view. */
  void (*snapshot_end)(void *snapshot);

  /* Begins to build the state that `meta` (borrowed) describes, beside the present one, which stays
   * in service. */
  enum rkv_status (*restore_begin)(void *sm, const struct rkv_snapshot_meta *meta, void **restore,
                                   struct rkv_error *error);

  /* The next bytes of the snapshot (borrowed), in order, cut anywhere. Any one thread, overlapping
   * apply and query. Errors: RKV_CORRUPT, RKV_NO_MEMORY; only restore_abort may follow. */
  enum rkv_status (*restore_write)(void *restore, struct rkv_buf chunk, struct rkv_error *error);

  /* Replaces the present state by the new one: all or nothing. Called by the applier; takes
   * microseconds beyond freeing the old state. The restore has ended, whatever is returned.
   * Without restore_check it checks first that the bytes are whole and unchanged. Errors:
   * RKV_CORRUPT: the present state stays as it was. With restore_check the storage has the snapshot
   * by now: any error stops the node, which restores it when it starts again. */
  enum rkv_status (*restore_finish)(void *restore, struct rkv_error *error);

  /* Drops an unfinished restore; the present state stays as it was. */
  void (*restore_abort)(void *restore);

  /* Since 1.3; may be NULL. Checks that the bytes are whole and unchanged, by a checksum of their
   * own: storages and the ways between nodes may change any byte. Checks everything else for which
   * restore_finish could refuse them; the new state is not in force yet. Called once, after the
   * last restore_write and by the same rules. Then the storage makes the snapshot durable, and
   * restore_finish swaps the states; or restore_abort drops the restore. Entries may be applied to
   * the present state between the check and the end of the restore. Errors: RKV_CORRUPT,
   * RKV_NO_MEMORY, RKV_IO; only restore_abort may follow. */
  enum rkv_status (*restore_check)(void *restore, struct rkv_error *error);

  /* Since 1.4; may be NULL: then people are shown bytes. Puts a command (borrowed) into words, for
   * somebody who looks at a log: one line of UTF-8 without control characters, cut to `size` bytes,
   * its NUL included (at least 1). There is no instance: it asks nothing but these bytes, the same
   * ones give the same text. Any thread, at any time. Must not block. Errors: RKV_INVALID for bytes
   * that are no command, with the reason; *text is of no use then. */
  enum rkv_status (*describe)(struct rkv_buf command, char *text, size_t size,
                              struct rkv_error *error);

  /* Since 1.5; may be NULL: then nobody notices that this machine's state differs from other
   * nodes'. The state as a number: of all that commands made of it and a snapshot carries. The same
   * state always gives the same number: on any node, after any batches, after a restore or a
   * restart, and in every version of the plugin, because nodes of several versions compare their
   * numbers. Differing states give differing ones, but for a chance of about 1 in 2^64. Log ids and
   * the membership are no part of it: other kinds of nodes pass memberships on in a form of their
   * own. Called by the applier, between two applies. Must not block, and must be cheap: it is asked
   * after every thousand entries, and about once per heartbeat. (A sum of a hash per item, kept up
   * to date by each command, costs nothing when asked.) Errors: any status stops the node. */
  enum rkv_status (*digest)(void *sm, uint64_t *value, struct rkv_error *error);
};

#ifdef __cplusplus
}
#endif
#endif
