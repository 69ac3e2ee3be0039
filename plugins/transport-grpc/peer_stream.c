/* peer_stream.c: a snapshot's client stream: its batches and how they end its steps; invariants in
 * peer_stream.h. */
#include "peer_stream.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include <raft-wire/wire/bytes.h>
#include <raft-wire/wire/codec.h>

#define CHUNK_MAX ((size_t)MIB) /* bytes of a chunk, whatever the peer's limit */

/* ---- the peer's list ---- */

/* Under the mutex. */
static void unlist(struct stream *s) {
  struct stream **at = &s->peer->streams;
  while (*at && *at != s) at = &(*at)->next;
  if (*at) *at = s->next;
}

static void stream_free(struct stream *s) {
  struct peer *peer = s->peer;
  free(s);
  peer_unref(peer);
}

void peer_streams_tick(struct peer *peer, uint64_t now_ns) {
  struct stream *s;
  for (s = peer->streams; s; s = s->next) {
    if (!s->step || s->timed_out || now_ns < s->deadline_ns) continue;
    s->timed_out = true;
    peer_call_break(&s->link, "the receiver took too long");
  }
}

void peer_streams_orphan(struct peer *peer) {
  struct stream *s, *next, *dead = NULL;
  pthread_mutex_lock(&peer->mutex);
  for (s = peer->streams; s; s = next) {
    next = s->next;
    if (s->step) continue; /* ends with its step */
    unlist(s);
    s->orphan = true;
    if (!s->dead) continue; /* freed by settle */
    s->next = dead;
    dead = s;
  }
  pthread_mutex_unlock(&peer->mutex);
  for (s = dead; s; s = next) {
    next = s->next;
    stream_free(s);
  }
}

/* ---- ends of steps ---- */

static size_t chunk_max(struct peer *peer) {
  size_t limit = peer_limit(peer).bytes;
  size_t fits = limit ? codec_snapshot_chunk_max(limit) : CHUNK_MAX;
  if (fits > CHUNK_MAX) fits = CHUNK_MAX;
  return fits ? fits : 1;
}

/* Answers the step of a dead stream. The stream is freed, unless more steps must follow: what
 * they bring is dropped. */
static void conclude(struct stream *s) {
  struct rkv_snapshot_call *step = s->step;
  assert(step && s->dead && !s->sending); /* (N2), (N3) */
  enum rkv_status status = s->kind == ABORT ? RKV_OK : s->status;
  struct rkv_error error = s->error;
  bool keep;
  step->chunk_max = chunk_max(s->peer);
  step->finished = status == RKV_OK && (s->kind == BEGIN || s->kind == FINISH);
  step->voter_vote = s->vote;
  pthread_mutex_lock(&s->peer->mutex);
  keep = s->kind == WRITE && status == RKV_OK && !s->peer->closed;
  if (s->kind == WRITE && status == RKV_OK && !keep)
    status = rkv_fail(&error, RKV_CANCELLED, "snapshot: the peer is closed");
  s->step = NULL;
  if (!keep) unlist(s);
  pthread_mutex_unlock(&s->peer->mutex);
  if (!keep) step->stream = NULL;
  step->call.done(&step->call, status, status ? &error : NULL);
  if (!keep) stream_free(s);
}

/* Under the mutex. Its send ends the step: the next one may follow. When the peer is closed none
 * will, and the step that is still set is all that ends the stream (N3). */
static bool sent_enough(const struct stream *s) {
  return !s->send_failed && !s->peer->closed && (s->kind == BEGIN || s->kind == WRITE);
}

/* Looks what a finished batch means; on the poller. */
static void settle(struct stream *s) {
  struct peer *peer = s->peer;
  struct transport *t = peer->t;
  struct rkv_snapshot_call *step = NULL;
  grpc_call *call = NULL;
  bool orphan;
  pthread_mutex_lock(&peer->mutex);
  if (!s->sending && s->received) {
    assert(!s->dead); /* (N2) */
    s->dead = true;
    call = peer_call_unlist(&s->link);
  }
  if (!s->sending && (s->received || sent_enough(s))) {
    step = s->step;
    if (!s->dead) s->step = NULL; /* else conclude takes it back */
  }
  orphan = s->orphan;
  pthread_mutex_unlock(&peer->mutex);
  if (!call) {
    if (!step) return;
    step->chunk_max = chunk_max(peer);
    step->finished = false;
    step->call.done(&step->call, RKV_OK, NULL);
    return;
  }
  grpc_call_unref(call);
  if (step) conclude(s);
  assert(!orphan || !step); /* (N3) */
  if (orphan) stream_free(s);
  transport_outbound_end(t);
}

static void on_sent(struct tag *self, bool ok) {
  struct stream *s = (struct stream *)((char *)self - offsetof(struct stream, sent));
  if (s->message) grpc_byte_buffer_destroy(s->message);
  s->message = NULL;
  pthread_mutex_lock(&s->peer->mutex);
  s->sending = false;
  s->send_failed |= !ok;
  pthread_mutex_unlock(&s->peer->mutex);
  settle(s);
}

/* Fills status, error and vote. */
static void read_end(struct stream *s) {
  struct peer *peer = s->peer;
  struct rkv_buf answer = rkv_buf_none();
  char text[PEER_TEXT_MAX];
  bool timed_out, aborted;
  size_t bytes;
  pthread_mutex_lock(&peer->mutex);
  timed_out = s->timed_out;
  aborted = s->aborted;
  bytes = s->bytes;
  pthread_mutex_unlock(&peer->mutex);
  if (timed_out) s->code = GRPC_STATUS_DEADLINE_EXCEEDED;
  peer_text(s->code, s->details, text);
  if (!aborted) peer_note_end(peer, s->code, text, &s->trailing);
  s->status = peer_status(peer, s->code);
  if (s->status != RKV_OK && s->status != RKV_CANCELLED && peer_learn(peer, s->code, text, bytes))
    s->status = RKV_TOO_LARGE;
  if (s->status != RKV_OK) {
    (void)rkv_fail(&s->error, s->status, "snapshot to peer %" PRIu64 ": %s", peer->id, text);
    return;
  }
  s->status = bytes_from_message(s->answer, &answer);
  if (s->status != RKV_OK)
    (void)rkv_fail(&s->error, s->status, "snapshot: the answer cannot be read");
  else if ((s->status = codec_snapshot_answer_decode(answer, &s->vote, &s->error)))
    peer_note(peer, GRPC_STATUS_DATA_LOSS, s->error.text);
  rkv_buf_drop(&answer);
}

static void on_ended(struct tag *self, bool ok) {
  struct stream *s = (struct stream *)((char *)self - offsetof(struct stream, ended));
  (void)ok; /* a batch with RECV_STATUS always succeeds; the status tells */
  read_end(s);
  grpc_slice_unref(s->details);
  grpc_metadata_array_destroy(&s->initial);
  grpc_metadata_array_destroy(&s->trailing);
  if (s->answer) grpc_byte_buffer_destroy(s->answer);
  pthread_mutex_lock(&s->peer->mutex);
  s->received = true;
  pthread_mutex_unlock(&s->peer->mutex);
  settle(s);
}

/* ---- begin ---- */

static uint64_t step_deadline(const struct stream *s, const struct rkv_snapshot_call *call) {
  const struct transport *t = s->peer->t;
  if (call->call.deadline_ns) return call->call.deadline_ns;
  return transport_now(t) + t->options.snapshot_step_timeout;
}

struct stream *stream_new(struct peer *peer, struct rkv_snapshot_call *call) {
  struct stream *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->peer = peer;
  s->sent.fn = on_sent;
  s->ended.fn = on_ended;
  s->step = call;
  s->kind = BEGIN;
  s->deadline_ns = step_deadline(s, call);
  s->sending = true;
  call->stream = s;
  peer_ref(peer);
  pthread_mutex_lock(&peer->mutex);
  s->next = peer->streams;
  peer->streams = s;
  pthread_mutex_unlock(&peer->mutex);
  return s;
}

static enum rkv_status start_call(struct stream *s) {
  grpc_op ops[4] = {0};
  enum rkv_status status;
  ops[0] = peer_greeting(s->peer);
  ops[1].op = GRPC_OP_RECV_INITIAL_METADATA;
  ops[1].data.recv_initial_metadata.recv_initial_metadata = &s->initial;
  ops[2].op = GRPC_OP_RECV_MESSAGE;
  ops[2].data.recv_message.recv_message = &s->answer;
  ops[3].op = GRPC_OP_RECV_STATUS_ON_CLIENT;
  ops[3].data.recv_status_on_client.trailing_metadata = &s->trailing;
  ops[3].data.recv_status_on_client.status = &s->code;
  ops[3].data.recv_status_on_client.status_details = &s->details;
  status = peer_call_begin(s->peer, PEER_SNAPSHOT, gpr_inf_future(GPR_CLOCK_MONOTONIC), &s->link);
  if (status != RKV_OK) return status;
  grpc_metadata_array_init(&s->initial);
  grpc_metadata_array_init(&s->trailing);
  if (transport_batch(s->link.call, ops, 4, &s->ended) == GRPC_CALL_OK) return RKV_OK;
  peer_call_end(s->peer, &s->link);
  return RKV_BROKEN;
}

enum rkv_status stream_open(struct stream *s) {
  enum rkv_status status = start_call(s);
  if (status == RKV_OK) return RKV_OK;
  pthread_mutex_lock(&s->peer->mutex);
  unlist(s);
  pthread_mutex_unlock(&s->peer->mutex);
  stream_free(s);
  return status;
}

/* ---- steps ---- */

bool stream_step(struct stream *s, struct rkv_snapshot_call *call, enum step kind) {
  uint64_t deadline = step_deadline(s, call);
  bool dead;
  pthread_mutex_lock(&s->peer->mutex);
  assert(!s->step && !s->sending && !s->message); /* (N1) */
  s->step = call;
  s->kind = kind;
  s->deadline_ns = deadline;
  dead = s->dead;
  s->sending = !dead && kind != ABORT;
  if (kind == ABORT) {
    s->aborted = true;
    peer_call_break(&s->link, "the sender gave the snapshot up");
  }
  pthread_mutex_unlock(&s->peer->mutex);
  if (dead) conclude(s);
  return !dead;
}

void stream_give_up(struct stream *s, const char *why) {
  pthread_mutex_lock(&s->peer->mutex);
  s->send_failed = true;
  peer_call_break(&s->link, why);
  pthread_mutex_unlock(&s->peer->mutex);
  transport_post(s->peer->t, &s->sent); /* ends the send; the stream's end is on its way */
}

void stream_send(struct stream *s, grpc_byte_buffer *message) {
  grpc_op op = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};
  s->message = message;
  if (message) {
    op.op = GRPC_OP_SEND_MESSAGE;
    op.data.send_message.send_message = message;
    pthread_mutex_lock(&s->peer->mutex);
    s->bytes = grpc_byte_buffer_length(message);
    pthread_mutex_unlock(&s->peer->mutex);
  }
  if (transport_batch(s->link.call, &op, 1, &s->sent) == GRPC_CALL_OK) return;
  rkv_log(s->peer->t->host, RKV_LOG_ERROR, TRANSPORT_LOG, "snapshot batch refused peer=%" PRIu64,
          s->peer->id);
  stream_give_up(s, "batch refused");
}
