/* nemesis_install.c: the commit index passes a leader's snapshot while that becomes durable.
 *
 * A node is cut off until its leader has purged what it lacks and another voter has not. The leader
 * sends its snapshot; while the node's slow worker makes it durable, the other voter takes over and
 * sends entries. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <node/kernel/state.h>
#include <raft/state.h>

#include "nemesis.h"

#define LOOK_NS (5 * MS)
#define TRIAL_NS (15 * SECOND)
#define CALL_NS (2 * SECOND)
#define JOB_NS (800 * MS) /* a slow job takes half of it at least */

struct trial {
  union {
    struct rkv_call call; /* first: what the node knows */
    struct rkv_snapshot_now_call snapshot;
    struct rkv_transfer_call transfer;
  } u;
  struct sim *sim;
  rkv_node_id leader, lagging, other;
  rkv_index last; /* of the snapshot on its way; 0: there is none yet */
  uint64_t end_ns;
  bool busy, handed_over;
};

static void on_done(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  struct trial *t = (struct trial *)call;
  (void)status, (void)error; /* it is tried again, or too late */
  t->busy = false;
}

/* A call to the leader. */
static void prepare(struct trial *t) {
  memset(&t->u, 0, sizeof t->u);
  t->u.call.done = on_done;
  t->u.call.deadline_ns = world_local_ns(&t->sim->w->nodes[t->leader]) + CALL_NS;
  t->busy = true;
}

static void build_snapshot(struct trial *t, const struct node *leader) {
  const struct rkv_node_api *api = node_api(t->sim->w->nodes[t->leader].node);
  if (t->busy || leader->raft->building) return;
  prepare(t);
  api->snapshot_now(api->ctx, &t->u.snapshot);
  world_kick(t->sim->w, t->leader);
}

static void hand_over(struct trial *t) {
  const struct rkv_node_api *api = node_api(t->sim->w->nodes[t->leader].node);
  if (t->busy) return;
  t->handed_over = true;
  prepare(t);
  t->u.transfer.target = t->other;
  api->transfer(api->ctx, &t->u.transfer);
  world_kick(t->sim->w, t->leader);
}

static void calm_worker(struct sim *s) {
  world_faults(s->w)->slow_worker = 0;
  world_faults(s->w)->slow_job_max_ns = NEMESIS_JOB_NS;
}

static void end(struct trial *t) {
  struct sim *s = t->sim;
  world_isolate(s->w, t->lagging, false);
  if (world_faults(s->w)->slow_worker == t->lagging) calm_worker(s);
  s->overtaking = false;
  free(t);
}

/* The lagging node is to get a snapshot of this leader, and the other voter could do without. */
static bool needs_snapshot(const struct raft *leader, const struct raft *lagging) {
  return leader->log.purged.index > lagging->log.last.index;
}

/* True while the trial goes on. */
static bool advance(struct trial *t) {
  struct sim *s = t->sim;
  struct node *leader = sim_node_of(s, t->leader), *lagging = sim_node_of(s, t->lagging);
  struct node *other = sim_node_of(s, t->other);
  if (!leader || !lagging || !other) return false;
  if (t->last > 0 && lagging->receive.installing && lagging->raft->committed.index > t->last) {
    sim_tell(s, "node %" PRIu64 " has committed beyond the snapshot that it installs", t->lagging);
    sim_count(s, SIM_EFFECT_OVERTAKEN);
    return false;
  }
  if (t->handed_over) return true;
  if (leader->raft->role != RAFT_LEADER) return false;
  if (t->last > 0) {
    if (lagging->receive.installing) hand_over(t);
    return true;
  }
  if (other->raft->log.purged.index > lagging->raft->log.last.index) return false;
  world_isolate(s->w, t->lagging, true);
  if (!needs_snapshot(leader->raft, lagging->raft)) {
    if (leader->applied.index > lagging->raft->log.last.index + leader->options.keep_entries + 1)
      build_snapshot(t, leader);
    return true;
  }
  sim_tell(s, "trouble: node %" PRIu64 " is to install a snapshot, slowly", t->lagging);
  t->last = leader->raft->snapshot.index;
  world_faults(s->w)->slow_worker = t->lagging;
  world_faults(s->w)->slow_job_max_ns = JOB_NS;
  world_isolate(s->w, t->lagging, false);
  return true;
}

static void look(struct world *w, void *arg) {
  struct trial *t = arg;
  struct sim *s = t->sim;
  bool over = s->failed || s->healing || w->now_ns >= t->end_ns;
  if (over || s->w->stalled != 0 || !advance(t)) t->end_ns = w->now_ns;
  if (w->now_ns >= t->end_ns && !t->busy) return end(t);
  world_at(w, w->now_ns + LOOK_NS, look, t);
}

/* A voter of this membership beside the two that has purged least, 0 if there is none. */
static rkv_node_id another(struct sim *s, const struct rkv_membership *m, rkv_node_id a,
                           rkv_node_id b) {
  rkv_node_id best = 0;
  for (rkv_node_id id = 1; id <= SIM_NODES; id++) {
    const struct node *n = sim_node_of(s, id);
    if (id == a || id == b || !n || !rkv_membership_is_voter(m, id)) continue;
    if (best == 0 || n->raft->log.purged.index < sim_node_of(s, best)->raft->log.purged.index)
      best = id;
  }
  return best;
}

/* A member other than the leader, 0 if there is none that runs. */
static rkv_node_id follower(struct sim *s, const struct rkv_membership *m, rkv_node_id leader) {
  rkv_node_id first = nemesis_id(s);
  for (rkv_node_id i = 0; i < SIM_NODES; i++) {
    rkv_node_id id = 1 + (first + i) % SIM_NODES;
    if (id != leader && sim_node_of(s, id) && rkv_membership_find(m, id)) return id;
  }
  return 0;
}

static void overtake(struct sim *s, enum sim_fault fault, rkv_node_id leader) {
  const struct rkv_membership *m = &raft_effective(sim_node_of(s, leader)->raft)->value;
  rkv_node_id lagging = follower(s, m, leader), other = another(s, m, leader, lagging);
  if (s->overtaking || other == 0 || lagging == 0) return;
  struct trial *t = calloc(1, sizeof *t);
  assert(t);
  *t = (struct trial){.sim = s,
                      .leader = leader,
                      .lagging = lagging,
                      .other = other,
                      .end_ns = s->w->now_ns + TRIAL_NS};
  s->overtaking = true;
  sim_mark(s, fault, TRIAL_NS / 2);
  sim_tell(s, "trouble: node %" PRIu64 " is to lag behind leader %" PRIu64, lagging, leader);
  look(s->w, t);
}

void strike_overtaken(struct sim *s, enum sim_fault fault) {
  nemesis_await_leader(s, fault, overtake);
}
