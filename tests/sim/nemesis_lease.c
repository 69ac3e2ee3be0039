/* nemesis_lease.c: what a lease must survive: a leader whose loop stands still behind its look at
 * the clock, and voters that come back with shorter timeouts just after they promised.
 *
 * In both the others are to elect a leader of their own beside the old one. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include <node/kernel/state.h>
#include <raft/state.h>

#include "nemesis.h"

#define STALL_MIN_NS (5 * SECOND)
#define STALL_SPREAD_NS (5 * SECOND)
#define LOOK_NS (50 * MS)
#define WRITES_NS (500 * MS)    /* after an election the others write for so long ... */
#define READS_NS (700 * MS)     /* ... then the old leader is asked for so long, and goes on */
#define PROMISE_NS (2 * SECOND) /* within which voters with long timeouts have promised again */
#define SHORT_OUTAGE_NS (20 * MS)
#define LOWERED_NS (8 * SECOND)
#define HEARD_NS (300 * MS) /* how long they may hear their leader with shorter timeouts */

/* ---- the leader's loop stands still ---- */

struct standing {
  struct sim *sim;
  rkv_node_id leader;
  rkv_term term;
  uint64_t since_ns; /* somebody else leads and commits; 0: not yet */
  uint64_t end_ns;
};

static bool another_commits(struct sim *s, const struct standing *t) {
  for (rkv_node_id id = 1; id <= SIM_NODES; id++) {
    const struct node *n = id != t->leader ? sim_node_of(s, id) : NULL;
    if (n && n->raft->role == RAFT_LEADER && n->raft->vote.term > t->term &&
        n->raft->committed.term == n->raft->vote.term)
      return true;
  }
  return false;
}

static void stop_standing(struct standing *t) {
  struct sim *s = t->sim;
  if (s->w->to_stall == t->leader) s->w->to_stall = 0;
  if (s->w->stalled == t->leader) s->w->stall_is_over = true;
  s->standing = 0;
  s->asks_standing = false;
  nemesis_heal_cuts(s->w, s);
  free(t);
}

/* Nobody but clients reaches it meanwhile. */
static void look_at_standing(struct world *w, void *arg) {
  struct standing *t = arg;
  struct sim *s = t->sim;
  if (t->since_ns == 0 && w->stalled == t->leader && another_commits(s, t)) t->since_ns = w->now_ns;
  uint64_t since = t->since_ns ? w->now_ns - t->since_ns : 0;
  if (s->failed || s->healing || w->now_ns >= t->end_ns || since >= WRITES_NS + READS_NS)
    return stop_standing(t);
  if (since >= WRITES_NS) s->asks_standing = true;
  world_isolate(w, t->leader, true);
  world_at(w, w->now_ns + LOOK_NS, look_at_standing, t);
}

static void stand_still(struct sim *s, enum sim_fault fault, rkv_node_id leader) {
  const struct node *n = sim_node_of(s, leader);
  if (!n || s->w->stalled != 0 || s->w->to_stall != 0 || s->standing != 0) return;
  struct standing *t = malloc(sizeof *t);
  assert(t);
  uint64_t ns = nemesis_some(s, STALL_MIN_NS, STALL_SPREAD_NS);
  *t = (struct standing){
      .sim = s, .leader = leader, .term = n->raft->vote.term, .end_ns = s->w->now_ns + ns};
  s->standing = s->w->to_stall = leader;
  s->w->to_stall_ns = ns;
  sim_mark(s, fault, ns);
  sim_tell(s, "trouble: the loop of leader %" PRIu64 " is to stand still", leader);
  look_at_standing(s->w, t);
}

void strike_standing(struct sim *s, enum sim_fault fault) {
  nemesis_await_leader(s, fault, stand_still);
}

/* ---- voters come back with shorter timeouts ---- */

static void restart_others(struct sim *s, rkv_node_id leader, enum sim_timeouts timeouts) {
  s->timeouts = timeouts;
  for (rkv_node_id id = 1; id <= SIM_NODES; id++)
    if (id != leader && s->w->stalled != id) process_crash(s, id, nemesis_some(s, MS, 9 * MS));
}

static void on_back(struct world *w, void *arg) {
  (void)arg;
  sim_of(w)->timeouts = SIM_TIMEOUTS_ANY;
}

struct lowering {
  struct sim *sim;
  rkv_node_id leader;
};

static void cut_off(struct world *w, void *arg) {
  struct lowering *l = arg;
  struct sim *s = l->sim;
  if (!s->failed && !s->healing) {
    world_isolate(w, l->leader, true);
    world_at(w, w->now_ns + LOWERED_NS / 2, nemesis_heal_cuts, s);
  }
  free(l);
}

static void on_promised(struct world *w, void *arg) {
  struct lowering *l = arg;
  struct sim *s = l->sim;
  if (s->failed || s->healing || world_leader(w) != l->leader) {
    free(l);
    return;
  }
  sim_tell(s, "trouble: the voters of leader %" PRIu64 " come back with short timeouts", l->leader);
  sim_count(s, SIM_EFFECT_LOWERED_ALL);
  restart_others(s, l->leader, SIM_TIMEOUTS_SHORT);
  world_at(w, w->now_ns + SHORT_OUTAGE_NS, on_back, s);
  world_at(w, w->now_ns + nemesis_some(s, MS, HEARD_NS), cut_off, l);
}

/* First with long ones, so that they promise much. */
static void lower(struct sim *s, enum sim_fault fault, rkv_node_id leader) {
  if (s->timeouts != SIM_TIMEOUTS_ANY) return;
  struct lowering *l = malloc(sizeof *l);
  assert(l);
  *l = (struct lowering){s, leader};
  sim_mark(s, fault, PROMISE_NS + LOWERED_NS);
  sim_tell(s, "trouble: the voters of leader %" PRIu64 " come back with long timeouts", leader);
  restart_others(s, leader, SIM_TIMEOUTS_LONG);
  world_at(s->w, s->w->now_ns + SHORT_OUTAGE_NS, on_back, s);
  world_at(s->w, s->w->now_ns + PROMISE_NS, on_promised, l);
}

void strike_lowering(struct sim *s, enum sim_fault fault) {
  nemesis_await_leader(s, fault, lower);
}
