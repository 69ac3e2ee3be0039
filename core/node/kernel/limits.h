/* limits.h: how much and how long, in a node; a leaf. What a user may set is in node.h. */
#ifndef NODE_LIMITS_H
#define NODE_LIMITS_H

#include <stdint.h>

#define NODE_CHANGES_MAX 16            /* membership calls that may wait at once */
#define NODE_ADMIN_CALLS_MAX 64        /* membership calls, transfers, snapshots asked for */
#define NODE_QUESTIONS_MAX 1024        /* metrics and hello, from any caller */
#define NODE_VOTE_CALLS_MAX 1024       /* votes, pre-votes and requests to take over */
#define NODE_APPEND_CALLS_MAX 4096     /* appends and offers of snapshots */
#define NODE_READ_INDEX_CALLS_MAX 1024 /* read indexes that other nodes ask for */
#define NODE_APPLY_BATCH_MAX 1024      /* entries handed to the state machine in one call */
#define NODE_APPLY_SLICE_MAX 4096      /* entries applied before the inbox is looked at again */
#define NODE_FETCH_ENTRIES_MAX 4096    /* entries read from the storage in one job */
/* Extra bytes/s to a peer that catches up, on top of twice what clients write meanwhile. */
#define NODE_LAG_RATE (UINT64_C(32) << 20)
#define NODE_LAG_BUSY_NS UINT64_C(10000000)   /* how long clients count as writing after a write */
#define NODE_PURGE_STEP 4096                  /* entries purged at once: writes wait meanwhile */
#define NODE_SNAPSHOT_CHUNK_MAX (1024 * 1024) /* bytes of one snapshot chunk */
#define NODE_SECOND_NS UINT64_C(1000000000)
/* snapshot streams: the one that runs, and ended ones that are not freed yet */
#define NODE_RECEIVES_MAX 64
/* A stream that brings less than so many bytes in so long gives way to the node's own snapshot. */
#define NODE_RECEIVE_PACE (1024 * 1024)
#define NODE_RECEIVE_PACE_NS (10 * NODE_SECOND_NS)
#define NODE_EXPIRE_NS UINT64_C(50000000) /* how often deadlines of waiting calls are looked at */
/* Time limit of one step of a snapshot to a peer. */
#define NODE_SNAPSHOT_STEP_NS UINT64_C(10000000000)
/* A node promises to depose nobody for this long at most, and keeps that promise for this long
 * after a restart, whatever its settings were before. */
#define NODE_LEASE_PROMISE_NS UINT64_C(1000000000)
/* The two clocks are not read at one instant: a smaller difference is no sleep of the machine. */
#define NODE_SLEEP_NOTICED_NS UINT64_C(1000000)
/* pause between two tries, or lines, about one trouble */
#define NODE_QUIET_NS UINT64_C(10000000000)
#define NODE_TELL_NS UINT64_C(1000000000) /* the period of NODE_TELL_LINES */
#define NODE_TELL_LINES 50                /* DEBUG lines about elections and peers */
/* how long a leader that removed itself serves on */
#define NODE_REMOVED_LINGER_NS UINT64_C(150000000)
#define NODE_LEARNER_LAG_MAX 5000 /* entries: a learner this close has caught up */
/* Of a heartbeat: after so long a leader that sends no entries tells followers of a commit. */
#define NODE_NOTICE_SHARE 10
#define NODE_RETRY_SHARE 2      /* of a heartbeat: pause before a peer that failed is asked again */
#define NODE_SNAPSHOT_SHARE 2   /* a snapshot is built again after 1/2 of its size came as log */
#define NODE_MEMBERSHIPS_MAX 64 /* membership entries in one append */

#endif
