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
 * scratch space while it holds the call.
 *
 * Growth: structs grow at their tails. A transport may be older than the host, never newer: a call
 * that it hands in is as long as in its own ABI minor, which `abi_minor` names. Fields that are
 * newer than 1.0 are touched only by the functions at the end of this file. */
#ifndef RKV_CALL_H
#define RKV_CALL_H

#include <rkv/entry.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a node of this project sends beside a request: for which node it is meant. A request without
 * an envelope comes from another kind of node. */
struct rkv_envelope {
  struct rkv_cluster_id cluster; /* the sender's cluster; none: it knows none yet */
  rkv_node_id to;                /* the node that the sender means */
  uint64_t incarnation;          /* of that node, as the sender's membership says; 0: any */
  /* since 1.1: read them by rkv_call_sender */
  rkv_node_id from;          /* the sender's id; 0: not told */
  uint64_t from_incarnation; /* the sender's; 0: not told */
};

struct rkv_call {
  /* Told how the call ended. `error` is NULL with RKV_OK, else borrowed until done returns. Must
   * not block. */
  void (*done)(struct rkv_call *self, enum rkv_status status, const struct rkv_error *error);
  uint64_t deadline_ns;  /* on rkv_host.now_ns; 0 = none. The callee ends the call with
                            RKV_TIMEOUT soon after it: what was asked may still be done
                            later, unless the text says that nothing was done */
  struct rkv_call *next; /* callee's */
  uint32_t kind;         /* callee's */
  uint32_t abi_minor;    /* inbound: the RKV_ABI_MINOR that the caller was built with; 0 in calls
                            of a transport of 1.0. The node lowers it to the minor that the
                            transport's descriptor names */
  uint64_t callee[2];    /* callee's */
  /* Inbound, from a peer: the envelope that came with the request, borrowed until done (in a
   * snapshot stream: as long as the stream); NULL: none came. In every other call NULL. */
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
  uint32_t result;   /* an enum rkv_append_result */
  uint32_t inferred; /* outbound, since 1.1 (before: reserved, 0). Not 0: the transport concludes
                        this answer from the peer's answer to an earlier append. It does not prove
                        that the peer heard the leader since then */
  /* SUCCESS: prev or the last entry stored; less than all = partial success. */
  struct rkv_log_id matched;
  struct rkv_vote voter_vote; /* REJECTED */
  /* Since 1.1; the callee sets it by rkv_append_promise. With SUCCESS and CONFLICT: for how long,
   * on its own clock and from when it took this append on, this voter promises to refuse other
   * candidates. 0: it promises nothing. Outbound the caller sets 0 beforehand, because a transport
   * of 1.0 does not. */
  uint64_t lease_ns;
  /* Since 1.5: the state machine's digest (state_machine.h). */
  /* request: the leader's, of when it had applied `digest_index` and no more; index 0: none is
   * named. Read it by rkv_append_digest */
  rkv_index digest_index;
  uint64_t digest;
  /* answer, set by rkv_append_differs, with SUCCESS and CONFLICT: the first index for which this
   * leader named a digest that the follower's state machine did not have; 0: none is known.
   * Outbound the caller sets 0 beforehand */
  rkv_index differs_at;
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
  /* Since 1.2; the callee sets them by rkv_hello_tell if the request names its sender. Outbound the
   * caller sets 0 beforehand. */
  struct rkv_log_id membership; /* the newest committed one that the callee knows; none: not told */
  uint32_t names_asker;         /* 1: that membership names the asking node */
  uint32_t reserved;
};

/* ---- from clients ---- */

/* Replicates one command. Answered when it is committed and applied. RKV_NOT_LEADER, RKV_FULL,
 * RKV_INVALID, RKV_TOO_LARGE, RKV_NO_MEMORY, RKV_UNAVAILABLE: surely not done. RKV_ABORTED,
 * RKV_TIMEOUT: it is in the log, and may or may not happen; the text says so if it has happened. */
struct rkv_propose_call {
  struct rkv_call call;
  struct rkv_buf command; /* borrowed until done; the node shares it */
  /* answer */
  struct rkv_log_id id;
  struct rkv_buf result; /* the state machine's; given to the caller */
};

/* X(NAME, number, text): what a read must have seen.
 *   LOCAL         what this node has applied
 *   LEASE         like LINEARIZABLE, trusting clocks within a bound
 *   LINEARIZABLE  every write that was acknowledged before the read began (dissertation 6.4) */
#define RKV_READ_LIST(X)                                                                           \
  X(LOCAL, 0, "local")                                                                             \
  X(LEASE, 1, "lease")                                                                             \
  X(LINEARIZABLE, 2, "linearizable")

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

/* Makes a cluster of these nodes, all of them voters. Allowed only on an empty node that never
 * voted and is one of them; RKV_PRECONDITION otherwise. */
struct rkv_init_call {
  struct rkv_call call;
  const struct rkv_membership *membership; /* one config */
  /* since 1.2: read it by rkv_init_answering. 1: RKV_UNAVAILABLE if one of the nodes does not
   * answer before an entry is written */
  uint32_t answering;
  uint32_t reserved;
};

/* Changes who belongs to the cluster.
 * - add_learner adds `learner` and is answered when the learner has caught up. RKV_PRECONDITION: it
 *   is a member at another address.
 * - change_membership makes `voters` the only voters by joint consensus (dissertation 4.3) and is
 *   answered when the uniform config is committed.
 * - remove, since 1.2, lets the member `learner.id` go, a voter by joint consensus.
 *   RKV_PRECONDITION: it is the last voter, or no majority of the other voters answers. A leader
 *   that is to go hands leadership over first and answers RKV_NOT_LEADER.
 * - set_address, since 1.2, gives the member `learner.id` the address `learner.addr`. RKV_INVALID:
 *   another node answers there. */
struct rkv_membership_call {
  struct rkv_call call;
  struct rkv_member learner;    /* add_learner */
  struct rkv_config_set voters; /* change_membership: known nodes, not empty */
  bool retain;                  /* change_membership: voters that leave become learners */
  /* answer */
  struct rkv_log_id id;      /* of the (last) membership entry */
  struct rkv_buf membership; /* that entry's, rkv_membership_encode; given to the caller */
  /* request, since 1.2: read it by rkv_membership_answering. 1: add_learner and change_membership
   * are refused with RKV_UNAVAILABLE if one of the nodes named does not answer before an entry is
   * written */
  uint32_t answering;
  uint32_t reserved;
};

/* Hands leadership to a voter (dissertation 3.10). Answered when another node leads. RKV_INVALID:
 * the target is a stranger or a learner; RKV_UNAVAILABLE: the target cannot be reached or does not
 * catch up in time; RKV_ABORTED: the target was asked, and may still take over; RKV_NOT_LEADER.
 * Meanwhile proposals are refused with RKV_UNAVAILABLE. */
struct rkv_transfer_call {
  struct rkv_call call;
  rkv_node_id target; /* 0: the voter that has got furthest */
};

/* Builds a snapshot of what is applied now. Answered when it is durable. RKV_PRECONDITION: one is
 * being built already. RKV_TIMEOUT: it may still be built. */
struct rkv_snapshot_now_call {
  struct rkv_call call;
  /* answer */
  struct rkv_log_id last;
};

/* Answered at once by every node, whatever its role. A node that stops answers with the reason. */
struct rkv_metrics_call {
  struct rkv_call call;
  /* answer */
  rkv_node_id leader; /* 0 = unknown */
  const char *state;  /* static: learner, follower, candidate, leader, removed */
  struct rkv_vote vote;
  struct rkv_log_id last, committed, applied, snapshot, purged;
  struct rkv_buf membership; /* the effective one, empty before init; given to the caller */
  struct rkv_buf text;       /* further `name:value` pairs separated by one space; given likewise */
};

/* ---- what is newer than 1.0 ---- */

/* Who sent an inbound request; id 0, incarnation 0: unknown. */
struct rkv_sender {
  rkv_node_id id;
  uint64_t incarnation;
};

static inline struct rkv_sender rkv_call_sender(const struct rkv_call *call) {
  struct rkv_sender sender = {0, 0};
  if (!call->envelope || call->abi_minor < 1) return sender;
  sender.id = call->envelope->from;
  sender.incarnation = call->envelope->from_incarnation;
  return sender;
}

/* How the callee tells the asking node whether the newest committed membership names it. */
static inline void rkv_hello_tell(struct rkv_hello_call *call, struct rkv_log_id membership,
                                  bool names_asker) {
  if (call->call.abi_minor < 2) return;
  call->membership = membership;
  call->names_asker = names_asker ? 1 : 0;
}

/* True if every node that the call names has to answer. */
static inline bool rkv_init_answering(const struct rkv_init_call *call) {
  return call->call.abi_minor >= 2 && call->answering;
}
static inline bool rkv_membership_answering(const struct rkv_membership_call *call) {
  return call->call.abi_minor >= 2 && call->answering;
}

/* How the callee sets `lease_ns`. */
static inline void rkv_append_promise(struct rkv_append_call *call, uint64_t lease_ns) {
  if (call->call.abi_minor >= 1) call->lease_ns = lease_ns;
}

/* The index for which the leader names a digest, which goes to *digest; 0: it names none. */
static inline rkv_index rkv_append_digest(const struct rkv_append_call *call, uint64_t *digest) {
  if (call->call.abi_minor < 5) return 0;
  *digest = call->digest;
  return call->digest_index;
}

/* How the callee sets `differs_at`. */
static inline void rkv_append_differs(struct rkv_append_call *call, rkv_index index) {
  if (call->call.abi_minor >= 5) call->differs_at = index;
}

#ifdef __cplusplus
}
#endif
#endif
