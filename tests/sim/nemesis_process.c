/* nemesis_process.c: nodes in trouble: they crash, pause, run out of memory and of room for
 * calls. */
#include <inttypes.h>

#include <node/kernel/state.h>
#include <raft/state.h>

#include "nemesis.h"

#define OUTAGE_NS (12 * SECOND) /* long enough for the log to be purged meanwhile */
#define AWAKE_NS (3 * SECOND)   /* what a node that paused has to make up for */
#define STALL_NS (4 * SECOND)   /* how long a thread stands still at most */
#define SLOW_WORKER_NS (8 * SECOND)
#define LATE_NS (20 * SECOND)
#define LATE_LOOK_NS (5 * MS)
#define ALLOCATIONS_MAX 400 /* one of the next so many fails */
#define CALLS_LEFT 2        /* room in a full queue */
#define CLIENT_CALLS_LEFT 1 /* and of clients' */

void strike_crash(struct sim *s, enum sim_fault fault) {
  uint64_t ns = fault == SIM_FAULT_OUTAGE ? OUTAGE_NS : nemesis_some(s, 10 * MS, 3 * SECOND);
  rkv_node_id one = nemesis_id(s);
  sim_mark(s, fault, ns);
  for (rkv_node_id id = 1; id <= SIM_NODES; id++)
    if (fault == SIM_FAULT_STORM ? world_random(s->w) % 3 != 0 : id == one)
      process_crash(s, id, fault == SIM_FAULT_OUTAGE ? ns : nemesis_some(s, 10 * MS, ns));
}

/* Inside a lease: the leader stops for about as long as its voters owe it one. */
void strike_pause(struct sim *s, enum sim_fault fault) {
  bool leader = fault == SIM_FAULT_PAUSE_LEADER;
  uint64_t max = world_options(s->w)->election_max_ns;
  uint64_t ns = leader ? nemesis_some(s, max / 4, 2 * max) : nemesis_some(s, 100 * MS, 4 * SECOND);
  rkv_node_id id = leader ? nemesis_leader(s) : nemesis_id(s);
  sim_mark(s, fault, ns + AWAKE_NS);
  sim_tell(s, "trouble: node %" PRIu64 " pauses for %" PRIu64 " ms", id, ns / MS);
  world_pause(s->w, id, ns);
}

/* core/raft allocates seldom: its very next one. */
void strike_memory(struct sim *s, enum sim_fault fault) {
  bool of_raft = world_random(s->w) % 2;
  uint64_t nth = of_raft ? 1 : 1 + world_random(s->w) % ALLOCATIONS_MAX;
  sim_mark(s, fault, SECOND);
  sim_tell(s, "trouble: allocation %" PRIu64 " of %s fails", nth, of_raft ? "raft" : "node");
  memory_fail(of_raft ? MEMORY_OF_RAFT : MEMORY_OF_NODE, nth);
}

static void calm_threads(struct world *w, void *arg) {
  (void)arg;
  world_faults(w)->stall_ppm = 0;
  world_faults(w)->slow_worker = 0;
}

/* A loop's thread that stands still inside a batch; a worker whose every job takes long. */
void strike_threads(struct sim *s, enum sim_fault fault) {
  struct world_faults *f = world_faults(s->w);
  uint64_t ns = nemesis_some(s, 500 * MS, 5 * SECOND);
  f->slow_job_max_ns = NEMESIS_JOB_NS;
  f->stall_max_ns = STALL_NS;
  if (fault == SIM_FAULT_STALL) f->stall_ppm = (uint32_t)nemesis_some(s, 1000, 20000);
  if (fault == SIM_FAULT_SLOW_WORKER) {
    ns += SLOW_WORKER_NS;
    f->slow_worker = nemesis_leader(s);
  }
  sim_mark(s, fault, ns);
  sim_tell(s, "trouble: %s for %" PRIu64 " ms", sim_fault_names[fault], ns / MS);
  world_at(s->w, s->w->now_ns + ns, calm_threads, s);
}

/* A leader that has yet to apply, and answer, what is committed. */
static rkv_node_id late_leader(struct sim *s) {
  for (rkv_node_id id = 1; id <= SIM_NODES; id++) {
    const struct node *n = sim_node_of(s, id);
    if (n && n->raft->role == RAFT_LEADER && n->apply.fetching && n->propose.pending.count > 0)
      return id;
  }
  return 0;
}

/* Once there is one, it applies slowly, and the others go on without it. */
static void look_for_late(struct world *w, void *arg) {
  struct sim *s = arg;
  rkv_node_id id = late_leader(s);
  if (s->healing || s->active[SIM_FAULT_LATE_LEADER] <= w->now_ns) return;
  if (id == 0) {
    world_at(w, w->now_ns + LATE_LOOK_NS, look_for_late, s);
    return;
  }
  sim_tell(s, "trouble: leader %" PRIu64 " applies late, and is cut off", id);
  sim_count(s, SIM_EFFECT_LATE_LEADER);
  uint64_t ns = nemesis_some(s, 4 * SECOND, 4 * SECOND);
  world_faults(w)->slow_job_ppm = s->slow_job_ppm;
  world_faults(w)->slow_worker = id;
  world_faults(w)->slow_job_max_ns = NEMESIS_JOB_NS;
  world_isolate(w, id, true);
  world_at(w, w->now_ns + ns, nemesis_heal_cuts, s);
  world_at(w, w->now_ns + ns + SLOW_WORKER_NS, calm_threads, s);
}

/* After a start everything behind the snapshot is applied once more: the longer it is, the
 * later. */
void strike_late(struct sim *s, enum sim_fault fault) {
  sim_tell(s, "trouble: %s", sim_fault_names[fault]);
  sim_mark(s, fault, LATE_NS);
  world_faults(s->w)->slow_job_ppm = 1000000;
  for (rkv_node_id id = 1; id <= SIM_NODES; id++)
    process_crash(s, id, nemesis_some(s, 10 * MS, 500 * MS));
  world_at(s->w, s->w->now_ns + LATE_LOOK_NS, look_for_late, s);
}

static bool wipe(struct sim *s, enum sim_fault fault) {
  uint64_t ns = nemesis_some(s, 10 * MS, 3 * SECOND);
  if (!wipe_some(s, nemesis_id(s), ns)) return false;
  sim_mark(s, fault, ns + NEMESIS_LOST_NS);
  return true;
}

void strike_wipe(struct sim *s, enum sim_fault fault) {
  nemesis_until_done(s, fault, wipe);
}

/* ---- full queues ---- */

/* As if so many calls less, or more, were left of each budget. */
static void fill_queues(struct sim *s, rkv_node_id id, bool fill) {
  struct node *n = sim_node_of(s, id);
  for (int i = NODE_BUDGET_CLIENT + 1; i < NODE_BUDGETS; i++) {
    atomic_uint_fast64_t *calls = &n->budgets.calls[i];
    uint64_t max = budget_max((enum node_budget)i);
    if (fill)
      s->nodes[id].full_calls[i] = *calls < max - CALLS_LEFT ? max - CALLS_LEFT - *calls : 0;
    if (fill)
      atomic_fetch_add(calls, s->nodes[id].full_calls[i]);
    else
      atomic_fetch_sub(calls, s->nodes[id].full_calls[i]);
  }
}

static void empty_queues(struct sim *s, rkv_node_id id) {
  struct node *n = sim_node_of(s, id);
  if (n && s->nodes[id].full_life == s->w->nodes[id].life) {
    n->options.inbox_max = s->w->options.inbox_max;
    fill_queues(s, id, false);
  }
  s->nodes[id].full_life = 0;
}

void nemesis_calm_queues(struct sim *s) {
  for (rkv_node_id id = 1; id <= SIM_NODES; id++) empty_queues(s, id);
}

static void on_empty(struct world *w, void *arg) {
  (void)w;
  nemesis_calm_queues(arg);
}

/* As if so many calls waited there already. */
void strike_queues(struct sim *s, enum sim_fault fault) {
  uint64_t ns = nemesis_some(s, 500 * MS, 3 * SECOND);
  rkv_node_id id = nemesis_leader(s);
  struct node *n = sim_node_of(s, id);
  if (!n || s->nodes[id].full_life != 0) return;
  s->nodes[id].full_life = s->w->nodes[id].life;
  n->options.inbox_max = CLIENT_CALLS_LEFT;
  fill_queues(s, id, true);
  sim_mark(s, fault, ns);
  sim_tell(s, "trouble: the queues of node %" PRIu64 " are full", id);
  world_at(s->w, s->w->now_ns + ns, on_empty, s);
}
