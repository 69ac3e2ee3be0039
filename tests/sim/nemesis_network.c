/* nemesis_network.c: messages and connections in trouble. */
#include <inttypes.h>

#include "nemesis.h"

#define RESETS_PPM 150000     /* of each step of a snapshot's stream, whatever else happens */
#define CREEPS_PPM 100000     /* of each chunk: it comes late, as of a leader that dribbles ... */
#define CREEP_NS (8 * SECOND) /* ... and may be deposed meanwhile */

void nemesis_heal_cuts(struct world *w, void *arg) {
  (void)arg;
  for (rkv_node_id id = 1; id <= SIM_NODES; id++) world_isolate(w, id, false);
}

static void calm_messages(struct world *w, void *arg) {
  struct sim *s = arg;
  const struct world_faults *f = world_faults(w);
  *world_faults(w) = (struct world_faults){.slow_max_ns = 1,
                                           .reset_ppm = s->healing ? 0 : RESETS_PPM,
                                           .creep_ppm = s->healing ? 0 : CREEPS_PPM,
                                           .creep_max_ns = CREEP_NS,
                                           .slow_job_ppm = s->healing ? 0 : s->slow_job_ppm,
                                           .slow_job_max_ns = NEMESIS_JOB_NS,
                                           .slow_worker = f->slow_worker,
                                           .stall_ppm = f->stall_ppm,
                                           .stall_max_ns = f->stall_max_ns};
}

static void calm_links(struct world *w, void *arg) {
  (void)arg;
  for (rkv_node_id from = 1; from <= SIM_NODES; from++)
    for (rkv_node_id to = 1; to <= SIM_NODES; to++) world_slow_link(w, from, to, 0);
}

void nemesis_calm_network(struct sim *s) {
  nemesis_heal_cuts(s->w, s);
  calm_messages(s->w, s);
  calm_links(s->w, s);
}

/* Each node hears only its neighbours. */
static void cut_ring(struct world *w) {
  for (rkv_node_id a = 1; a <= SIM_NODES; a++)
    for (rkv_node_id b = 1; b <= SIM_NODES; b++)
      world_cut(w, a, b, a != b && (a % SIM_NODES) + 1 != b && (b % SIM_NODES) + 1 != a);
}

/* The leader and one more on one side, three on the other. */
static void cut_minority(struct sim *s, rkv_node_id leader) {
  rkv_node_id other = 1 + (leader + world_random(s->w) % (SIM_NODES - 1)) % SIM_NODES;
  for (rkv_node_id a = 1; a <= SIM_NODES; a++)
    for (rkv_node_id b = 1; b <= SIM_NODES; b++)
      world_cut(s->w, a, b, (a == leader || a == other) != (b == leader || b == other));
}

void strike_cut(struct sim *s, enum sim_fault fault) {
  struct world *w = s->w;
  uint64_t ns = nemesis_some(s, 200 * MS, 5 * SECOND);
  bool leader = fault == SIM_FAULT_ISOLATE_LEADER || fault == SIM_FAULT_MINORITY;
  rkv_node_id id = leader ? nemesis_leader(s) : nemesis_id(s);
  switch (fault) {
  case SIM_FAULT_CUT: world_cut(w, id, id % SIM_NODES + 1, true); break;
  case SIM_FAULT_RING: cut_ring(w); break;
  case SIM_FAULT_MINORITY: cut_minority(s, id); break;
  default: world_isolate(w, id, true); break;
  }
  sim_mark(s, fault, ns);
  sim_tell(s, "trouble: %s (node %" PRIu64 ") for %" PRIu64 " ms", sim_fault_names[fault], id,
           ns / MS);
  world_at(w, w->now_ns + ns, nemesis_heal_cuts, s);
}

void strike_messages(struct sim *s, enum sim_fault fault) {
  uint64_t ns = nemesis_some(s, 500 * MS, 5 * SECOND);
  struct world_faults *f = world_faults(s->w);
  uint32_t ppm = (uint32_t)nemesis_some(s, 10000, 200000);
  f->slow_max_ns = nemesis_some(s, MS, 6 * SECOND);
  f->stale_max_ns = 10 * SECOND;
  if (fault == SIM_FAULT_DROP) f->drop_ppm = ppm;
  if (fault == SIM_FAULT_DOUBLE) f->double_ppm = ppm;
  if (fault == SIM_FAULT_SLOW) f->slow_ppm = ppm;
  if (fault == SIM_FAULT_STALE) f->stale_ppm = ppm;
  sim_mark(s, fault, ns + (fault == SIM_FAULT_STALE ? f->stale_max_ns / 2 : 0));
  sim_tell(s, "trouble: %s %u ppm for %" PRIu64 " ms", sim_fault_names[fault], ppm, ns / MS);
  world_at(s->w, s->w->now_ns + ns, calm_messages, s);
}

void strike_slow_link(struct sim *s, enum sim_fault fault) {
  uint64_t ns = nemesis_some(s, SECOND, 5 * SECOND), delay = nemesis_some(s, MS, 400 * MS);
  rkv_node_id from = nemesis_id(s), to = 1 + (from + world_random(s->w) % 4) % SIM_NODES;
  world_slow_link(s->w, from, to, delay);
  if (world_random(s->w) % 2) world_slow_link(s->w, to, from, delay);
  sim_mark(s, fault, ns);
  sim_tell(s, "trouble: %s from %" PRIu64 " to %" PRIu64 " by up to %" PRIu64 " ms",
           sim_fault_names[fault], from, to, delay / MS);
  world_at(s->w, s->w->now_ns + ns, calm_links, s);
}

static void reset_one(struct world *w, void *arg) {
  struct sim *s = arg;
  rkv_node_id from = nemesis_leader(s), to = nemesis_id(s);
  if (s->failed || s->healing) return;
  if (world_random(w) % 3 == 0) from = nemesis_id(s);
  sim_tell(s, "trouble: the connection from %" PRIu64 " to %" PRIu64 " is reset", from, to);
  if (from != to) world_reset(w, from, to);
}

void strike_resets(struct sim *s, enum sim_fault fault) {
  uint64_t ns = 2 * SECOND;
  sim_mark(s, fault, ns);
  for (int i = 0; i < 20; i++) world_at(s->w, s->w->now_ns + world_random(s->w) % ns, reset_one, s);
}
