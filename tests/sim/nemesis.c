/* nemesis.c: the trouble: every while something begins, and most of it ends by itself. */
#include "nemesis.h"

#include <assert.h>
#include <stdlib.h>

#include <node/kernel/state.h>
#include <raft/state.h>

#define LEADER_NS (8 * SECOND) /* how long one is waited for */
#define LEADER_LOOK_NS (50 * MS)
#define TRY_NS (500 * MS)

uint64_t nemesis_some(struct sim *s, uint64_t least, uint64_t spread) {
  return least + world_random(s->w) % spread;
}

rkv_node_id nemesis_id(struct sim *s) {
  return 1 + world_random(s->w) % SIM_NODES;
}

rkv_node_id nemesis_leader(struct sim *s) {
  rkv_node_id leader = world_leader(s->w);
  return leader != 0 ? leader : nemesis_id(s);
}

void strike_nothing(struct sim *s, enum sim_fault fault) {
  sim_tell(s, "trouble: %s", sim_fault_names[fault]);
}

/* What befalls a leader of fewer voters proves little. */
static rkv_node_id leader_of_three(struct sim *s) {
  for (rkv_node_id id = 1; id <= SIM_NODES; id++) {
    const struct node *n = sim_node_of(s, id);
    if (n && n->raft->role == RAFT_LEADER && raft_effective(n->raft)->value.configs[0].count >= 3)
      return id;
  }
  return 0;
}

/* ---- a strike at a leader of three voters or more ---- */

struct waiting {
  struct sim *sim;
  nemesis_at_leader *act;
  enum sim_fault fault;
  uint64_t until_ns;
};

static void look_for_leader(struct world *w, void *arg) {
  struct waiting *wait = arg;
  struct sim *s = wait->sim;
  rkv_node_id leader = leader_of_three(s);
  bool over = s->failed || s->healing || w->now_ns >= wait->until_ns;
  if (!over && leader == 0) {
    world_at(w, w->now_ns + LEADER_LOOK_NS, look_for_leader, wait);
    return;
  }
  if (!over) wait->act(s, wait->fault, leader);
  free(wait);
}

void nemesis_await_leader(struct sim *s, enum sim_fault fault, nemesis_at_leader *act) {
  struct waiting *wait = malloc(sizeof *wait);
  assert(wait);
  *wait = (struct waiting){s, act, fault, s->w->now_ns + LEADER_NS};
  sim_mark(s, fault, LEADER_NS);
  world_at(s->w, s->w->now_ns + LEADER_LOOK_NS, look_for_leader, wait);
}

/* ---- a strike that is not always safe ---- */

struct trying {
  struct sim *sim;
  nemesis_try *act;
  enum sim_fault fault;
  uint64_t until_ns;
};

static void try_again(struct world *w, void *arg) {
  struct trying *trying = arg;
  struct sim *s = trying->sim;
  bool over = s->failed || s->healing || w->now_ns >= trying->until_ns;
  if (!over && !trying->act(s, trying->fault)) {
    world_at(w, w->now_ns + TRY_NS, try_again, trying);
    return;
  }
  free(trying);
}

void nemesis_until_done(struct sim *s, enum sim_fault fault, nemesis_try *act) {
  struct trying *trying = malloc(sizeof *trying);
  assert(trying);
  *trying = (struct trying){s, act, fault, s->w->now_ns + LEADER_NS};
  try_again(s->w, trying);
}

static void strike(struct world *w, void *arg) {
  static nemesis_act *const acts[] = {
#define NEMESIS_ROW(name, text, act) [SIM_FAULT_##name] = act,
      SIM_FAULT_LIST(NEMESIS_ROW)
#undef NEMESIS_ROW
  };
  struct sim *s = arg;
  if (s->failed || s->healing) return;
  enum sim_fault fault = (enum sim_fault)(world_random(w) % SIM_FAULT_COUNT);
  if (leader_of_three(s) != 0) sim_count(s, SIM_EFFECT_OF_THREE);
  acts[fault](s, fault);
  world_at(w, w->now_ns + nemesis_some(s, 100 * MS, 3 * SECOND), strike, s);
}

void nemesis_start(struct sim *s) {
  nemesis_calm_network(s);
  nemesis_calm_disks(s);
  world_at(s->w, s->w->now_ns + nemesis_some(s, SECOND, 2 * SECOND), strike, s);
}

/* Damage is found when the node starts again. */
void nemesis_heal(struct sim *s) {
  nemesis_calm_network(s);
  *world_faults(s->w) = (struct world_faults){0};
  s->w->to_stall = 0;
  nemesis_calm_queues(s);
  process_look(s);
  nemesis_calm_disks(s);
  memory_fail(MEMORY_OF_NODE, 0);
  memory_fail(MEMORY_OF_RAFT, 0);
  for (rkv_node_id id = 1; id <= SIM_NODES; id++) {
    if (s->w->nodes[id].paused_until_ns > s->w->now_ns) /* it wakes now: checks give it time */
      s->w->nodes[id].paused_until_ns = s->w->now_ns;
    process_start(s, id);
    if (s->nodes[id].damaged) process_crash(s, id, SECOND);
  }
}
