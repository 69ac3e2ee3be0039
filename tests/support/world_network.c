/* world_network.c: the faults of the network of a simulated cluster (world.h). */
#include "world_internal.h"

#define DELAY_MIN_NS UINT64_C(50000)
#define DELAY_SPREAD_NS UINT64_C(400000)
#define PER_MILLION 1000000
#define TAIL_HALVINGS 12

bool world_chance(struct world *w, uint32_t per_million) {
  return per_million > 0 && world_random(w) % PER_MILLION < per_million;
}

uint64_t world_tail(struct world *w, uint64_t max_ns) {
  uint64_t most = max_ns >> world_random(w) % TAIL_HALVINGS;
  return world_random(w) % (most + 1);
}

uint64_t world_delay(struct world *w, rkv_node_id from, rkv_node_id to) {
  uint64_t delay = DELAY_MIN_NS + world_random(w) % DELAY_SPREAD_NS;
  if (w->slow_link_ns[from][to] > 0) delay += world_random(w) % w->slow_link_ns[from][to];
  if (!world_chance(w, w->faults.slow_ppm)) return delay;
  w->fault_count[WORLD_FAULT_SLOW]++;
  return delay + world_tail(w, w->faults.slow_max_ns);
}

void world_cut(struct world *w, rkv_node_id from, rkv_node_id to, bool cut) {
  w->cut[from][to] = cut;
}

void world_isolate(struct world *w, rkv_node_id id, bool cut) {
  for (rkv_node_id other = 1; other <= WORLD_NODES_MAX; other++)
    if (other != id) w->cut[id][other] = w->cut[other][id] = cut;
}

bool world_is_cut(const struct world *w, rkv_node_id from, rkv_node_id to) {
  return w->cut[from][to];
}

void world_slow_link(struct world *w, rkv_node_id from, rkv_node_id to, uint64_t max_ns) {
  w->slow_link_ns[from][to] = max_ns;
}

struct world_faults *world_faults(struct world *w) {
  return &w->faults;
}
