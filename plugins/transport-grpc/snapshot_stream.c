/* snapshot_stream.c: receives one snapshot, message by message; invariants in snapshot_stream.h. */
#include "snapshot_stream.h"

#include <grpc/byte_buffer.h>
#include <raft-wire/wire/codec.h>
#include "keep.h"

#include <assert.h>
#include <inttypes.h>

#define META_NS (1 * SECOND) /* a stream that has not sent its meta by then is given up */

#define STREAM_OF(tag_, member)                                                                    \
  ((struct stream *)(void *)((char *)(tag_)-offsetof(struct stream, member)))

static void read_next(struct stream *s);
static void take_step(struct stream *s, enum stream_step step);

/* ---- batches ---- */

static bool start(struct stream *s, const grpc_op *ops, size_t n, struct tag *tag) {
  grpc_call_error e = transport_batch(s->call, ops, n, tag);
  s->pending++;
  if (e == GRPC_CALL_OK) return true;
  rkv_log(s->t->host, RKV_LOG_ERROR, TRANSPORT_LOG, "snapshot batch refused error=%d", (int)e);
  s->t->host->fatal(s->t->host->ctx, RKV_BROKEN, "gRPC refused a batch of a snapshot stream");
  s->pending--;
  return false;
}

/* The only way out. */
static void leave(struct stream *s) {
  assert(s->pending > 0); /* (G4) */
  s->pending--;
  if (s->pending == 0) snapshots_end(s);
}

static void on_answered(struct tag *self, bool ok) {
  (void)ok; /* whether it arrived or not, the stream has ended */
  leave(STREAM_OF(self, answered));
}

static void send_answer(struct stream *s) {
  grpc_op ops[ANSWER_OPS_MAX];
  size_t n = answer_ops(&s->answer, !s->initial_sent, ops);
  s->phase = STREAM_ANSWERED;
  if (!s->begun) snapshots_leave(s); /* else when the node has let it go */
  s->answered.fn = on_answered;
  (void)start(s, ops, n, &s->answered);
}

/* Ends the stream; the node forgets what it had of it. */
static void refuse(struct stream *s, enum rkv_status status, const struct rkv_error *error) {
  server_count_refusal(s->t, status, "Snapshot", error);
  rkv_log(s->t->host, RKV_LOG_DEBUG, TRANSPORT_LOG, "snapshot stream refused status=%s text=\"%s\"",
          rkv_status_name(status), error ? error->text : "");
  answer_refusal(&s->answer, status, error);
  send_answer(s);
  if (s->begun) take_step(s, STEP_ABORT);
}

/* It is gone or overtaken. */
static void refuse_lost(struct stream *s) {
  struct rkv_error error;
  if (s->overtaken)
    (void)rkv_fail(&error, RKV_ABORTED, "snapshot stream: node %" PRIu64 " has begun another one",
                   s->overtaken_by);
  else
    (void)rkv_fail(&error, RKV_CANCELLED, "snapshot stream: broken off by the sender");
  refuse(s, (enum rkv_status)error.status, &error);
}

/* ---- the node's steps ---- */

static void on_step(struct tag *self, bool ok) {
  struct stream *s = STREAM_OF(self, stepped);
  (void)ok; /* posted by step_done */
  if (s->step == STEP_ABORT) {
    snapshots_leave(s);
    leave(s);
    return;
  }
  if (s->step_status != RKV_OK || s->step == STEP_FINISH) s->begun = false;
  if (s->step == STEP_BEGIN && s->step_status == RKV_OK) s->begun = !s->node.finished;
  if (s->step_status != RKV_OK) {
    refuse(s, s->step_status, &s->step_error);
  } else if (!s->begun) {
    answer_ok(&s->answer, codec_snapshot_answer_encode(s->node.voter_vote));
    send_answer(s);
  } else if (s->gone || s->overtaken) {
    refuse_lost(s);
  } else if (s->rest.len > 0) {
    take_step(s, STEP_WRITE);
  } else {
    rkv_buf_drop(&s->message_bytes);
    s->idle_at = transport_now(s->t) + s->t->options.snapshot_idle_timeout;
    read_next(s);
  }
  leave(s);
}

/* Any thread, also inside the step's call. */
static void step_done(struct rkv_call *call, enum rkv_status status,
                      const struct rkv_error *error) {
  struct stream *s = (struct stream *)(void *)((char *)call - offsetof(struct stream, node));
  s->step_status = status;
  if (error)
    s->step_error = *error;
  else
    (void)rkv_fail(&s->step_error, status, "%s", rkv_status_name(status));
  transport_post(s->t, &s->stepped);
}

static void take_step(struct stream *s, enum stream_step step) {
  const struct rkv_node_api *node = s->t->node;
  s->pending++;
  s->step = step;
  if (s->phase != STREAM_ANSWERED) s->phase = STREAM_IN_NODE;
  s->stepped.fn = on_step;
  switch (step) {
  case STEP_BEGIN:
    assert(s->place == STREAM_SLOT && !s->begun); /* (G3) */
    node->snapshot_begin(node->ctx, &s->node);
    break;
  case STEP_WRITE: {
    size_t max = s->node.chunk_max > 0 ? s->node.chunk_max : s->rest.len;
    s->node.chunk = rkv_buf_slice(s->rest, 0, max);
    s->rest = rkv_buf_slice(s->rest, s->node.chunk.len, s->rest.len);
    node->snapshot_write(node->ctx, &s->node);
    break;
  }
  case STEP_FINISH:
    assert(s->begun && s->phase == STREAM_IN_NODE && s->initial_sent); /* (G2) */
    node->snapshot_finish(node->ctx, &s->node);
    break;
  case STEP_ABORT:
    s->begun = false;
    node->snapshot_abort(node->ctx, &s->node);
    break;
  }
}

/* ---- the sender's messages ---- */

/* Checks the message's place in the stream. */
static enum rkv_status take_message(struct stream *s, struct codec_snapshot *in,
                                    struct rkv_error *error) {
  enum rkv_status status =
      server_check_message(s->t, s->message, s->t->options.raft_message_max, error);
  if (status == RKV_OK) status = keep_message(s->t->host, s->message, &s->message_bytes, error);
  if (status == RKV_OK) status = codec_snapshot_request_decode(s->message_bytes, in, error);
  if (status != RKV_OK) return status;
  if (!in->is_meta && !s->begun)
    return rkv_fail(error, RKV_INVALID, "payload: a chunk before meta (send meta first)");
  if (in->is_meta && s->begun) {
    rkv_buf_drop(&in->meta.membership);
    return rkv_fail(error, RKV_INVALID, "payload: a second meta (after the first: chunks only)");
  }
  return RKV_OK;
}

static void on_message(struct stream *s) {
  struct codec_snapshot in;
  struct rkv_error error;
  enum rkv_status status = take_message(s, &in, &error);
  grpc_byte_buffer_destroy(s->message);
  s->message = NULL;
  if (status == RKV_OK && in.is_meta) {
    s->node.vote = in.vote;
    s->node.meta = in.meta;
    s->membership = in.meta.membership;
    status = snapshots_take_slot(s, &error);
  }
  if (status != RKV_OK) {
    refuse(s, status, &error);
  } else if (in.is_meta) {
    take_step(s, STEP_BEGIN);
  } else if (in.chunk.len == 0) { /* no progress: the sender's time runs on */
    rkv_buf_drop(&s->message_bytes);
    read_next(s);
  } else {
    s->rest = in.chunk;
    take_step(s, STEP_WRITE);
  }
}

static void on_proven(struct tag *self, bool ok) {
  struct stream *s = STREAM_OF(self, proven);
  s->initial_sent = true;
  if (ok && !s->gone && !s->overtaken)
    take_step(s, STEP_FINISH);
  else
    refuse_lost(s);
  leave(s);
}

static void on_end(struct stream *s) {
  struct rkv_error error;
  grpc_op op;
  if (!s->begun) {
    refuse(s, rkv_fail(&error, RKV_INVALID, "payload: an empty stream (send meta first)"), &error);
    return;
  }
  memset(&op, 0, sizeof op);
  op.op = GRPC_OP_SEND_INITIAL_METADATA;
  s->phase = STREAM_PROVING;
  s->proven.fn = on_proven;
  (void)start(s, &op, 1, &s->proven);
}

static void on_received(struct tag *self, bool ok) {
  struct stream *s = STREAM_OF(self, received);
  if (s->phase == STREAM_ANSWERED) { /* given up meanwhile */
    if (s->message) grpc_byte_buffer_destroy(s->message);
    s->message = NULL;
  } else if (!ok || s->gone) {
    refuse_lost(s);
  } else if (s->message) {
    on_message(s);
  } else {
    on_end(s);
  }
  leave(s);
}

static void read_next(struct stream *s) {
  grpc_op op;
  memset(&op, 0, sizeof op);
  op.op = GRPC_OP_RECV_MESSAGE;
  op.data.recv_message.recv_message = &s->message;
  assert(!s->message && s->rest.len == 0 && s->phase != STREAM_ANSWERED); /* (G1) */
  s->phase = STREAM_READING;
  s->received.fn = on_received;
  (void)start(s, &op, 1, &s->received);
}

/* ---- the stream as a whole ---- */

static void on_closed(struct tag *self, bool ok) {
  struct stream *s = STREAM_OF(self, closed);
  (void)ok;
  s->gone = true; /* whoever is under way looks at it when it comes back */
  leave(s);
}

void stream_begin(struct stream *s, enum rkv_status status, const struct rkv_error *error) {
  grpc_op op;
  memset(&op, 0, sizeof op);
  op.op = GRPC_OP_RECV_CLOSE_ON_SERVER;
  op.data.recv_close_on_server.cancelled = &s->cancelled;
  s->closed.fn = on_closed;
  if (!start(s, &op, 1, &s->closed)) return;
  s->node.call.abi_minor = RKV_ABI_MINOR;
  s->node.call.done = step_done;
  s->node.call.deadline_ns = transport_from_gpr(s->t, s->deadline);
  s->idle_at = transport_now(s->t) + META_NS;
  if (status == RKV_OK)
    read_next(s);
  else
    refuse(s, status, error);
}

void stream_evict(struct stream *s) {
  struct rkv_error error;
  refuse(s,
         rkv_fail(&error, RKV_FULL,
                  "snapshot stream: more newer ones than node %" PRIu64
                  " keeps without their meta: try "
                  "again later",
                  s->t->host->node_id),
         &error);
}

void stream_overtake(struct stream *s, rkv_node_id by) {
  s->overtaken = true;
  s->overtaken_by = by;
  if (s->phase == STREAM_READING) refuse_lost(s);
}

static void refuse_silence(struct stream *s) {
  struct rkv_error error;
  if (s->place == STREAM_AWAITED)
    (void)rkv_fail(&error, RKV_TIMEOUT, "snapshot stream: no meta for %" PRIu64 " ms",
                   (META_NS / MS));
  else
    (void)rkv_fail(&error, RKV_TIMEOUT,
                   "snapshot stream: silent for %" PRIu64
                   " ms (the limit here: snapshot_idle_timeout)",
                   (s->t->options.snapshot_idle_timeout / MS));
  refuse(s, RKV_TIMEOUT, &error);
}

void stream_tick(struct stream *s, uint64_t now_ns, bool draining) {
  struct rkv_error error;
  const bool silent = now_ns >= s->idle_at;
  if (s->phase == STREAM_PROVING && silent) { /* the proof fails then */
    (void)grpc_call_cancel(s->call, NULL);
    return;
  }
  if (s->phase != STREAM_READING) return;
  if (draining)
    refuse(s, transport_stopping(s->t, &error), &error);
  else if (silent)
    refuse_silence(s);
}
