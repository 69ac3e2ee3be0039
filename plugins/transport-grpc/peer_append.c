/* peer_append.c: send_append: from the node's call to its answer, and the unary RPCs on the way;
 * invariants in peer_append.h. */
#include "peer_append.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

/* ---- ends ---- */

static void finish(struct append *a, enum rkv_status status, const struct rkv_error *error) {
  struct peer *peer = a->rpc.peer;
  struct transport *t = peer->t;
  struct rkv_error own;
  assert(a->at <= a->call->entry_count); /* (A3) */
  if (status != RKV_OK) {
    a->call->matched = append_before(a, a->at);
    if (a->at > 0 && status != RKV_CANCELLED && status != RKV_TOO_LARGE) {
      a->call->result = RKV_APPEND_SUCCESS;
      status = RKV_OK;
    } else if (!error) {
      (void)rkv_fail(&own, status, "append to peer %" PRIu64 ": %s", peer->id,
                     status == RKV_TIMEOUT ? "no answer in time"
                                           : "given up with the one before it");
      error = &own;
    } else if (error->status !=
               (uint32_t)status) { /* what went wrong, and what that is for this append */
      own = *error;
      own.status = (uint32_t)status;
      error = &own;
    }
  }
  a->call->call.done(&a->call->call, status, status ? error : NULL);
  free(a->heads);
  free(a);
  peer_unref(peer);
  transport_outbound_end(t);
}

void append_tell(struct ends *ends) {
  const struct rkv_error *error = &ends->error;
  while (ends->first) {
    struct append *a = ends->first;
    ends->first = a->next;
    finish(a, a->status, error);
    error = NULL;
  }
}

/* ---- unary RPCs ---- */

static uint64_t deadline_of(const struct append *a) {
  uint64_t deadline = a->call->call.deadline_ns;
  return deadline ? deadline : a->due_ns;
}

/* Too large for the peer: in parts then, if there are several entries. */
static void on_refusal(struct append *a, struct ends *ends) {
  struct peer *peer = a->rpc.peer;
  if (a->count > 1) {
    lane_rewind(peer);
    return;
  }
  (void)append_unsendable(a, a->at, a->bytes, peer->limit.bytes, &ends->error);
  lane_empty(peer, RKV_TOO_LARGE, ends);
}

static void unary_end(struct peer_unary *self, const struct peer_end *end) {
  struct append *a = (struct append *)self;
  struct peer *peer = self->peer;
  struct ends ends = {.first = NULL};
  bool strange = false, refused = end->status && end->status != RKV_CANCELLED &&
                                  peer_learn(peer, end->code, end->text, a->bytes);
  peer_ref(peer); /* the append may go */
  pthread_mutex_lock(&peer->mutex);
  peer->lane.unary = false;
  peer->lane.ask = false;
  if (end->status == RKV_OK) {
    if (a->bytes > peer->fits) peer->fits = a->bytes;
    strange = !lane_answer(peer, a->count, end->answer, codec_append_answer_decode, &ends) &&
              a->status == RKV_INVALID;
  } else if (refused) {
    on_refusal(a, &ends);
  } else {
    (void)rkv_fail(&ends.error, end->status, "append to peer %" PRIu64 ": %s", peer->id, end->text);
    lane_empty(peer, end->status, &ends);
  }
  pthread_mutex_unlock(&peer->mutex);
  if (strange) peer_note(peer, GRPC_STATUS_DATA_LOSS, ends.error.text);
  append_tell(&ends);
  lane_pump(peer);
  peer_unref(peer);
}

/* What never was on its way. */
static void unary_failed(struct append *a, enum rkv_status status) {
  struct peer *peer = a->rpc.peer;
  struct ends ends = {.first = NULL};
  (void)rkv_fail(&ends.error, status, "append: peer %" PRIu64 " is closed", peer->id);
  pthread_mutex_lock(&peer->mutex);
  peer->lane.unary = false;
  lane_empty(peer, status, &ends);
  pthread_mutex_unlock(&peer->mutex);
  append_tell(&ends);
}

void append_send_unary(struct append *a, struct message *message) {
  struct peer *peer = a->rpc.peer;
  enum rkv_status status;
  a->rpc.end = unary_end;
  status = peer_unary_start(&a->rpc, peer, PEER_APPEND, message->request, deadline_of(a));
  if (status != RKV_OK) unary_failed(a, status);
}

/* ---- beside the lane (A5) ---- */

static void beside_end(struct peer_unary *self, const struct peer_end *end) {
  struct append *a = (struct append *)self;
  struct peer *peer = self->peer;
  struct rkv_error error;
  enum rkv_status status = end->status;
  if (status == RKV_OK) {
    status = codec_append_answer_decode(end->answer, a->call, &error);
    if (status != RKV_OK) peer_note(peer, GRPC_STATUS_DATA_LOSS, error.text);
  } else if (status != RKV_CANCELLED && peer_learn(peer, end->code, end->text, a->bytes)) {
    pthread_mutex_lock(&peer->mutex);
    status = append_unsendable(a, 0, a->bytes, peer->limit.bytes, &error);
    pthread_mutex_unlock(&peer->mutex);
  } else {
    (void)rkv_fail(&error, status, "append to peer %" PRIu64 ": %s", peer->id, end->text);
  }
  finish(a, status, &error);
}

static void send_beside(struct append *a) {
  struct peer *peer = a->rpc.peer;
  struct message message;
  struct rkv_error error;
  enum rkv_status status;
  pthread_mutex_lock(&peer->mutex);
  status = append_take(a, false, &message, &error);
  pthread_mutex_unlock(&peer->mutex);
  if (status != RKV_OK) {
    finish(a, status, &error);
    return;
  }
  a->bytes = message.bytes;
  a->rpc.end = beside_end;
  status = peer_unary_start(&a->rpc, peer, PEER_APPEND, message.request, deadline_of(a));
  if (status == RKV_OK) return;
  (void)rkv_fail(&error, status, "append: peer %" PRIu64 " is closed", peer->id);
  finish(a, status, &error);
}

/* ---- the node's call ---- */

static void refuse(struct peer *peer, struct rkv_append_call *call, enum rkv_status status,
                   const char *why) {
  struct rkv_error error;
  (void)rkv_fail(&error, status, "append to peer %" PRIu64 ": %s", peer->id, why);
  call->call.done(&call->call, status, &error);
}

void peer_send_append(void *peer, struct rkv_append_call *call) {
  struct peer *p = peer;
  struct append *a;
  struct rkv_error error;
  enum rkv_status status;
  bool beside;
  if (!transport_outbound_begin(p->t)) {
    refuse(p, call, RKV_CANCELLED, "the transport stops");
    return;
  }
  if (!(a = calloc(1, sizeof *a))) {
    refuse(p, call, RKV_NO_MEMORY, "no memory");
    transport_outbound_end(p->t);
    return;
  }
  a->call = call;
  call->lease_ns = 0; /* who ends without an answer was promised nothing */
  call->inferred = 0;
  call->differs_at = 0;
  a->rpc.peer = p;
  a->due_ns = call->call.deadline_ns;
  peer_ref(p);
  pthread_mutex_lock(&p->mutex);
  status = lane_add(p, a, &beside);
  pthread_mutex_unlock(&p->mutex);
  if (status != RKV_OK) {
    (void)rkv_fail(&error, status, "append: over %d appends wait for peer %" PRIu64,
                   PEER_APPENDS_MAX, p->id);
    finish(a, status, &error);
  } else if (beside) {
    send_beside(a);
  } else {
    lane_pump(p);
  }
}
