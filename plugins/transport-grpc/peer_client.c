/* peer_client.c: what a client asks of the node at the other end, from its request to its answer.
 *
 * (E1) A status that says "surely not done" comes from the node itself, or the request never left:
 *      a broken connection ends a call as RKV_ABORTED. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include <raft-wire/wire/bytes.h>
#include <raft-wire/wire/codec.h>
#include "peer_parts.h"

#define READ_KEY "rkv-read"
#define MEMBERS_KEY "rkv-members"

/* One call, while it is on its way. */
struct errand {
  struct peer_unary rpc; /* first */
  struct rkv_call *call;
};

static const char *const names[PEER_METHODS] = {
    [PEER_PROPOSE] = "propose",
    [PEER_QUERY] = "query",
    [PEER_INIT] = "init",
    [PEER_ADD_LEARNER] = "add-learner",
    [PEER_CHANGE_MEMBERSHIP] = "change-membership",
    [PEER_REMOVE] = "remove",
    [PEER_SET_ADDRESS] = "set-address",
    [PEER_TRANSFER] = "transfer",
    [PEER_SNAPSHOT_NOW] = "snapshot",
    [PEER_METRICS] = "metrics",
    [PEER_ADMIN] = "admin",
};

/* ---- the end ---- */

static void finish(struct errand *e, enum rkv_status status, const struct rkv_error *error) {
  struct peer *peer = e->rpc.peer;
  struct transport *t = peer->t;
  e->call->done(e->call, status, status ? error : NULL);
  free(e);
  peer_unref(peer);
  transport_outbound_end(t);
}

/* What a node's code means to its client (answer.c has the other direction). */
static enum rkv_status status_of(const struct peer_end *end) {
  if (end->status == RKV_OK || end->status == RKV_NOT_LEADER || end->status == RKV_CANCELLED)
    return end->status;
  switch (end->code) {
  case GRPC_STATUS_INVALID_ARGUMENT: return RKV_INVALID;
  case GRPC_STATUS_NOT_FOUND: return RKV_NOT_FOUND;
  case GRPC_STATUS_OUT_OF_RANGE: return RKV_TOO_LARGE;
  case GRPC_STATUS_RESOURCE_EXHAUSTED: return RKV_FULL;
  case GRPC_STATUS_FAILED_PRECONDITION: return RKV_PRECONDITION;
  case GRPC_STATUS_DEADLINE_EXCEEDED: return RKV_TIMEOUT;
  case GRPC_STATUS_UNIMPLEMENTED: return RKV_UNIMPLEMENTED;
  case GRPC_STATUS_UNAVAILABLE: return end->refused ? RKV_UNAVAILABLE : RKV_ABORTED;
  case GRPC_STATUS_CANCELLED: return end->refused ? RKV_CANCELLED : RKV_ABORTED;
  default: return RKV_ABORTED;
  }
}

/* Who leads, as answer.c words it. */
static uint64_t leader_of(const char *text) {
  static const char words[] = "has to forward request to: node ";
  if (strncmp(text, words, sizeof words - 1) != 0) return 0;
  return strtoull(text + sizeof words - 1, NULL, 10);
}

/* The caller keeps it for as long as it likes, so it is copied off what was received (keep.h). */
static enum rkv_status give(const struct peer *peer, struct rkv_buf from, struct rkv_buf *out,
                            struct rkv_error *error) {
  const struct rkv_host *host = peer->t->host;
  uint8_t *bytes;
  *out = rkv_buf_none();
  if (from.len == 0) return RKV_OK;
  if (!(bytes = host->buf_alloc(host->ctx, from.len, out)))
    return rkv_fail(error, RKV_NO_MEMORY, "no memory for an answer of %zu bytes", from.len);
  memcpy(bytes, from.data, from.len);
  return RKV_OK;
}

static enum rkv_status read_metrics(const struct peer *peer, struct rkv_buf answer,
                                    struct rkv_metrics_call *call, struct rkv_error *error) {
  enum rkv_status status = codec_metrics_answer_decode(answer, call, error);
  if (status != RKV_OK) return status;
  status = give(peer, call->text, &call->text, error);
  if (status != RKV_OK) rkv_buf_drop(&call->membership);
  return status;
}

static enum rkv_status read_answer(const struct errand *e, struct rkv_buf answer,
                                   struct rkv_error *error) {
  const struct peer *peer = e->rpc.peer;
  struct rkv_propose_call *propose = (struct rkv_propose_call *)e->call;
  struct rkv_admin_call *admin = (struct rkv_admin_call *)e->call;
  enum rkv_status status;
  switch (e->rpc.method) {
  case PEER_PROPOSE:
    propose->id = (struct rkv_log_id){0, 0}; /* the wire has no room for it */
    return give(peer, answer, &propose->result, error);
  case PEER_QUERY: return give(peer, answer, &((struct rkv_query_call *)e->call)->response, error);
  case PEER_ADD_LEARNER:
  case PEER_CHANGE_MEMBERSHIP:
    return codec_membership_answer_decode(answer, (struct rkv_membership_call *)e->call, error);
  case PEER_REMOVE:
  case PEER_SET_ADDRESS:
    return codec_members_answer_decode(answer, (struct rkv_membership_call *)e->call, error);
  case PEER_SNAPSHOT_NOW:
    return codec_snapshot_now_answer_decode(answer, (struct rkv_snapshot_now_call *)e->call, error);
  case PEER_METRICS: return read_metrics(peer, answer, (struct rkv_metrics_call *)e->call, error);
  case PEER_ADMIN:
    status = codec_admin_answer_decode(answer, admin, error);
    return status == RKV_OK ? give(peer, admin->answer, &admin->answer, error) : status;
  default: return RKV_OK;
  }
}

static void on_end(struct peer_unary *self, const struct peer_end *end) {
  struct errand *e = (struct errand *)self;
  struct rkv_error error = {0}, own;
  enum rkv_status status = status_of(end);
  assert(status != RKV_UNAVAILABLE || end->refused); /* (E1) */
  if (status != RKV_OK) {
    (void)rkv_fail(&error, status, "%s", end->text);
    memcpy(error.leader_addr, end->leader, sizeof error.leader_addr);
    error.leader_id = leader_of(end->text);
  } else if (read_answer(e, end->answer, &own) != RKV_OK) {
    status = rkv_fail(&error, RKV_ABORTED, "it was done, but its answer cannot be read: %.400s",
                      own.text);
    peer_note(self->peer, GRPC_STATUS_DATA_LOSS, error.text);
  }
  finish(e, status, &error);
}

/* ---- the beginning ---- */

static void refuse(struct rkv_call *call, enum rkv_status status, enum peer_method method,
                   const char *why) {
  struct rkv_error error;
  (void)rkv_fail(&error, status, "%s: %s", names[method], why);
  call->done(call, status, &error);
}

/* Sends `slice` (given) with a pair of metadata; key NULL: with none. */
static void send_off(struct peer *p, enum peer_method method, struct rkv_call *call,
                     grpc_slice slice, const char *key, const char *value) {
  grpc_byte_buffer *request = grpc_raw_byte_buffer_create(&slice, 1);
  struct errand *e = NULL;
  enum rkv_status status;
  struct rkv_error error;
  assert(method >= PEER_PROPOSE);
  grpc_slice_unref(slice);
  if (!transport_outbound_begin(p->t)) {
    grpc_byte_buffer_destroy(request);
    refuse(call, RKV_CANCELLED, method, "the transport stops");
    return;
  }
  if (!(e = calloc(1, sizeof *e))) {
    grpc_byte_buffer_destroy(request);
    refuse(call, RKV_NO_MEMORY, method, "no memory");
    transport_outbound_end(p->t);
    return;
  }
  e->call = call;
  e->rpc.end = on_end;
  e->rpc.peer = p;
  if (key) {
    e->rpc.said.key = grpc_slice_from_static_string(key);
    e->rpc.said.value = grpc_slice_from_static_string(value);
    e->rpc.said_count = 1;
  }
  peer_ref(p);
  if ((status = peer_unary_start(&e->rpc, p, method, request, call->deadline_ns))) {
    (void)rkv_fail(&error, status, "%s: peer %" PRIu64 " is closed", names[method], p->id);
    finish(e, status, &error);
  }
}

/* Sends the bytes as they are; they stay unchanged until done. */
static void send_bytes(struct peer *p, enum peer_method method, struct rkv_call *call,
                       struct rkv_buf bytes, const char *key, const char *value) {
  grpc_slice slice;
  if (bytes_to_slice(bytes, &slice) == RKV_OK)
    send_off(p, method, call, slice, key, value);
  else
    refuse(call, RKV_NO_MEMORY, method, "no memory");
}

void peer_send_propose(void *peer, struct rkv_propose_call *call) {
  send_bytes(peer, PEER_PROPOSE, &call->call, call->command, NULL, NULL);
}

void peer_send_query(void *peer, struct rkv_query_call *call) {
  const char *level = NULL;
#define READ_LEVEL_TEXT(name, number, text)                                                        \
  if (call->read == (number)) level = text;
  RKV_READ_LIST(READ_LEVEL_TEXT)
#undef READ_LEVEL_TEXT
  if (!level)
    refuse(&call->call, RKV_INVALID, PEER_QUERY, "its read level is unknown");
  else
    send_bytes(peer, PEER_QUERY, &call->call, call->request, READ_KEY, level);
}

void peer_send_init(void *peer, struct rkv_init_call *call) {
  send_off(peer, PEER_INIT, &call->call, codec_init_encode(call->membership),
           call->answering ? MEMBERS_KEY : NULL, "answering");
}

void peer_send_add_learner(void *peer, struct rkv_membership_call *call) {
  send_off(peer, PEER_ADD_LEARNER, &call->call, codec_add_learner_encode(call),
           call->answering ? MEMBERS_KEY : NULL, "answering");
}

void peer_send_change_membership(void *peer, struct rkv_membership_call *call) {
  send_off(peer, PEER_CHANGE_MEMBERSHIP, &call->call, codec_change_membership_encode(call),
           call->answering ? MEMBERS_KEY : NULL, "answering");
}

void peer_send_remove(void *peer, struct rkv_membership_call *call) {
  send_off(peer, PEER_REMOVE, &call->call, codec_remove_encode(call), NULL, NULL);
}

void peer_send_set_address(void *peer, struct rkv_membership_call *call) {
  send_off(peer, PEER_SET_ADDRESS, &call->call, codec_set_address_encode(call), NULL, NULL);
}

void peer_send_transfer(void *peer, struct rkv_transfer_call *call) {
  send_off(peer, PEER_TRANSFER, &call->call, codec_transfer_encode(call), NULL, NULL);
}

void peer_send_snapshot_now(void *peer, struct rkv_snapshot_now_call *call) {
  send_off(peer, PEER_SNAPSHOT_NOW, &call->call, grpc_empty_slice(), NULL, NULL);
}

void peer_send_metrics(void *peer, struct rkv_metrics_call *call) {
  send_off(peer, PEER_METRICS, &call->call, grpc_empty_slice(), NULL, NULL);
}

void peer_send_admin(void *peer, struct rkv_admin_call *call) {
  const char *wrong = rkv_admin_method_refusal(call->method);
  if (wrong)
    refuse(&call->call, RKV_INVALID, PEER_ADMIN, wrong);
  else if (call->request.len > RKV_ADMIN_BYTES_MAX)
    refuse(&call->call, RKV_TOO_LARGE, PEER_ADMIN, "the request is over its limit");
  else
    send_off(peer, PEER_ADMIN, &call->call, codec_admin_encode(call), NULL, NULL);
}
