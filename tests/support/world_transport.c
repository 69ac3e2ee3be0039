/* world_transport.c: a transport that hands calls from node to node in virtual time.
 *
 * A call on its way is a relay: the receiver sees the relay's own call struct, and the sender's
 * call ends when the receiver has answered, or when the way is cut. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "world_internal.h"

#define DELAY_MIN_NS UINT64_C(50000)
#define DELAY_SPREAD_NS UINT64_C(400000)

struct link {
  struct world *world;
  rkv_node_id from, to;
};

enum relay_kind { RELAY_VOTE, RELAY_APPEND, RELAY_BEGIN, RELAY_WRITE, RELAY_FINISH, RELAY_ABORT };

union any_call {
  struct rkv_call call;
  struct rkv_vote_call vote;
  struct rkv_append_call append;
  struct rkv_snapshot_call snapshot;
};

struct relay {
  union any_call inner; /* first: what the receiver sees */
  struct world *world;
  rkv_node_id from, to;
  unsigned from_life, to_life;
  enum relay_kind kind;
  union any_call *outer; /* the sender's */
  enum rkv_status status;
  struct rkv_error error;
};

static uint64_t delay(struct world *w) {
  return DELAY_MIN_NS + world_random(w) % DELAY_SPREAD_NS;
}

/* The answer arrives at the sender. */
static void arrive(struct world *w, void *arg) {
  struct relay *r = arg;
  struct world_node *from = &w->nodes[r->from];
  assert(from->running && from->life == r->from_life); /* world_stop waits for it */
  if (r->status == RKV_OK && (w->cut[r->to][r->from] || w->cut[r->from][r->to]))
    r->status = rkv_fail(&r->error, RKV_TIMEOUT, "cut");
  struct rkv_call head = r->outer->call;
  if (r->kind == RELAY_VOTE) r->outer->vote = r->inner.vote;
  if (r->kind == RELAY_APPEND) r->outer->append = r->inner.append;
  if (r->kind >= RELAY_BEGIN) r->outer->snapshot = r->inner.snapshot;
  r->outer->call = head;
  from->pending--;
  r->outer->call.done(&r->outer->call, r->status, r->status == RKV_OK ? NULL : &r->error);
  node_kick(from->node);
  free(r);
}

static void answered(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  struct relay *r = (struct relay *)call;
  r->status = status;
  if (error) r->error = *error;
  world_at(r->world, r->world->now_ns + delay(r->world), arrive, r);
}

static void deliver(struct world *w, void *arg) {
  struct relay *r = arg;
  struct world_node *to = &w->nodes[r->to];
  struct rkv_error error;
  bool lost = !to->running || to->life != r->to_life || w->cut[r->from][r->to];
  if (lost) {
    enum rkv_status status = rkv_fail(&error, RKV_UNAVAILABLE, "cut");
    return answered(&r->inner.call, status, &error);
  }
  const struct rkv_node_api *api = node_api(to->node);
  switch (r->kind) {
  case RELAY_VOTE: api->vote(api->ctx, &r->inner.vote); break;
  case RELAY_APPEND: api->append(api->ctx, &r->inner.append); break;
  case RELAY_BEGIN: api->snapshot_begin(api->ctx, &r->inner.snapshot); break;
  case RELAY_WRITE: api->snapshot_write(api->ctx, &r->inner.snapshot); break;
  case RELAY_FINISH: api->snapshot_finish(api->ctx, &r->inner.snapshot); break;
  case RELAY_ABORT: api->snapshot_abort(api->ctx, &r->inner.snapshot); break;
  }
  api->kick(api->ctx);
}

static void send_call(void *peer, union any_call *outer, enum relay_kind kind) {
  struct link *link = peer;
  struct world *w = link->world;
  struct relay *r = calloc(1, sizeof *r);
  assert(r);
  if (kind == RELAY_VOTE) r->inner.vote = outer->vote;
  if (kind == RELAY_APPEND) r->inner.append = outer->append;
  if (kind >= RELAY_BEGIN) r->inner.snapshot = outer->snapshot;
  r->inner.call.done = answered;
  r->world = w;
  r->from = link->from;
  r->to = link->to;
  r->from_life = w->nodes[link->from].life;
  r->to_life = w->nodes[link->to].life;
  r->kind = kind;
  r->outer = outer;
  w->nodes[link->from].pending++;
  world_at(w, w->now_ns + delay(w), deliver, r);
}

static void send_vote(void *peer, struct rkv_vote_call *call) {
  send_call(peer, (union any_call *)call, RELAY_VOTE);
}

static void send_append(void *peer, struct rkv_append_call *call) {
  send_call(peer, (union any_call *)call, RELAY_APPEND);
}

static void send_begin(void *peer, struct rkv_snapshot_call *call) {
  send_call(peer, (union any_call *)call, RELAY_BEGIN);
}

static void send_write(void *peer, struct rkv_snapshot_call *call) {
  send_call(peer, (union any_call *)call, RELAY_WRITE);
}

static void send_finish(void *peer, struct rkv_snapshot_call *call) {
  send_call(peer, (union any_call *)call, RELAY_FINISH);
}

static void send_abort(void *peer, struct rkv_snapshot_call *call) {
  send_call(peer, (union any_call *)call, RELAY_ABORT);
}

static enum rkv_status peer_open(void *transport, rkv_node_id id, const char *addr, void **peer,
                                 struct rkv_error *error) {
  struct world_node *self = transport;
  (void)addr;
  if (id > WORLD_NODES_MAX) return rkv_fail(error, RKV_INVALID, "no such node in this world");
  struct link *link = calloc(1, sizeof *link);
  if (!link) return rkv_fail(error, RKV_NO_MEMORY, "link");
  *link = (struct link){.world = self->world, .from = self->id, .to = id};
  *peer = link;
  return RKV_OK;
}

static void peer_close(void *peer) {
  free(peer); /* relays know nodes by id, not the link */
}

const struct rkv_transport_ops world_transport_ops = {.peer_open = peer_open,
                                                      .peer_close = peer_close,
                                                      .send_vote = send_vote,
                                                      .send_append = send_append,
                                                      .send_snapshot_begin = send_begin,
                                                      .send_snapshot_write = send_write,
                                                      .send_snapshot_finish = send_finish,
                                                      .send_snapshot_abort = send_abort};
