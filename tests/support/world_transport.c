/* world_transport.c: a transport that hands calls from node to node in virtual time, and loses,
 * delays, doubles and cuts them as the world says (struct world_faults).
 *
 * A relay is one call in flight, but for snapshot streams (world_stream.c). The receiver works on
 * the relay's copy of the call, so that the call may arrive after the sender gave up. The sender's
 * call ends exactly once: answered, timed out, or cancelled because the sender stopped. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "world_internal.h"

struct link {
  struct world *world;
  rkv_node_id from, to;
  struct rkv_envelope envelope; /* that every request carries */
};

enum relay_kind {
  RELAY_VOTE,
  RELAY_PRE_VOTE,
  RELAY_APPEND,
  RELAY_TIMEOUT_NOW,
  RELAY_READ_INDEX,
  RELAY_HELLO
};

union any_call {
  struct rkv_call call;
  struct rkv_vote_call vote;
  struct rkv_append_call append;
  struct rkv_timeout_now_call timeout_now;
  struct rkv_read_index_call read_index;
  struct rkv_hello_call hello;
};

struct relay {
  union any_call inner; /* first: what the receiver sees */
  struct rkv_envelope envelope;
  struct relay *next, **back; /* the sender's list while `outer` waits */
  struct world *world;
  rkv_node_id from, to;
  unsigned refs, from_life, to_life;
  enum relay_kind kind;
  uint64_t patience_ns; /* the sender's, counted from delivery, as in gRPC; 0: endless */
  bool lose_answer;
  bool stale;            /* a copy that reaches whichever life of the node runs then */
  union any_call *outer; /* the sender's call; NULL once it ended */
  enum rkv_status status;
  struct rkv_error error;
};

static void relay_free(struct relay *r) {
  if (--r->refs > 0) return;
  if (r->kind == RELAY_APPEND) {
    struct rkv_entry *entries = (struct rkv_entry *)(uintptr_t)r->inner.append.entries;
    for (size_t i = 0; i < r->inner.append.entry_count; i++) rkv_buf_drop(&entries[i].payload);
    free(entries);
  }
  free(r);
}

/* Copies the answer: the whole struct but for the sender's own fields. */
static void take_answer(union any_call *outer, const struct relay *r) {
  const struct rkv_call call = outer->call;
  switch (r->kind) {
  case RELAY_VOTE:
  case RELAY_PRE_VOTE: outer->vote = r->inner.vote; break;
  case RELAY_APPEND: {
    const struct rkv_entry *entries = outer->append.entries;
    outer->append = r->inner.append;
    outer->append.entries = entries;
    break;
  }
  case RELAY_TIMEOUT_NOW: outer->timeout_now = r->inner.timeout_now; break;
  case RELAY_READ_INDEX: outer->read_index = r->inner.read_index; break;
  case RELAY_HELLO: outer->hello = r->inner.hello; break;
  }
  outer->call = call;
}

static void tell_back(struct relay *r, union any_call *answer) {
  struct world *w = r->world;
  bool vote = r->kind == RELAY_VOTE || r->kind == RELAY_PRE_VOTE;
  if (vote && w->on_vote_back) w->on_vote_back(w, r->from, &answer->vote);
  if (r->kind == RELAY_APPEND && w->on_append_back) w->on_append_back(w, r->from, &answer->append);
}

/* Ends the sender's call, once. */
static void end_outer(struct relay *r, enum rkv_status status, const struct rkv_error *error) {
  union any_call *outer = r->outer;
  if (!outer) return;
  r->outer = NULL;
  *r->back = r->next;
  if (r->next) r->next->back = r->back;
  if (status == RKV_OK) {
    take_answer(outer, r);
    tell_back(r, outer);
  }
  outer->call.done(&outer->call, status, error);
}

/* The answer reaches the sender. */
static void arrive(struct world *w, void *arg) {
  struct relay *r = arg;
  struct rkv_error error;
  rkv_node_id from = r->from;
  if (r->outer) {
    if (world_is_cut(w, r->to, r->from)) r->status = rkv_fail(&r->error, RKV_UNAVAILABLE, "cut");
    error = r->error;
    end_outer(r, r->status, r->status == RKV_OK ? NULL : &error);
  } else {
    from = 0;
  }
  relay_free(r);
  if (from != 0) world_kick_last(w, from);
}

static void on_time_out(struct world *w, void *arg) {
  struct relay *r = arg;
  struct rkv_error error;
  if (r->outer) {
    end_outer(r, rkv_fail(&error, RKV_TIMEOUT, "no answer in time"), &error);
    world_kick(w, r->from);
  }
  relay_free(r);
}

static void answered(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  struct relay *r = (struct relay *)call;
  struct world *w = r->world;
  struct world_node *to = &w->nodes[r->to];
  bool crashed = to->stopping || to->life != r->to_life;
  if (!crashed && status == RKV_OK && w->on_answer)
    w->on_answer(w, r->to, r->from, r->kind == RELAY_VOTE ? &r->inner.vote : NULL,
                 r->kind == RELAY_APPEND ? &r->inner.append : NULL);
  r->status = status;
  if (error) r->error = *error;
  if (crashed || r->lose_answer)
    relay_free(r); /* the answer is lost: a timeout ends the sender's call */
  else
    world_at(w, w->now_ns + world_delay(w, r->to, r->from), arrive, r);
}

static void deliver(struct world *w, void *arg) {
  struct relay *r = arg;
  struct world_node *to = &w->nodes[r->to];
  struct rkv_error error;
  if (world_hold(w, r->to, deliver, r)) return;
  if (r->stale) r->to_life = to->life;
  if (!to->running || to->stopping || to->life != r->to_life || world_is_cut(w, r->from, r->to)) {
    r->status = rkv_fail(&error, RKV_UNAVAILABLE, "cut");
    r->error = error;
    world_at(w, w->now_ns + world_delay(w, r->to, r->from), arrive, r);
    return;
  }
  const struct rkv_node_api *api = node_api(to->node);
  if (r->patience_ns > 0) r->inner.call.deadline_ns = world_local_ns(to) + r->patience_ns;
  switch (r->kind) {
  case RELAY_VOTE: api->vote(api->ctx, &r->inner.vote); break;
  case RELAY_PRE_VOTE: api->pre_vote(api->ctx, &r->inner.vote); break;
  case RELAY_APPEND: api->append(api->ctx, &r->inner.append); break;
  case RELAY_TIMEOUT_NOW: api->timeout_now(api->ctx, &r->inner.timeout_now); break;
  case RELAY_READ_INDEX: api->read_index(api->ctx, &r->inner.read_index); break;
  case RELAY_HELLO: api->hello(api->ctx, &r->inner.hello); break;
  }
  world_kick_last(w, to->id);
}

static void copy_append(struct rkv_append_call *to, const struct rkv_append_call *from) {
  struct rkv_entry *entries = calloc(from->entry_count + 1, sizeof *entries);
  assert(entries);
  *to = *from;
  for (size_t i = 0; i < from->entry_count; i++) {
    entries[i] = from->entries[i];
    entries[i].payload = rkv_buf_share(from->entries[i].payload);
  }
  to->entries = entries;
}

/* Makes a copy of the call that can outlive it. */
static struct relay *relay_new(struct link *link, union any_call *outer, enum relay_kind kind) {
  struct relay *r = calloc(1, sizeof *r);
  assert(r);
  if (kind == RELAY_VOTE || kind == RELAY_PRE_VOTE) r->inner.vote = outer->vote;
  if (kind == RELAY_TIMEOUT_NOW) r->inner.timeout_now = outer->timeout_now;
  if (kind == RELAY_READ_INDEX) r->inner.read_index = outer->read_index;
  if (kind == RELAY_HELLO) r->inner.hello = outer->hello;
  if (kind == RELAY_APPEND) copy_append(&r->inner.append, &outer->append);
  r->envelope = link->envelope;
  r->inner.call.envelope = &r->envelope;
  r->inner.call.abi_minor = RKV_ABI_MINOR;
  r->inner.call.done = answered;
  r->patience_ns = world_patience_ns(&link->world->nodes[link->from], &outer->call);
  r->world = link->world;
  r->from = link->from;
  r->to = link->to;
  r->from_life = link->world->nodes[link->from].life;
  r->to_life = link->world->nodes[link->to].life;
  r->kind = kind;
  r->refs = 1;
  return r;
}

/* Sends a copy that arrives up to `max_ns` late, and whose answer is dropped. */
static struct relay *send_copy(struct link *link, union any_call *outer, enum relay_kind kind,
                               uint64_t max_ns) {
  struct world *w = link->world;
  struct relay *again = relay_new(link, outer, kind);
  again->lose_answer = true;
  uint64_t delay = world_delay(w, link->from, link->to) + world_random(w) % (max_ns + 1);
  world_at(w, w->now_ns + delay, deliver, again);
  return again;
}

static void send_copies(struct link *link, union any_call *outer, enum relay_kind kind) {
  struct world *w = link->world;
  if (world_chance(w, w->faults.double_ppm)) {
    w->fault_count[WORLD_FAULT_DOUBLE]++;
    (void)send_copy(link, outer, kind, w->faults.slow_max_ns);
  }
  if (world_chance(w, w->faults.stale_ppm)) {
    w->fault_count[WORLD_FAULT_STALE]++;
    send_copy(link, outer, kind, w->faults.stale_max_ns)->stale = true;
  }
}

static void send_call(void *peer, union any_call *outer, enum relay_kind kind) {
  struct link *link = peer;
  struct world *w = link->world;
  struct world_node *from = &w->nodes[link->from];
  struct relay *r = relay_new(link, outer, kind);
  if (w->on_request)
    w->on_request(w, link->from, link->to, kind == RELAY_APPEND ? &outer->append : NULL,
                  kind == RELAY_TIMEOUT_NOW ? &outer->timeout_now : NULL);
  r->outer = outer;
  r->next = from->outbound;
  r->back = &from->outbound;
  if (r->next) r->next->back = &r->next;
  from->outbound = r;
  r->refs++;
  world_at(w, world_global_ns(from, outer->call.deadline_ns), on_time_out, r);
  if (world_chance(w, w->faults.drop_ppm)) {
    w->fault_count[WORLD_FAULT_DROP]++;
    relay_free(r);
    return;
  }
  r->lose_answer = world_chance(w, w->faults.drop_ppm);
  world_at(w, w->now_ns + world_delay(w, link->from, link->to), deliver, r);
  send_copies(link, outer, kind);
}

void world_reset(struct world *w, rkv_node_id from, rkv_node_id to) {
  struct rkv_error error;
  w->fault_count[WORLD_FAULT_RESET]++;
  (void)rkv_fail(&error, RKV_UNAVAILABLE, "connection reset");
  for (struct relay *r = w->nodes[from].outbound, *next; r; r = next) {
    next = r->next;
    if (r->to == to) end_outer(r, RKV_UNAVAILABLE, &error);
  }
  world_break_connection(w, from, to);
  world_kick(w, from);
}

void world_cancel_outbound(struct world_node *from) {
  struct rkv_error error;
  (void)rkv_fail(&error, RKV_CANCELLED, "stopped");
  while (from->outbound) end_outer(from->outbound, RKV_CANCELLED, &error);
}

static void send_vote(void *peer, struct rkv_vote_call *call) {
  send_call(peer, (union any_call *)call, RELAY_VOTE);
}

static void send_append(void *peer, struct rkv_append_call *call) {
  send_call(peer, (union any_call *)call, RELAY_APPEND);
}

static void send_pre_vote(void *peer, struct rkv_vote_call *call) {
  send_call(peer, (union any_call *)call, RELAY_PRE_VOTE);
}

static void send_timeout_now(void *peer, struct rkv_timeout_now_call *call) {
  send_call(peer, (union any_call *)call, RELAY_TIMEOUT_NOW);
}

static void send_read_index(void *peer, struct rkv_read_index_call *call) {
  send_call(peer, (union any_call *)call, RELAY_READ_INDEX);
}

static void send_hello(void *peer, struct rkv_hello_call *call) {
  send_call(peer, (union any_call *)call, RELAY_HELLO);
}

static void send_begin(void *peer, struct rkv_snapshot_call *call) {
  struct link *link = peer;
  world_stream_begin(link->world, link->from, link->to, link, &link->envelope, call);
}

static void send_write(void *peer, struct rkv_snapshot_call *call) {
  (void)peer;
  world_stream_step(call, WORLD_STREAM_WRITE);
}

static void send_finish(void *peer, struct rkv_snapshot_call *call) {
  (void)peer;
  world_stream_step(call, WORLD_STREAM_FINISH);
}

static void send_abort(void *peer, struct rkv_snapshot_call *call) {
  (void)peer;
  world_stream_step(call, WORLD_STREAM_ABORT);
}

static enum rkv_status peer_open(void *transport, const struct rkv_peer_info *info, void **peer,
                                 struct rkv_error *error) {
  struct world_node *self = transport;
  if (info->id > WORLD_NODES_MAX) return rkv_fail(error, RKV_INVALID, "no such node in this world");
  struct link *link = calloc(1, sizeof *link);
  if (!link) return rkv_fail(error, RKV_NO_MEMORY, "link");
  *link = (struct link){.world = self->world,
                        .from = self->id,
                        .to = info->id,
                        .envelope = {.cluster = info->cluster,
                                     .to = info->id,
                                     .incarnation = info->incarnation,
                                     .from = self->id,
                                     .from_incarnation = info->from_incarnation}};
  *peer = link;
  return RKV_OK;
}

static void peer_close(void *peer) {
  struct link *link = peer;
  world_close_streams(link->world, link);
  free(link); /* relays know nodes by id, not the link */
}

const struct rkv_transport_ops world_transport_ops = {.peer_open = peer_open,
                                                      .peer_close = peer_close,
                                                      .send_vote = send_vote,
                                                      .send_append = send_append,
                                                      .send_snapshot_begin = send_begin,
                                                      .send_snapshot_write = send_write,
                                                      .send_snapshot_finish = send_finish,
                                                      .send_snapshot_abort = send_abort,
                                                      .send_pre_vote = send_pre_vote,
                                                      .send_timeout_now = send_timeout_now,
                                                      .send_read_index = send_read_index,
                                                      .send_hello = send_hello};
