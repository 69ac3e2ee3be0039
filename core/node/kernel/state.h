/* state.h: struct node, the state of all services. Only the thread that runs the loop ("the
 * runner") touches anything here, except what is marked (any thread).
 *
 * (N1) Every call handed in is answered exactly once.
 * (N2) An output that waits is carried out only after everything saved before it is durable.
 * (N3) applied <= committed, and entries are applied once, in order, without a gap.
 * (N4) After node_fatal no success leaves the node.
 * (N5) entries applied+1 .. last are in the hot tail, except after a start or while they are being
 *      fetched. */
#ifndef NODE_STATE_H
#define NODE_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include <node/kernel/ahead.h>
#include <node/kernel/budget.h>
#include <node/kernel/inbox.h>
#include <node/know.h>
#include <node/kernel/limits.h>
#include <node/kernel/role.h>
#include <node/lost.h>
#include <node/node.h>
#include <node/odd.h>
#include <node/stall.h>
#include <node/kernel/tail.h>
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

struct node {
  struct node_options options;
  struct node_plugins plugins;
  const struct node_executor *executor;
  struct rkv_node_api api;
  struct raft *raft;

  /* (any thread) */
  struct inbox inbox;
  struct role role; /* of the runner */
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
  bool peers_outdated;  /* the connections name an earlier cluster of this node: made anew */
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
  bool left_cluster;     /* the log was dropped for a leader's cluster, which is not joined yet */
  bool identity_unsaved; /* it changed since the storage was given it */
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

#endif
