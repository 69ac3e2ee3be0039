/* foreign.c: a node of another cluster that has the addresses of this one: whatever it asks is
 * refused, and changes nothing. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <node/kernel/fatal.h>
#include <node/kernel/outcome.h>
#include <node/kernel/state.h>
#include <raft/state.h>

#include "nemesis.h"

enum { APPEND = 2, CALLS = 4 };

struct foreign {
  union {
    struct rkv_call call; /* first: what the node knows */
    struct rkv_vote_call vote;
    struct rkv_append_call append;
    struct rkv_timeout_now_call timeout_now;
  } u;
  struct rkv_envelope envelope;
  enum rkv_status status;
  bool done;
};

static void on_done(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  struct foreign *f = (struct foreign *)call;
  (void)error;
  f->status = status;
  f->done = true;
}

/* Its `kind`th call, as a leader or candidate of a much later term makes it. */
static void ask(struct foreign *f, int kind, const struct rkv_node_api *api, rkv_term term) {
  struct rkv_vote vote = {term + 10, SIM_NODES, kind >= 2};
  switch (kind) {
  case 0:
  case 1:
    f->u.vote.vote = vote;
    f->u.vote.last = (struct rkv_log_id){term + 9, UINT32_MAX};
    f->u.vote.transfer = true;
    if (kind == 0) api->vote(api->ctx, &f->u.vote);
    if (kind == 1) api->pre_vote(api->ctx, &f->u.vote);
    break;
  case APPEND:
    f->u.append.vote = vote;
    api->append(api->ctx, &f->u.append);
    break;
  default:
    f->u.timeout_now.vote = vote;
    api->timeout_now(api->ctx, &f->u.timeout_now);
    break;
  }
}

/* Founded by others than this node's: the low half of an id tells (identity.c). */
static struct rkv_cluster_id some_cluster(struct sim *s, const struct node *n) {
  return (struct rkv_cluster_id){1 + world_random(s->w), n->identity.cluster.low ^ 1};
}

static void check_one(struct sim *s, rkv_node_id id, int kind, enum sim_effect effect) {
  struct node *n = sim_node_of(s, id);
  struct raft_view before, after;
  struct foreign *f = calloc(1, sizeof *f);
  assert(f);
  raft_view(n->raft, &before);
  f->envelope = (struct rkv_envelope){.cluster = some_cluster(s, n), .to = id};
  f->u.call.envelope = &f->envelope;
  f->u.call.abi_minor = RKV_ABI_MINOR;
  f->u.call.done = on_done;
  ask(f, kind, node_api(n), before.vote.term);
  node_kick(n);
  raft_view(n->raft, &after);
  bool refused = f->status == RKV_FOREIGN || f->status == RKV_FULL;
  if (!f->done || (!refused && node_fatal_status(n, NULL) == RKV_OK))
    sim_fail(s, "node %" PRIu64 " took a message of another cluster", id);
  if (after.vote.term >= before.vote.term + 10)
    sim_fail(s, "node %" PRIu64 " has a term of another cluster", id);
  if (f->status == RKV_FOREIGN) sim_count(s, effect);
  if (f->done) free(f); /* else the node still knows it, and the seed has failed */
}

/* Its loop takes calls now. */
static bool hears(const struct sim *s, rkv_node_id id) {
  const struct world *w = s->w;
  return w->stalled != id && w->nodes[id].paused_until_ns <= w->now_ns;
}

void strike_foreign(struct sim *s, enum sim_fault fault) {
  sim_tell(s, "trouble: %s", sim_fault_names[fault]);
  sim_mark(s, fault, SECOND);
  for (rkv_node_id id = 1; id <= SIM_NODES; id++)
    for (int kind = 0; kind < CALLS && !s->failed; kind++) {
      struct node *n = sim_node_of(s, id);
      if (n && n->identity.settled && hears(s, id)) check_one(s, id, kind, SIM_EFFECT_FOREIGN);
    }
}

void foreign_look(struct sim *s, rkv_node_id id) {
  const struct node *n = s->w->nodes[id].node;
  struct sim_node *known = &s->nodes[id];
  if (n->identity.settled || !rkv_cluster_id_known(n->identity.cluster) || n->committed.index > 0 ||
      n->raft->saved.index < 2 || node_ending(s->w->nodes[id].node))
    return;
  if (known->stranger_life == s->w->nodes[id].life || s->healing || !hears(s, id)) return;
  known->stranger_life = s->w->nodes[id].life;
  check_one(s, id, APPEND, SIM_EFFECT_FOREIGN_LEADER);
}
