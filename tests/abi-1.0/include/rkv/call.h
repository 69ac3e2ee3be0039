/* rkv/call.h: the calls that cross between a transport and a node, one struct per kind, the same in
 * both directions.
 *
 * A call is made by one side and answered by the other:
 *   inbound   the transport received it and hands it to the node (struct rkv_node_api, transport.h)
 *   outbound  the node hands it to the transport, which asks a peer (struct rkv_transport_ops)
 *
 * The caller owns the struct and everything its request fields point to, and keeps them unchanged
 * until `done`. The callee fills the answer fields and calls done exactly once: from any thread,
 * also before the handing-in function returns. After done the callee never touches the call again;
 * the caller may free it inside done. Answer fields are valid only with RKV_OK unless said
 * otherwise. Nothing is allocated per call by the callee: `next`, `kind` and `callee` are its
 * scratch space while it holds the call. */
#ifndef RKV_CALL_H
#define RKV_CALL_H

#include <rkv/entry.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a node of this project says beside its request: for whom it is meant. A request without one
 * comes from another kind of node. */
struct rkv_envelope {
  struct rkv_cluster_id cluster; /* the sender's; none: it knows none */
  rkv_node_id to;                /* whom the sender asks */
  uint64_t incarnation;          /* which one of it, as the sender's membership says; 0 = any */
};

struct rkv_call {
  /* Told how the call ended. `error` is NULL with RKV_OK, else borrowed until done returns. Must
   * not block. */
  void (*done)(struct rkv_call *self, enum rkv_status status, const struct rkv_error *error);
  uint64_t deadline_ns;  /* on rkv_host.now_ns; 0 = none. The callee answers RKV_TIMEOUT not long
                            after it */
  struct rkv_call *next; /* callee's */
  uint32_t kind;         /* callee's */
  uint32_t reserved;
  uint64_t callee[2]; /* callee's */
  /* Inbound, from a peer: what came with the request, borrowed until done (of a snapshot: for the
   * whole stream); NULL: nothing did. Else NULL. */
  const struct rkv_envelope *envelope;
};

/* ---- between nodes ---- */

/* RequestVote (Raft paper, section 5.2; OpenRaft's granting rules). The same struct asks a pre-vote
 * (dissertation 9.6): would you grant this? Nothing is saved, no vote changes. */
struct rkv_vote_call {
  struct rkv_call call;
  /* request */
  struct rkv_vote vote;   /* the candidate's: {new term, itself, not committed} */
  struct rkv_log_id last; /* the candidate's last log id */
  bool transfer;          /* leadership transfer: the voter's lease is not asked */
  /* answer */
  bool granted;
  struct rkv_vote voter_vote;   /* the voter's vote after this request */
  struct rkv_log_id voter_last; /* the voter's last log id */
};

/* X(NAME, number, meaning): how a follower answered an append. */
#define RKV_APPEND_RESULT_LIST(X)                                                                  \
  X(SUCCESS, 0, "everything up to `matched` is stored and equals the leader's log")                \
  X(CONFLICT, 1, "prev is not in the follower's log")                                              \
  X(REJECTED, 2, "the follower has a greater vote: `voter_vote`")

enum rkv_append_result {
#define RKV_APPEND_ENUM(name, number, meaning) RKV_APPEND_##name = number,
  RKV_APPEND_RESULT_LIST(RKV_APPEND_ENUM)
#undef RKV_APPEND_ENUM
};

/* AppendEntries (section 5.3). No entries: a heartbeat or a probe. */
struct rkv_append_call {
  struct rkv_call call;
  /* request */
  struct rkv_vote vote;            /* the leader's, committed */
  struct rkv_log_id prev;          /* entry just before entries[0]; none = from the beginning */
  struct rkv_log_id commit;        /* the leader's last committed log id */
  const struct rkv_entry *entries; /* consecutive, first index = prev.index + 1 */
  size_t entry_count;
  /* answer */
  uint32_t result; /* an enum rkv_append_result */
  uint32_t reserved;
  struct rkv_log_id
      matched; /* SUCCESS: prev or the last entry stored; less than all = partial success */
  struct rkv_vote voter_vote; /* REJECTED */
};

/* InstallSnapshot (section 7), one call struct through three steps: snapshot_begin, any number of
 * snapshot_write, then snapshot_finish or snapshot_abort. One step at a time; each step calls done
 * once. After a step that did not end with RKV_OK, and after begin answered `finished`, the stream
 * has ended and no step may follow. */
struct rkv_snapshot_call {
  struct rkv_call call;
  /* request: begin */
  struct rkv_vote vote;          /* the leader's, committed */
  struct rkv_snapshot_meta meta; /* references are borrowed for the whole stream */
  /* request: write */
  struct rkv_buf chunk; /* the next bytes, borrowed until done */
  /* answer: every step */
  size_t chunk_max; /* bytes that the next chunk may have */
  void *stream;     /* callee's, between begin and the end */
  /* answer: begin, finish */
  bool finished; /* begin: the receiver needs nothing (it holds this state or has a greater vote) */
  struct rkv_vote voter_vote; /* the receiver's vote; greater than `vote`: refused */
};

/* TimeoutNow (dissertation 3.10): the leader asks a peer that holds its whole log to campaign at
 * once. RKV_PRECONDITION: the receiver is no voter, or follows another vote. */
struct rkv_timeout_now_call {
  struct rkv_call call;
  struct rkv_vote vote;   /* the leader's, committed */
  struct rkv_log_id last; /* the leader's last log id */
};

/* Asks the leader from which index on a read is linearizable (dissertation 6.4): answered when a
 * quorum confirmed the leadership after the call came in. RKV_NOT_LEADER otherwise. */
struct rkv_read_index_call {
  struct rkv_call call;
  uint32_t read; /* RKV_READ_LEASE or RKV_READ_LINEARIZABLE */
  uint32_t reserved;
  /* answer */
  struct rkv_log_id index; /* the reader waits until it has applied this */
};

/* Who is there? Answered at once by every node of this project. */
struct rkv_hello_call {
  struct rkv_call call;
  /* answer */
  rkv_node_id id;
  struct rkv_cluster_id cluster;
  uint64_t incarnation;
};

/* ---- from clients ---- */

/* Replicates one command. Answered when it is committed and applied. RKV_NOT_LEADER, RKV_FULL,
 * RKV_INVALID, RKV_TOO_LARGE: surely not done. RKV_ABORTED, RKV_TIMEOUT: may or may not happen. */
struct rkv_propose_call {
  struct rkv_call call;
  struct rkv_buf command; /* borrowed until done; the node shares it */
  /* answer */
  struct rkv_log_id id;
  struct rkv_buf result; /* the state machine's; given to the caller */
};

/* X(NAME, number, text): what a read must have seen. */
#define RKV_READ_LIST(X)                                                                           \
  X(LOCAL, 0, "local") /* what this node has applied */                                            \
  X(LEASE, 1, "lease") /* like linearizable, trusting clocks within a bound */                     \
  X(LINEARIZABLE, 2,                                                                               \
    "linearizable") /* every write acknowledged before the read began (dissertation 6.4) */

enum rkv_read {
#define RKV_READ_ENUM(name, number, text) RKV_READ_##name = number,
  RKV_READ_LIST(RKV_READ_ENUM)
#undef RKV_READ_ENUM
};

struct rkv_query_call {
  struct rkv_call call;
  struct rkv_buf request; /* borrowed until done */
  uint32_t read;          /* an enum rkv_read */
  uint32_t reserved;
  /* answer */
  struct rkv_buf response; /* given to the caller */
};

/* Makes a cluster of these nodes, all of them voters. Only on an empty node that never voted and is
 * among them. RKV_PRECONDITION otherwise. */
struct rkv_init_call {
  struct rkv_call call;
  const struct rkv_membership *membership; /* one config */
};

/* Changes who belongs to the cluster. add_learner adds `learner` (an address already known stays)
 * and is answered when it has caught up; change_membership makes `voters` the only voters by joint
 * consensus (dissertation 4.3) and is answered when the uniform config is committed. */
struct rkv_membership_call {
  struct rkv_call call;
  struct rkv_member learner;    /* add_learner */
  struct rkv_config_set voters; /* change_membership: known nodes, not empty */
  bool retain;                  /* change_membership: voters that leave become learners */
  /* answer */
  struct rkv_log_id id;      /* of the (last) membership entry */
  struct rkv_buf membership; /* that entry's, rkv_membership_encode; given to the caller */
};

/* Hands leadership to a voter (dissertation 3.10). Answered when another node leads. RKV_INVALID:
 * the target is a stranger or a learner; RKV_UNAVAILABLE: it cannot be reached or does not catch up
 * in time; RKV_NOT_LEADER. Meanwhile proposals are refused with RKV_UNAVAILABLE. */
struct rkv_transfer_call {
  struct rkv_call call;
  rkv_node_id target; /* 0: the voter that has got furthest */
};

/* Builds a snapshot of what is applied now. Answered when it is durable. RKV_PRECONDITION while one
 * is being built. */
struct rkv_snapshot_now_call {
  struct rkv_call call;
  /* answer */
  struct rkv_log_id last;
};

/* Always answered at once, by any node. */
struct rkv_metrics_call {
  struct rkv_call call;
  /* answer */
  rkv_node_id leader; /* 0 = unknown */
  const char *state;  /* static: learner, follower, candidate, leader */
  struct rkv_vote vote;
  struct rkv_log_id last, committed, applied, snapshot, purged;
  struct rkv_buf membership; /* the effective one, empty before init; given to the caller */
  struct rkv_buf text;       /* further `name:value` pairs separated by one space; given likewise */
};

#ifdef __cplusplus
}
#endif
#endif
