/* peer_unary.c: one unary RPC to a peer, from its request to its one end. */
#include <raft-wire/wire/answer.h>
#include <raft-wire/wire/bytes.h>
#include "peer_parts.h"

static bool is_clients(const struct peer_unary *u) {
  return u->method >= PEER_PROPOSE;
}

/* An answer all the same, as is the lack of a method that a peer may lack, and whatever a node says
 * to a client. */
static bool is_answer(const struct peer_unary *u, const struct peer_end *end) {
  if (is_clients(u) && (end->refused || (end->code != GRPC_STATUS_UNAVAILABLE &&
                                         end->code != GRPC_STATUS_CANCELLED)))
    return true;
  if (end->code == GRPC_STATUS_UNIMPLEMENTED) return u->method >= PEER_PRE_VOTE;
  return peer_is_referral(end->code, end->text);
}

static void read_leader(const struct peer_unary *u, struct peer_end *end) {
  for (size_t i = 0; i < u->trailing.count; i++) {
    const grpc_metadata *pair = &u->trailing.metadata[i];
    const size_t len = GRPC_SLICE_LENGTH(pair->value);
    if (grpc_slice_str_cmp(pair->key, ANSWER_LEADER_KEY) != 0 || len >= RKV_ADDR_MAX) continue;
    memcpy(end->leader, GRPC_SLICE_START_PTR(pair->value), len);
    end->leader[len] = '\0';
  }
}

/* Everything of the finished RPC is given back before `end` runs: it may start the next one. */
static void unary_done(struct tag *self, bool ok) {
  struct peer_unary *u = (struct peer_unary *)self;
  struct peer_end end = {.code = u->code};
  (void)ok; /* a batch with RECV_STATUS always succeeds; the status tells */
  peer_text(u->code, u->details, end.text);
  read_leader(u, &end);
  end.refused = peer_is_refusal(&u->trailing);
  if (u->code == GRPC_STATUS_OK) peer_note_place(u->peer, u->link.call);
  peer_note_end(u->peer, is_answer(u, &end) ? GRPC_STATUS_OK : end.code, end.text, &u->trailing);
  peer_call_end(u->peer, &u->link); /* the metadata goes with it */
  end.status = peer_status(u->peer, end.code);
  if (end.status == RKV_UNAVAILABLE && peer_is_referral(end.code, end.text))
    end.status = RKV_NOT_LEADER;
  if (end.status == RKV_OK) end.status = bytes_from_message(u->answer, &end.answer);
  grpc_slice_unref(u->details);
  grpc_metadata_array_destroy(&u->initial);
  grpc_metadata_array_destroy(&u->trailing);
  grpc_byte_buffer_destroy(u->request);
  if (u->answer) grpc_byte_buffer_destroy(u->answer);
  u->end(u, &end);
  rkv_buf_drop(&end.answer);
}

static void fill_ops(struct peer_unary *u, grpc_op ops[6]) {
  ops[0] = peer_greeting(u->peer);
  if (is_clients(u)) {
    ops[0].data.send_initial_metadata.count = u->said_count;
    ops[0].data.send_initial_metadata.metadata = &u->said;
  }
  ops[1].op = GRPC_OP_SEND_MESSAGE;
  ops[1].data.send_message.send_message = u->request;
  ops[2].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
  ops[3].op = GRPC_OP_RECV_INITIAL_METADATA;
  ops[3].data.recv_initial_metadata.recv_initial_metadata = &u->initial;
  ops[4].op = GRPC_OP_RECV_MESSAGE;
  ops[4].data.recv_message.recv_message = &u->answer;
  ops[5].op = GRPC_OP_RECV_STATUS_ON_CLIENT;
  ops[5].data.recv_status_on_client.trailing_metadata = &u->trailing;
  ops[5].data.recv_status_on_client.status = &u->code;
  ops[5].data.recv_status_on_client.status_details = &u->details;
}

enum rkv_status peer_unary_start(struct peer_unary *u, struct peer *peer, enum peer_method method,
                                 grpc_byte_buffer *request, uint64_t deadline_ns) {
  grpc_op ops[6] = {0};
  gpr_timespec deadline = transport_to_gpr(peer->t, deadline_ns);
  enum rkv_status status;
  u->tag.fn = unary_done;
  u->peer = peer;
  u->method = method;
  u->request = request;
  u->answer = NULL;
  u->code = GRPC_STATUS_UNKNOWN;
  if ((status = peer_call_begin(peer, method, deadline, &u->link))) goto fail;
  grpc_metadata_array_init(&u->initial);
  grpc_metadata_array_init(&u->trailing);
  fill_ops(u, ops);
  if (transport_batch(u->link.call, ops, 6, &u->tag) == GRPC_CALL_OK) return RKV_OK;
  grpc_metadata_array_destroy(&u->initial);
  grpc_metadata_array_destroy(&u->trailing);
  peer_call_end(peer, &u->link);
  status = RKV_BROKEN;
fail:
  grpc_byte_buffer_destroy(request);
  return status;
}
