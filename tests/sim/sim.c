/* sim.c: the life of one seed (sim.h). */
#include "sim.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)
#define HEAL_NS (60 * SECOND)
#define STATES_MAX 2000000
#define SLOW_JOB_STEP_PPM 250000
#define DURABLE_SHARE 3 /* of so many seeds one has machines durable by themselves */

const char *const sim_fault_names[SIM_FAULT_COUNT] = {
#define SIM_FAULT_TEXT(name, text, act) text,
    SIM_FAULT_LIST(SIM_FAULT_TEXT)
#undef SIM_FAULT_TEXT
};

const char *const sim_op_names[SIM_OP_COUNT] = {
#define SIM_OP_TEXT(name, text) text,
    SIM_OP_LIST(SIM_OP_TEXT)
#undef SIM_OP_TEXT
};

const char *const sim_effect_names[SIM_EFFECT_COUNT] = {
#define SIM_EFFECT_TEXT(name, text) text,
    SIM_EFFECT_LIST(SIM_EFFECT_TEXT)
#undef SIM_EFFECT_TEXT
};

struct sim *sim_of(struct world *w) {
  return w->user;
}

void sim_fail(struct sim *s, const char *format, ...) {
  va_list args;
  if (s->failed) return;
  s->failed = true;
  va_start(args, format);
  (void)vsnprintf(s->failure, sizeof s->failure, format, args);
  va_end(args);
}

void sim_tell(struct sim *s, const char *format, ...) {
  va_list args;
  if (!s->trace) return;
  va_start(args, format);
  (void)fprintf(stderr, "%12" PRIu64 " us step %6" PRIu64 " ", s->w->now_ns / 1000, s->step);
  (void)vfprintf(stderr, format, args);
  (void)fputc('\n', stderr);
  va_end(args);
}

void sim_cover(struct sim *s, enum sim_op op) {
  bool quiet = true;
  for (int f = SIM_FAULT_NONE + 1; f < SIM_FAULT_COUNT; f++) {
    if (s->active[f] <= s->w->now_ns) continue;
    s->coverage->pairs[f][op]++;
    quiet = false;
  }
  if (quiet) s->coverage->pairs[SIM_FAULT_NONE][op]++;
}

void sim_mark(struct sim *s, enum sim_fault fault, uint64_t ns) {
  s->active[fault] = s->w->now_ns + ns;
}

void sim_count(struct sim *s, enum sim_effect effect) {
  s->coverage->effects[effect]++;
}

struct node *sim_node_of(struct sim *s, rkv_node_id id) {
  const struct world_node *wn = &s->w->nodes[id];
  return wn->running && !wn->stopping ? wn->node : NULL;
}

rkv_node_id sim_any_node(struct sim *s) {
  rkv_node_id first = 1 + world_random(s->w) % SIM_NODES;
  for (rkv_node_id i = 0; i < SIM_NODES; i++) {
    rkv_node_id id = 1 + (first + i) % SIM_NODES;
    if (sim_node_of(s, id)) return id;
  }
  return 0;
}

/* ---- begin and end ---- */

static void on_step(struct world *w) {
  struct sim *s = sim_of(w);
  s->step++;
  if (!s->failed && w->acted != 0) check_step(s, w->acted);
}

static void begin(struct sim *s) {
  struct world *w = s->w;
  struct node_options *o = world_options(w);
  w->user = s;
  w->on_step = on_step;
  w->on_fatal = process_on_fatal;
  w->on_answer = check_answer;
  w->on_request = check_request;
  w->on_vote_back = edge_on_vote;
  w->on_append_back = edge_on_append;
  w->on_snapshot_back = edge_on_snapshot;
  w->alloc_fails = memory_alloc_fails;
  w->storage = &disk_storage_ops;
  swap_begin(s);
  machine_watch(s);
  s->durable = s->seed % DURABLE_SHARE == 0;
  w->storage_capabilities |= RKV_CAP_DURABLE;
  if (s->durable) w->sm_capabilities |= RKV_CAP_DURABLE;
  o->heartbeat_ns = SECOND / 10;
  o->election_min_ns = SECOND / 2;
  o->election_max_ns = SECOND;
  o->snapshot_after = 20 + world_random(w) % 60;
  o->keep_entries = world_random(w) % 10;
  o->purge_hold_entries = world_random(w) % 30;
  o->hot_tail_bytes_max = 4096;
  o->append_bytes_max = world_random(w) % 2 ? 30000 : 200;
  o->append_entries_max = 1 + world_random(w) % 20;
  o->append_window = 1 + world_random(w) % 4;
  o->pre_vote = world_random(w) % 4 != 0;
  s->slow_job_ppm = (uint32_t)(world_random(w) % 4 * SLOW_JOB_STEP_PPM);
  s->leases = o->lease_reads = world_random(w) % 3 == 0;
  o->check_quorum = world_random(w) % (s->leases ? 2 : 4) != 0; /* else the lease does all alone */
  for (rkv_node_id id = 1; id <= SIM_NODES; id++) {
    s->nodes[id].disk = disk_new(w, id);
    w->nodes[id].user = s->nodes[id].disk;
    process_start(s, id);
  }
}

/* Where everybody stands, with --trace. */
static void tell_all(struct sim *s) {
  for (rkv_node_id id = 1; id <= SIM_NODES && s->trace; id++) {
    if (!s->w->nodes[id].running) continue;
    struct world_metrics m = world_metrics(s->w, id);
    sim_tell(s,
             "node %" PRIu64 " %s term=%" PRIu64 " leader=%" PRIu64 " purged=%" PRIu64
             " applied=%" PRIu64 " committed=%" PRIu64 " last=%" PRIu64,
             id, m.state, m.vote.term, m.leader, m.purged.index, m.applied.index, m.committed.index,
             m.last.index);
    for (uint32_t i = 0; i < m.membership.node_count; i++)
      sim_tell(s, "  knows node %" PRIu64, m.membership.nodes[i].id);
  }
}

static bool all_run(struct sim *s) {
  for (rkv_node_id id = 1; id <= SIM_NODES; id++)
    if (!sim_node_of(s, id) || s->nodes[id].damaged) return false;
  return true;
}

static bool all_quiet(struct world *w, void *arg) {
  struct sim *s = arg;
  (void)w;
  return client_quiet(s) && admin_quiet(s) && all_run(s) && swap_quiet(s);
}

/* Everything is repaired: the cluster must come to agree and to serve. */
static void heal(struct sim *s) {
  struct world *w = s->w;
  s->healing = true;
  sim_tell(s, "healed");
  nemesis_heal(s);
  (void)world_until(w, HEAL_NS, all_quiet, s);
  wipe_strays(s);
  (void)world_until(w, HEAL_NS, all_quiet, s);
  world_run(w, 10 * SECOND);
  (void)world_until(w, HEAL_NS, wipe_is_over, s);
  if (!client_quiet(s) || !admin_quiet(s)) {
    sim_fail(s, "healed, and a call has no answer");
    return;
  }
  if (!swap_quiet(s)) {
    sim_fail(s, "healed, and a swap of a storage has no end");
    return;
  }
  if (!all_run(s)) {
    sim_fail(s, "healed, and a damaged disk was not replaced");
    return;
  }
  if (!world_settle(w)) {
    tell_all(s);
    sim_fail(s, "healed, and the nodes do not agree");
    return;
  }
  quiet_trials(s);
  for (int i = 0; i < 10 && !s->failed; i++) {
    rkv_node_id leader = world_wait_leader(w);
    char key[CLIENT_KEY_MAX];
    (void)snprintf(key, sizeof key, "last-%d", i);
    if (leader == 0 || world_set(w, leader, key, "1").status != RKV_OK ||
        world_read(w, leader, key, RKV_READ_LINEARIZABLE).status != RKV_OK) {
      sim_fail(s, "healed, and the cluster does not serve");
      return;
    }
  }
  if (!world_settle(w)) {
    sim_fail(s, "healed, and the nodes do not agree in the end");
    return;
  }
  astray_check_end(s);
  check_end(s);
}

static void check_history(struct sim *s) {
  uint32_t key;
  switch (history_check(&s->history, STATES_MAX, &key)) {
  case HISTORY_LINEARIZABLE: break;
  case HISTORY_BROKEN: sim_fail(s, "the history of key-%u is not linearizable", key); break;
  case HISTORY_TOO_HARD: sim_fail(s, "the history of key-%u could not be decided", key); break;
  }
}

/* What the devices and the network counted. */
static void sum_up(struct sim *s) {
  static const struct {
    enum sim_effect effect;
    enum device_count count;
  } rows[] = {{SIM_EFFECT_LOST_SECTOR, DEVICE_COUNT_LOST_SECTOR},
              {SIM_EFFECT_TORN_SECTOR, DEVICE_COUNT_TORN_SECTOR},
              {SIM_EFFECT_LOST_PAGE, DEVICE_COUNT_LOST_PAGE},
              {SIM_EFFECT_TORN_PAGE, DEVICE_COUNT_TORN_PAGE},
              {SIM_EFFECT_ZEROED_TAIL, DEVICE_COUNT_ZEROED_TAIL},
              {SIM_EFFECT_LOST_NAME, DEVICE_COUNT_LOST_NAME},
              {SIM_EFFECT_DAMAGE, DEVICE_COUNT_DAMAGE},
              {SIM_EFFECT_REFUSED_WRITE, DEVICE_COUNT_REFUSED_WRITE}};
  uint64_t *effects = s->coverage->effects;
  for (rkv_node_id id = 1; id <= SIM_NODES; id++)
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
      effects[rows[i].effect] += disk_counts(s->nodes[id].disk)[rows[i].count] +
                                 disk_counts(disk_twin(s->nodes[id].disk))[rows[i].count];
  effects[SIM_EFFECT_SLOW_JOB] += s->w->fault_count[WORLD_FAULT_SLOW_JOB];
  effects[SIM_EFFECT_STALL] += s->w->fault_count[WORLD_FAULT_STALL];
  effects[SIM_EFFECT_STALE] += s->w->fault_count[WORLD_FAULT_STALE];
  effects[SIM_EFFECT_CREEP] += s->w->fault_count[WORLD_FAULT_CREEP];
  effects[SIM_EFFECT_STREAM_ENDED] += s->w->fault_count[WORLD_FAULT_ENDED];
  effects[SIM_EFFECT_NO_MEMORY] += memory_failures();
}

static void end(struct sim *s) {
  struct world *w = s->w;
  s->healing = true;
  memory_fail(MEMORY_OF_NODE, 0);
  memory_fail(MEMORY_OF_RAFT, 0);
  sum_up(s);
  for (rkv_node_id id = 1; id <= SIM_NODES; id++)
    if (w->nodes[id].running) world_stop(w, id);
  s->failed = true; /* nothing is started any more */
  machine_unwatch(s);
  world_free(w);
  for (rkv_node_id id = 1; id <= SIM_NODES; id++) disk_free(s->nodes[id].disk);
  client_free(s);
  admin_free(s);
  history_free(&s->history);
  check_log_free(s);
}

bool sim_run(uint64_t seed, uint64_t steps, bool trace, struct sim_coverage *coverage,
             uint64_t *hash, uint64_t *failed_step, char failure[SIM_FAIL_MAX]) {
  struct sim *s = calloc(1, sizeof *s);
  assert(s);
  s->seed = seed;
  s->steps_max = steps;
  s->trace = trace;
  s->coverage = coverage;
  s->w = world_new(seed * UINT64_C(0x9e3779b97f4a7c15) + 1);
  begin(s);
  client_start(s);
  admin_start(s);
  nemesis_start(s);
  found_start(s);
  while (!s->failed && s->step < steps && world_step(s->w, UINT64_MAX)) process_look(s);
  if (!s->failed) heal(s);
  if (!s->failed) check_history(s);
  bool ok = !s->failed;
  *hash = s->hash;
  *failed_step = s->step;
  coverage->steps += s->step;
  memcpy(failure, s->failure, sizeof s->failure);
  end(s);
  free(s);
  return ok;
}
