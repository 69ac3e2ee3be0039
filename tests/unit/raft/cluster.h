/* cluster.h: several struct raft in one test, with memory disks and messages delivered by hand.
 *
 * A cluster has one clock. Every act (deliver, time, propose, ...) is one input to one node. Its
 * outputs are carried out at once: writes go to the node's disk queue, messages to the network.
 * With `sync` (the default) the disk queue is written after every input; without it, cluster_write
 * writes, and a crash loses what was not written. The laws of cluster_laws.c are checked after
 * every step; a breach aborts the test. */
#ifndef TESTS_CLUSTER_H
#define TESTS_CLUSTER_H

#include <raft/raft.h>
#include <raft/view.h>

#include <stdio.h>

#define NODES_MAX 8 /* ids 1..NODES_MAX - 1 */
#define MS UINT64_C(1000000)

struct test_entry {
  struct rkv_log_id id;
  enum rkv_entry_kind kind;
  const struct raft_membership *membership; /* owned by the cluster */
  uint64_t value;                           /* stands for the payload; unique per proposal */
};

struct test_log {
  struct test_entry *entries;
  size_t count, capacity;
  struct rkv_log_id purged;
};

struct test_snapshot {
  struct rkv_log_id last;
  const struct raft_membership *membership;
};

#define MESSAGE_LIST(X)                                                                            \
  X(VOTE, "vote")                                                                                  \
  X(VOTED, "voted")                                                                                \
  X(APPEND, "append")                                                                              \
  X(APPENDED, "appended")                                                                          \
  X(SNAPSHOT, "snapshot")                                                                          \
  X(INSTALLED, "installed")                                                                        \
  X(PRE_VOTE, "pre-vote")                                                                          \
  X(PRE_VOTED, "pre-voted")                                                                        \
  X(TIMEOUT_NOW, "timeout-now")                                                                    \
  X(TIMED_OUT, "timed-out")

enum message_type {
#define MESSAGE_ENUM(name, text) MESSAGE_##name,
  MESSAGE_LIST(MESSAGE_ENUM)
#undef MESSAGE_ENUM
};

/* A request, or its answer with the request's fields beside it. */
struct message {
  enum message_type type;
  rkv_node_id from, to;
  struct rkv_vote vote;                 /* of the request */
  struct rkv_log_id prev, commit, last; /* last: candidate's, snapshot's, voter's */
  struct test_entry *entries;
  size_t count;
  struct raft_append_plan plan; /* of an append */
  bool transfer, granted, ok, unknown;
  enum rkv_append_result result;
  struct rkv_log_id matched;
  struct rkv_vote answered; /* vote of the answer */
  uint64_t lease_ns;        /* promised with it */
  struct test_snapshot snapshot;
  struct message *next;
};

enum write_type { WRITE_VOTE, WRITE_ENTRY, WRITE_TRUNCATE, WRITE_PURGE, WRITE_SEND };

/* One step of the disk queue. A SEND waits there for the writes before it. */
struct write {
  enum write_type type;
  struct rkv_vote vote;
  struct test_entry entry;
  struct rkv_log_id id;
  struct message *message;
  struct write *next;
};

struct change_done { /* the last CHANGE_DONE */
  unsigned count;
  void *cookie;
  enum rkv_status status;
  struct rkv_log_id id;
};

struct transfer_done { /* the last TRANSFER_DONE */
  unsigned count;
  enum rkv_status status;
};

#define READS_MAX 128 /* open tickets of one node */

struct test_read { /* a ticket that waits */
  uint64_t ticket;
  rkv_index least; /* the greatest commit index of any node when the ticket's newest read came */
};

struct reads_done {
  unsigned ready, failed;
  uint64_t ticket;      /* of the last READ_READY */
  struct rkv_log_id id; /* likewise */
};

struct test_node {
  struct raft *r; /* NULL: down */
  rkv_node_id id;
  struct test_log log; /* with entries that are not durable yet */
  struct {             /* durable */
    struct rkv_vote vote;
    struct test_log log;
    struct test_snapshot snapshot;
  } disk;
  struct write *writes, **writes_end;
  struct message *handled; /* the append request being handled */
  struct change_done done;
  struct transfer_done transferred;
  bool transferring;
  struct test_read reads[READS_MAX];
  size_t read_count;
  struct reads_done read;
  rkv_index dropped; /* of the last DROP_PROPOSALS; UINT64_MAX: none */
  bool building;     /* BUILD_SNAPSHOT came; sync: built at once */
  bool old;          /* the node knows neither pre-votes nor TimeoutNow */
  bool cut;          /* messages from and to it are lost */
  uint64_t random;   /* the random number of its inputs: always the same, unless random_moves */
  struct rkv_log_id commits; /* the last COMMIT: applied at once */
  rkv_index applied;
};

#define COMMITTED_MAX 20000 /* entries of one test */
#define TERMS_MAX 4000

struct cluster {
  uint64_t now_ns;
  bool sync;
  bool random_moves;         /* every input gets a new random number */
  struct raft_config config; /* of every node; `id` is filled in. To be set before cluster_start */
  struct test_node nodes[NODES_MAX];
  struct message *net, **net_end;
  FILE *trace;     /* NULL: silent */
  uint64_t values; /* the newest value that was given to an entry */
  /* what the laws have seen */
  struct test_entry committed[COMMITTED_MAX]; /* [index - 1] */
  rkv_term committed_in[COMMITTED_MAX];       /* the term of the leader that committed the entry */
  rkv_index committed_last;
  rkv_node_id leaders[TERMS_MAX]; /* [term] */
  rkv_node_id voted[NODES_MAX][TERMS_MAX];
  struct raft_membership **memberships;
  size_t membership_count;
};

struct cluster *cluster_new(void);
void cluster_free(struct cluster *c);

/* Starts a new node, or a node that is down, from its disk. */
void cluster_start(struct cluster *c, rkv_node_id id);
/* Gives a node that never ran a log. terms[0] is the term of index 1, which holds the membership of
 * `voters` (a list of ids that ends with 0); the other entries are commands. The node's vote is
 * {term, 0, false}. */
void cluster_set_log(struct cluster *c, rkv_node_id id, const rkv_term *terms, size_t count,
                     const rkv_node_id *voters, rkv_term term);
void cluster_crash(struct cluster *c, rkv_node_id id);
void cluster_wipe(struct cluster *c, rkv_node_id id); /* empties the disk of a node that is down */

/* Inputs; their outputs are carried out. */
void cluster_advance(struct cluster *c, uint64_t ns);     /* timer by timer, in order */
void cluster_run(struct cluster *c, uint64_t ns);         /* likewise, delivering everything */
void cluster_time_one(struct cluster *c, rkv_node_id id); /* raft_on_time now */
enum rkv_status cluster_init(struct cluster *c, rkv_node_id id, const rkv_node_id *voters);
enum rkv_status cluster_propose(struct cluster *c, rkv_node_id id, size_t count);
enum rkv_status cluster_learner(struct cluster *c, rkv_node_id id, rkv_node_id learner);
enum rkv_status cluster_change(struct cluster *c, rkv_node_id id, const rkv_node_id *voters,
                               bool retain);
enum rkv_status cluster_transfer(struct cluster *c, rkv_node_id id, rkv_node_id target);
enum rkv_status cluster_read(struct cluster *c, rkv_node_id id, bool lease, uint64_t *ticket);
/* the snapshot of a BUILD_SNAPSHOT was built */
void cluster_built(struct cluster *c, rkv_node_id id);
/* writes steps of its disk queue */
void cluster_write(struct cluster *c, rkv_node_id id, size_t steps);

/* The network. 0 stands for any node. False: there was no such message. */
bool cluster_deliver(struct cluster *c, rkv_node_id from, rkv_node_id to); /* the oldest one */
void cluster_deliver_all(struct cluster *c);                               /* until nothing moves */
bool cluster_drop(struct cluster *c, rkv_node_id from, rkv_node_id to);
void cluster_reorder(struct cluster *c); /* the oldest message becomes the newest */
size_t cluster_in_flight(const struct cluster *c, rkv_node_id from, rkv_node_id to);

/* Makes `id` the leader by running out its timer and delivering everything. */
void cluster_elect(struct cluster *c, rkv_node_id id);
struct raft_view cluster_view(const struct cluster *c, rkv_node_id id);
rkv_node_id cluster_leader(const struct cluster *c); /* of the greatest term; 0 */
struct rkv_membership cluster_membership(const rkv_node_id *voters);

/* ---- cluster_log.c: a list of entries ---- */
void log_push(struct test_log *log, struct test_entry entry);
void log_cut(struct test_log *log, rkv_index after);
void log_purge(struct test_log *log, struct rkv_log_id id);
const struct test_entry *log_at(const struct test_log *log, rkv_index index);
struct rkv_log_id log_last(const struct test_log *log);
void log_copy(struct test_log *to, const struct test_log *from);

/* ---- cluster_carry.c: carrying outputs out ---- */
void carry_out(struct cluster *c, struct test_node *n); /* until there is no output left */
struct write *write_add(struct test_node *n, enum write_type type);
void message_send(struct cluster *c, struct message *m);
void message_free(struct message *m);
/* Tells the sender that no answer comes, and frees the message. */
void message_lost(struct cluster *c, struct message *m);
/* the receiver must be up; frees the message */
void message_handle(struct cluster *c, struct message *m);
struct raft_now node_now(const struct cluster *c, struct test_node *n);
const struct raft_membership *keep_membership(struct cluster *c, const struct raft_membership *m);

/* ---- cluster_laws.c ---- */
void law_committed(struct cluster *c, const struct test_node *n, struct rkv_log_id upto);
void law_leader(struct cluster *c, const struct test_node *n);
void law_vote(struct cluster *c, const struct test_node *n, struct rkv_vote vote);
void law_read_opened(struct cluster *c, struct test_node *n, uint64_t ticket);
void law_read_ended(struct test_node *n, const struct raft_output *out);
void law_logs_match(const struct cluster *c);

/* ---- cluster_trace.c: what golden conversations print ---- */
void trace_output(struct cluster *c, const struct test_node *n, const struct raft_output *out);
void trace_plan(struct cluster *c, const struct test_node *n, rkv_node_id peer,
                const struct raft_append_plan *plan);
void trace_message(struct cluster *c, const char *act, const struct message *m);
void trace_views(struct cluster *c);

#endif
