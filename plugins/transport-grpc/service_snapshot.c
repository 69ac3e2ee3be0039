/* service_snapshot.c: RaftService.Snapshot: awaits streams, keeps the list of open ones. */
#include "snapshot_stream.h"

#include <raft-wire/wire/envelope.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#define PATH "/openraftpb.RaftService/Snapshot"
#define CALLS 8 /* streams awaited by the core */
#define SLOTS_MAX                                                                                  \
  16 /* streams of different senders: each holds one message of raft_message_max bytes */
#define LEAVING_MAX 16 /* beside them, overtaken by newer leaders' and still in the node */
#define AWAITED_MAX 16 /* whose meta is awaited: the oldest is given up for one more */

struct snapshots {
  struct tick tick; /* first: on_tick gets it back */
  struct transport *t;
  void *registered;
  struct stream *open; /* the newest first */
  size_t count[STREAM_PLACES];
};

static void free_stream(struct stream *s) {
  grpc_metadata_array_destroy(&s->metadata);
  free(s);
}

static void move(struct stream *s, enum stream_place place) {
  assert(s->owner->count[s->place] > 0); /* (G3) */
  s->owner->count[s->place]--;
  s->place = place;
  s->owner->count[place]++;
}

void snapshots_leave(struct stream *s) {
  move(s, STREAM_NOWHERE);
}

/* A node that begins to send anew, or leads anew, has no use for what it began before. */
static void overtake_older(struct stream *s) {
  for (struct stream *o = s->owner->open, *next; o; o = next) {
    next = o->next;
    if (o == s || o->place != STREAM_SLOT || o->node.vote.node_id != s->node.vote.node_id) continue;
    if (o->phase != STREAM_ANSWERED && rkv_vote_accepts(o->node.vote, s->node.vote))
      stream_overtake(o, s->node.vote.node_id);
  }
}

/* Leaders that were deposed, or never were, keep no newer one out: the stream of the least vote
 * makes room. False: there is none of a lesser vote than this one's. */
static bool overtake_least(struct stream *s) {
  struct stream *least = NULL;
  for (struct stream *o = s->owner->open; o; o = o->next) {
    if (o->place != STREAM_SLOT || o->phase == STREAM_ANSWERED || o->overtaken) continue;
    if (!least || rkv_vote_compare(o->node.vote, least->node.vote) == RKV_LESS) least = o;
  }
  if (!least || rkv_vote_compare(least->node.vote, s->node.vote) != RKV_LESS) return false;
  stream_overtake(least, s->node.vote.node_id);
  return true;
}

enum rkv_status snapshots_take_slot(struct stream *s, struct rkv_error *error) {
  overtake_older(s);
  const size_t count = s->owner->count[STREAM_SLOT];
  if (count >= SLOTS_MAX && (count == SLOTS_MAX + LEAVING_MAX || !overtake_least(s)))
    return rkv_fail(error, RKV_FULL,
                    "node %" PRIu64 " receives %d snapshots already: try again later",
                    s->t->host->node_id, SLOTS_MAX);
  move(s, STREAM_SLOT);
  return RKV_OK;
}

/* An idle stream keeps nobody's meta out. */
static void evict_oldest(struct snapshots *all) {
  struct stream *oldest = NULL;
  if (all->count[STREAM_AWAITED] <= AWAITED_MAX) return;
  for (struct stream *s = all->open; s; s = s->next)
    if (s->place == STREAM_AWAITED && s->phase == STREAM_READING) oldest = s;
  if (oldest) stream_evict(oldest);
}

void snapshots_end(struct stream *s) {
  struct snapshots *all = s->owner;
  struct transport *t = s->t;
  const bool counted = s->counted;
  assert(s->pending == 0 && all->count[s->place] > 0); /* (G3), (G4) */
  if (s->prev)
    s->prev->next = s->next;
  else
    all->open = s->next;
  if (s->next) s->next->prev = s->prev;
  all->count[s->place]--;
  grpc_call_unref(s->call);
  answer_end(&s->answer);
  rkv_buf_drop(&s->message_bytes);
  rkv_buf_drop(&s->membership);
  free_stream(s);
  if (counted) transport_inbound_end(t);
}

static enum rkv_status await(struct snapshots *all);

static enum rkv_status read_envelope(struct stream *s, struct rkv_error *error) {
  bool found;
  enum rkv_status status = envelope_find(&s->metadata, &s->envelope, &found, error);
  if (found) s->node.call.envelope = &s->envelope;
  return status;
}

static enum rkv_status admit(struct stream *s, struct rkv_error *error) {
  s->counted = transport_inbound_begin(s->t);
  return s->counted ? read_envelope(s, error) : transport_stopping(s->t, error);
}

static void on_arrived(struct tag *self, bool ok) {
  struct stream *s = (struct stream *)(void *)((char *)self - offsetof(struct stream, arrived));
  struct snapshots *all = s->owner;
  struct rkv_error error;
  enum rkv_status status;
  if (!ok) { /* the server is shutting down */
    free_stream(s);
    return;
  }
  server_arrived(s->t, await(all));
  s->next = all->open;
  if (s->next) s->next->prev = s;
  all->open = s;
  s->place = STREAM_AWAITED;
  all->count[STREAM_AWAITED]++;
  status = admit(s, &error);
  stream_begin(s, status, &error);
  evict_oldest(all);
}

static enum rkv_status await(struct snapshots *all) {
  struct stream *s = calloc(1, sizeof *s);
  grpc_call_error e;
  if (!s) return RKV_NO_MEMORY;
  s->owner = all;
  s->t = all->t;
  s->arrived.fn = on_arrived;
  grpc_metadata_array_init(&s->metadata);
  e = grpc_server_request_registered_call(server_core(all->t), all->registered, &s->call,
                                          &s->deadline, &s->metadata, NULL, all->t->cq, all->t->cq,
                                          &s->arrived);
  if (e == GRPC_CALL_OK) return RKV_OK;
  rkv_log(all->t->host, RKV_LOG_ERROR, TRANSPORT_LOG, "snapshot slot refused error=%d", (int)e);
  free_stream(s);
  return RKV_BROKEN;
}

static void on_tick(struct tick *self, uint64_t now_ns) {
  struct snapshots *all = (struct snapshots *)self;
  const bool draining = atomic_load(&all->t->draining);
  for (struct stream *s = all->open, *next; s; s = next) {
    next = s->next;
    stream_tick(s, now_ns, draining);
  }
}

enum rkv_status snapshots_open(struct transport *t, grpc_server *core, struct snapshots **out,
                               struct rkv_error *error) {
  struct snapshots *all = calloc(1, sizeof *all);
  if (!all) return rkv_fail(error, RKV_NO_MEMORY, "transport-grpc: no memory for snapshots");
  *out = all;
  all->t = t;
  all->tick.fn = on_tick;
  transport_tick_add(t, &all->tick);
  all->registered = grpc_server_register_method(core, PATH, NULL, GRPC_SRM_PAYLOAD_NONE, 0);
  return all->registered ? RKV_OK
                         : rkv_fail(error, RKV_BROKEN, "method " PATH " cannot be registered");
}

enum rkv_status snapshots_start(struct snapshots *all, struct rkv_error *error) {
  for (size_t i = 0; i < CALLS; i++)
    if (await(all) != RKV_OK)
      return rkv_fail(error, RKV_NO_MEMORY, "transport-grpc: no memory to await snapshots");
  return RKV_OK;
}

void snapshots_free(struct snapshots *all) {
  free(all);
}
