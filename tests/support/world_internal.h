/* world_internal.h: what the files of the simulated world share; tests/sim looks in here too. */
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
  unsigned life; /* how often it was started: what was sent to an earlier life is lost */
  bool running;
  bool stopping; /* it crashed: nothing leaves it any more */
  struct rkv_host host;
  struct node_executor executor;
  struct node *node;
  void *storage, *sm;
  uint64_t timer_ns;        /* on the world's clock */
  uint64_t paused_until_ns; /* nothing happens in it before */
  uint64_t start_ns, rate;  /* its clock runs at rate/1000 of the world's since start_ns */
  struct world_job *jobs, **jobs_end; /* of its worker, the oldest first ... */
  uint64_t stall_end_ns;              /* when its loop went on */
  bool working, flushing;             /* ... which is at the first one; they are run at once */
  struct relay *outbound;             /* its calls that wait for an answer */
  void *user;                         /* tests/sim: what survives its lives */
};

struct world {
  uint64_t now_ns, random, next_event;
  struct world_event *events; /* a binary heap by (at_ns, number) */
  size_t event_count, event_capacity;
  struct world_node nodes[WORLD_NODES_MAX + 1];
  bool cut[WORLD_NODES_MAX + 1][WORLD_NODES_MAX + 1];
  uint64_t slow_link_ns[WORLD_NODES_MAX + 1][WORLD_NODES_MAX + 1];
  rkv_node_id stalled;  /* whose loop stands still, with the thread that has it; 0 = nobody's */
  rkv_node_id to_stall; /* whose loop stands still next, for to_stall_ns; 0 = nobody's */
  uint64_t to_stall_ns;
  bool may_stall;     /* nobody is on the stack who would mind */
  bool stall_is_over; /* somebody cannot wait for it */
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
  rkv_node_id acted; /* whose code the last step ran; 0 = nobody's */
  void *user;        /* tests/sim */
  void (*on_fatal)(struct world *w, rkv_node_id id, enum rkv_status status, const char *text);
  /* Tells of every answer that leaves a node, before it does. */
  void (*on_answer)(struct world *w, rkv_node_id from, rkv_node_id to,
                    const struct rkv_vote_call *vote, const struct rkv_append_call *append);
  /* Tells of every answer to a vote or pre-vote, an append, a step of a snapshot before it reaches
   * node `to`, and may change it. */
  void (*on_vote_back)(struct world *w, rkv_node_id to, struct rkv_vote_call *answer);
  void (*on_append_back)(struct world *w, rkv_node_id to, struct rkv_append_call *answer);
  void (*on_snapshot_back)(struct world *w, rkv_node_id to, struct rkv_snapshot_call *answer);
  /* Tells of every append and every request to take over, before it leaves. */
  void (*on_request)(struct world *w, rkv_node_id from, rkv_node_id to,
                     const struct rkv_append_call *append,
                     const struct rkv_timeout_now_call *timeout_now);
  /* After every step, of those as well that somebody waits in. */
  void (*on_step)(struct world *w);
  /* True: this allocation through the host fails. */
  bool (*alloc_fails)(struct world *w);
};

uint64_t world_random(struct world *w);
bool world_chance(struct world *w, uint32_t per_million);
/* A heavy tail: each halving of the greatest delay is as likely as the next. */
uint64_t world_tail(struct world *w, uint64_t max_ns);
uint64_t world_delay(struct world *w, rkv_node_id from, rkv_node_id to);
void world_at(struct world *w, uint64_t at_ns, void (*run)(struct world *w, void *arg), void *arg);
/* Runs the next thing that is due not after `until`; false if there is none. */
bool world_step(struct world *w, uint64_t until);
/* A paused node: puts the event off until it goes on, and says so. */
bool world_hold(struct world *w, rkv_node_id id, void (*run)(struct world *w, void *arg),
                void *arg);
void world_kick(struct world *w, rkv_node_id id);
/* Likewise, and its loop may stand still inside while the world goes on (struct world_faults): the
 * last thing that an event does. */
void world_kick_last(struct world *w, rkv_node_id id);
/* Lets the world go on while the loop of node `id` stands still, by chance and if it may. */
void world_maybe_stall(struct world *w, rkv_node_id id);
bool world_is_cut(const struct world *w, rkv_node_id from, rkv_node_id to);
/* A time of the node's own clock on the world's. */
uint64_t world_global_ns(const struct world_node *wn, uint64_t local_ns);
uint64_t world_local_ns(const struct world_node *wn);

void world_cancel_outbound(struct world_node *from);

/* ---- world_worker.c ---- */
/* The executor's `post`. */
void world_post(void *ctx, struct node_job *job);
/* Runs at once whatever waits for the worker: the node crashes. */
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
/* Ends every stream of a connection: the sender, which closed it, knows. */
void world_close_streams(struct world *w, const void *connection);
/* Breaks every stream from one node to another: the sender learns it at its next step. */
void world_break_connection(struct world *w, rkv_node_id from, rkv_node_id to);

extern const struct rkv_transport_ops world_transport_ops;

#endif
