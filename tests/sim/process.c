/* process.c: nodes as processes: they crash, stop themselves, and are started again. */
#include <inttypes.h>

#include <node/kernel/state.h>

#include "sim.h"

#define SECOND UINT64_C(1000000000)
#define RATE_TOGETHER 960 /* clocks of a seed with lease reads: at most 8.4 % apart */
#define RATE_TOGETHER_SPREAD 80
#define FLAP_OPERATIONS 24 /* of the device: those of a start, and some of what follows */
#define JOB_OPERATIONS 10  /* of the device: as many as a job has, or a few more */

static void restart(struct world *w, void *arg) {
  struct world_node *wn = arg;
  process_start(sim_of(w), wn->id);
}

static void start_later(struct sim *s, rkv_node_id id, uint64_t ns) {
  world_at(s->w, s->w->now_ns + ns, restart, &s->w->nodes[id]);
}

void process_start_later(struct sim *s, rkv_node_id id) {
  start_later(s, id, SECOND / 2);
}

/* Its clock, this time: 0.5 to 2 times the world's, or close to it. */
static uint64_t some_rate(struct sim *s) {
  if (s->leases) return RATE_TOGETHER + world_random(s->w) % RATE_TOGETHER_SPREAD;
  return 500 + world_random(s->w) % 1501;
}

/* Settings differ from node to node, and from start to start; but without pre-vote they are equal.
 * A voter that refuses a candidate for its shorter log does not take over its term (OpenRaft's
 * granting rule: the log is asked before the vote is taken). If its own timeout is always the
 * longer one, it campaigns one term behind for ever, and the other one is refused for ever. */
static void choose_election(struct sim *s, rkv_node_id id) {
  struct node_options *o = world_options(s->w);
  if (!s->leases || !o->pre_vote) return;
  unsigned longer = s->timeouts == SIM_TIMEOUTS_ANY    ? (unsigned)(world_random(s->w) % 3)
                    : s->timeouts == SIM_TIMEOUTS_LONG ? 2
                                                       : 0;
  o->election_min_ns = SECOND / 4 << longer;
  o->election_max_ns = 2 * o->election_min_ns;
  if (o->election_min_ns < s->nodes[id].election_min_ns) sim_count(s, SIM_EFFECT_LOWERED);
  s->nodes[id].election_min_ns = o->election_min_ns;
}

/* A node stops itself for its disk, or for memory, or does not start; its supervisor starts it
 * again. */
static bool may_stop(struct sim *s, rkv_node_id id, enum rkv_status status) {
  const struct disk *d = s->nodes[id].disk, *twin = disk_twin(d);
  if (status == RKV_IO || swap_is_dead(s, id)) return true;
  if (status == RKV_CORRUPT) return disk_is_damaged(d) || disk_met_damage(d);
  if (status == RKV_NO_SPACE)
    return disk_counts(d)[DEVICE_COUNT_REFUSED_WRITE] > 0 ||
           disk_counts(twin)[DEVICE_COUNT_REFUSED_WRITE] > 0;
  return status == RKV_NO_MEMORY && s->coverage->effects[SIM_EFFECT_NO_MEMORY] > 0;
}

static void flap(struct sim *s, rkv_node_id id) {
  if (s->healing || s->nodes[id].flaps == 0) return;
  s->nodes[id].flaps--;
  disk_faults(s->nodes[id].disk)->power_after = 1 + world_random(s->w) % FLAP_OPERATIONS;
}

void process_start(struct sim *s, rkv_node_id id) {
  struct rkv_error error = {0};
  struct world_node *wn = &s->w->nodes[id];
  if (wn->running || s->failed || s->nodes[id].refused || s->nodes[id].settling) return;
  sim_tell(s, "node %" PRIu64 " starts", id);
  sim_count(s, SIM_EFFECT_RESTARTS);
  wn->rate = some_rate(s);
  swap_try_other(s, id);
  flap(s, id);
  choose_election(s, id);
  enum rkv_status status = world_try_start(s->w, id, &error);
  if (status == RKV_OK) {
    wipe_whole(s, id);
    return;
  }
  sim_tell(s, "node %" PRIu64 " does not start: %s: %s", id, rkv_status_name(status), error.text);
  if (status == RKV_FOREIGN) {
    swap_settle(s, id);
    return;
  }
  if (status == RKV_CORRUPT && disk_is_damaged(s->nodes[id].disk)) {
    wipe_refused(s, id);
    return;
  }
  if (status != RKV_NO_MEMORY && !may_stop(s, id, status))
    sim_fail(s, "node %" PRIu64 " does not start: %s: %s", id, rkv_status_name(status), error.text);
  swap_crash(s, id);
  start_later(s, id, SECOND / 2);
}

static void crash_awake(struct world *w, void *arg) {
  struct world_node *wn = arg;
  wn->stopping = false;
  process_crash(sim_of(w), wn->id, SECOND / 2);
}

/* Its loop has stood still: from here on it does nothing more. */
static void crash_stalled(struct sim *s, struct world_node *wn) {
  wn->stopping = true;
  s->w->stall_is_over = true;
  node_abandon(wn->node);
  world_at(s->w, s->w->now_ns + 1, crash_awake, wn);
}

/* What the worker is at, or was to do, may be cut off anywhere. */
static void cut_jobs(struct sim *s, rkv_node_id id) {
  struct device_faults *f = disk_faults(s->nodes[id].disk);
  if (!s->w->nodes[id].jobs || f->power_after > 0 || world_random(s->w) % 2) return;
  f->power_after = 1 + world_random(s->w) % JOB_OPERATIONS;
  sim_count(s, SIM_EFFECT_LOST_JOB);
}

void process_crash(struct sim *s, rkv_node_id id, uint64_t outage_ns) {
  struct world_node *wn = &s->w->nodes[id];
  if (!wn->running || wn->stopping) return;
  if (s->w->stalled == id) {
    crash_stalled(s, wn);
    return;
  }
  sim_tell(s, "node %" PRIu64 " crashes", id);
  cut_jobs(s, id);
  world_stop(s->w, id);
  swap_crash(s, id);
  start_later(s, id, outage_ns);
}

void process_look(struct sim *s) {
  for (rkv_node_id id = 1; id <= SIM_NODES; id++)
    if (swap_is_dead(s, id) && s->w->nodes[id].running)
      process_crash(s, id, SECOND / 10 + world_random(s->w) % SECOND);
}

static void crash_failed(struct world *w, void *arg) {
  struct world_node *wn = arg;
  if (wn->running && !wn->stopping && node_fatal_status(wn->node, NULL) != RKV_OK)
    process_crash(sim_of(w), wn->id, SECOND / 2);
}

void process_on_fatal(struct world *w, rkv_node_id id, enum rkv_status status, const char *text) {
  struct sim *s = sim_of(w);
  sim_tell(s, "node %" PRIu64 " stops: %s: %s", id, rkv_status_name(status), text);
  s->coverage->effects[SIM_EFFECT_NO_MEMORY] += memory_failures();
  if (!may_stop(s, id, status))
    sim_fail(s, "node %" PRIu64 " stopped itself: %s: %s", id, rkv_status_name(status), text);
  world_at(w, w->now_ns + 1, crash_failed, &w->nodes[id]);
}
