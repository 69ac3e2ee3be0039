/* peer_pipe.c: the stream of a peer's appends: its batches, answers and end; invariants in
 * peer_pipe.h. */
#include "peer_pipe.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include <raft-wire/wire/answer.h>
#include <raft-wire/wire/bytes.h>

#define PIPE_OF(tag_, member)                                                                      \
  ((struct pipe *)(void *)((char *)(tag_)-offsetof(struct pipe, member)))

/* Messages on their way, the oldest first. */
struct flight {
  struct {
    size_t count, bytes; /* entries; all of it */
  } messages[PIPE_MESSAGES_MAX];
  size_t first, count, bytes;
};

struct pipe {
  struct peer_link link;
  struct tag ended, received, sent, resume;
  struct peer *peer;
  grpc_byte_buffer *message; /* SEND_MESSAGE reads it */
  grpc_byte_buffer *answer;  /* RECV_MESSAGE writes it */
  grpc_metadata_array initial, trailing;
  grpc_status_code code;
  grpc_slice details;
  /* under the peer's mutex */
  struct flight flight;
  unsigned pending; /* batches under way */
  bool sending;     /* one of them carries `message` */
  bool more;        /* a message is sure to follow the one in `message` */
  bool awaiting;    /* (T5) an answer, or about to */
  bool await;       /* from the message in `message` on */
  bool answered;    /* at least one message */
  bool over;        /* (T2) no longer the lane's */
  bool timed_out;
};

/* ---- flight ---- */

static void flight_add(struct flight *f, const struct message *m) {
  assert(f->count < PIPE_MESSAGES_MAX); /* (T1) */
  const size_t at = (f->first + f->count++) % PIPE_MESSAGES_MAX;
  f->messages[at].count = m->count;
  f->messages[at].bytes = m->bytes;
  f->bytes += m->bytes;
}

/* The entries of the oldest, which is no longer on its way. */
static size_t flight_take(struct flight *f) {
  const size_t at = f->first;
  assert(f->count > 0 && f->bytes >= f->messages[at].bytes); /* (T1) */
  f->first = (at + 1) % PIPE_MESSAGES_MAX;
  f->count--;
  f->bytes -= f->messages[at].bytes;
  return f->messages[at].count;
}

static bool flight_has_room(const struct pipe *p) {
  return p->flight.count < PIPE_MESSAGES_MAX &&
         (p->flight.count == 0 || p->flight.bytes < p->peer->t->options.stream_window_bytes);
}

bool pipe_has_room(const struct pipe *p) {
  return p->pending > 0 && !p->sending && !p->timed_out && flight_has_room(p);
}

/* ---- batches ---- */

/* Counted as pending already; an event comes whatever happens. */
static void start(struct pipe *p, const grpc_op *ops, size_t n, struct tag *tag) {
  struct transport *t = p->peer->t;
  grpc_call_error e = transport_batch(p->link.call, ops, n, tag);
  if (e == GRPC_CALL_OK) return;
  rkv_log(t->host, RKV_LOG_ERROR, TRANSPORT_LOG, "append stream batch refused error=%d", (int)e);
  t->host->fatal(t->host->ctx, RKV_BROKEN, "gRPC refused a batch of an append stream");
  transport_post(t, tag);
}

/* ---- the end ---- */

bool pipe_retire(struct pipe *p) {
  assert(!p->over && p->peer->lane.pipe == p); /* (T2) */
  if (p->flight.count > 0) return false;
  p->over = true;
  p->peer->lane.pipe = NULL;
  peer_call_break(&p->link, "given up");
  return true;
}

void pipe_time_out(struct pipe *p) {
  if (p->timed_out) return;
  p->timed_out = true;
  peer_call_break(&p->link, "no answer in time");
}

/* The limit that the peer told, 0 if it told none. */
static uint64_t told_limit(const struct pipe *p) {
  char text[24];
  for (size_t i = 0; i < p->trailing.count; i++) {
    const grpc_metadata *pair = &p->trailing.metadata[i];
    const size_t len = GRPC_SLICE_LENGTH(pair->value);
    if (grpc_slice_str_cmp(pair->key, ANSWER_LIMIT_KEY) != 0 || len >= sizeof text) continue;
    memcpy(text, GRPC_SLICE_START_PTR(pair->value), len);
    text[len] = '\0';
    return strtoull(text, NULL, 10);
  }
  return 0;
}

/* Under the mutex. */
static void on_too_large(struct pipe *p) {
  struct peer *peer = p->peer;
  const size_t oldest = p->flight.first;
  assert(p->flight.count > 0); /* (T4) */
  const bool learned = p->flight.messages[oldest].count > 0 &&
                       limit_told(&peer->limit, told_limit(p), p->flight.messages[oldest].bytes,
                                  transport_now(peer->t));
  peer->lane.ask = !learned;
  lane_rewind(peer);
}

/* Under the mutex. True: log that the peer has no StreamAppend. */
static bool on_plain(struct peer *peer) {
  const bool news = !peer->plain;
  peer->plain = true;
  peer->lane.unary_until_ns = transport_now(peer->t) + PIPE_RETRY_NS;
  lane_rewind(peer);
  return news;
}

/* What the end of the lane's pipe means for what it carried. */
static void settle(struct pipe *p, enum rkv_status status, const char *text) {
  struct peer *peer = p->peer;
  const bool owing = p->flight.count > 0;
  struct ends ends = {.first = NULL};
  bool plain = false;
  pthread_mutex_lock(&peer->mutex);
  if (p->over) { /* retired meanwhile: what the lane has now is another carrier's */
    pthread_mutex_unlock(&peer->mutex);
    return;
  }
  assert(peer->lane.pipe == p && !peer->lane.unary); /* (T2) */
  peer->lane.pipe = NULL;
  if (status == RKV_UNIMPLEMENTED && !p->answered) {
    plain = on_plain(peer);
  } else if (owing && (p->code == GRPC_STATUS_OK || limit_is_refusal(p->code, text))) {
    on_too_large(p);
  } else if (status != RKV_OK) {
    (void)rkv_fail(&ends.error, status, "append to peer %" PRIu64 ": %s", peer->id, text);
    lane_empty(peer, status, &ends);
  }
  pthread_mutex_unlock(&peer->mutex);
  if (plain)
    rkv_log(peer->t->host, RKV_LOG_INFO, TRANSPORT_LOG,
            "peer has no StreamAppend: appends go one by one peer=%" PRIu64, peer->id);
  append_tell(&ends);
  lane_pump(peer);
}

/* (T3) All batches have come back; nobody but this thread knows the pipe, or the lane does. */
static void pipe_end(struct pipe *p) {
  struct peer *peer = p->peer;
  struct transport *t = peer->t;
  char text[PEER_TEXT_MAX];
  enum rkv_status status;
  if (p->timed_out) p->code = GRPC_STATUS_DEADLINE_EXCEEDED;
  peer_text(p->code, p->details, text);
  if (!p->over) {
    const bool lacks = p->code == GRPC_STATUS_UNIMPLEMENTED && !p->answered;
    peer_note_end(peer, lacks ? GRPC_STATUS_OK : p->code, text, &p->trailing);
    status = peer_status(peer, p->code);
    if (p->timed_out && status != RKV_CANCELLED) status = RKV_UNAVAILABLE;
    settle(p, status, text);
  }
  if (p->link.call) peer_call_end(peer, &p->link);
  grpc_slice_unref(p->details);
  grpc_metadata_array_destroy(&p->initial);
  grpc_metadata_array_destroy(&p->trailing);
  free(p);
  peer_unref(peer);
  transport_outbound_end(t);
}

/* One batch less; the pipe may be gone afterwards. */
static void pipe_leave(struct pipe *p) {
  bool last;
  pthread_mutex_lock(&p->peer->mutex);
  assert(p->pending > 0); /* (T3) */
  last = --p->pending == 0;
  pthread_mutex_unlock(&p->peer->mutex);
  if (last) pipe_end(p);
}

static void on_ended(struct tag *self, bool ok) {
  (void)ok; /* a batch with RECV_STATUS always succeeds; the status tells */
  pipe_leave(PIPE_OF(self, ended));
}

/* ---- answers ---- */

static void receive(struct pipe *p) {
  grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};
  op.data.recv_message.recv_message = &p->answer;
  start(p, &op, 1, &p->received);
}

static void on_resume(struct tag *self, bool ok) {
  struct pipe *p = PIPE_OF(self, resume);
  bool owing;
  (void)ok; /* by transport_after_kick */
  pthread_mutex_lock(&p->peer->mutex);
  owing = p->awaiting = p->flight.count > 0;
  pthread_mutex_unlock(&p->peer->mutex);
  if (owing)
    receive(p);
  else
    pipe_leave(p);
}

/* Under the mutex. False: the pipe is over. *strange: the answer makes no sense. */
static bool take_answer(struct pipe *p, struct rkv_buf answer, struct ends *ends, bool *strange) {
  struct peer *peer = p->peer;
  if (p->over) return false;
  p->answered = true;
  peer->plain = false;
  assert(p->flight.count > 0 && p->awaiting); /* (T5) */
  if (lane_answer(peer, flight_take(&p->flight), answer, codec_append_stream_answer_decode, ends))
    return true;
  *strange = ends->first->status == RKV_INVALID;
  p->over = true;
  peer->lane.pipe = NULL;
  peer_call_break(&p->link, "given up");
  return false;
}

static void on_received(struct tag *self, bool ok) {
  struct pipe *p = PIPE_OF(self, received);
  struct peer *peer = p->peer;
  struct rkv_buf answer = rkv_buf_none();
  struct ends ends = {.first = NULL};
  bool goes_on, strange = false;
  if (!ok || !p->answer) { /* the stream's end is on its way */
    pipe_leave(p);
    return;
  }
  if (bytes_from_message(p->answer, &answer) != RKV_OK) answer = rkv_buf_none(); /* strange */
  grpc_byte_buffer_destroy(p->answer);
  p->answer = NULL;
  peer_note_place(peer, p->link.call);
  pthread_mutex_lock(&peer->mutex);
  goes_on = take_answer(p, answer, &ends, &strange);
  pthread_mutex_unlock(&peer->mutex);
  rkv_buf_drop(&answer);
  peer_note(peer, strange ? GRPC_STATUS_DATA_LOSS : GRPC_STATUS_OK, ends.error.text);
  if (goes_on) transport_after_kick(peer->t, &p->resume);
  append_tell(&ends);
  lane_pump(peer);
  if (!goes_on) pipe_leave(p);
}

/* ---- messages ---- */

void pipe_put(struct pipe *p, const struct message *message) {
  const struct peer *peer = p->peer;
  struct append *next = peer->lane.unsent;
  assert(!p->over && !p->sending && peer->lane.pipe == p); /* (T1), (T2) */
  assert(message->bytes <= PEER_FITS_MIN || message->bytes <= peer->fits || peer->limit.exact);
  flight_add(&p->flight, message);
  p->message = message->request;
  p->sending = true;
  p->pending++;
  p->await = !p->awaiting;
  p->pending += p->await;
  p->awaiting = true;
  p->more = next && flight_has_room(p) && append_can_go(next);
}

static void on_sent(struct tag *self, bool ok) {
  struct pipe *p = PIPE_OF(self, sent);
  struct peer *peer = p->peer;
  const bool await = p->await; /* the next message changes it */

  grpc_byte_buffer_destroy(p->message);
  p->message = NULL;
  pthread_mutex_lock(&peer->mutex);
  p->sending = !ok;
  pthread_mutex_unlock(&peer->mutex);
  if (await) receive(p);
  lane_pump(peer);
  pipe_leave(p);
}

enum rkv_status pipe_new(struct peer *peer, struct rkv_error *error) {
  struct pipe *p;
  if (!transport_outbound_begin(peer->t))
    return rkv_fail(error, RKV_CANCELLED, "append: the transport stops");
  if (!(p = calloc(1, sizeof *p))) {
    transport_outbound_end(peer->t);
    return rkv_fail(error, RKV_NO_MEMORY, "append: no memory");
  }
  p->peer = peer;
  p->ended.fn = on_ended;
  p->received.fn = on_received;
  p->sent.fn = on_sent;
  p->resume.fn = on_resume;
  p->code = GRPC_STATUS_UNKNOWN;
  peer_ref(peer);
  peer->lane.pipe = p;
  return RKV_OK;
}

/* Opens the stream. Errors: RKV_CANCELLED if the peer is closed. */
static enum rkv_status pipe_open(struct pipe *p) {
  grpc_op ops[3] = {0};
  enum rkv_status status =
      peer_call_begin(p->peer, PEER_STREAM_APPEND, gpr_inf_future(GPR_CLOCK_MONOTONIC), &p->link);
  if (status != RKV_OK) return status;
  pthread_mutex_lock(&p->peer->mutex);
  p->pending++;
  pthread_mutex_unlock(&p->peer->mutex);
  ops[0] = peer_greeting(p->peer);
  ops[1].op = GRPC_OP_RECV_INITIAL_METADATA;
  ops[1].data.recv_initial_metadata.recv_initial_metadata = &p->initial;
  ops[2].op = GRPC_OP_RECV_STATUS_ON_CLIENT;
  ops[2].data.recv_status_on_client.trailing_metadata = &p->trailing;
  ops[2].data.recv_status_on_client.status = &p->code;
  ops[2].data.recv_status_on_client.status_details = &p->details;
  start(p, ops, 3, &p->ended);
  atomic_fetch_add(&p->peer->t->peers->streams, 1);
  return RKV_OK;
}

void pipe_send(struct pipe *p) {
  grpc_op op = {.op = GRPC_OP_SEND_MESSAGE};
  if (!p->link.call && pipe_open(p)) {
    grpc_byte_buffer_destroy(p->message);
    p->details = grpc_slice_from_static_string("the peer is closed");
    pipe_end(p);
    return; /* what pipe_put counted is not under way */
  }
  if (p->more) op.flags = GRPC_WRITE_BUFFER_HINT;
  op.data.send_message.send_message = p->message;
  start(p, &op, 1, &p->sent);
}
