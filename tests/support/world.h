/* world.h: whole clusters in one thread and virtual time: production nodes over real plugins (.so)
 * for storage and state machine, and a transport that hands calls from node to node.
 *
 * One seed decides everything. Nothing happens unless a function below lets time pass. */
#ifndef SUPPORT_WORLD_H
#define SUPPORT_WORLD_H

#include <node/node.h>

enum { WORLD_NODES_MAX = 8 };

struct world;

/* The faults of the network; all zero: none. */
struct world_faults {
  uint32_t drop_ppm, double_ppm, slow_ppm, stale_ppm; /* per million, of each message */
  uint64_t slow_max_ns;  /* extra delay of a slow or doubled message: short ones are frequent */
  uint64_t stale_max_ns; /* latest arrival of a copy that outlives its connection and its sender */
  uint32_t reset_ppm;    /* of each chunk of a snapshot: its connection is reset ... */
  uint32_t creep_ppm;    /* ... or the chunk comes late, as from a very slow leader */
  uint64_t creep_max_ns;
  /* For each job of a worker: it takes longer. For each batch of a loop: its thread stands still
   * after it has read the clock, while calls are handed in. Short delays are frequent. */
  uint32_t slow_job_ppm, stall_ppm;
  uint64_t slow_job_max_ns, stall_max_ns;
  rkv_node_id slow_worker; /* every job of this node takes long; 0: of no node */
};

enum world_fault {
  WORLD_FAULT_DROP,
  WORLD_FAULT_DOUBLE,
  WORLD_FAULT_SLOW,
  WORLD_FAULT_STALE,
  WORLD_FAULT_RESET,
  WORLD_FAULT_CREEP,
  WORLD_FAULT_ENDED, /* streams that another stream, or the receiving node, ended */
  WORLD_FAULT_SLOW_JOB,
  WORLD_FAULT_STALL,
  WORLD_FAULT_COUNT
};

/* Makes an empty world. Plugins are taken from the build's plugins/ folder. Fails the test if they
 * cannot be loaded. */
struct world *world_new(uint64_t seed);
void world_free(struct world *w);

/* Starts node `id` (1..WORLD_NODES_MAX) with an empty memory; its address is "node:ID". */
void world_start(struct world *w, rkv_node_id id);
/* Likewise, but returns why the node does not start; nothing of it is left then. */
enum rkv_status world_try_start(struct world *w, rkv_node_id id, struct rkv_error *error);
/* Ends node `id` as a crash does: its memory is lost. */
void world_stop(struct world *w, rkv_node_id id);

/* Pauses the node for `ns`: its timers and messages wait. */
void world_pause(struct world *w, rkv_node_id id, uint64_t ns);
struct world_faults *world_faults(struct world *w);

/* Options for nodes started from now on. */
struct node_options *world_options(struct world *w);

/* Cuts or heals what `from` sends to `to` (one way). */
void world_cut(struct world *w, rkv_node_id from, rkv_node_id to, bool cut);
/* Cuts a node off in both directions, or heals it. */
void world_isolate(struct world *w, rkv_node_id id, bool cut);

/* Delays everything that `from` sends to `to` by up to `max_ns` more; 0: not any more. */
void world_slow_link(struct world *w, rkv_node_id from, rkv_node_id to, uint64_t max_ns);
/* Resets the connection: every call of `from` to `to` that waits fails, whether it arrived or
 * not. */
void world_reset(struct world *w, rkv_node_id from, rkv_node_id to);

/* Lets virtual time pass. */
void world_run(struct world *w, uint64_t ns);
/* Lets time pass until `done(w, arg)`; false if that takes longer than `ns`. */
bool world_until(struct world *w, uint64_t ns, bool (*done)(struct world *w, void *arg), void *arg);

/* ---- acts; each lets time pass until its answer or 30 s ---- */

struct world_answer {
  enum rkv_status status;
  struct rkv_error error;
  struct rkv_log_id id;
  char text[1024]; /* the answer's bytes, cut */
};

struct world_answer world_init(struct world *w, rkv_node_id at, const rkv_node_id *ids,
                               size_t count);
struct world_answer world_add_learner(struct world *w, rkv_node_id at, rkv_node_id learner);
struct world_answer world_change(struct world *w, rkv_node_id at, const rkv_node_id *ids,
                                 size_t count, bool retain);
struct world_answer world_set(struct world *w, rkv_node_id at, const char *key, const char *value);
/* Hands in `count` writes at once; returns how many ended with `wanted`. */
size_t world_burst(struct world *w, rkv_node_id at, size_t count, enum rkv_status wanted);
/* A read through the node itself; RKV_NOT_FOUND if the key is not there. */
struct world_answer world_read(struct world *w, rkv_node_id at, const char *key, enum rkv_read how);
struct world_answer world_transfer(struct world *w, rkv_node_id at, rkv_node_id target);
/* text = the value, "" and RKV_NOT_FOUND if the key is not there. No time passes. */
struct world_answer world_get(struct world *w, rkv_node_id at, const char *key);

/* ---- looking ---- */

struct world_metrics {
  char state[16];
  rkv_node_id leader;
  struct rkv_vote vote;
  struct rkv_log_id last, committed, applied, snapshot, purged;
  struct rkv_membership membership;
};
/* What a node tells of itself. A node that is full, out of memory or fatal, or whose loop stands
 * still, tells nothing: `state` says so, and all else is zeros. */
struct world_metrics world_metrics(struct world *w, rkv_node_id at);
/* The node that leads in the greatest term, 0 if none. */
rkv_node_id world_leader(struct world *w);
/* Waits for a leader among the nodes that run. */
rkv_node_id world_wait_leader(struct world *w);
/* Waits until every running node has applied what the leader has committed. */
bool world_settle(struct world *w);
uint64_t world_now(const struct world *w);

#endif
