/* world_stream.c: snapshot streams between nodes in virtual time.
 *
 * A stream is like one TCP connection: reliable and in order, until it breaks. When it breaks, or a
 * side stops, the sender's step fails and the receiver is told to abort.
 *
 * (W1) The receiver gets one step at a time; `busy` while it works on one. */
#include <assert.h>
#include <stdlib.h>

#include "world_internal.h"

struct world_stream {
  struct rkv_snapshot_call inner; /* first: what the receiver sees, through all steps */
  struct rkv_envelope envelope;
  struct world_stream *next, **back;
  struct world *world;
  rkv_node_id from, to;
  const void *connection; /* of the sender; other connections to the same node may come and go */
  unsigned to_life;
  enum world_stream_kind kind;     /* the step on its way */
  uint64_t patience_ns;            /* of the sender; 0: endless */
  struct rkv_snapshot_call *outer; /* the sender's waiting step; NULL: none waits */
  unsigned holds;                  /* events in flight that refer to the stream */
  bool busy, open;                 /* (W1); the receiver holds state for the stream */
  bool attached;                   /* the sender may still make a step */
  bool broken;                     /* the sender is gone: the receiver aborts once it is idle */
  enum rkv_status status;
  struct rkv_error error;
};

static void stream_free(struct world_stream *s) {
  *s->back = s->next;
  if (s->next) s->next->back = s->back;
  rkv_buf_drop(&s->inner.meta.membership);
  rkv_buf_drop(&s->inner.chunk);
  free(s);
}

static void hand_over(struct world_stream *s, enum world_stream_kind kind) {
  struct world_node *to = &s->world->nodes[s->to];
  const struct rkv_node_api *api = node_api(to->node);
  s->busy = true;
  s->kind = kind;
  s->inner.call.deadline_ns = 0;
  if (s->patience_ns > 0 && kind != WORLD_STREAM_ABORT)
    s->inner.call.deadline_ns = world_local_ns(to) + s->patience_ns;
  switch (kind) {
  case WORLD_STREAM_BEGIN: api->snapshot_begin(api->ctx, &s->inner); break;
  case WORLD_STREAM_WRITE: api->snapshot_write(api->ctx, &s->inner); break;
  case WORLD_STREAM_FINISH: api->snapshot_finish(api->ctx, &s->inner); break;
  case WORLD_STREAM_ABORT: api->snapshot_abort(api->ctx, &s->inner); break;
  }
  api->kick(api->ctx);
}

/* Ends the sender's step. */
static void end_step(struct world_stream *s) {
  struct rkv_snapshot_call *outer = s->outer;
  struct rkv_error error = s->error;
  s->outer = NULL;
  outer->chunk_max = s->inner.chunk_max;
  outer->finished = s->inner.finished;
  outer->voter_vote = s->inner.voter_vote;
  outer->stream = s->open ? s : NULL;
  s->attached = s->open;
  rkv_node_id from = s->from;
  struct world *w = s->world;
  enum rkv_status status = s->status;
  if (status == RKV_OK && w->on_snapshot_back) w->on_snapshot_back(w, from, outer);
  if (!s->open) stream_free(s);
  outer->call.done(&outer->call, status, status == RKV_OK ? NULL : &error);
  world_kick(w, from);
}

/* Breaks the stream: the sender's waiting step fails, and the receiver installs nothing. */
static void break_off(struct world_stream *s) {
  s->broken = true;
  if (s->outer && !s->busy) {
    struct rkv_snapshot_call *outer = s->outer;
    struct rkv_error error;
    s->outer = NULL;
    s->attached = false;
    outer->stream = NULL;
    (void)rkv_fail(&error, RKV_UNAVAILABLE, "connection lost");
    outer->call.done(&outer->call, RKV_UNAVAILABLE, &error);
    world_kick(s->world, s->from);
  }
  if (s->busy) return; /* tried again when the receiver's step ends */
  if (s->open)
    hand_over(s, WORLD_STREAM_ABORT);
  else if (s->holds == 0 && !s->attached)
    stream_free(s);
}

static void arrive(struct world *w, void *arg) {
  struct world_stream *s = arg;
  s->holds--;
  if (s->broken || world_is_cut(w, s->to, s->from)) {
    break_off(s);
    return;
  }
  end_step(s);
}

static void answered(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  struct world_stream *s = (struct world_stream *)call;
  s->busy = false;
  s->status = status;
  if (error) s->error = *error;
  if (status == RKV_ABORTED) s->world->fault_count[WORLD_FAULT_ENDED]++;
  if (s->kind == WORLD_STREAM_BEGIN) s->open = status == RKV_OK && !s->inner.finished;
  if (s->kind != WORLD_STREAM_BEGIN && (status != RKV_OK || s->kind != WORLD_STREAM_WRITE))
    s->open = false;
  if (s->broken) { /* aborted at once: the receiver's node may be about to end */
    break_off(s);
    return;
  }
  s->holds++;
  world_at(s->world, s->world->now_ns + world_delay(s->world, s->to, s->from), arrive, s);
}

static void deliver(struct world *w, void *arg) {
  struct world_stream *s = arg;
  struct world_node *to = &w->nodes[s->to];
  if (world_hold(w, s->to, deliver, s)) return;
  s->holds--;
  if (s->broken || !to->running || to->stopping || to->life != s->to_life ||
      world_is_cut(w, s->from, s->to) || world_chance(w, w->faults.drop_ppm) ||
      world_chance(w, w->faults.reset_ppm)) {
    break_off(s);
    return;
  }
  hand_over(s, s->kind);
}

static uint64_t creep_ns(struct world *w, enum world_stream_kind kind) {
  if (kind != WORLD_STREAM_WRITE || !world_chance(w, w->faults.creep_ppm)) return 0;
  w->fault_count[WORLD_FAULT_CREEP]++;
  return world_tail(w, w->faults.creep_max_ns);
}

static void travel(struct world_stream *s, struct rkv_snapshot_call *outer,
                   enum world_stream_kind kind) {
  s->outer = outer;
  s->kind = kind;
  s->patience_ns = world_patience_ns(&s->world->nodes[s->from], &outer->call);
  s->holds++;
  world_at(s->world,
           s->world->now_ns + world_delay(s->world, s->from, s->to) + creep_ns(s->world, kind),
           deliver, s);
}

void world_stream_begin(struct world *w, rkv_node_id from, rkv_node_id to, const void *connection,
                        const struct rkv_envelope *envelope, struct rkv_snapshot_call *outer) {
  struct world_stream *s = calloc(1, sizeof *s);
  assert(s);
  s->inner.call.abi_minor = RKV_ABI_MINOR;
  s->inner.call.done = answered;
  s->envelope = *envelope;
  s->inner.call.envelope = &s->envelope;
  s->inner.vote = outer->vote;
  s->inner.meta = outer->meta;
  s->inner.meta.membership = rkv_buf_share(outer->meta.membership);
  s->world = w;
  s->from = from;
  s->to = to;
  s->connection = connection;
  s->to_life = w->nodes[to].life;
  s->next = w->streams;
  s->back = &w->streams;
  if (s->next) s->next->back = &s->next;
  w->streams = s;
  travel(s, outer, WORLD_STREAM_BEGIN);
}

/* The sender makes a step: only now it learns that the stream broke. */
static void step_on_broken(struct world_stream *s, struct rkv_snapshot_call *outer) {
  struct rkv_error error;
  outer->stream = NULL;
  s->attached = false;
  if (!s->busy && !s->open && s->holds == 0) stream_free(s);
  (void)rkv_fail(&error, RKV_UNAVAILABLE, "connection lost");
  outer->call.done(&outer->call, RKV_UNAVAILABLE, &error);
}

void world_stream_step(struct rkv_snapshot_call *outer, enum world_stream_kind kind) {
  struct world_stream *s = outer->stream;
  assert(s && !s->outer);
  if (s->broken) {
    step_on_broken(s, outer);
    return;
  }
  assert(!s->busy);
  if (kind == WORLD_STREAM_WRITE) {
    rkv_buf_drop(&s->inner.chunk);
    s->inner.chunk = rkv_buf_share(outer->chunk);
  }
  travel(s, outer, kind);
}

/* The sender closes its connection: a waiting step ends, and the stream breaks. */
static void drop_sender(struct world_stream *s) {
  struct rkv_snapshot_call *outer = s->outer;
  struct rkv_error error;
  s->outer = NULL;
  s->connection = NULL;
  s->attached = false;
  (void)rkv_fail(&error, RKV_CANCELLED, "stopped");
  if (outer) outer->call.done(&outer->call, RKV_CANCELLED, &error);
  break_off(s);
}

void world_break_streams(struct world *w, rkv_node_id id) {
  for (struct world_stream *s = w->streams, *next; s; s = next) {
    next = s->next;
    if (s->from == id)
      drop_sender(s);
    else if (s->to == id && !s->broken)
      break_off(s);
  }
}

void world_close_streams(struct world *w, const void *connection) {
  for (struct world_stream *s = w->streams, *next; s; s = next) {
    next = s->next;
    if (s->connection == connection) drop_sender(s);
  }
}

void world_break_connection(struct world *w, rkv_node_id from, rkv_node_id to) {
  for (struct world_stream *s = w->streams, *next; s; s = next) {
    next = s->next;
    if (s->from == from && s->to == to && !s->broken) break_off(s);
  }
}
