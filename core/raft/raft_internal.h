/* raft_internal.h: struct raft and what its files offer one another; never included from outside.
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
#ifndef RAFT_RAFT_INTERNAL_H
#define RAFT_RAFT_INTERNAL_H

#include <raft/raft.h>

#include <raft/edge.h>
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

/* Who granted. */
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
  bool any;          /* the caller named nobody: if one cannot be asked, another is */
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
  uint8_t campaigns;       /* since a leader was heard, 2 for all beyond */
  struct {                 /* as last told by a ROLE output */
    enum raft_role role;
    rkv_node_id leader;
    rkv_term term;
  } told;

  /* candidate */
  struct raft_grants granted;

  struct rkv_vote pre_vote; /* asked for in the present round of pre-votes; term 0: none runs */
  struct raft_grants pre_granted;

  struct raft_log log;
  struct rkv_log_id saved, committed, applied, snapshot;
  struct rkv_log_id verified; /* last id known to equal the log of the leader of this vote */

  bool building;         /* a snapshot */
  rkv_index build_after; /* applied index of the last attempt or snapshot */
  bool purge_held;       /* a lagging peer kept entries from being purged */
  bool purge_due;        /* a step was purged, there is more */

  struct raft_membership slots[RAFT_MEMBERSHIP_SLOTS];
  size_t slot_last; /* given out last */
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
  bool round_open;             /* no append was made since the round began */

  struct raft_change changes[RAFT_CHANGES_MAX];
  size_t change_count;
};

/* ---- raft.c: outputs, role, votes ---- */

/* Adds an output of `type`, all other fields zero, for the caller to fill. Never NULL: after an
 * allocation failed it is a place that nobody reads. */
struct raft_output *raft_push(struct raft *r, enum raft_output_type type);
/* ROLE, if role, leader or term are not as last told. */
void raft_announce_role(struct raft *r);
rkv_node_id raft_leader(const struct raft *r);
/* True if this node may lead: it votes in the effective membership, or did in the one before while
 * the effective one is not committed. */
bool raft_is_voter(const struct raft *r);
/* Fills the leader into *error. */
enum rkv_status raft_refuse_not_leader(const struct raft *r, struct rkv_error *error);

/* ---- edge.c ---- */

/* True if another node's word that the cluster has come so far can be true (edge.h). */
bool raft_believes_term(const struct raft *r, rkv_term term);
bool raft_believes_index(const struct raft *r, rkv_index index);

/* ---- vote.c ---- */

/* True if a vote request would be granted; `transfer`: no lease is owed. */
bool raft_may_grant(const struct raft *r, struct raft_now now, struct rkv_vote vote,
                    struct rkv_log_id last, bool transfer);
/* Takes a vote that is not this node's own candidacy: SAVE_VOTE, and what led or campaigned here
 * ends. Nothing if it is the present one. */
void raft_adopt_vote(struct raft *r, struct rkv_vote vote);
/* True if the vote that a refusing peer named is greater than this node's, and can be true. */
bool raft_is_overtaken(const struct raft *r, struct rkv_vote seen);
/* A refusing peer's greater vote: taken as not committed, for its leader has not spoken to us. */
void raft_adopt_seen(struct raft *r, struct raft_now now, struct rkv_vote seen);

/* ---- election.c ---- */

/* Sets the election timer anew; learners and leaders have none. */
void raft_arm_election(struct raft *r, struct raft_now now);
/* A message of the leader this node follows was accepted. */
void raft_heard_leader(struct raft *r, struct raft_now now);
void raft_campaign(struct raft *r, struct raft_now now, bool transfer);
/* SEND_VOTE or SEND_PRE_VOTE to every other voter. */
void raft_ask_voters(struct raft *r, enum raft_output_type type, struct rkv_vote vote,
                     bool transfer);
/* Counts one voter once; true if those who granted are a quorum. */
bool raft_grants_add(const struct raft *r, struct raft_grants *grants, rkv_node_id voter);
/* Leadership or candidacy ends: what waits for it is given up. */
void raft_become_follower(struct raft *r);
/* Leadership ends and nobody else is known to lead: the vote stays as it is. */
void raft_step_down(struct raft *r, struct raft_now now);
/* FOLLOWER or LEARNER as the effective membership says, unless this node leads or campaigns. */
void raft_settle_role(struct raft *r, struct raft_now now);

/* ---- pre_vote.c ---- */

/* Begins a round: asks every other voter whether it would grant the next term. */
void raft_ask_pre_votes(struct raft *r, struct raft_now now);

/* ---- check_quorum.c ---- */

/* When a leader that hears nothing more steps down; RAFT_NEVER. */
uint64_t raft_quorum_deadline(const struct raft *r);

/* ---- transfer.c ---- */

/* After a match moved: asks the target to campaign once it holds the whole log. */
void raft_transfer_advance(struct raft *r);
void raft_transfer_time(struct raft *r, struct raft_now now);
/* Leadership is over: well if for a greater vote. */
void raft_transfer_end(struct raft *r);
/* RKV_UNAVAILABLE, with the target in the text. */
enum rkv_status raft_refuse_transferring(const struct raft *r, struct rkv_error *error);

/* ---- read.c ---- */

/* True if the peer's answer to an append made now would confirm reads that wait. */
bool raft_reads_want(const struct raft *r, const struct raft_progress *p);
/* After a peer answered, commit moved or voters changed: READ_READY for what is confirmed. */
void raft_reads_advance(struct raft *r);
void raft_reads_abort(struct raft *r);
/* True while nobody else can have been elected; only where lease reads are on. */
bool raft_lease_holds(const struct raft *r, struct raft_now now);
/* How long this node deposes nobody after it took an append, whatever its next life is set to. */
uint64_t raft_promise_ns(const struct raft *r);
/* The peer promised `lease_ns` when it answered an append made at `at_ns`. */
void raft_take_promise(struct raft *r, struct raft_progress *p, uint64_t at_ns, uint64_t lease_ns);

/* ---- replicate.c ---- */

const struct raft_progress *raft_peek_peer(const struct raft *r, rkv_node_id id);
struct raft_progress *raft_find_peer(struct raft *r, rkv_node_id id);
/* Makes peers what they should be (I7). */
void raft_sync_peers(struct raft *r);
/* SEND_SNAPSHOT to every peer whose next entry is purged. */
void raft_settle_peers(struct raft *r);
uint64_t raft_peers_deadline(const struct raft *r);

/* ---- commit.c ---- */

/* Leader: commits what a quorum holds, if it is of the own term (paper 5.4.2). */
void raft_advance_commit(struct raft *r, struct raft_now now);
/* Everything up to `index` is committed: COMMIT, and what follows from it. */
void raft_commit_to(struct raft *r, struct raft_now now, rkv_index index);

/* ---- membership.c ---- */

/* A slot that no output of this input points to, to be filled and then pushed or left. */
struct raft_membership *raft_membership_slot(struct raft *r);
/* Makes a filled slot the effective membership, the effective one the previous. */
void raft_membership_push(struct raft *r, struct raft_membership *slot);
/* The log was cut above `after`; true if the effective membership changed. */
bool raft_membership_revert(struct raft *r, rkv_index after);
/* A snapshot up to `last` holds `m` as its last membership; true if the effective one changed. */
bool raft_membership_restore(struct raft *r, const struct raft_membership *m, rkv_index last);
/* MEMBERSHIP, and role and peers as it says. */
void raft_membership_announce(struct raft *r, struct raft_now now);

/* ---- change.c ---- */

/* After commit, match or save moved: ends the calls that are through, makes the next step of a
 * joint change. */
/* What the calls of change.c and correct.c are made of: may a change begin, its entry, its caller.
 */
enum rkv_status raft_check_idle(const struct raft *r, struct rkv_error *error);
void raft_append_membership(struct raft *r, struct raft_now now, struct raft_membership *slot);
void raft_remember_change(struct raft *r, enum raft_change_kind kind, void *cookie,
                          rkv_node_id learner, bool retain);
void raft_drop_node(struct rkv_membership *m, uint32_t at);
void raft_changes_advance(struct raft *r, struct raft_now now);
/* Leadership lost: every waiting call is given up. */
void raft_changes_abort(struct raft *r);
/* The init entry was cut off by another cluster's leader. */
void raft_changes_abort_init(struct raft *r);

/* ---- snapshot.c ---- */

void raft_maybe_build(struct raft *r);
/* After a match moved: purges what was held back for peers, once none needs it. */
void raft_purge_held(struct raft *r);
/* The next step of a purge that is under way. */
void raft_purge_time(struct raft *r);
/* The log begins after `last` from now on: TRUNCATE if it contradicts, PURGE. */
void raft_log_restart(struct raft *r, struct rkv_log_id last);

#endif
