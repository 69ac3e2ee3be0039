/* edge.c: terms and indexes that no elections and no entries explain (core/raft/edge.h), said by a
 * stranger in every kind of request, and in answers: they are refused, and change nothing. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include <node/kernel/outcome.h>
#include <node/kernel/state.h>
#include <raft/edge.h>
#include <raft/limits.h>
#include <raft/state.h>

#include "nemesis.h"

#define BEYOND_MAX 1000
#define ANSWERS_NS (3 * SECOND)
#define ANSWERS 8 /* one of so many is bent */

/* X(NAME, committed, index): a request; its vote is a leader's; the index is odd, not the term. */
#define DOOR_LIST(X)                                                                               \
  X(VOTE, false, false)                                                                            \
  X(VOTE_INDEX, false, true)                                                                       \
  X(TRANSFER_VOTE, false, false)                                                                   \
  X(PRE_VOTE, false, false)                                                                        \
  X(PRE_VOTE_INDEX, false, true)                                                                   \
  X(APPEND, true, false)                                                                           \
  X(APPEND_INDEX, true, true)                                                                      \
  X(SNAPSHOT, true, false)                                                                         \
  X(SNAPSHOT_INDEX, true, true)                                                                    \
  X(TIMEOUT_NOW, true, false)

enum door {
#define DOOR_ENUM(name, committed, index) DOOR_##name,
  DOOR_LIST(DOOR_ENUM)
#undef DOOR_ENUM
      DOOR_COUNT
};

static const struct {
  bool committed, index;
} doors[DOOR_COUNT] = {
#define DOOR_ROW(name, committed, index) {committed, index},
    DOOR_LIST(DOOR_ROW)
#undef DOOR_ROW
};

struct stranger {
  union {
    struct rkv_call call; /* first: what the node knows */
    struct rkv_vote_call vote;
    struct rkv_append_call append;
    struct rkv_snapshot_call snapshot;
    struct rkv_timeout_now_call timeout_now;
  } u;
  struct rkv_envelope envelope;
  enum rkv_status status;
  bool done;
};

static void on_done(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  struct stranger *f = (struct stranger *)call;
  (void)error;
  f->status = status;
  f->done = true;
}

/* ---- what cannot be true ---- */

/* Without room behind it, or a leap; a node that knows nothing takes any leap. */
static rkv_term odd_term(struct sim *s, const struct raft_view *v) {
  rkv_term known = v->vote.term > v->last.term ? v->vote.term : v->last.term;
  if (known > 0 && world_random(s->w) % 2)
    return known + RAFT_TERM_LEAP + 1 + world_random(s->w) % BEYOND_MAX;
  return RAFT_TERM_MAX - world_random(s->w) % RAFT_HEADROOM;
}

static rkv_index odd_index(struct sim *s, const struct raft_view *v) {
  if (world_random(s->w) % 2)
    return v->last.index + RAFT_INDEX_LEAP + 1 + world_random(s->w) % BEYOND_MAX;
  return RAFT_INDEX_MAX - world_random(s->w) % RAFT_HEADROOM;
}

/* ---- requests ---- */

static void ask(struct stranger *f, enum door door, const struct rkv_node_api *api,
                struct rkv_vote vote, struct rkv_log_id last) {
  switch (door) {
  case DOOR_VOTE:
  case DOOR_VOTE_INDEX:
  case DOOR_TRANSFER_VOTE:
    f->u.vote.vote = vote;
    f->u.vote.last = last;
    f->u.vote.transfer = door != DOOR_VOTE;
    api->vote(api->ctx, &f->u.vote);
    break;
  case DOOR_PRE_VOTE:
  case DOOR_PRE_VOTE_INDEX:
    f->u.vote.vote = vote;
    f->u.vote.last = last;
    api->pre_vote(api->ctx, &f->u.vote);
    break;
  case DOOR_APPEND:
  case DOOR_APPEND_INDEX:
    f->u.append.vote = vote;
    f->u.append.prev = last;
    api->append(api->ctx, &f->u.append);
    break;
  case DOOR_SNAPSHOT:
  case DOOR_SNAPSHOT_INDEX:
    f->u.snapshot.vote = vote;
    f->u.snapshot.meta.last = last;
    f->u.snapshot.meta.membership_id = (struct rkv_log_id){0, 1};
    api->snapshot_begin(api->ctx, &f->u.snapshot);
    break;
  case DOOR_TIMEOUT_NOW:
  case DOOR_COUNT:
    f->u.timeout_now.vote = vote;
    f->u.timeout_now.last = last;
    api->timeout_now(api->ctx, &f->u.timeout_now);
    break;
  }
}

/* It speaks as one of this node's cluster does. */
static void try_door(struct sim *s, rkv_node_id id, enum door door) {
  struct node *n = sim_node_of(s, id);
  struct raft_view view;
  struct stranger *f = calloc(1, sizeof *f);
  assert(f);
  raft_view(n->raft, &view);
  struct rkv_vote vote = {view.vote.term + 1, 1 + id % SIM_NODES, doors[door].committed};
  struct rkv_log_id last = {view.last.term, view.last.index + 1};
  if (doors[door].index)
    last = (struct rkv_log_id){vote.term, odd_index(s, &view)};
  else
    vote.term = odd_term(s, &view);
  f->envelope = (struct rkv_envelope){.cluster = n->identity.cluster, .to = id};
  f->u.call.envelope = &f->envelope;
  f->u.call.abi_minor = RKV_ABI_MINOR;
  f->u.call.done = on_done;
  ask(f, door, node_api(n), vote, last);
  node_kick(n);
  bool short_of = f->status == RKV_FULL || node_fatal_status(n, NULL) != RKV_OK;
  if (!f->done || (f->status != RKV_INVALID && !short_of))
    sim_fail(s, "node %" PRIu64 " believes term %" PRIu64 " and index %" PRIu64 " (request %d): %s",
             id, vote.term, last.index, door, f->done ? rkv_status_name(f->status) : "no answer");
  if (f->status == RKV_INVALID) sim_count(s, SIM_EFFECT_EDGE);
  if (f->done) free(f); /* else the node still knows it, and the seed has failed */
}

void strike_edge(struct sim *s, enum sim_fault fault) {
  sim_tell(s, "trouble: %s", sim_fault_names[fault]);
  sim_mark(s, fault, ANSWERS_NS);
  for (rkv_node_id id = 1; id <= SIM_NODES; id++)
    for (int door = 0; door < DOOR_COUNT && !s->failed; door++)
      if (sim_node_of(s, id) && s->w->stalled != id &&
          s->w->nodes[id].paused_until_ns <= s->w->now_ns)
        try_door(s, id, (enum door)door);
}

/* ---- answers ---- */

/* Some answers arrive as a refusal by who stands at the edge. */
static bool bends(struct sim *s, rkv_node_id to) {
  if (s->active[SIM_FAULT_EDGE] <= s->w->now_ns || s->healing || !sim_node_of(s, to)) return false;
  if (world_random(s->w) % ANSWERS != 0) return false;
  sim_count(s, SIM_EFFECT_EDGE_ANSWER);
  return true;
}

static struct rkv_vote odd_vote(struct sim *s, rkv_node_id to) {
  struct raft_view view;
  raft_view(sim_node_of(s, to)->raft, &view);
  return (struct rkv_vote){odd_term(s, &view), nemesis_id(s), world_random(s->w) % 2};
}

void edge_on_vote(struct world *w, rkv_node_id to, struct rkv_vote_call *answer) {
  struct sim *s = sim_of(w);
  if (!bends(s, to)) return;
  answer->granted = false;
  answer->voter_vote = odd_vote(s, to);
}

void edge_on_append(struct world *w, rkv_node_id to, struct rkv_append_call *answer) {
  struct sim *s = sim_of(w);
  if (!bends(s, to)) return;
  answer->voter_vote = odd_vote(s, to);
  if (world_random(w) % 2)
    answer->result = RKV_APPEND_REJECTED;
  else
    answer->matched.index = RAFT_INDEX_MAX - world_random(w) % RAFT_HEADROOM;
}

void edge_on_snapshot(struct world *w, rkv_node_id to, struct rkv_snapshot_call *answer) {
  struct sim *s = sim_of(w);
  if (bends(s, to)) answer->voter_vote = odd_vote(s, to);
}
