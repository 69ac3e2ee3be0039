/* peer_append.c: send_append: carries one append to a peer, in parts if it must (chunk-and-retry);
 * invariants in peer_append.h. */
#include "peer_append.h"

#include <stdlib.h>

#include "codec.h"

static unsigned long long llu(uint64_t value) {
  return value;
}

static void go(struct append *a);

/* ---- end ---- */

/* Those that waited go on, until one goes in parts itself. */
static void resume(struct peer *peer) {
  struct append *next;
  while ((next = append_waiting_take(peer))) go(next);
}

static void finish(struct append *a, enum rkv_status status, const struct rkv_error *error) {
  struct peer *peer = a->rpc.peer;
  struct transport *t = peer->t;
  bool next = append_split_end(a);
  a->call->call.done(&a->call->call, status, status ? error : NULL);
  free(a->heads);
  free(a);
  if (next) resume(peer);
  peer_unref(peer);
  transport_outbound_end(t);
}

/* (A3) */
static void finish_stopped(struct append *a, enum rkv_status status,
                           const struct rkv_error *error) {
  a->call->matched = append_before(a, a->at);
  if (a->at > 0 && status != RKV_CANCELLED) {
    a->call->result = RKV_APPEND_SUCCESS;
    status = RKV_OK;
  }
  finish(a, status, error);
}

static void finish_unsendable(struct append *a, size_t bytes, size_t limit) {
  struct peer *peer = a->rpc.peer;
  struct rkv_error error;
  a->call->matched = append_before(a, a->at);
  if (a->call->entry_count == 0) {
    (void)rkv_fail(&error, RKV_TOO_LARGE,
                   "append without entries size=%zu over limit=%zu of peer=%llu", bytes, limit,
                   llu(peer->id));
  } else {
    (void)rkv_fail(&error, RKV_TOO_LARGE,
                   "entry index=%llu size=%zu over limit=%zu of peer=%llu (raise raft_message_max "
                   "there)",
                   llu(a->call->entries[a->at].id.index), bytes, limit, llu(peer->id));
    append_note_unsendable(a, error.text);
  }
  finish(a, RKV_TOO_LARGE, &error);
}

/* ---- sending ---- */

static void send_message(struct append *a) {
  struct peer *peer = a->rpc.peer;
  struct transport *t = peer->t;
  struct codec_append_head head = {a->call->vote, append_before(a, a->at), a->call->commit};
  uint64_t deadline = a->call->call.deadline_ns;
  grpc_byte_buffer *request;
  struct rkv_error error;
  enum rkv_status status;
  status = codec_append_request_encode(&head, a->call->entries ? a->call->entries + a->at : NULL,
                                       a->count, &request, &error);
  if (status) return finish_stopped(a, status, &error);
  a->bytes = grpc_byte_buffer_length(request);
  if (!deadline)
    deadline = transport_now(t) + t->options.append_timeout + a->bytes * PEER_NS_PER_BYTE;
  if (a->parts) append_note_part(a);
  atomic_fetch_add(&t->peers->sends, 1);
  status = peer_unary_start(&a->rpc, peer, PEER_APPEND, request, deadline);
  if (!status) return;
  (void)rkv_fail(&error, status, "append: peer %llu is closed", llu(peer->id));
  finish_stopped(a, status, &error);
}

/* Sends what fits of what is left, or waits for its turn, or ends. */
static void go(struct append *a) {
  struct limit limit = peer_limit(a->rpc.peer);
  size_t left = a->call->entry_count - a->at, bytes;
  struct rkv_error error;
  struct split split;
  enum rkv_status status;
  bool news = limit.bytes != a->limit.bytes || limit.exact != a->limit.exact;
  a->count = left;
  a->limit = limit;
  if (limit.bytes == 0 || left == 0) return send_message(a);
  if ((status = append_measure(a, &error))) return finish_stopped(a, status, &error);
  split = append_split(a);
  a->count = split_take(&split, a->at, &bytes);
  if (a->count == 0) return finish_unsendable(a, bytes, limit.bytes);
  if (a->count < left) {
    if (!append_split_begin(a, &status)) {
      a->limit = (struct limit){0};
      if (!status) return;
      (void)rkv_fail(&error, status, "append: over %d appends wait for peer %llu", PEER_WAITING_MAX,
                     llu(a->rpc.peer->id));
      return finish_stopped(a, status, &error);
    }
    if (news || a->parts == 0) append_note_split(a, &split);
  }
  send_message(a);
}

/* ---- the answer ---- */

static void on_answer(struct append *a, struct rkv_buf answer) {
  struct rkv_append_call part = {.prev = append_before(a, a->at), .entry_count = a->count};
  struct rkv_append_call *call = a->call;
  struct rkv_error error;
  enum rkv_status status;
  if (a->count) part.entries = call->entries + a->at;
  status = codec_append_answer_decode(answer, &part, &error);
  if (status) {
    peer_note(a->rpc.peer, GRPC_STATUS_DATA_LOSS, error.text);
    return finish_stopped(a, status, &error);
  }
  call->result = part.result;
  call->matched = part.matched;
  call->voter_vote = part.voter_vote;
  if (part.result != RKV_APPEND_SUCCESS) return finish(a, RKV_OK, NULL);
  if (part.matched.index < append_before(a, a->at + a->count).index) return finish(a, RKV_OK, NULL);
  a->at += a->count;
  if (a->at == call->entry_count) return finish(a, RKV_OK, NULL);
  go(a);
}

static void append_end(struct peer_unary *self, const struct peer_end *end) {
  struct append *a = (struct append *)self;
  struct peer *peer = self->peer;
  struct rkv_error error;
  if (end->status == RKV_OK) return on_answer(a, end->answer);
  if (end->status != RKV_CANCELLED && peer_learn(peer, end->code, end->text, a->bytes)) {
    if (a->count <= 1) return finish_unsendable(a, a->bytes, peer_limit(peer).bytes);
    return go(a);
  }
  (void)rkv_fail(&error, end->status, "append to peer %llu: %s", llu(peer->id), end->text);
  finish_stopped(a, end->status, &error);
}

static void refuse(struct peer *peer, struct rkv_append_call *call, enum rkv_status status,
                   const char *why) {
  struct rkv_error error;
  (void)rkv_fail(&error, status, "append to peer %llu: %s", llu(peer->id), why);
  call->call.done(&call->call, status, &error);
}

void peer_send_append(void *peer, struct rkv_append_call *call) {
  struct peer *p = peer;
  struct append *a;
  enum rkv_status status;
  if (!transport_outbound_begin(p->t)) return refuse(p, call, RKV_CANCELLED, "the transport stops");
  if (!(a = calloc(1, sizeof *a))) {
    refuse(p, call, RKV_NO_MEMORY, "no memory");
    return transport_outbound_end(p->t);
  }
  a->call = call;
  a->rpc.peer = p;
  a->rpc.end = append_end;
  peer_ref(p);
  if (call->entry_count == 0 || !append_must_wait(a, &status)) return go(a);
  if (status) {
    struct rkv_error error;
    (void)rkv_fail(&error, status, "append: over %d appends wait for peer %llu", PEER_WAITING_MAX,
                   llu(p->id));
    finish(a, status, &error);
  }
}
