/* state.h: struct node, the state of all services. Only the thread that runs the loop ("the
 * runner") touches anything here, except what is marked (any thread).
 *
 * (N1) Every call handed in is answered exactly once: no budget counts below 0, nothing waits when
 *      the node is freed.
 * (N2) An output that waits is carried out only after everything saved before it is durable.
 * (N3) applied <= committed, and entries are applied once, in order, without a gap.
 * (N4) After node_fatal no success leaves the node: there is an error to give instead.
 * (N5) No entry above `applied` is purged or leaves the hot tail. So an entry that must be read
 *      from the storage to be applied was in the log before this start. */
#ifndef NODE_STATE_H
#define NODE_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include <node/kernel/ahead.h>
#include <node/depart.h>
#include <node/digest.h>
#include <node/kernel/budget.h>
#include <node/kernel/inbox.h>
#include <node/know.h>
#include <node/kernel/limits.h>
#include <node/kernel/ring.h>
#include <node/kernel/role.h>
#include <node/lost.h>
#include <node/node.h>
#include <node/odd.h>
#include <node/pair.h>
#include <node/stall.h>
#include <node/swap.h>
#include <node/kernel/tail.h>
#include <node/tell.h>
#include <raft/raft.h>
#include <raft/view.h>

#define NODE_LOG "node"

/* A proposal that waits for its entry to be applied. */
struct node_pending {
  rkv_index index;
  struct rkv_propose_call *call;
};

/* An output that waits for durability. */
struct node_deferred {
  uint64_t after; /* carried out once this many saves are durable */
  struct raft_output output;
};

struct node_peer {
  rkv_node_id id;
  char addr[RKV_ADDR_MAX];
  uint64_t incarnation;      /* of the member, as requests to it name it */
  void *handle;              /* the transport's; NULL if it could not be opened */
  uint64_t serial;           /* of this connection: a node that left and came back gets another */
  uint64_t said_incarnation; /* what the peer answered to a hello; 0: nothing yet */
  bool asking;               /* a hello to the peer is in flight */
  bool silent;               /* the peer did not answer the last hello */
  bool answers;              /* the peer answered the last call to it (tell.h) */
  uint64_t ask_ns;           /* when the next hello is due; UINT64_MAX: never */
  struct holding holding;
  struct peer_digest digest;
  struct ahead ahead;            /* entries read for the peer */
  uint64_t read_again_ns;        /* after a read that failed: no new read before */
  uint64_t next_run_ns;          /* while clients write: no run of entries goes out before */
  uint64_t proposed_at_last_run; /* node.count.proposed_bytes when the last run went out */
};

struct greeting;
struct snapshot_build;
struct snapshot_receive;
struct node_ticket;
struct save;

/* ---- the state of each service: the fields are its own, others read them ---- */

/* The end of a node. (any thread) */
struct ending {
  atomic_bool draining, abandoned, fatal;
  atomic_bool handing_over;   /* the node drains, and its leadership is not handed over yet */
  atomic_bool needed;         /* the node drains, and perhaps a voter needs it (depart.h) */
  struct rkv_call drain_call; /* the event that tells the runner to drain */
  pthread_mutex_t lock;
  struct rkv_error error; /* under lock: why the node is fatal */
  void (*notify)(void *arg);
  void *notify_arg;
};

struct proposing {
  struct rkv_propose_call **batch; /* proposals of the batch being collected */
  size_t batch_count, batch_capacity;
  struct rkv_entry *scratch; /* entries of one append */
  struct ring pending;       /* of struct node_pending, ordered by index */
};

struct saving {
  uint64_t issued, done;      /* saves given to the storage; how many of them are durable */
  bool unreported;            /* saves became durable that raft does not know of yet ... */
  bool vote_saved, log_saved; /* ... among them a vote; entries */
  struct rkv_vote vote;       /* the newest durable one */
  struct rkv_log_id last;     /* the newest durable entry */
  struct save *spare;         /* room for the next save; NULL: to be allocated */
};

struct connections {
  struct node_peer list[RKV_NODES_MAX];
  size_t count;
  /* the connections carry an earlier cluster id of this node: they are opened again */
  bool outdated;
  bool leaving;    /* some lead to nodes that leave: closed once raft needs them no more */
  uint64_t serial; /* of the newest connection */
};

struct applying {
  bool fetching; /* entries to apply are being read */
  struct rkv_buf results[NODE_APPLY_BATCH_MAX];
  bool put_off;      /* the last read of committed entries found no room, which was logged ... */
  uint64_t pause_ns; /* ... and no new read begins before */
};

/* Requests that were refused because they were meant for another node or cluster. */
struct strangers {
  uint64_t calls;
  uint64_t quiet_ns, quiet; /* when the next line may be logged; refused since the last line */
};

struct changing {
  struct rkv_call *calls[NODE_CHANGES_MAX]; /* init and membership calls that wait */
  size_t count;
  uint64_t progress_ns; /* when the log says again how far awaited learners are */
};

struct reading {
  struct rkv_call *waiting[2][2]; /* reads of this batch: [0: clients', 1: other nodes'][lease] */
  struct node_ticket *tickets;    /* reads that wait for their index */
  uint64_t slept_ns; /* how long the machine had slept when lease reads were last looked at */
};

struct transferring {
  struct rkv_call *call; /* the client's call that ends with the transfer */
  bool drain_wanted;     /* leadership goes as soon as no proposal waits */
};

struct building {
  struct snapshot_build *running;
  struct rkv_call *call; /* snapshot_now that waits for the build */
  bool wanted;
  uint64_t pause_ns;       /* after a failure: no new build before */
  uint64_t serial;         /* of the newest snapshot id */
  uint64_t log_bytes;      /* of the entries applied since the last snapshot was begun */
  uint64_t snapshot_bytes; /* of the newest snapshot */
};

struct receiving {
  struct snapshot_receive *now; /* the stream that has the storage's writer */
  struct snapshot_receive *all; /* all streams, with those that ended but are not freed yet (R3) */
  size_t count;
  /* a snapshot becomes durable, then the state machine takes it over: nothing is applied */
  bool installing;
};

/* While clients write, peers that lag get their entries at a limited pace (lag.c). */
struct lagging {
  uint64_t proposals_seen;        /* node.count.proposals when lag.c looked last */
  uint64_t clients_busy_until_ns; /* clients count as writing until then */
};

struct leaps {
  uint64_t quiet_ns, quiet; /* when leap.c may log again; refused since its last line */
};

struct sending {
  /* snapshots not sent since the last line; when the next line may be logged */
  uint64_t failures, quiet_ns;
};

/* What metrics.c tells. */
struct counters {
  uint64_t proposals, proposed_bytes, applied_entries;
  uint64_t stored_entries, stored_bytes; /* as the tail counts them; whoever leads */
  uint64_t snapshots_built, snapshots_sent, snapshots_installed;
  uint64_t bad_peer_calls;
  uint64_t losses; /* lost.h */
  /* memberships taken although addresses in them are wrong (addresses.h) */
  uint64_t odd_memberships;
};

/* ---- the node ---- */

struct node {
  struct node_options options;
  struct node_plugins plugins; /* its storage is the pair */
  struct pair pair;
  const struct node_executor *executor;
  struct rkv_node_api api;
  struct raft *raft;

  /* (any thread) */
  struct inbox inbox;
  struct role role; /* of the runner */
  struct budgets budgets;
  atomic_bool started;
  struct ending end;

  uint64_t now_ns; /* time of the batch being worked: read after its calls were taken */
  uint64_t timer_ns, expire_ns;
  bool more;                        /* committed entries wait for the next slice */
  struct rkv_call *again;           /* the call being worked is handed to its handler once more */
  struct rkv_append_call *received; /* the append request that raft is looking at */

  struct rkv_identity identity;
  bool left_cluster;     /* the log was dropped for a leader's cluster, which is not joined yet */
  bool identity_unsaved; /* `identity` changed since it was given to the storage last */
  struct rkv_log_id committed, applied;
  struct tail tail;

  struct saving save;
  struct ring deferred; /* of struct node_deferred, in the order they came */
  struct connections peers;
  struct proposing propose;
  struct applying apply;
  struct digesting digest;
  struct reading read;
  struct changing change;
  struct greeting *greetings; /* changes that wait until nodes have said who they are */
  struct transferring transfer;
  struct building build;
  struct receiving receive;
  struct sending send;
  struct lagging lag;
  struct stall stall;
  struct knowing know;
  struct oddities odd;
  struct strangers foreign;
  struct leaps leap;
  struct swapping swap;
  uint64_t tend_ns;          /* when the leader looks after its peers again */
  rkv_index tend_after;      /* ... and once this entry is committed; 0: none */
  uint64_t holders_quiet_ns; /* when holders.c may log again */
  struct departing depart;
  struct telling tell;
  struct counters count;
};

#endif
