/* peer_vote.c: send_vote and send_pre_vote: asks a peer for its vote, or whether it would give
 * it. */
#include <inttypes.h>
#include <stdlib.h>

#include <raft-wire/wire/codec.h>
#include "peer_parts.h"

struct vote {
  struct peer_unary rpc;
  struct rkv_vote_call *call;
};

static void finish(struct vote *vote, enum rkv_status status, const struct rkv_error *error) {
  struct peer *peer = vote->rpc.peer;
  struct transport *t = peer->t;
  vote->call->call.done(&vote->call->call, status, status ? error : NULL);
  free(vote);
  peer_unref(peer);
  transport_outbound_end(t);
}

static void vote_end(struct peer_unary *self, const struct peer_end *end) {
  struct vote *vote = (struct vote *)self;
  struct rkv_error error;
  enum rkv_status status = end->status;
  if (status != RKV_OK) {
    (void)rkv_fail(&error, status, "vote of peer %" PRIu64 ": %s", self->peer->id, end->text);
  } else if ((status = codec_vote_answer_decode(end->answer, vote->call, &error))) {
    peer_note(self->peer, GRPC_STATUS_DATA_LOSS, error.text);
  }
  finish(vote, status, &error);
}

static void ask(struct peer *p, enum peer_method method, struct rkv_vote_call *call) {
  struct rkv_error error;
  struct vote *vote;
  grpc_slice slice;
  grpc_byte_buffer *request;
  uint64_t deadline = call->call.deadline_ns;
  enum rkv_status status;
  if (!transport_outbound_begin(p->t)) {
    (void)rkv_fail(&error, RKV_CANCELLED, "the transport stops");
    call->call.done(&call->call, RKV_CANCELLED, &error);
    return;
  }
  if (!(vote = calloc(1, sizeof *vote))) {
    (void)rkv_fail(&error, RKV_NO_MEMORY, "vote: no memory");
    call->call.done(&call->call, RKV_NO_MEMORY, &error);
    transport_outbound_end(p->t);
    return;
  }
  vote->call = call;
  vote->rpc.end = vote_end;
  vote->rpc.peer = p;
  peer_ref(p);
  slice = codec_vote_request_encode(call);
  request = grpc_raw_byte_buffer_create(&slice, 1);
  grpc_slice_unref(slice);
  if (!deadline) deadline = transport_now(p->t) + p->t->options.vote_timeout;
  if ((status = peer_unary_start(&vote->rpc, p, method, request, deadline))) {
    (void)rkv_fail(&error, status, "vote: peer %" PRIu64 " is closed", p->id);
    finish(vote, status, &error);
  }
}

void peer_send_vote(void *peer, struct rkv_vote_call *call) {
  ask(peer, PEER_VOTE, call);
}

void peer_send_pre_vote(void *peer, struct rkv_vote_call *call) {
  ask(peer, PEER_PRE_VOTE, call);
}
