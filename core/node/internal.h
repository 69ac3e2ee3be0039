/* internal.h: struct node and what its files share. Only the thread that runs the loop ("the
 * runner") touches anything here, except what is marked (any thread).
 *
 * (N1) Every call handed in is answered exactly once.
 * (N2) An output that waits is carried out only after everything saved before it is durable.
 * (N3) applied <= committed, and entries are applied once, in order, without a gap.
 * (N4) After node_fatal no success leaves the node.
 * (N5) entries applied+1 .. last are in the hot tail, except after a start or while they are being
 *      fetched. */
#ifndef NODE_INTERNAL_H
#define NODE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include <node/ahead.h>
#include <node/answer.h>
#include <node/budget.h>
#include <node/inbox.h>
#include <node/kinds.h>
#include <node/know.h>
#include <node/limits.h>
#include <node/lost.h>
#include <node/node.h>
#include <node/odd.h>
#include <node/said.h>
#include <node/snapshots.h>
#include <node/stall.h>
#include <node/tail.h>
#include <node/tell.h>
#include <raft/raft.h>
#include <raft/view.h>

#define NODE_LOG "node"

struct node_pending {
  rkv_index index;
  struct rkv_propose_call *call;
};

/* Proposals that wait for their entry to be applied: a ring ordered by index. */
struct pending {
  struct node_pending *ring;
  size_t capacity, head, count;
};

struct node_deferred {
  uint64_t after; /* carried out once this many saves are durable */
  struct raft_output output;
};

/* Outputs that wait for durability: a ring in the order they came. */
struct deferred {
  struct node_deferred *ring;
  size_t capacity, head, count;
};

struct node_peer {
  rkv_node_id id;
  char addr[RKV_ADDR_MAX];
  uint64_t incarnation; /* that the connection asks for */
  void *handle;         /* the transport's; NULL if it could not be opened */
  uint64_t serial;      /* of this connection: a node that left and came back gets another */
  uint64_t said;        /* the incarnation it said to be; 0: not asked, or it cannot tell */
  bool asking, answers; /* a hello is on its way; its last call was answered (tell.h) */
  uint64_t ask_ns;      /* when to ask; UINT64_MAX: never */
  struct holding holding;
  struct ahead ahead;           /* what was read for it */
  uint64_t ahead_ns;            /* after a read that failed: no other one before */
  uint64_t pace_ns, pace_bytes; /* while clients write: no further run before; proposed by then */
};

struct greeting;
struct snapshot_build;
struct snapshot_receive;
struct node_ticket;

enum node_role { NODE_IDLE, NODE_RUNNING, NODE_RUN_AGAIN };

struct node {
  struct node_options options;
  struct node_plugins plugins;
  const struct node_executor *executor;
  struct rkv_node_api api;
  struct raft *raft;

  /* (any thread) */
  struct inbox inbox;
  atomic_int role; /* an enum node_role */
  struct budgets budgets;
  atomic_bool started, draining, abandoned, fatal;
  atomic_bool handing_over;   /* a node that stops hands leadership over */
  struct rkv_call drain_call; /* tells the runner of it, once */
  pthread_mutex_t fatal_lock;
  struct rkv_error fatal_error; /* under fatal_lock */
  void (*fatal_notify)(void *arg);
  void *fatal_arg;

  bool more;         /* committed entries wait for the next slice */
  uint64_t now_ns;   /* time of the batch being worked: read after its calls were taken */
  uint64_t slept_ns; /* how long the machine had slept when lease reads were last looked at */
  uint64_t timer_ns, expire_ns;

  struct rkv_propose_call **batch; /* proposals of the batch being collected */
  size_t batch_count, batch_capacity;
  struct rkv_entry *scratch; /* entries of one append */
  size_t scratch_capacity;
  struct pending pending;

  struct tail tail;
  uint64_t saves_issued, saves_done;
  struct stall stall;
  struct knowing know;
  struct oddities odd;
  struct rkv_call *again; /* the call being worked is handed to its handler once more */
  bool settle;            /* saves ended that raft has not heard of */
  bool saved_a_vote, saved_a_log;
  struct rkv_vote saved_vote;
  struct rkv_log_id saved_last;
  struct deferred deferred;
  struct rkv_append_call *received; /* the append request that raft is looking at */

  struct node_peer peers[RKV_NODES_MAX];
  size_t peer_count;
  bool peers_leaving;   /* some are members no more, as soon as that is committed */
  uint64_t peer_serial; /* given out last */

  struct rkv_log_id committed, applied;
  bool fetching_apply; /* entries to apply are being read */
  bool installing;     /* a snapshot becomes durable, then the state: nothing is applied */
  struct rkv_buf results[NODE_APPLY_BATCH_MAX];
  uint64_t log_bytes; /* of the entries applied since the last snapshot was begun */
  uint64_t snapshot_bytes;
  /* Committed entries could not be read for want of room, which was logged; no new try before. */
  bool apply_put_off;
  uint64_t apply_pause_ns;

  struct rkv_identity identity;
  bool left_cluster;    /* the log was dropped for a leader's cluster, which is not joined yet */
  bool identity_is_new; /* and not saved yet */
  uint64_t odd_memberships; /* taken although their addresses are wrong (addresses.h) */
  uint64_t foreign_calls;   /* refused because they were meant for another node or cluster */
  uint64_t foreign_quiet_ns, foreign_quiet; /* when that may be logged again; since the last line */
  struct greeting *greetings;               /* nodes being asked before a change is begun */
  uint64_t tend_ns;                         /* when the leader looks after its peers again */

  struct rkv_call *changes[NODE_CHANGES_MAX]; /* init and membership calls that wait */
  size_t change_count;
  uint64_t progress_ns; /* when the learners that are waited for are told of again */

  struct rkv_call *reads_waiting[2][2]; /* being gathered: [clients', other nodes'][lease] */
  struct node_ticket *tickets;          /* reads that wait for their index */
  struct rkv_call *transfer_call;       /* the client's that waits */
  bool drain_wanted;

  struct snapshot_build *build;
  struct rkv_call *snapshot_call; /* snapshot_now that waits for the build */
  bool build_wanted;
  uint64_t build_pause_ns;           /* after a failure: no new build before */
  struct snapshot_receive *receive;  /* the stream that has the storage's writer */
  struct snapshot_receive *receives; /* and those that ended, while somebody does not know yet */
  size_t receive_count;
  uint64_t snapshot_serial;

  uint64_t lag_proposals, lag_busy_ns; /* see NODE_LAG_BUSY_NS */
  uint64_t proposals, proposed_bytes, applied_entries, snapshots_built, snapshots_sent,
      snapshots_installed;
  uint64_t bad_peer_calls, losses;    /* losses: lost.h */
  uint64_t leap_quiet_ns, leap_quiet; /* when leap.c may log again; since its last line */

  uint64_t send_failures, send_quiet_ns; /* snapshots that were not sent; when that may be logged */

  struct telling tell;
};

/* ---- loop.c ---- */
struct raft_now node_now(struct node *n);
/* The handler of this call is called once more when raft's outputs were carried out. */
void node_again(struct node *n, struct rkv_call *call);
/* Hands an internal event or answered call to the runner. Any thread; does not kick. */
void loop_post(struct node *n, struct rkv_call *call, enum node_kind kind);
/* True once the node is fatal or abandoned: nothing is promised any more. Any thread. */
bool loop_ending(struct node *n);

/* ---- output.c ---- */
void output_carry(struct node *n, const struct raft_output *out);
/* True if it answers a call of a peer, its cookie. */
bool output_is_answer(const struct raft_output *out);
/* Drops an output of a node that ends; a call that it would have answered is refused. */
void output_discard(struct node *n, const struct raft_output *out);

/* ---- node.c ---- */
/* The bytes of a membership, owned by *out. Errors: RKV_NO_MEMORY. */
enum rkv_status node_encode_membership(struct node *n, const struct rkv_membership *membership,
                                       struct rkv_buf *out);

/* ---- api.c ---- */
void api_make(struct node *n);
/* Gives back what a call that was handed in took of its budget. Before its done. */
void api_release(struct node *n, const struct rkv_call *call);
/* Likewise of so many proposals at once, and of the bytes of their commands. */
void api_release_proposals(struct node *n, uint64_t calls, uint64_t bytes);
/* Ends calls that came when their time was up; false: it has time. */
bool api_is_late(struct node *n, struct rkv_call *call);

/* ---- query.c ---- */
void query_run(struct node *n, struct rkv_query_call *call);
/* Unless this node does not know enough. Any thread, if the machine may be asked on any. */
void query_local(struct node *n, struct rkv_query_call *call);
void query_on_call(struct node *n, struct rkv_call *call);
void metrics_on_call(struct node *n, struct rkv_call *call);

/* ---- read.c ---- */
/* Takes a query or read index call that wants more than a local read; read_flush sends them on. */
void read_gather(struct node *n, struct rkv_call *call, bool lease);
void read_flush(struct node *n);
/* Answers the reads whose index is applied. */
void read_run(struct node *n);
void read_ready(struct node *n, uint64_t number, struct rkv_log_id index);
void read_failed(struct node *n, uint64_t number);
void read_on_index_call(struct node *n, struct rkv_call *call);
void read_on_index_answer(struct node *n, struct rkv_call *call);
void read_expire(struct node *n);
void read_fail_all(struct node *n, const struct rkv_error *error);

/* ---- transfer.c ---- */
void transfer_on_call(struct node *n, struct rkv_call *call);
void transfer_done(struct node *n, const struct raft_output *out);
void transfer_expire(struct node *n);
void transfer_fail(struct node *n, const struct rkv_error *error);
void transfer_on_drain(struct node *n, struct rkv_call *call);
/* Hands leadership over once nothing waits for its commit. */
void transfer_drain_run(struct node *n);
void transfer_send(struct node *n, const struct raft_output *out);
void transfer_on_answer(struct node *n, struct rkv_call *call);
void transfer_on_timeout_now(struct node *n, struct rkv_call *call);

/* Hands leadership to whoever got furthest; the call, admitted by api.c, ends with it. */
void transfer_away(struct node *n, struct rkv_call *call);

/* ---- change.c ---- */
/* A membership came into force, by whatever way: its addresses may be wrong all the same. */
void change_look(struct node *n, const struct rkv_membership *m);
void change_on_init(struct node *n, struct rkv_call *call);
void change_on_add_learner(struct node *n, struct rkv_call *call);
void change_on_change(struct node *n, struct rkv_call *call);
void change_done(struct node *n, const struct raft_output *out);
/* Notes a call before raft sees it, because raft may end it at once; false: it was answered. */
bool change_admit(struct node *n, struct rkv_call *call);
/* The call ends here after all, or by another way than CHANGE_DONE. */
void change_forget(struct node *n, const struct rkv_call *call);
/* raft refused the call, or took it: then CHANGE_DONE ends it. */
void change_settle(struct node *n, struct rkv_call *call, enum rkv_status status,
                   const struct rkv_error *error);
/* Adds the records of those that are to vote to *out, which is empty; who is unknown is left out.
 */
void change_find_voters(struct node *n, const struct rkv_config_set *voters,
                        struct rkv_membership *out);
void change_expire(struct node *n);
void change_fail_all(struct node *n, const struct rkv_error *error);

/* ---- correct.c: a member leaves, or is at another address ---- */
void correct_on_remove(struct node *n, struct rkv_call *call);
void correct_on_set_address(struct node *n, struct rkv_call *call);

/* ---- peer.c: the peers' calls to us, and who our peers are ---- */
void peer_on_vote_call(struct node *n, struct rkv_call *call);
void peer_on_append_call(struct node *n, struct rkv_call *call);
void peer_answer_vote(struct node *n, const struct raft_output *out);
void peer_answer_append(struct node *n, const struct raft_output *out);
void peer_update(struct node *n, const struct rkv_membership *membership);
/* Closes the connections to members that left, as soon as raft has nothing to tell them. */
void peer_let_go(struct node *n);
void peer_close_all(struct node *n);
/* Refuses a call of a peer that is not for this node, or while the node ends; true if it did. */
bool peer_refuse(struct node *n, struct rkv_call *call);
/* Connects anew to all peers: what requests say of this node has changed. */
void peer_reopen(struct node *n);
void peer_on_pre_vote_call(struct node *n, struct rkv_call *call);
/* Refuses a call of a peer that was handed in. */
void peer_fail(struct node *n, struct rkv_call *call, const struct rkv_error *error);
struct node_peer *peer_find(struct node *n, rkv_node_id id);

/* ---- save.c: everything that goes to the storage ---- */
void save_vote(struct node *n, struct rkv_vote vote);
void save_identity(struct node *n);
void save_entries(struct node *n, const struct rkv_entry *entries, size_t count);
void save_truncate(struct node *n, rkv_index after);
void save_on_saved(struct node *n, struct rkv_call *call);
/* Defers an output that waits, or says that nothing is being saved. */
bool save_defer(struct node *n, const struct raft_output *out);
/* Tells raft what became durable and carries out what waited for it; false if nothing did. */
bool save_settle(struct node *n);
/* Refuses the calls of peers whose answers wait and whose time is up; likewise. */
void save_expire(struct node *n);
/* Refuses the calls of peers whose answers wait; the other outputs go on waiting. */
void save_fail_deferred(struct node *n, const struct rkv_error *error);

/* ---- replicate.c ---- */
void replicate_all(struct node *n);
void replicate_vote(struct node *n, const struct raft_output *out);
void replicate_on_vote_answer(struct node *n, struct rkv_call *call);
void replicate_pre_vote(struct node *n, const struct raft_output *out);
void replicate_on_pre_vote_answer(struct node *n, struct rkv_call *call);
void replicate_on_append_answer(struct node *n, struct rkv_call *call);

/* ---- recover.c ---- */
enum rkv_status recover_all(struct node *n, struct rkv_error *error);

#include <node/entries.h>
#include <node/members.h>

#endif
