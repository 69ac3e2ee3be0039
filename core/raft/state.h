/* state.h: struct raft, the state that every input reads and changes, and its output list. It is
 * the ground floor of core/raft: the include lines of the files above it are the floors
 * (ARCHITECTURE.md).
 *
 * (I1) purged <= snapshot <= applied <= committed <= last, by index.
 * (I2) saved <= last.
 * (I3) role LEADER: vote = {term, own id, committed} was won by this run, which has led since;
 *      CANDIDATE: vote = {term, own id, not committed}.
 * (I4) a vote is only ever replaced by one that it accepts (rkv_vote_accepts).
 * (I5) the log is never truncated at or below committed; a leader never truncates.
 * (I6) effective is the last membership in the log, previous the one before it (NULL: unknown); at
 *      most one of the two is uncommitted.
 * (I7) peers (while leading): every node of the effective membership but this one, and until that
 * is committed those of the previous one that leave. */
#ifndef RAFT_STATE_H
#define RAFT_STATE_H

#include <raft/raft.h>

#include <raft/log.h>
#include <raft/progress.h>
#include <raft/quorum.h>

#include <assert.h>

/* Memberships that outputs of one input may point to: given up with a change, reverted to,
 * previous, effective, being made. */
#define RAFT_MEMBERSHIP_SLOTS 5
#define RAFT_CHANGES_MAX 64 /* membership calls that wait for their end */
#define RAFT_READS_MAX 64   /* tickets that wait to be confirmed */

#define RAFT_LEASE_MAX_NS RAFT_DURATION_MAX_NS /* a promise that is longer is no promise */
#define RAFT_DURATION_MAX_NS                                                                       \
  (UINT64_C(24) * 3600 * 1000000000) /* a day: of all that is configured */

enum raft_change_kind {
  RAFT_CHANGE_INIT,
  RAFT_CHANGE_LEARNER,
  RAFT_CHANGE_VOTERS,
  RAFT_CHANGE_RECORD /* of one member: through once it is committed */
};

/* A membership call that was accepted and waits. */
struct raft_change {
  enum raft_change_kind kind;
  void *cookie;
  bool forgotten;       /* the caller left; a change of voters goes on */
  bool retain;          /* VOTERS: voters that leave become learners */
  struct rkv_log_id id; /* VOTERS: of the joint entry, then of the uniform one */
  rkv_node_id learner;
};

/* The voters that granted. */
struct raft_grants {
  rkv_node_id ids[RKV_NODES_MAX];
  size_t count;
};

/* Reads that wait together. */
struct raft_ticket {
  uint64_t ticket, round;
  struct rkv_log_id index; /* none: to be known when an entry of the own term is committed */
};

/* A transfer of leadership that was accepted. */
struct raft_handover {
  rkv_node_id target; /* 0: none runs */
  void *cookie;
  bool forgotten;    /* the caller left */
  bool any;          /* the caller named no target: if one cannot be asked, another is */
  bool asked;        /* SEND_TIMEOUT_NOW went out */
  uint64_t until_ns; /* given up then; RAFT_NEVER */
};

/* Outputs not yet taken: list[head..count). */
struct raft_queue {
  struct raft_output *list;
  size_t head, count, capacity;
};

struct raft {
  struct raft_config config;
  bool failed;
  struct raft_queue queue;
  struct raft_output nowhere; /* what would have been an output, had there been memory for it */

  enum raft_role role;
  struct rkv_vote vote;
  uint64_t lease_until_ns; /* a follower stays with its leader until then */
  uint64_t election_at_ns; /* when to campaign; RAFT_NEVER */
  bool longer_log_seen;    /* a voter refused this node, and can win itself */
  uint8_t campaigns;       /* campaigns since the last append of a leader; 2 stands for more */
  struct {                 /* what the last ROLE output said */
    enum raft_role role;
    rkv_node_id leader;
    rkv_term term;
  } announced;

  /* candidate */
  struct raft_grants granted;

  struct rkv_vote pre_vote; /* asked for in the present round of pre-votes; term 0: none runs */
  struct raft_grants pre_granted;

  struct raft_log log;
  struct rkv_log_id saved, committed, applied, snapshot;
  struct rkv_log_id matches_leader_to; /* up to here this log equals that of the vote's leader */

  bool building;         /* a snapshot */
  rkv_index build_after; /* applied index of the last attempt or snapshot */
  bool purge_held;       /* a lagging peer kept entries from being purged */
  bool purge_due;        /* a step was purged, there is more */

  struct raft_membership slots[RAFT_MEMBERSHIP_SLOTS];
  size_t slot_last; /* the slot that was given out last */
  struct raft_membership *effective, *previous;

  /* leader */
  struct raft_progress peers[RKV_NODES_MAX];
  size_t peer_count;
  bool leaving;             /* some peers are members no more (I7) */
  uint64_t resign_at_ns;    /* a leader that removed itself leaves then; RAFT_NEVER */
  uint64_t quorum_since_ns; /* the present voters are asked to answer since then */
  bool lease_void;          /* voters may depose this leader whatever they owe it */
  uint64_t lease_from_ns;   /* promises for appends made before do not count */
  struct raft_handover transfer;
  struct raft_ticket reads[RAFT_READS_MAX];
  size_t read_count;
  uint64_t round, last_ticket; /* never fall: also across leaderships */
  bool round_unsent;           /* no append carries the present round yet */

  struct raft_change changes[RAFT_CHANGES_MAX];
  size_t change_count;
};

/* Adds an output of `type`, all other fields zero, for the caller to fill. Never NULL: after an
 * allocation failed it is a place that nobody reads. */
struct raft_output *raft_push(struct raft *r, enum raft_output_type type);

#endif
