/* peer_rkv.c: send_timeout_now, send_read_index and send_hello: what only nodes of this project
 * ask. */
#include <inttypes.h>
#include <stdlib.h>

#include <raft-wire/wire/codec.h>
#include "peer_parts.h"

/* Any of these calls, while it is on its way. */
struct question {
  struct peer_unary rpc; /* first */
  struct rkv_call *call;
  const char *what; /* static */
};

static void finish(struct question *q, enum rkv_status status, const struct rkv_error *error) {
  struct peer *peer = q->rpc.peer;
  struct transport *t = peer->t;
  q->call->done(q->call, status, status ? error : NULL);
  free(q);
  peer_unref(peer);
  transport_outbound_end(t);
}

static void on_end(struct peer_unary *self, const struct peer_end *end) {
  struct question *q = (struct question *)self;
  struct rkv_error error = {0};
  enum rkv_status status = end->status;
  if (status != RKV_OK) {
    (void)rkv_fail(&error, status, "%s of peer %" PRIu64 ": %s", q->what, self->peer->id,
                   end->text);
    memcpy(error.leader_addr, end->leader, sizeof error.leader_addr);
  } else if (self->method == PEER_READ_INDEX) {
    status =
        codec_read_index_answer_decode(end->answer, (struct rkv_read_index_call *)q->call, &error);
  } else if (self->method == PEER_HELLO) {
    status = codec_hello_answer_decode(end->answer, (struct rkv_hello_call *)q->call, &error);
  }
  if (status != RKV_OK && end->status == RKV_OK)
    peer_note(self->peer, GRPC_STATUS_DATA_LOSS, error.text);
  finish(q, status, &error);
}

static void refuse(struct rkv_call *call, enum rkv_status status, const char *what,
                   const char *why) {
  struct rkv_error error;
  (void)rkv_fail(&error, status, "%s: %s", what, why);
  call->done(call, status, &error);
}

/* Sends `slice` (given). */
static void ask(struct peer *p, enum peer_method method, struct rkv_call *call, const char *what,
                grpc_slice slice) {
  grpc_byte_buffer *request = grpc_raw_byte_buffer_create(&slice, 1);
  struct question *q = NULL;
  uint64_t deadline = call->deadline_ns;
  enum rkv_status status;
  struct rkv_error error;
  grpc_slice_unref(slice);
  if (!transport_outbound_begin(p->t)) {
    grpc_byte_buffer_destroy(request);
    refuse(call, RKV_CANCELLED, what, "the transport stops");
    return;
  }
  if (!(q = calloc(1, sizeof *q))) {
    grpc_byte_buffer_destroy(request);
    refuse(call, RKV_NO_MEMORY, what, "no memory");
    transport_outbound_end(p->t);
    return;
  }
  q->call = call;
  q->what = what;
  q->rpc.end = on_end;
  q->rpc.peer = p;
  peer_ref(p);
  if (!deadline) deadline = transport_now(p->t) + p->t->options.vote_timeout;
  if ((status = peer_unary_start(&q->rpc, p, method, request, deadline))) {
    (void)rkv_fail(&error, status, "%s: peer %" PRIu64 " is closed", what, p->id);
    finish(q, status, &error);
  }
}

void peer_send_timeout_now(void *peer, struct rkv_timeout_now_call *call) {
  ask(peer, PEER_TIMEOUT_NOW, &call->call, "timeout-now", codec_timeout_now_encode(call));
}

void peer_send_read_index(void *peer, struct rkv_read_index_call *call) {
  ask(peer, PEER_READ_INDEX, &call->call, "read-index", codec_read_index_encode(call));
}

void peer_send_hello(void *peer, struct rkv_hello_call *call) {
  ask(peer, PEER_HELLO, &call->call, "hello", grpc_empty_slice());
}
