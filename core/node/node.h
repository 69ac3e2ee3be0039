/* node.h: runs one raft over one set of plugins.
 *
 * The node's loop is a ROLE, not a thread: exactly one thread at a time runs it. Calls and
 * completions are only enqueued; node_kick takes the role if it is free, works until the inbox is
 * empty, and gives the role back. Nothing in the loop blocks; what may block (snapshots, reading a
 * lagging peer's entries) runs on the executor's worker. */
#ifndef NODE_NODE_H
#define NODE_NODE_H

#include <rkv/rkv.h>

/* One piece of work that may block. run on a worker thread, in the order posted. */
struct node_job {
  void (*run)(struct node_job *self);
  struct node_job *next; /* executor's */
};

/* What a node needs of the world: time, chance, a timer and a worker. Production: node_executor_new
 * (threads); simulation: one scheduler with virtual time. Every function: any thread, never
 * blocks. */
struct node_executor {
  void *ctx;
  uint64_t (*now_ns)(void *ctx); /* never goes back; may stand still while the machine sleeps */
  /* How long now_ns has stood still so far, in ns, and up to a millisecond more. NULL: it never
   * stands still. */
  uint64_t (*slept_ns)(void *ctx);
  uint64_t (*random)(void *ctx);
  /* Calls node_kick not before `deadline_ns`; a later call replaces an earlier deadline; UINT64_MAX
   * = none. */
  void (*set_timer)(void *ctx, uint64_t deadline_ns);
  void (*post)(void *ctx, struct node_job *job);
};

/* What a swap of the storage asks the host for (rkv_swap_call), copied from the call. */
struct node_swap_request {
  bool check;     /* only look: *out stays NULL, and nothing is left behind */
  bool forgetful; /* also to a storage that is not durable */
  char *plugin;
  char *settings[RKV_SWAP_SETTINGS_MAX]; /* KEY=VALUE */
  size_t setting_count;
};

/* A storage that the host opened for a swap; the host's until it is closed. */
struct node_storage {
  const struct rkv_storage_ops *ops;
  void *storage;
  uint64_t capabilities; /* RKV_CAP_* */
  /* Where it is, `PLUGIN, KEY=VALUE, ...` without secrets: the note in the storage that it replaces
   * (moved.h), at most MOVED_TO_MAX bytes. */
  const char *place;
  const char *lines; /* of section [storage] of the INI that name it, '\n' between two */
  uint64_t token;    /* of this copy (moved.h) */
};

/* How a node gets another storage. All on the worker; may block. */
struct node_storages {
  void *ctx;
  /* Opens a storage beside the present one. Refuses what is not allowed, not durable without
   * `forgetful`, not empty, or in use. Errors as rkv_swap_call says. */
  enum rkv_status (*open)(void *ctx, const struct node_swap_request *request,
                          const struct node_storage **out, struct rkv_error *error);
  /* The swap was given up: closes what open gave, and leaves nothing that a next try would find. */
  void (*drop)(void *ctx);
  /* The node stands on what open gave: closes the storage before it. */
  void (*moved)(void *ctx);
};

/* The three opened plugins' tables and the host. All borrowed until node_free. */
struct node_plugins {
  const struct rkv_host *host;
  const struct rkv_transport_ops *transport;
  void *transport_instance; /* set after node_new by node_set_transport: the transport needs the
                               node's table first */
  const struct rkv_storage_ops *storage;
  void *storage_instance;
  const struct rkv_state_machine_ops *sm;
  void *sm_instance;
  uint64_t sm_capabilities, storage_capabilities; /* RKV_CAP_* */
  uint32_t transport_abi_minor; /* the transport's: its calls are taken to be no newer than this */
  /* Writes what the plugins registered (rkv_host.metric_register) as ` name:value` pairs, at most
   * `size` bytes with the NUL, and returns their length; pairs that do not fit are left out. Any
   * thread, does not block. NULL: no plugin metrics are shown. */
  size_t (*metrics_format)(void *ctx, char *out, size_t size);
  /* Likewise what they mean, a line `name=help` for each. NULL: only the node's own are told. */
  size_t (*metrics_help)(void *ctx, char *out, size_t size);
  void *metrics_ctx;
  const struct node_storages *storages; /* NULL: the storage cannot be swapped */
};

struct node_options {
  uint64_t heartbeat_ns, election_min_ns, election_max_ns;
  uint64_t snapshot_after, keep_entries;
  uint64_t inbox_max;          /* reads and writes that may wait in the inbox or for their commit */
  uint64_t inbox_bytes_max;    /* bytes of the commands among them */
  uint64_t hot_tail_bytes_max; /* newest entries kept in memory for replication */
  uint64_t append_bytes_max;   /* payload bytes of one append */
  uint64_t append_entries_max; /* entries of one append */
  uint64_t append_window;      /* appends in flight to one peer */
  uint64_t purge_hold_entries; /* entries kept for a peer that lags, behind a snapshot */
  uint64_t clock_drift_ppm;    /* with lease_reads: how far clocks may run apart */
  bool pre_vote, check_quorum, lease_reads;
  bool stop_on_divergence;    /* a node whose state machine went astray stops (digest.h) */
  uint64_t command_bytes_max; /* a single command; larger ones are refused at the door */
};

struct node;

/* Reads what the storage and the state machine hold, restores the newest snapshot if the machine
 * lags behind it, and makes the node; nothing runs yet. May block. Errors: whatever the plugins
 * say; RKV_CORRUPT if log and state machine contradict each other; RKV_INVALID for options out of
 * range, and for a durable state machine without what that takes (rkv/state_machine.h). */
enum rkv_status node_new(const struct node_options *options, const struct node_plugins *plugins,
                         const struct node_executor *executor, struct node **out,
                         struct rkv_error *error);

/* The table that the transport calls. Valid as long as the node. */
const struct rkv_node_api *node_api(struct node *n);

/* Hands in the opened transport; once, before node_start. */
void node_set_transport(struct node *n, void *transport_instance);

/* Begins to work (timers, peers). After rkv_transport_ops.start. */
void node_start(struct node *n);

/* Runs the loop on this thread unless another thread does. For the executor's timer and for
 * tests. */
void node_kick(struct node *n);

/* The node stops because a promise cannot be kept: the first reason wins. What waits is answered
 * with `status`; no acknowledgement leaves any more. Any thread. */
void node_fatal(struct node *n, enum rkv_status status, const char *text);
/* Likewise, said by the storage that node_storages.open gave, until `moved` was called: before the
 * old storage is retired for it, the swap is given up instead. Any thread. */
void node_copy_fatal(struct node *n, enum rkv_status status, const char *text);
/* The reason, RKV_OK while all is well. */
enum rkv_status node_fatal_status(struct node *n, struct rkv_error *error);
/* `notify` is called once when node_fatal first happens, from any thread: it must not block. Set
 * before node_start. */
void node_on_fatal(struct node *n, void (*notify)(void *arg), void *arg);

/* Orderly stop. node_drain refuses new proposals (RKV_UNAVAILABLE) while those in flight end, and
 * then hands leadership over; when node_idle and node_may_go say so, or time is up,
 * node_abandon answers everything that still waits with RKV_CANCELLED, from now on refuses every
 * call, and closes the peers; then rkv_transport_ops.stop, node_executor_stop and, once node_ended
 * says that no other thread is at it any more, rkv_transport_ops.close; node_free. */
void node_drain(struct node *n);
bool node_idle(struct node *n); /* no client waits, and leadership is handed over if it can be */
/* False: a voter that lost its storage is on its way back, and without this node no majority of
 * voters holds its log. */
bool node_may_go(struct node *n);
void node_abandon(struct node *n);
bool node_ended(struct node *n); /* after node_abandon: nobody is in the loop, no peer is open */
void node_free(struct node *n);

#endif
