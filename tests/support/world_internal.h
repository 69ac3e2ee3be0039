/* world_internal.h: what the files of the simulated world share; tests/sim includes it, too. */
#ifndef SUPPORT_WORLD_INTERNAL_H
#define SUPPORT_WORLD_INTERNAL_H

#include "world.h"

struct world_event {
  uint64_t at_ns, number;
  void (*run)(struct world *w, void *arg);
  void *arg;
};

struct relay;
struct world_job;
struct world_stream;

struct world_node {
  struct world *world;
  rkv_node_id id;
  char addr[32];
  unsigned life; /* how often the node was started: what was sent to an earlier life is lost */
  bool running;
  bool stopping; /* the node crashed: nothing leaves it any more */
  struct rkv_host host;
  struct node_executor executor;
  struct node *node;
  void *storage, *sm;
  const struct rkv_storage_ops *storage_ops; /* of `storage` */
  struct node_storages storages;
  struct node_storage copy; /* ops NULL: there is none */
  uint64_t timer_ns;        /* on the world's clock */
  uint64_t paused_until_ns; /* the node is paused until then */
  uint64_t start_ns, rate;  /* its clock runs at rate/1000 of the world's since start_ns */
  struct world_job *jobs, **jobs_end; /* the worker's jobs, the oldest first */
  uint64_t stall_end_ns;              /* when the node's loop last went on after it stood still */
  bool working, flushing;             /* working: the first one runs; flushing: all run at once */
  struct relay *outbound;             /* the node's calls that wait for an answer */
  void *user;                         /* tests/sim: what survives the node's lives */
};

struct world {
  uint64_t now_ns, random, next_event;
  struct world_event *events; /* a binary heap by (at_ns, number) */
  size_t event_count, event_capacity;
  struct world_node nodes[WORLD_NODES_MAX + 1];
  bool cut[WORLD_NODES_MAX + 1][WORLD_NODES_MAX + 1];
  uint64_t slow_link_ns[WORLD_NODES_MAX + 1][WORLD_NODES_MAX + 1];
  rkv_node_id stalled;  /* the node whose loop stands still; 0: none */
  rkv_node_id to_stall; /* the node whose loop stands still next, for to_stall_ns; 0: none */
  uint64_t to_stall_ns;
  bool may_stall;     /* no caller on the stack depends on the loop going on */
  bool stall_is_over; /* a caller cannot wait: the loop goes on at once */
  struct world_stream *streams;
  struct node_options options;
  struct world_faults faults;
  uint64_t fault_count[WORLD_FAULT_COUNT];
  const struct rkv_storage_ops *storage; /* storage-mem unless a test gives another */
  const struct rkv_state_machine_ops *sm;
  const struct rkv_transport_ops *transport; /* world_transport_ops unless a test gives another */
  struct rkv_config storage_config, sm_config;
  uint64_t sm_capabilities, storage_capabilities;
  uint32_t transport_abi_minor; /* that nodes started from now on are told */
  struct rkv_value *storage_values, *sm_values;
  rkv_node_id acted; /* the node whose code the last step ran; 0: none */
  void *user;        /* tests/sim */
  void (*on_fatal)(struct world *w, rkv_node_id id, enum rkv_status status, const char *text);
  /* Called for every answer, before it leaves a node. */
  void (*on_answer)(struct world *w, rkv_node_id from, rkv_node_id to,
                    const struct rkv_vote_call *vote, const struct rkv_append_call *append);
  /* Called for every answer to a vote or pre-vote, an append, or a step of a snapshot, before it
   * reaches node `to`; may change it. */
  void (*on_vote_back)(struct world *w, rkv_node_id to, struct rkv_vote_call *answer);
  void (*on_append_back)(struct world *w, rkv_node_id to, struct rkv_append_call *answer);
  void (*on_snapshot_back)(struct world *w, rkv_node_id to, struct rkv_snapshot_call *answer);
  /* Called for every append and every request to take over, before it leaves. */
  void (*on_request)(struct world *w, rkv_node_id from, rkv_node_id to,
                     const struct rkv_append_call *append,
                     const struct rkv_timeout_now_call *timeout_now);
  /* Called after every step, also inside a wait. */
  void (*on_step)(struct world *w);
  /* Opens the storage that a swap asks for; NULL: nodes do not swap theirs. */
  enum rkv_status (*open_copy)(struct world_node *wn, const struct node_swap_request *request,
                               struct node_storage *out, struct rkv_error *error);
  /* Called when one side is closed: the old one, because the node moved, or the copy. NULL: nobody
   * wants to know. */
  void (*on_swapped)(struct world_node *wn, bool moved);
  /* True: this allocation through the host fails. */
  bool (*alloc_fails)(struct world *w);
};

uint64_t world_random(struct world *w);
bool world_chance(struct world *w, uint32_t per_million);
/* A delay with a heavy tail: each halving of the greatest delay is as likely as the next. */
uint64_t world_tail(struct world *w, uint64_t max_ns);
uint64_t world_delay(struct world *w, rkv_node_id from, rkv_node_id to);
void world_at(struct world *w, uint64_t at_ns, void (*run)(struct world *w, void *arg), void *arg);
/* Runs the next event if it is due by `until`; false: there is none. */
bool world_step(struct world *w, uint64_t until);
/* If the node is paused, puts the event off until it goes on, and returns true. */
bool world_hold(struct world *w, rkv_node_id id, void (*run)(struct world *w, void *arg),
                void *arg);
void world_kick(struct world *w, rkv_node_id id);
/* Likewise. Else the node's loop may stand still here while the world goes on (struct
 * world_faults): so this must be the last thing that an event does. */
void world_kick_last(struct world *w, rkv_node_id id);
/* By chance, and if it may, makes the loop of node `id` stand still here while the world goes
 * on. */
void world_maybe_stall(struct world *w, rkv_node_id id);
bool world_is_cut(const struct world *w, rkv_node_id from, rkv_node_id to);
/* Converts a time of the node's clock to the world's clock. */
uint64_t world_global_ns(const struct world_node *wn, uint64_t local_ns);
uint64_t world_local_ns(const struct world_node *wn);
/* How long the node waits for an answer to a call that it sends now, at least 1; 0: for ever. */
uint64_t world_patience_ns(const struct world_node *wn, const struct rkv_call *call);

void world_cancel_outbound(struct world_node *from);

/* ---- world_swap.c: the host's part of a swap of the storage ---- */
void world_make_storages(struct world_node *wn);
/* Closes what the node has open. */
void world_close_storages(struct world_node *wn);

/* ---- world_worker.c ---- */
/* The executor's `post`. */
void world_post(void *ctx, struct node_job *job);
/* Runs all jobs of the worker at once, because the node crashes. */
void world_flush_jobs(struct world_node *wn);

enum world_stream_kind {
  WORLD_STREAM_BEGIN,
  WORLD_STREAM_WRITE,
  WORLD_STREAM_FINISH,
  WORLD_STREAM_ABORT
};
void world_stream_begin(struct world *w, rkv_node_id from, rkv_node_id to, const void *connection,
                        const struct rkv_envelope *envelope, struct rkv_snapshot_call *outer);
void world_stream_step(struct rkv_snapshot_call *outer, enum world_stream_kind kind);
/* Breaks every stream from or to a node. */
void world_break_streams(struct world *w, rkv_node_id id);
/* Ends every stream of a connection that its sender closed. */
void world_close_streams(struct world *w, const void *connection);
/* Breaks every stream from one node to another: the sender learns of it at its next step. */
void world_break_connection(struct world *w, rkv_node_id from, rkv_node_id to);

extern const struct rkv_transport_ops world_transport_ops;

#endif
