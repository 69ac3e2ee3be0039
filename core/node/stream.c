/* stream.c: who has the storage's writer, and how a stream ends (stream.h). */
#include <node/stream.h>

#include <node/kernel/answer.h>
#include <node/kernel/post.h>
#include <node/kernel/state.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

/* On the worker. */
static void run_drop(struct node_job *job) {
  struct snapshot_receive *r =
      (struct snapshot_receive *)((char *)job - offsetof(struct snapshot_receive, drop));
  struct node *n = r->n;
  if (r->writer) n->plugins.storage->snapshot_abort(r->writer);
  if (r->restore) n->plugins.sm->restore_abort(r->restore);
  node_post(n, &r->dropped, NODE_SNAPSHOT_DROPPED);
  node_kick(n);
}

void stream_note(struct node *n, struct snapshot_receive *r) {
  r->n = n;
  r->drop.run = run_drop;
  r->pace_ns = n->now_ns + NODE_RECEIVE_PACE_NS;
  r->next = n->receive.all;
  n->receive.all = r;
  n->receive.count++;
  assert(n->receive.count <= NODE_RECEIVES_MAX);
}

void stream_free_ended(struct snapshot_receive *r) {
  struct snapshot_receive **at = &r->n->receive.all;
  if (!r->gone || !r->sender_knows) return;
  assert(!r->call && r->n->receive.now != r); /* (R3) */
  while (*at && *at != r) at = &(*at)->next;
  assert(*at && r->n->receive.count > 0);
  *at = r->next;
  r->n->receive.count--;
  rkv_buf_drop(&r->chunk);
  rkv_buf_drop(&r->meta.membership);
  free(r);
}

void stream_tell_end(struct snapshot_receive *r, const struct rkv_error *error) {
  struct rkv_snapshot_call *call = r->call;
  assert(call && !r->sender_knows); /* (R3) */
  r->call = NULL;
  r->sender_knows = true;
  if (error->status == RKV_OK)
    (void)answer_ok(r->n, &call->call);
  else
    answer_fail(&call->call, error);
}

void stream_end(struct snapshot_receive *r, const struct rkv_error *error) {
  static const struct rkv_error none;
  struct node *n = r->n;
  assert(!r->over && n->receive.now == r);
  r->over = true;
  r->end = error ? *error : none;
  n->receive.now = NULL;
  n->executor->post(n->executor->ctx, &r->drop);
}

void stream_endf(struct snapshot_receive *r, enum rkv_status status, const char *format, ...) {
  struct rkv_error error;
  va_list args;
  va_start(args, format);
  (void)rkv_vfail(&error, status, format, args);
  va_end(args);
  stream_end(r, &error);
}

void stream_on_dropped(struct node *n, struct rkv_call *event) {
  struct snapshot_receive *r =
      (struct snapshot_receive *)((char *)event - offsetof(struct snapshot_receive, dropped));
  (void)n;
  r->gone = true;
  if (r->call) stream_tell_end(r, &r->end);
  stream_free_ended(r);
}

/* ---- who has the writer ---- */

void stream_run(struct node *n) {
  struct snapshot_receive *r = n->receive.now;
  struct raft_view view;
  if (!r || n->receive.installing) return;
  raft_view(n->raft, &view);
  if (rkv_vote_compare(view.vote, r->vote) == RKV_EQUAL) return; /* (R2) */
  stream_endf(r, RKV_ABORTED, "node %" PRIu64 ", which sends this snapshot, leads no longer",
              r->vote.node_id);
}

bool stream_gives_way(struct node *n) {
  struct snapshot_receive *r = n->receive.now;
  if (!r) return true;
  if (n->now_ns < r->pace_ns) return false;
  stream_endf(r, RKV_ABORTED,
              "the stream brings less than %d bytes in %" PRIu64
              " s: this node's own snapshot goes first",
              NODE_RECEIVE_PACE, (NODE_RECEIVE_PACE_NS / NODE_SECOND_NS));
  return true;
}

uint64_t stream_pace_end(const struct node *n) {
  return n->receive.now ? n->receive.now->pace_ns : 0;
}

void stream_note_pace(struct snapshot_receive *r, uint64_t bytes) {
  r->pace_bytes += bytes;
  if (r->pace_bytes < NODE_RECEIVE_PACE) return;
  r->pace_bytes = 0;
  r->pace_ns = r->n->now_ns + NODE_RECEIVE_PACE_NS;
}

bool stream_waits(const struct node *n) {
  for (const struct snapshot_receive *r = n->receive.all; r; r = r->next)
    if (r->call) return true;
  return false;
}

void stream_expire(struct node *n) {
  struct rkv_error error;
  for (struct snapshot_receive *r = n->receive.all, *next; r; r = next) {
    next = r->next;
    if (!r->call || !answer_is_due(n, &r->call->call)) continue;
    (void)rkv_fail(&error, RKV_TIMEOUT, "%s",
                   n->receive.installing && n->receive.now == r
                       ? "the snapshot is not durable yet: it may be installed later"
                       : "the storage did not take it in time: nothing is installed");
    if (!r->over && !n->receive.installing) stream_end(r, &error);
    stream_tell_end(r, &error);
    stream_free_ended(r);
  }
}
