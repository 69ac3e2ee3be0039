/* admin.c: administrators that do not know of each other: learners, voters, the leader removed,
 * leadership handed over, snapshots; each one call at a time, at whoever is thought to lead. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define THINK_NS UINT64_C(800000000)
#define CALL_NS UINT64_C(8000000000)

struct sim_admin {
  union {
    struct rkv_call call; /* first: what the node knows */
    struct rkv_membership_call membership;
    struct rkv_transfer_call transfer;
    struct rkv_snapshot_now_call snapshot;
  } u;
  struct sim *sim;
  bool busy;
  enum sim_op op;
  rkv_node_id at;
};

static void act(struct world *w, void *arg);

static void think(struct sim_admin *a) {
  struct world *w = a->sim->w;
  world_at(w, w->now_ns + world_random(w) % THINK_NS, act, a);
}

static void on_done(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  struct sim_admin *a = (struct sim_admin *)call;
  if (!a->busy) return sim_fail(a->sim, "the administrator was answered twice");
  a->busy = false;
  sim_tell(a->sim, "admin %s at node %" PRIu64 ": %s %s", sim_op_names[a->op], a->at,
           rkv_status_name(status), error ? error->text : "");
  if (status == RKV_OK &&
      (a->op == SIM_OP_ADD_LEARNER || a->op == SIM_OP_CHANGE || a->op == SIM_OP_REMOVE_LEADER))
    rkv_buf_drop(&a->u.membership.membership);
  if (status == RKV_OK && a->op == SIM_OP_BAD_TRANSFER)
    sim_fail(a->sim, "leadership was handed to a node that may not lead");
  think(a);
}

/* Only a config that can do without the disk that was replaced can ever be left again. */
static bool needs_the_weak(const struct sim *s, const struct rkv_config_set *voters) {
  uint32_t weak = 0;
  for (uint32_t i = 0; i < voters->count; i++) weak += s->nodes[voters->ids[i]].weak;
  return weak * 2 >= voters->count && weak > 0;
}

/* A random set of voters among the known nodes. */
static void choose_voters(struct sim_admin *a, const struct rkv_membership *m, bool without_at) {
  struct world *w = a->sim->w;
  struct rkv_config_set *voters = &a->u.membership.voters;
  for (uint32_t i = 0; i < m->node_count; i++)
    if (world_random(w) % 3 != 0 && !(without_at && m->nodes[i].id == a->at))
      (void)rkv_config_add(voters, m->nodes[i].id);
  while (needs_the_weak(a->sim, voters)) voters->count--;
  if (voters->count == 0) (void)rkv_config_add(voters, a->at);
  a->u.membership.retain = world_random(w) % 2 == 0;
}

static void ask_membership(struct sim_admin *a, const struct rkv_node_api *api,
                           const struct rkv_membership *m) {
  rkv_node_id learner = 1 + world_random(a->sim->w) % SIM_NODES;
  if (a->op == SIM_OP_ADD_LEARNER) {
    a->u.membership.learner.id = learner;
    (void)snprintf(a->u.membership.learner.addr, RKV_ADDR_MAX, "node:%" PRIu64, learner);
    api->add_learner(api->ctx, &a->u.membership);
  } else {
    choose_voters(a, m, a->op == SIM_OP_REMOVE_LEADER);
    api->change_membership(api->ctx, &a->u.membership);
  }
}

static void ask_transfer(struct sim_admin *a, const struct rkv_node_api *api,
                         const struct rkv_membership *m) {
  struct world *w = a->sim->w;
  rkv_node_id target = 1 + world_random(w) % SIM_NODES;
  /* Some nodes know an old membership: only ids that never belong here are surely wrong. */
  a->u.transfer.target = a->op == SIM_OP_BAD_TRANSFER ? 60 + target : target;
  (void)m;
  api->transfer(api->ctx, &a->u.transfer);
}

static void act(struct world *w, void *arg) {
  struct sim_admin *a = arg;
  struct sim *s = a->sim;
  if (s->failed || s->healing) return;
  rkv_node_id leader = world_leader(w);
  a->at = leader != 0 ? leader : sim_any_node(s);
  if (a->at == 0) return think(a);
  struct world_metrics metrics = world_metrics(w, a->at);
  memset(&a->u, 0, sizeof a->u);
  a->u.call.done = on_done;
  a->u.call.deadline_ns = world_local_ns(&w->nodes[a->at]) + CALL_NS;
  a->op = SIM_OP_ADD_LEARNER + world_random(w) % (SIM_OP_COUNT - SIM_OP_ADD_LEARNER);
  if (metrics.membership.node_count == 0) return think(a);
  sim_cover(s, a->op);
  a->busy = true;
  const struct rkv_node_api *api = node_api(w->nodes[a->at].node);
  if (a->op == SIM_OP_SNAPSHOT)
    api->snapshot_now(api->ctx, &a->u.snapshot);
  else if (a->op == SIM_OP_TRANSFER || a->op == SIM_OP_BAD_TRANSFER)
    ask_transfer(a, api, &metrics.membership);
  else
    ask_membership(a, api, &metrics.membership);
  world_kick(w, a->at);
}

void admin_start(struct sim *s) {
  for (unsigned i = 0; i < SIM_ADMINS; i++) {
    s->admins[i] = calloc(1, sizeof *s->admins[i]);
    assert(s->admins[i]);
    s->admins[i]->sim = s;
    think(s->admins[i]);
  }
}

bool admin_quiet(struct sim *s) {
  for (unsigned i = 0; i < SIM_ADMINS; i++)
    if (s->admins[i]->busy) return false;
  return true;
}

void admin_free(struct sim *s) {
  for (unsigned i = 0; i < SIM_ADMINS; i++) free(s->admins[i]);
}

bool admin_changes(struct sim *s) {
  for (int i = 0; i < SIM_ADMINS; i++)
    if (s->admins[i]->busy &&
        (s->admins[i]->op == SIM_OP_CHANGE || s->admins[i]->op == SIM_OP_REMOVE_LEADER))
      return true;
  return false;
}
