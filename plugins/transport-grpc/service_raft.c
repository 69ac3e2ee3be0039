/* service_raft.c: RaftService's unary methods, what peers ask: Vote and AppendEntries. */
#include <raft-wire/wire/codec.h>
#include "keep.h"
#include "service.h"

/* ---- Vote ---- */

static void vote(struct unary *u) {
  struct rkv_error error;
  enum rkv_status status;
  if (!unary_take_request(u)) return;
  status = codec_vote_request_decode(u->request, &u->node.vote, &error);
  if (!service_begin(u, status, &error, service_vote_done)) return;
  u->t->node->vote(u->t->node->ctx, &u->node.vote);
}

/* ---- AppendEntries ---- */

static void append_done(struct rkv_call *call, enum rkv_status status,
                        const struct rkv_error *error) {
  struct unary *u = unary_of(call);
  struct rkv_error own;
  grpc_slice slice;
  if (status == RKV_OK) {
    status = codec_append_answer_encode(&u->node.append, &slice, &own);
    error = &own;
  }
  codec_append_request_free(&u->node.append);
  if (status == RKV_OK)
    unary_answer(u, slice);
  else
    unary_refuse(u, status, error);
}

static void append(struct unary *u) {
  struct rkv_error error;
  /* The log keeps slices of the message, so it is copied once and whole (keep.h). */
  enum rkv_status status = keep_message(u->t->host, u->message, &u->request, &error);
  if (status == RKV_OK) status = codec_append_request_decode(u->request, &u->node.append, &error);
  if (!service_begin(u, status, &error, append_done)) return;
  u->t->node->append(u->t->node->ctx, &u->node.append);
}

const struct method service_raft_methods[] = {
    {"/openraftpb.RaftService/Vote", vote, true},
    {"/openraftpb.RaftService/AppendEntries", append, true},
    {NULL, NULL, false},
};
