/* foreign.c: a node of another cluster that has the addresses of this one: whatever it asks is
 * refused, and changes nothing. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <node/internal.h>

#include "nemesis.h"

enum { CALLS = 4 };

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
  case 2:
    f->u.append.vote = vote;
    api->append(api->ctx, &f->u.append);
    break;
  default:
    f->u.timeout_now.vote = vote;
    api->timeout_now(api->ctx, &f->u.timeout_now);
    break;
  }
}

static void check_one(struct sim *s, rkv_node_id id, int kind) {
  struct node *n = sim_node_of(s, id);
  struct raft_view before, after;
  struct foreign *f = calloc(1, sizeof *f);
  assert(f);
  raft_view(n->raft, &before);
  f->envelope = (struct rkv_envelope){.cluster = {1 + world_random(s->w), 1}, .to = id};
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
  if (f->status == RKV_FOREIGN) sim_count(s, SIM_EFFECT_FOREIGN);
  if (f->done) free(f); /* else the node still knows it, and the seed has failed */
}

void strike_foreign(struct sim *s, enum sim_fault fault) {
  sim_tell(s, "trouble: %s", sim_fault_names[fault]);
  sim_mark(s, fault, SECOND);
  for (rkv_node_id id = 1; id <= SIM_NODES; id++)
    for (int kind = 0; kind < CALLS && !s->failed; kind++) {
      struct node *n = sim_node_of(s, id);
      if (n && n->identity.settled && s->w->nodes[id].paused_until_ns <= s->w->now_ns)
        check_one(s, id, kind);
    }
}
