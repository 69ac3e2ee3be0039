/* raft.h: consensus as a pure function of its inputs.
 *
 * A `struct raft` holds log IDS, never payloads. Every input is one call; it returns at once, and
 * what must happen because of it stands in an output list that the driver (core/node, or a test)
 * takes and carries out IN ORDER. No I/O, no thread, no clock, no random source, no global: time
 * and chance are arguments. Same inputs, same outputs, always.
 *
 * What an output must wait for is said by its type (RAFT_OUTPUT_LIST):
 *   NOW     carry out at once
 *   SAVED   only after every SAVE_VOTE, APPEND_*, TRUNCATE before it in the list is durable
 *
 * Sources: "the paper" = Ongaro and Ousterhout, In Search of an Understandable Consensus Algorithm
 * (extended version); "dissertation" = Ongaro, Consensus: Bridging Theory and Practice; votes and
 * granting as OpenRaft does (partial order).
 *
 * One thread at a time. An allocation that fails makes the call return RKV_NO_MEMORY (or sets
 * raft_failed): the node must stop, and carries nothing out any more; a peer's request that was
 * taken has its answer among the outputs even then, so that it can be refused. Wrong calls by the
 * driver are asserted; what came from outside (peers, clients) is checked and refused. */
#ifndef RAFT_RAFT_H
#define RAFT_RAFT_H

#include <raft/config.h>
#include <rkv/call.h>

#ifdef NDEBUG
#error "core/ is not built with NDEBUG: whoever goes on behind a broken promise loses writes"
#endif

/* X(NAME, text): what a node is. A LEARNER is a node that does not vote in the effective
 * membership (nor, while that is not committed, in the one before). */
#define RAFT_ROLE_LIST(X)                                                                          \
  X(LEARNER, "learner")                                                                            \
  X(FOLLOWER, "follower")                                                                          \
  X(CANDIDATE, "candidate")                                                                        \
  X(LEADER, "leader")

enum raft_role {
#define RAFT_ROLE_ENUM(name, text) RAFT_##name,
  RAFT_ROLE_LIST(RAFT_ROLE_ENUM)
#undef RAFT_ROLE_ENUM
};

const char *raft_role_name(enum raft_role role);

/* A membership and the entry that made it (none: before init). */
struct raft_membership {
  struct rkv_log_id id;
  struct rkv_membership value; /* config_count 0 before init */
};

/* X(NAME, waits for, what the driver does). */
#define RAFT_OUTPUT_LIST(X)                                                                        \
  X(SAVE_VOTE, NOW, "save `vote`; report raft_on_vote_saved when durable")                         \
  X(TRUNCATE, NOW, "drop stored entries above index `id.index`")                                   \
  X(APPEND_OWN, NOW,                                                                               \
    "append one entry {id, kind}; MEMBERSHIP: its value is *membership; report raft_on_log_saved") \
  X(APPEND_RECEIVED, NOW,                                                                          \
    "append entries [skip, skip+count) of the append request being handled; report likewise")      \
  X(SEND_VOTE, SAVED, "ask `peer` to vote: {vote, id = last log id, transfer}")                    \
  X(ANSWER_VOTE, SAVED, "answer vote request `cookie`: {granted, vote, id = last log id}")         \
  X(ANSWER_APPEND, SAVED,                                                                          \
    "answer append request `cookie`: {result, id = matched, vote, lease_ns}")                      \
  X(COMMIT, NOW, "everything up to `id` is committed: apply it; report raft_on_applied")           \
  X(ROLE, NOW, "role, leader or term changed: see raft_view")                                      \
  X(MEMBERSHIP, NOW, "the effective membership changed to *membership of entry `id`")              \
  X(DROP_PROPOSALS, NOW,                                                                           \
    "proposals above index `id.index` that wait here are given up: leadership lost")               \
  X(CHANGE_DONE, NOW,                                                                              \
    "membership call `cookie` ended with `status` (`text` if refused), entry `id`, *membership")   \
  X(BUILD_SNAPSHOT, NOW, "build a snapshot of what is applied; report raft_on_snapshot_built")     \
  X(SEND_SNAPSHOT, NOW, "send the newest snapshot to `peer`; report raft_on_snapshot_sent")        \
  X(PURGE, NOW, "drop stored entries up to and including `id` (a durable snapshot covers them)")   \
  X(SEND_PRE_VOTE, NOW, "ask `peer` whether it would grant {vote, id = last log id}")              \
  X(ANSWER_PRE_VOTE, NOW, "answer pre-vote request `cookie`: {granted, vote, id = last log id}")   \
  X(SEND_TIMEOUT_NOW, NOW, "ask `peer` to campaign at once: {vote, id = last log id}")             \
  X(TRANSFER_DONE, NOW, "transfer call `cookie` ended with `status` (`text` if it failed)")        \
  X(READ_READY, NOW, "reads of `ticket` may be answered once `id` is applied")                     \
  X(READ_FAILED, NOW, "reads of `ticket` are given up: leadership lost")

enum raft_output_type {
#define RAFT_OUTPUT_ENUM(name, wait, text) RAFT_OUT_##name,
  RAFT_OUTPUT_LIST(RAFT_OUTPUT_ENUM)
#undef RAFT_OUTPUT_ENUM
};

/* True if outputs of this type wait until everything to be saved before them is durable. */
bool raft_output_waits(enum raft_output_type type);
const char *raft_output_name(enum raft_output_type type);

/* One effect. Fields not named in RAFT_OUTPUT_LIST for the type are zero. */
struct raft_output {
  enum raft_output_type type;
  rkv_node_id peer;
  void *cookie;
  struct rkv_vote vote;
  struct rkv_log_id id;
  const struct raft_membership *membership; /* valid until the next input */
  const char *text;                         /* static */
  size_t skip, count;
  uint64_t ticket;
  uint64_t lease_ns;
  enum rkv_entry_kind kind;
  enum rkv_append_result result;
  enum rkv_status status;
  bool granted, transfer;
};

struct raft;

/* ---- life ---- */

/* What survived the last run. `log` lists the ids of all entries held, from purged + 1 on, each
 * term once. */
struct raft_start {
  struct rkv_vote vote;
  struct rkv_log_id purged;       /* last entry dropped; none: the log begins at 1 */
  struct rkv_log_id applied;      /* what the state machine holds already (from a snapshot) */
  struct rkv_log_id snapshot;     /* last id of the newest snapshot */
  struct rkv_log_id last;         /* = purged if the log is empty */
  const struct rkv_log_id *terms; /* first log id of each term in the log, ascending */
  size_t term_count;
  const struct raft_membership
      *memberships; /* the last two at most, ascending; from snapshot or log */
  size_t membership_count;
};

/* Makes a node that is follower or learner; its committed index is `applied`. Errors (text in
 * *error): RKV_INVALID for a config out of range; RKV_CORRUPT if the parts of `start` contradict
 * each other; RKV_NO_MEMORY. */
enum rkv_status raft_new(const struct raft_config *config, const struct raft_start *start,
                         struct raft_now now, struct raft **out, struct rkv_error *error);
void raft_free(struct raft *r);

/* The next output, in order; false if there is none. *out is a copy; its pointers are valid until
 * the next input. */
bool raft_take(struct raft *r, struct raft_output *out);

/* True after an allocation failed inside: nothing that follows can be trusted, the node must
 * stop. */
bool raft_failed(const struct raft *r);

/* ---- time ---- */

/* When raft_on_time wants to be called next (ns); UINT64_MAX = no timer runs. */
uint64_t raft_deadline(const struct raft *r);
void raft_on_time(struct raft *r, struct raft_now now);

/* ---- votes (paper 5.2, 5.4.1) ---- */

/* Output: ANSWER_VOTE with `cookie`, perhaps SAVE_VOTE before it. */
void raft_on_vote_request(struct raft *r, struct raft_now now, struct rkv_vote vote,
                          struct rkv_log_id last, bool transfer, void *cookie);
/* `asked` is the vote that the request carried: answers to an older candidacy are ignored. */
void raft_on_vote_answer(struct raft *r, struct raft_now now, rkv_node_id from,
                         struct rkv_vote asked, bool granted, struct rkv_vote vote,
                         struct rkv_log_id last);
/* A SAVE_VOTE became durable. */
void raft_on_vote_saved(struct raft *r, struct raft_now now, struct rkv_vote vote);

/* ---- pre-vote (dissertation 9.6) ---- */

/* Output: ANSWER_PRE_VOTE with `cookie`: granted if this node's own lease has run out and a vote
 * request {vote, last} would be granted. Nothing else changes. */
void raft_on_pre_vote_request(struct raft *r, struct raft_now now, struct rkv_vote vote,
                              struct rkv_log_id last, void *cookie);
/* `asked` is the vote that the request carried. `unknown`: the peer does not know pre-votes (it
 * counts as granting). A quorum of grants: the node campaigns. */
void raft_on_pre_vote_answer(struct raft *r, struct raft_now now, rkv_node_id from,
                             struct rkv_vote asked, bool unknown, bool granted,
                             struct rkv_vote vote, struct rkv_log_id last);

/* ---- log (paper 5.3) ---- */

/* What a follower needs to know of an entry: never its payload. */
struct raft_entry {
  struct rkv_log_id id;
  enum rkv_entry_kind kind;
  const struct rkv_membership
      *membership; /* kind MEMBERSHIP: checked by rkv_membership_check; else NULL */
};

/* RKV_INVALID, with text, for a request that raft_on_append_request would refuse. */
enum rkv_status raft_check_append_request(const struct raft *r, struct rkv_vote vote,
                                          struct rkv_log_id prev, const struct raft_entry *entries,
                                          size_t count, struct rkv_error *error);
/* Output: ANSWER_APPEND with `cookie`, perhaps SAVE_VOTE, TRUNCATE, APPEND_RECEIVED, MEMBERSHIP,
 * COMMIT. Returns RKV_INVALID with text, and outputs nothing, if the vote is not committed, entries
 * have gaps or their terms fall, or the request would rewrite a committed entry. */
enum rkv_status raft_on_append_request(struct raft *r, struct raft_now now, struct rkv_vote vote,
                                       struct rkv_log_id prev, struct rkv_log_id commit,
                                       const struct raft_entry *entries, size_t count, void *cookie,
                                       struct rkv_error *error);
/* This node leaves the cluster whose log it holds, and of which it knows no committed entry, for
 * another one. It steps down if it leads; its whole log is dropped, its vote stays. Entries of two
 * clusters may have the same id (every initial entry has the id {term 0, index 1}), so none of them
 * may be compared with the new leader's. Output: TRUNCATE, MEMBERSHIP, ROLE and what a leader that
 * steps down gives up. */
void raft_leave_cluster(struct raft *r, struct raft_now now);
/* Everything up to `id` became durable in the own log. */
void raft_on_log_saved(struct raft *r, struct raft_now now, struct rkv_log_id id);
/* The state machine has applied everything up to `id`. Output: perhaps BUILD_SNAPSHOT. */
void raft_on_applied(struct raft *r, struct raft_now now, struct rkv_log_id id);

/* ---- leading ---- */

/* Gives `count` new entries (commands) the ids *first, *first + 1, …: the driver appends them and
 * reports raft_on_log_saved. Errors: RKV_NOT_LEADER with the leader in *error. */
enum rkv_status raft_propose(struct raft *r, struct raft_now now, size_t count,
                             struct rkv_log_id *first, struct rkv_error *error);

/* Next append to a peer. The driver asks after every input, for every peer, until false. */
struct raft_append_plan {
  struct rkv_vote vote;
  struct rkv_log_id prev, commit;
  uint64_t round;     /* given back with the answer: which reads the answer confirms */
  uint64_t at_ns;     /* when the plan was made: what the peer promises counts from then */
  rkv_index from, to; /* entries from..to (at most; fewer if bytes say so); from > to: none
                         (heartbeat or probe) */
};
bool raft_next_append(struct raft *r, struct raft_now now, rkv_node_id peer,
                      struct raft_append_plan *plan);
/* The plan was sent with entries up to `sent` (= plan->prev.index if none). Exactly once per plan
 * returned, before the next input; each is answered by exactly one raft_on_append_answer or
 * raft_on_append_failed. */
void raft_append_sent(struct raft *r, rkv_node_id peer, const struct raft_append_plan *plan,
                      rkv_index sent);
/* The entries that the peer is sent next are not at hand before `until_ns` (UINT64_MAX: it is not
 * known when; 0: they are): plans for it have none before. */
void raft_hold_entries(struct raft *r, rkv_node_id peer, uint64_t until_ns);
/* `plan` and `sent` as they were sent. SUCCESS: `matched`; REJECTED: `vote`. `lease_ns`: how long
 * the peer promises not to depose the leader with this vote, from when it took the append; 0: it
 * promises nothing. A greater vote ends this leadership. A vote of another leader of the same term,
 * which no honest node of the cluster has, makes this node campaign in the next term. */
void raft_on_append_answer(struct raft *r, struct raft_now now, rkv_node_id peer,
                           const struct raft_append_plan *plan, rkv_index sent,
                           enum rkv_append_result result, struct rkv_log_id matched,
                           struct rkv_vote vote, uint64_t lease_ns);
/* No answer; `stuck`: the peer stored up to `matched` and can never take the next entry (too large
 * for it). */
void raft_on_append_failed(struct raft *r, struct raft_now now, rkv_node_id peer,
                           const struct raft_append_plan *plan, rkv_index sent, bool stuck,
                           struct rkv_log_id matched);

/* The term's entry id at `index`; false if it is not in the log (nor the last purged one). */
bool raft_log_id_at(const struct raft *r, rkv_index index, struct rkv_log_id *id);

/* ---- membership (dissertation chapter 4) ---- */

/* Each is refused by its return value, with text, or accepted (RKV_OK) and then ended by exactly
 * one CHANGE_DONE. init: only with an empty log and no vote, self among the voters of the one
 * config (RKV_PRECONDITION, RKV_INVALID). The others: RKV_NOT_LEADER; RKV_PRECONDITION while a
 * change is not committed; RKV_INVALID for an unknown node, an empty set, more than RKV_NODES_MAX
 * nodes. */
enum rkv_status raft_init(struct raft *r, struct raft_now now,
                          const struct rkv_membership *membership, void *cookie,
                          struct rkv_error *error);
/* Would raft_init take it? Nothing changes. */
enum rkv_status raft_check_init(const struct raft *r, const struct rkv_membership *membership,
                                struct rkv_error *error);
enum rkv_status raft_add_learner(struct raft *r, struct raft_now now,
                                 const struct rkv_member *learner, void *cookie,
                                 struct rkv_error *error);
enum rkv_status raft_change_membership(struct raft *r, struct raft_now now,
                                       const struct rkv_config_set *voters, bool retain,
                                       void *cookie, struct rkv_error *error);

/* Would raft_change_membership take it? Nothing changes. */
enum rkv_status raft_check_change(const struct raft *r, const struct rkv_config_set *voters,
                                  struct rkv_error *error);

/* Replaces what the membership says of a node (incarnation, returning), in an entry of its own that
 * nobody waits for. Refused as the calls above are; RKV_INVALID also for another incarnation of a
 * voter: see rkv_identity. */
enum rkv_status raft_set_member(struct raft *r, struct raft_now now,
                                const struct rkv_member *member, struct rkv_error *error);

/* True if this node leads and `node` is at most learner_lag_max entries behind. */
bool raft_caught_up(const struct raft *r, rkv_node_id node);
/* The caller of `cookie` waits no longer: no CHANGE_DONE will name it. The change itself goes
 * on. */
void raft_forget_change(struct raft *r, void *cookie);

/* ---- leadership transfer (dissertation 3.10) ---- */

/* Hands leadership to `target` (0: the voter that has got furthest). Accepted (RKV_OK): ended by
 * exactly one TRANSFER_DONE: RKV_OK when this node takes a greater vote; after an election_max_ns
 * RKV_UNAVAILABLE if the target was not asked, RKV_ABORTED if it was; RKV_ABORTED when no quorum
 * answers. Until then propose, read and membership calls answer RKV_UNAVAILABLE. Refused:
 * RKV_NOT_LEADER; RKV_INVALID for a stranger, a learner or this node; RKV_UNAVAILABLE for a peer
 * that is not reached; RKV_PRECONDITION while another transfer runs or there is nobody to hand over
 * to. */
enum rkv_status raft_transfer(struct raft *r, struct raft_now now, rkv_node_id target, void *cookie,
                              struct rkv_error *error);
/* The caller of `cookie` waits no longer; the transfer goes on. */
void raft_forget_transfer(struct raft *r, void *cookie);
/* The peer does not know TimeoutNow, or did not get it: the transfer ends, or tries the next. */
void raft_on_timeout_now_failed(struct raft *r, struct raft_now now, rkv_node_id peer);
/* The leader asks this node to campaign at once, with transfer votes. RKV_PRECONDITION, with text,
 * if it is no voter, does not follow `vote`, or does not hold `last`. */
enum rkv_status raft_on_timeout_now(struct raft *r, struct raft_now now, struct rkv_vote vote,
                                    struct rkv_log_id last, struct rkv_error *error);

/* ---- reads (dissertation 6.4) ---- */

/* Opens a ticket for all reads that wait now: READ_READY with the read index follows once a quorum
 * of every config has answered an append sent after this call (`lease`: at once while the leader's
 * lease holds, by quorum if it does not), or READ_FAILED. The read index is the commit index, not
 * before an entry of the own term is committed. Heartbeats are due at once, to those who confirm it
 * soonest; calls that come while a round is on its way share the next. Errors: RKV_NOT_LEADER;
 * RKV_PRECONDITION for `lease` with RAFT_LEASE_OFF; RKV_UNAVAILABLE while it hands over. */
enum rkv_status raft_read(struct raft *r, struct raft_now now, bool lease, uint64_t *ticket,
                          struct rkv_error *error);

/* The clock of raft_now stood still for a while, as a machine's does that sleeps: what voters
 * promised for appends made before `now` may be over. */
void raft_on_clock_stood(struct raft *r, struct raft_now now);

/* ---- snapshots (paper section 7) ---- */

/* What to do with a snapshot that a leader offers. */
enum raft_offer { RAFT_OFFER_TAKE, RAFT_OFFER_HAVE, RAFT_OFFER_REJECT };

/* A leader with `vote` offers a snapshot up to `last` (asked at the beginning and again before it
 * is installed). TAKE: go on; HAVE: it is committed here already; REJECT: my vote is greater
 * (raft_view). Output: perhaps SAVE_VOTE. */
enum raft_offer raft_on_snapshot_offer(struct raft *r, struct raft_now now, struct rkv_vote vote,
                                       struct rkv_log_id last);
/* The offered snapshot is durable and the state machine holds it; `membership` is its last one.
 * Commit and applied move to `last`. Output: PURGE up to it (TRUNCATE before it if the log
 * contradicts it), MEMBERSHIP. */
void raft_on_snapshot_installed(struct raft *r, struct raft_now now, struct rkv_log_id last,
                                const struct raft_membership *membership);
/* BUILD_SNAPSHOT ended; none = it failed (the driver logged why). Output: perhaps PURGE. */
void raft_on_snapshot_built(struct raft *r, struct raft_now now, struct rkv_log_id last);
/* SEND_SNAPSHOT ended: `ok` = the peer holds everything up to `last`. `vote` is the peer's if it
 * was greater or another leader's, else zero; it is taken as by raft_on_append_answer. */
void raft_on_snapshot_sent(struct raft *r, struct raft_now now, rkv_node_id peer, bool ok,
                           struct rkv_log_id last, struct rkv_vote vote);
/* Asks for BUILD_SNAPSHOT now, whatever the policy says. RKV_PRECONDITION while one is being
 * built. */
enum rkv_status raft_trigger_snapshot(struct raft *r, struct raft_now now, struct rkv_error *error);

#endif
