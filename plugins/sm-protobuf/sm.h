/* sm.h: the instance, and the operations that stand in files of their own.
 *
 * Threads. Only the applier writes `map`, with the write lock held. Queries read it with the read
 * lock held, the applier without a lock. While the lock is held only single nodes are freed.
 * digest, last, membership_id and membership belong to the applier.
 *
 * What apply does depends on the log alone, never on this node's limits: nodes whose options differ
 * have the same state. */
#ifndef SM_SM_H
#define SM_SM_H

#include "command.h"
#include "map.h"

#include <rkv/rkv.h>

#include <pthread.h>
#include <stdatomic.h>

/* Field numbers of StateMachineData and of its map's entries. The last two are this machine's own,
 * and others pass them over: DATA_CHECKED (a varint, 1) says first of all that DATA_CHECKSUM will
 * be the end, a fixed32, the CRC-32C of every byte before it. */
enum {
  DATA_LAST_APPLIED = 1,
  DATA_ENTRY = 2,
  DATA_MEMBERSHIP_ID = 3,
  DATA_MEMBERSHIP = 4,
  DATA_CHECKED = 1998,
  DATA_CHECKSUM = 1999
};
enum { ENTRY_KEY = 1, ENTRY_VALUE = 2 };

#define SM_METRICS 2

struct sm {
  const struct rkv_host *host;
  struct command_limits limits;
  pthread_rwlock_t lock;
  struct map map;
  uint64_t digest; /* the sum of the items' hashes */
  struct rkv_log_id last, membership_id;
  struct rkv_buf membership;     /* rkv_membership_encode; empty: none yet */
  atomic_uint_least64_t keys;    /* map.count, for the metric */
  atomic_uint_least64_t refused; /* committed commands that could not be read */
  struct rkv_metric metrics[SM_METRICS];
};

/* Replaces the state; for the applier. *map is given, `digest` is its; the old map is freed after
 * the lock. */
void sm_replace(struct sm *sm, struct map *map, uint64_t digest,
                const struct rkv_snapshot_meta *meta);

/* As in struct rkv_state_machine_ops. snapshot.c */
enum rkv_status sm_snapshot_begin(void *sm, void **snapshot, struct rkv_snapshot_meta *meta,
                                  struct rkv_error *error);
enum rkv_status sm_snapshot_read(void *snapshot, size_t max, struct rkv_buf *chunk,
                                 struct rkv_error *error);
void sm_snapshot_end(void *snapshot);

/* As in struct rkv_state_machine_ops. restore.c */
enum rkv_status sm_restore_begin(void *sm, const struct rkv_snapshot_meta *meta, void **restore,
                                 struct rkv_error *error);
enum rkv_status sm_restore_write(void *restore, struct rkv_buf chunk, struct rkv_error *error);
enum rkv_status sm_restore_check(void *restore, struct rkv_error *error);
enum rkv_status sm_restore_finish(void *restore, struct rkv_error *error);
void sm_restore_abort(void *restore);

/* As in struct rkv_state_machine_ops (describe.c). */
enum rkv_status sm_describe(struct rkv_buf command, char *text, size_t size,
                            struct rkv_error *error);

#endif
