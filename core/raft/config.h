/* config.h: what a raft is made with, and the time and chance that its inputs bring; a leaf. */
#ifndef RAFT_CONFIG_H
#define RAFT_CONFIG_H

#include <rkv/types.h>

#include <stdbool.h>

/* Time and chance of one input. */
struct raft_now {
  uint64_t ns;     /* monotonic */
  uint64_t random; /* uniform; used at most once per input */
};

#define RAFT_LEASE_OFF UINT64_MAX

struct raft_config {
  rkv_node_id id;
  uint64_t incarnation;     /* of this node (rkv_identity); 0: it cannot tell */
  uint64_t heartbeat_ns;    /* a leader is heard from at least this often */
  uint64_t election_min_ns; /* [min, max): the random part of an election timeout */
  uint64_t election_max_ns; /* also the lease: how long a voter stays with a leader it heard from */
  uint64_t commit_notice_ns;  /* a quiet leader tells peers of a new commit after this long (<=
                                 heartbeat_ns) */
  uint64_t removed_linger_ns; /* a leader that removed itself serves on for this long */
  uint64_t retry_ns;          /* pause before a peer that failed is asked again */
  uint64_t stuck_retry_ns;    /* the same for a peer that can never take its next entry */
  uint64_t learner_lag_max;   /* entries: a learner this close counts as caught up */
  uint64_t snapshot_after;    /* entries applied since the last snapshot that make the next one; 0 =
                                 never */
  uint64_t keep_entries;      /* entries kept in the log behind a snapshot */
  uint64_t purge_step;        /* entries purged at once, the rest by raft_on_time; 0: all */
  uint64_t purge_hold_max;    /* more entries than that are not kept for a peer that lags behind */
  uint64_t lease_promise_max_ns; /* what any life of this node promises a leader at most: the one
                                    before may have had a longer election_max_ns */
  uint64_t lease_drift_ppm;      /* parts per million that one clock may run faster than another;
                                    RAFT_LEASE_OFF: no lease reads */
  bool pre_vote;                 /* ask before campaigning (dissertation 9.6) */
  bool check_quorum;             /* a leader that no quorum answers steps down (6.2) */
  uint32_t append_entries_max;   /* entries of one append */
  uint32_t append_window;        /* appends with entries in flight to one peer */
};

#endif
