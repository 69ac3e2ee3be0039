/* found.c: how a cluster begins: one administrator, or a start script on every node, which do not
 * know of each other and give the same members or others, while some nodes hear some others.
 *
 * Any two quorums of what they give meet: each holds two of the nodes 1 to 3. So however often it
 * is initialised, there can only be one cluster. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <node/kernel/outcome.h>
#include <node/kernel/state.h>
#include <raft/state.h>

#include "nemesis.h"

#define CALL_NS (4 * SECOND)
#define SCRIPTS_NS (3 * SECOND) /* within which the scripts begin */
#define CUTS_NS (6 * SECOND)    /* after which all hear each other */
#define GREETED_NS (3 * MS)     /* within which nodes that hear each other know who they are */

enum { FIRST_VOTERS = 3 };

struct sim_script {
  struct rkv_init_call call; /* first: what the node knows */
  struct sim *sim;
  rkv_node_id at;
  bool others; /* it gives members of its own choice */
  struct rkv_membership members;
};

static void add(struct rkv_membership *m, rkv_node_id id) {
  char addr[32];
  int len = snprintf(addr, sizeof addr, "node:%" PRIu64, id);
  (void)rkv_config_add(&m->configs[0], id);
  (void)rkv_membership_add_node(m, id, addr, (size_t)len);
}

void found_members(struct sim *s, bool others, struct rkv_membership *m) {
  rkv_node_id missing = others ? world_random(s->w) % (FIRST_VOTERS + 1) : 0;
  rkv_node_id more = others && missing == 0 ? FIRST_VOTERS + world_random(s->w) % 3 : 0;
  *m = (struct rkv_membership){.config_count = 1};
  for (rkv_node_id id = 1; id <= FIRST_VOTERS; id++)
    if (id != missing) add(m, id);
  if (more > FIRST_VOTERS) add(m, more);
}

static void run(struct world *w, void *arg);

static void again(struct sim_script *script) {
  struct world *w = script->sim->w;
  world_at(w, w->now_ns + nemesis_some(script->sim, 100 * MS, SECOND), run, script);
}

static void on_done(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  struct sim_script *script = (struct sim_script *)call;
  sim_tell(script->sim, "script at node %" PRIu64 ": %s %s", script->at, rkv_status_name(status),
           error ? error->text : "");
  again(script);
}

/* Until its node is a member of something. */
static void run(struct world *w, void *arg) {
  struct sim_script *script = arg;
  struct sim *s = script->sim;
  struct node *n = sim_node_of(s, script->at);
  bool done = n && raft_effective(n->raft)->value.config_count > 0;
  if (s->failed || s->healing || done) {
    free(script);
    return;
  }
  if (!n) {
    again(script);
    return;
  }
  found_members(s, script->others, &script->members);
  script->call = (struct rkv_init_call){
      .call = {.done = on_done, .deadline_ns = world_local_ns(&w->nodes[script->at]) + CALL_NS},
      .membership = &script->members};
  sim_cover(s, SIM_OP_INIT);
  node_api(n)->init(node_api(n)->ctx, &script->call);
  world_kick(w, script->at);
}

static void start_script(struct sim *s, rkv_node_id at, bool others, uint64_t at_ns) {
  struct sim_script *script = calloc(1, sizeof *script);
  assert(script);
  *script = (struct sim_script){.sim = s, .at = at, .others = others};
  world_at(s->w, at_ns, run, script);
}

struct cut {
  struct sim *sim;
  rkv_node_id from, to;
};

static void on_heard(struct world *w, void *arg) {
  struct cut *cut = arg;
  world_cut(w, cut->from, cut->to, false);
  free(cut);
}

/* Who hears whom at first. */
static void cut_some(struct sim *s) {
  for (rkv_node_id from = 1; from <= SIM_NODES; from++)
    for (rkv_node_id to = 1; to <= SIM_NODES; to++) {
      if (from == to || world_random(s->w) % 2) continue;
      struct cut *cut = calloc(1, sizeof *cut);
      assert(cut);
      *cut = (struct cut){s, from, to};
      world_cut(s->w, from, to, true);
      world_at(s->w, s->w->now_ns + nemesis_some(s, 0, CUTS_NS), on_heard, cut);
    }
}

static void on_greeted(struct world *w, void *arg) {
  struct sim *s = arg;
  if (!s->failed && !s->healing && world_random(w) % 2) cut_some(s);
}

/* Scripts that begin at one moment: all nodes tell each other who they are, so that each founds a
 * cluster of its own with the very same initial entry; some hear nothing more for a while. */
static void start_at_once(struct sim *s) {
  uint64_t at_ns = s->w->now_ns + nemesis_some(s, 0, SCRIPTS_NS);
  for (rkv_node_id id = 1; id <= FIRST_VOTERS; id++) start_script(s, id, false, at_ns);
  world_at(s->w, at_ns + GREETED_NS, on_greeted, s);
}

static void start_scripts(struct sim *s, bool others) {
  uint64_t now = s->w->now_ns;
  cut_some(s);
  start_script(s, 1, false, now + nemesis_some(s, 0, SCRIPTS_NS));
  for (rkv_node_id id = 2; id <= FIRST_VOTERS + 1; id++)
    if (world_random(s->w) % 4 != 0)
      start_script(s, id, others && world_random(s->w) % 2 == 0,
                   now + nemesis_some(s, 0, SCRIPTS_NS));
}

void found_start(struct sim *s) {
  static const rkv_node_id first[] = {1, 2, 3};
  switch (world_random(s->w) % 6) {
  case 0:
    if (world_init(s->w, 1, first, FIRST_VOTERS).status != RKV_OK) sim_fail(s, "init was refused");
    break;
  case 1: start_at_once(s); break;
  case 2: start_scripts(s, false); break;
  default: start_scripts(s, true); break;
  }
}
