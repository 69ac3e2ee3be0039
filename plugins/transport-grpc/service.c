/* service.c: beginnings and ends that calls of several services have in common. */
#include "service.h"

#include <raft-wire/wire/codec.h>

bool service_begin(struct unary *u, enum rkv_status status, const struct rkv_error *error,
                   void (*done)(struct rkv_call *call, enum rkv_status status,
                                const struct rkv_error *error)) {
  if (status != RKV_OK) {
    unary_refuse(u, status, error);
    return false;
  }
  u->node.call.done = done;
  return true;
}

void service_empty_done(struct rkv_call *call, enum rkv_status status,
                        const struct rkv_error *error) {
  struct unary *u = unary_of(call);
  if (status == RKV_OK)
    unary_answer(u, grpc_empty_slice());
  else
    unary_refuse(u, status, error);
}

void service_vote_done(struct rkv_call *call, enum rkv_status status,
                       const struct rkv_error *error) {
  struct unary *u = unary_of(call);
  if (status == RKV_OK)
    unary_answer(u, codec_vote_answer_encode(&u->node.vote));
  else
    unary_refuse(u, status, error);
}

void service_members_done(struct rkv_call *call, enum rkv_status status,
                          const struct rkv_error *error,
                          enum rkv_status (*encode)(struct rkv_log_id id, struct rkv_buf membership,
                                                    grpc_slice *out, struct rkv_error *error)) {
  struct unary *u = unary_of(call);
  struct rkv_membership_call *m = &u->node.membership;
  struct rkv_error own;
  grpc_slice slice;
  if (status == RKV_OK) {
    status = encode(m->id, m->membership, &slice, &own);
    rkv_buf_drop(&m->membership);
    error = &own;
  }
  if (status == RKV_OK)
    unary_answer(u, slice);
  else
    unary_refuse(u, status, error);
}
