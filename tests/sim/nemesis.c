/* nemesis.c: the trouble: every while something begins, and most of it ends by itself. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "sim.h"

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)

static uint64_t some(struct sim *s, uint64_t least, uint64_t spread) {
  return least + world_random(s->w) % spread;
}

static rkv_node_id some_id(struct sim *s) {
  return 1 + world_random(s->w) % SIM_NODES;
}

static void heal_network(struct world *w, void *arg) {
  (void)arg;
  for (rkv_node_id id = 1; id <= SIM_NODES; id++) world_isolate(w, id, false);
}

static void cut(struct sim *s, enum sim_fault fault) {
  struct world *w = s->w;
  uint64_t ns = some(s, 200 * MS, 5 * SECOND);
  rkv_node_id leader = world_leader(w), id = some_id(s);
  if (fault == SIM_FAULT_ISOLATE_LEADER && leader != 0) id = leader;
  if (fault == SIM_FAULT_CUT)
    world_cut(w, id, id % SIM_NODES + 1, true);
  else if (fault == SIM_FAULT_RING) /* each hears only its neighbours */
    for (rkv_node_id a = 1; a <= SIM_NODES; a++)
      for (rkv_node_id b = 1; b <= SIM_NODES; b++)
        world_cut(w, a, b, a != b && (a % SIM_NODES) + 1 != b && (b % SIM_NODES) + 1 != a);
  else
    world_isolate(w, id, true);
  sim_mark(s, fault, ns);
  sim_tell(s, "trouble: %s (node %" PRIu64 ") for %" PRIu64 " ms", sim_fault_names[fault], id,
           ns / MS);
  world_at(w, w->now_ns + ns, heal_network, NULL);
}

static void calm_network(struct world *w, void *arg) {
  (void)arg;
  *world_faults(w) = (struct world_faults){.slow_max_ns = 1};
}

static void disturb_messages(struct sim *s, enum sim_fault fault) {
  uint64_t ns = some(s, 500 * MS, 5 * SECOND);
  struct world_faults *f = world_faults(s->w);
  uint32_t ppm = (uint32_t)some(s, 10000, 200000);
  f->slow_max_ns = some(s, MS, 3 * SECOND);
  if (fault == SIM_FAULT_DROP) f->drop_ppm = ppm;
  if (fault == SIM_FAULT_DOUBLE) f->double_ppm = ppm;
  if (fault == SIM_FAULT_SLOW) f->slow_ppm = ppm;
  sim_mark(s, fault, ns);
  sim_tell(s, "trouble: %s %u ppm for %" PRIu64 " ms", sim_fault_names[fault], ppm, ns / MS);
  world_at(s->w, s->w->now_ns + ns, calm_network, NULL);
}

static void crash(struct sim *s, enum sim_fault fault) {
  uint64_t ns = some(s, 10 * MS, 3 * SECOND);
  sim_mark(s, fault, ns);
  for (rkv_node_id id = 1; id <= SIM_NODES; id++)
    if (fault == SIM_FAULT_STORM ? world_random(s->w) % 3 != 0 : id == some_id(s))
      sim_crash(s, id, some(s, 10 * MS, ns));
}

static void disturb_disk(struct sim *s, enum sim_fault fault) {
  uint64_t ns = some(s, 200 * MS, 3 * SECOND);
  rkv_node_id id = some_id(s);
  struct disk_faults *f = disk_faults(s->nodes[id].disk);
  f->slow_sync_max_ns = 5 * SECOND;
  if (fault == SIM_FAULT_SLOW_DISK) f->slow_sync_ppm = 300000;
  if (fault == SIM_FAULT_WRITE_ERROR) f->write_error_ppm = 100000;
  if (fault == SIM_FAULT_SYNC_ERROR) f->sync_error_ppm = 100000;
  sim_mark(s, fault, ns);
  sim_tell(s, "trouble: %s at node %" PRIu64, sim_fault_names[fault], id);
}

static void replace_disk(struct sim *s) {
  uint64_t ns = some(s, 10 * MS, 3 * SECOND);
  if (wipe_some(s, some_id(s), ns)) sim_mark(s, SIM_FAULT_WIPE, ns + 2 * SECOND);
}

static void calm_disks(struct sim *s) {
  for (rkv_node_id id = 1; id <= SIM_NODES; id++)
    *disk_faults(s->nodes[id].disk) = (struct disk_faults){.slow_sync_max_ns = 1};
}

static void strike(struct world *w, void *arg) {
  struct sim *s = arg;
  if (s->failed || s->healing) return;
  enum sim_fault fault = SIM_FAULT_DROP + world_random(w) % (SIM_FAULT_COUNT - SIM_FAULT_DROP);
  calm_disks(s);
  switch (fault) {
  case SIM_FAULT_DROP:
  case SIM_FAULT_DOUBLE:
  case SIM_FAULT_SLOW: disturb_messages(s, fault); break;
  case SIM_FAULT_CUT:
  case SIM_FAULT_ISOLATE:
  case SIM_FAULT_ISOLATE_LEADER:
  case SIM_FAULT_RING: cut(s, fault); break;
  case SIM_FAULT_CRASH:
  case SIM_FAULT_STORM: crash(s, fault); break;
  case SIM_FAULT_PAUSE: {
    uint64_t ns = some(s, 100 * MS, 4 * SECOND);
    rkv_node_id id = some_id(s);
    sim_mark(s, fault, ns);
    sim_tell(s, "trouble: node %" PRIu64 " pauses for %" PRIu64 " ms", id, ns / MS);
    world_pause(w, id, ns);
    break;
  }
  case SIM_FAULT_WIPE: replace_disk(s); break;
  default: disturb_disk(s, fault); break;
  }
  world_at(w, w->now_ns + some(s, 200 * MS, 3 * SECOND), strike, s);
}

void nemesis_start(struct sim *s) {
  calm_network(s->w, NULL);
  calm_disks(s);
  world_at(s->w, s->w->now_ns + some(s, SECOND, 2 * SECOND), strike, s);
}

void nemesis_heal(struct sim *s) {
  calm_network(s->w, NULL);
  calm_disks(s);
  heal_network(s->w, NULL);
}
