/* admin.c: administrators that do not know of each other: learners, voters, the leader removed,
 * leadership handed over, snapshots; each one call at a time, at whoever is thought to lead. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <node/kernel/outcome.h>
#include <node/kernel/state.h>

#include "sim.h"

#define SECOND UINT64_C(1000000000)
#define THINK_NS UINT64_C(800000000)
#define CALL_NS UINT64_C(8000000000)
#define STRANGER 60 /* ids from here on never belong to the cluster */
#define VOTERS 3    /* with fewer, an administrator mostly adds one */

struct sim_admin {
  union {
    struct rkv_call call; /* first: what the node knows */
    struct rkv_membership_call membership;
    struct rkv_transfer_call transfer;
    struct rkv_snapshot_now_call snapshot;
    struct rkv_init_call init;
    struct rkv_swap_call swap;
  } u;
  struct rkv_membership members; /* of an init */
  struct sim *sim;
  bool busy;
  bool wrong; /* a transfer that can only be refused */
  enum sim_op op;
  rkv_node_id at;
};

static void act(struct world *w, void *arg);

static void think(struct sim_admin *a) {
  struct world *w = a->sim->w;
  world_at(w, w->now_ns + world_random(w) % THINK_NS, act, a);
}

static bool changes_membership(enum sim_op op) {
  return op >= SIM_OP_ADD_LEARNER && op <= SIM_OP_REPLACE_LEADER;
}

static void on_done(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  struct sim_admin *a = (struct sim_admin *)call;
  if (!a->busy) {
    sim_fail(a->sim, "the administrator was answered twice");
    return;
  }
  a->busy = false;
  sim_tell(a->sim, "admin %s at node %" PRIu64 ": %s %s", sim_op_names[a->op], a->at,
           rkv_status_name(status), error ? error->text : "");
  if (status == RKV_OK && changes_membership(a->op)) rkv_buf_drop(&a->u.membership.membership);
  if (status == RKV_OK && a->op == SIM_OP_SWAP) rkv_buf_drop(&a->u.swap.text);
  if (status == RKV_OK && a->wrong)
    sim_fail(a->sim, "leadership was handed to a node that may not lead");
  think(a);
}

/* ---- who votes ---- */

/* Only a config that can do without the disk that was replaced can ever be left again. */
static bool needs_the_weak(const struct sim *s, const struct rkv_config_set *voters) {
  uint32_t weak = 0;
  for (uint32_t i = 0; i < voters->count; i++) weak += s->nodes[voters->ids[i]].weak;
  return weak * 2 >= voters->count && weak > 0;
}

/* A random member that votes, or does not; 0 if there is none. */
static rkv_node_id some_member(struct sim_admin *a, const struct rkv_membership *m, bool votes) {
  uint64_t first = world_random(a->sim->w);
  for (uint32_t i = 0; i < m->node_count; i++) {
    rkv_node_id id = m->nodes[(first + i) % m->node_count].id;
    if (id != a->at && rkv_membership_is_voter(m, id) == votes) return id;
  }
  return 0;
}

/* The voters of the last config without `leaves`, and with `comes`. */
static bool exchange(struct sim_admin *a, const struct rkv_membership *m, rkv_node_id leaves,
                     rkv_node_id comes) {
  const struct rkv_config_set *now = &m->configs[m->config_count - 1];
  struct rkv_config_set *next = &a->u.membership.voters;
  for (uint32_t i = 0; i < now->count; i++)
    if (now->ids[i] != leaves) (void)rkv_config_add(next, now->ids[i]);
  if (comes != 0) (void)rkv_config_add(next, comes);
  return next->count > 0;
}

static bool any_voters(struct sim_admin *a, const struct rkv_membership *m) {
  struct rkv_config_set *voters = &a->u.membership.voters;
  for (uint32_t i = 0; i < m->node_count; i++)
    if (world_random(a->sim->w) % 3 != 0) (void)rkv_config_add(voters, m->nodes[i].id);
  while (needs_the_weak(a->sim, voters)) voters->count--;
  if (voters->count == 0) (void)rkv_config_add(voters, a->at);
  a->u.membership.retain = world_random(a->sim->w) % 2 == 0;
  return true;
}

static bool choose_voters(struct sim_admin *a, const struct rkv_membership *m) {
  rkv_node_id learner = some_member(a, m, false), voter = some_member(a, m, true);
  a->u.membership.retain = world_random(a->sim->w) % 2 == 0;
  switch (a->op) {
  case SIM_OP_PROMOTE: return learner != 0 && exchange(a, m, 0, learner);
  case SIM_OP_DEMOTE: a->u.membership.retain = true; return voter != 0 && exchange(a, m, voter, 0);
  case SIM_OP_REMOVE: a->u.membership.retain = false; return voter != 0 && exchange(a, m, voter, 0);
  case SIM_OP_REPLACE: return voter != 0 && learner != 0 && exchange(a, m, voter, learner);
  case SIM_OP_REMOVE_LEADER: return voter != 0 && exchange(a, m, a->at, 0);
  case SIM_OP_REPLACE_LEADER: return learner != 0 && exchange(a, m, a->at, learner);
  default: return any_voters(a, m);
  }
}

/* ---- what is asked ---- */

/* A node whose disk will be replaced is not taken in again before: nobody could tell its
 * incarnation. */
static bool prepare_learner(struct sim_admin *a) {
  rkv_node_id learner = 1 + world_random(a->sim->w) % SIM_NODES;
  if (a->sim->nodes[learner].damaged) return false;
  a->u.membership.learner.id = learner;
  (void)snprintf(a->u.membership.learner.addr, RKV_ADDR_MAX, "node:%" PRIu64, learner);
  return true;
}

/* Some nodes know an old membership: of a learner it is sure only that the one who leads now, and
 * looks at the call now, refuses it. */
static bool prepare_transfer(struct sim_admin *a, const struct rkv_membership *m) {
  struct sim *s = a->sim;
  rkv_node_id target = 1 + world_random(s->w) % SIM_NODES;
  struct raft_view view;
  raft_view(sim_node_of(s, a->at)->raft, &view);
  bool now = view.role == RAFT_LEADER && s->w->nodes[a->at].paused_until_ns <= s->w->now_ns;
  if (a->op == SIM_OP_TRANSFER_STRANGER) target += STRANGER;
  if (a->op == SIM_OP_TRANSFER_LEARNER) target = some_member(a, m, false);
  if (a->op == SIM_OP_TRANSFER_DEAD) target = some_member(a, m, true);
  if (a->op == SIM_OP_TRANSFER_DEAD && target != 0)
    process_crash(s, target, SECOND + world_random(s->w) % (2 * SECOND));
  a->wrong = target > STRANGER || (now && a->op == SIM_OP_TRANSFER_LEARNER);
  a->u.transfer.target = target;
  return target != 0;
}

/* At any node, whether it was initialised before or has lost its disk since. */
static bool prepare_init(struct sim_admin *a) {
  a->at = sim_any_node(a->sim);
  found_members(a->sim, world_random(a->sim->w) % 2, &a->members);
  a->u.init.membership = &a->members;
  a->u.call.deadline_ns = world_local_ns(&a->sim->w->nodes[a->at]) + CALL_NS;
  return true;
}

/* Of any node, or of one whose log is to be cut: mostly that it moves, or what became of that. */
static bool prepare_swap(struct sim_admin *a) {
  struct world *w = a->sim->w;
  rkv_node_id strayed = swap_strayed(a->sim);
  a->at = strayed != 0 ? strayed : sim_any_node(a->sim);
  a->u.swap.action = world_random(w) % 4 ? RKV_SWAP_BEGIN : (uint32_t)(world_random(w) % 4);
  a->u.swap.plugin = "storage-wal";
  a->u.call.deadline_ns = world_local_ns(&w->nodes[a->at]) + CALL_NS;
  return true;
}

/* False if the cluster is not such that this can be asked. */
static bool prepare(struct sim_admin *a, const struct rkv_membership *m) {
  switch (a->op) {
  case SIM_OP_SNAPSHOT: return true;
  case SIM_OP_INIT: return prepare_init(a);
  case SIM_OP_SWAP: return prepare_swap(a);
  case SIM_OP_ADD_LEARNER: return prepare_learner(a);
  case SIM_OP_TRANSFER:
  case SIM_OP_TRANSFER_LEARNER:
  case SIM_OP_TRANSFER_DEAD:
  case SIM_OP_TRANSFER_STRANGER: return prepare_transfer(a, m);
  default: return choose_voters(a, m) && !needs_the_weak(a->sim, &a->u.membership.voters);
  }
}

static void ask(struct sim_admin *a) {
  const struct rkv_node_api *api = node_api(a->sim->w->nodes[a->at].node);
  sim_cover(a->sim, a->op);
  a->busy = true;
  if (a->op == SIM_OP_SNAPSHOT)
    api->snapshot_now(api->ctx, &a->u.snapshot);
  else if (a->op == SIM_OP_INIT)
    api->init(api->ctx, &a->u.init);
  else if (a->op == SIM_OP_SWAP)
    api->swap_storage(api->ctx, &a->u.swap);
  else if (a->op == SIM_OP_ADD_LEARNER)
    api->add_learner(api->ctx, &a->u.membership);
  else if (changes_membership(a->op))
    api->change_membership(api->ctx, &a->u.membership);
  else
    api->transfer(api->ctx, &a->u.transfer);
  world_kick(a->sim->w, a->at);
}

/* Anything; a learner in a voter's place more often, for learners are rare. What is removed at
 * random would leave one voter most of the time, whose quorum is itself. */
static enum sim_op choose_op(struct sim_admin *a, const struct rkv_membership *m) {
  struct world *w = a->sim->w;
  if (swap_strayed(a->sim) != 0 && world_random(w) % 2) return SIM_OP_SWAP;
  if (m->configs[m->config_count - 1].count < VOTERS && world_random(w) % 4 != 0)
    return some_member(a, m, false) != 0 ? SIM_OP_PROMOTE : SIM_OP_ADD_LEARNER;
  if (some_member(a, m, false) != 0 && world_random(w) % 8 == 0) return SIM_OP_REPLACE;
  return SIM_OP_ADD_LEARNER + world_random(w) % (SIM_OP_PURGE - SIM_OP_ADD_LEARNER);
}

static void act(struct world *w, void *arg) {
  struct sim_admin *a = arg;
  struct sim *s = a->sim;
  if (s->failed || s->healing) return;
  rkv_node_id leader = world_leader(w);
  a->at = leader != 0 && sim_node_of(s, leader) ? leader : sim_any_node(s);
  if (a->at == 0) {
    think(a);
    return;
  }
  struct world_metrics metrics = world_metrics(w, a->at);
  if (metrics.membership.node_count == 0) {
    think(a);
    return;
  }
  memset(&a->u, 0, sizeof a->u);
  a->u.call.done = on_done;
  a->u.call.deadline_ns = world_local_ns(&w->nodes[a->at]) + CALL_NS;
  a->op = choose_op(a, &metrics.membership);
  a->wrong = false;
  if (!prepare(a, &metrics.membership) || !sim_node_of(s, a->at)) {
    think(a);
    return;
  }
  ask(a);
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
    if (s->admins[i]->busy && changes_membership(s->admins[i]->op)) return true;
  return false;
}
