/* service_rkv.c: package rkv.v1: Peer, what only nodes of this project ask each other, and Admin,
 * what operators ask. */
#include <raft-wire/wire/codec.h>
#include "service.h"

#include <inttypes.h>

/* ---- PreVote ---- */

static void pre_vote(struct unary *u) {
  struct rkv_error error;
  enum rkv_status status;
  if (!unary_take_request(u)) return;
  status = codec_vote_request_decode(u->request, &u->node.vote, &error);
  if (!service_begin(u, status, &error, service_vote_done)) return;
  u->t->node->pre_vote(u->t->node->ctx, &u->node.vote);
}

/* ---- TimeoutNow ---- */

static void timeout_now(struct unary *u) {
  struct rkv_error error;
  enum rkv_status status;
  if (!unary_take_request(u)) return;
  status = codec_timeout_now_decode(u->request, &u->node.timeout_now, &error);
  if (!service_begin(u, status, &error, service_empty_done)) return;
  u->t->node->timeout_now(u->t->node->ctx, &u->node.timeout_now);
}

/* ---- ReadIndex ---- */

static void read_index_done(struct rkv_call *call, enum rkv_status status,
                            const struct rkv_error *error) {
  struct unary *u = unary_of(call);
  if (status == RKV_OK)
    unary_answer(u, codec_read_index_answer_encode(&u->node.read_index));
  else
    unary_refuse(u, status, error);
}

static void read_index(struct unary *u) {
  struct rkv_error error;
  enum rkv_status status;
  if (!unary_take_request(u)) return;
  status = codec_read_index_decode(u->request, &u->node.read_index, &error);
  if (!service_begin(u, status, &error, read_index_done)) return;
  u->t->node->read_index(u->t->node->ctx, &u->node.read_index);
}

/* ---- Hello ---- */

static void hello_done(struct rkv_call *call, enum rkv_status status,
                       const struct rkv_error *error) {
  struct unary *u = unary_of(call);
  if (status == RKV_OK)
    unary_answer(u, codec_hello_answer_encode(&u->node.hello));
  else
    unary_refuse(u, status, error);
}

static void hello(struct unary *u) {
  u->node.call.done = hello_done;
  u->t->node->hello(u->t->node->ctx, &u->node.hello);
}

/* ---- TransferLeader ---- */

static void transfer_leader(struct unary *u) {
  struct rkv_error error;
  enum rkv_status status;
  if (!unary_take_request(u)) return;
  status = codec_transfer_decode(u->request, &u->node.transfer, &error);
  if (!service_begin(u, status, &error, service_empty_done)) return;
  u->t->node->transfer(u->t->node->ctx, &u->node.transfer);
}

/* ---- TriggerSnapshot ---- */

static void snapshot_done(struct rkv_call *call, enum rkv_status status,
                          const struct rkv_error *error) {
  struct unary *u = unary_of(call);
  if (status == RKV_OK)
    unary_answer(u, codec_snapshot_now_answer_encode(&u->node.snapshot_now));
  else
    unary_refuse(u, status, error);
}

static void trigger_snapshot(struct unary *u) {
  u->node.call.done = snapshot_done;
  u->t->node->snapshot_now(u->t->node->ctx, &u->node.snapshot_now);
}

/* ---- Remove, SetAddress ---- */

static void members_done(struct rkv_call *call, enum rkv_status status,
                         const struct rkv_error *error) {
  service_members_done(call, status, error, codec_members_answer_encode);
}

static void remove_member(struct unary *u) {
  struct rkv_error error;
  enum rkv_status status;
  if (!unary_take_request(u)) return;
  status = codec_remove_decode(u->request, &u->node.membership, &error);
  if (!service_begin(u, status, &error, members_done)) return;
  u->t->node->remove(u->t->node->ctx, &u->node.membership);
}

static void set_address(struct unary *u) {
  struct rkv_error error;
  enum rkv_status status;
  if (!unary_take_request(u)) return;
  status = codec_set_address_decode(u->request, &u->node.membership, &error);
  if (!service_begin(u, status, &error, members_done)) return;
  u->t->node->set_address(u->t->node->ctx, &u->node.membership);
}

/* ---- SwapStorage ---- */

static void swap_done(struct rkv_call *call, enum rkv_status status,
                      const struct rkv_error *error) {
  struct unary *u = unary_of(call);
  struct rkv_error own;
  grpc_slice slice;
  if (status == RKV_OK) {
    status = codec_swap_answer_encode(&u->node.swap, &slice, &own);
    rkv_buf_drop(&u->node.swap.text);
    error = &own;
  }
  if (status == RKV_OK)
    unary_answer(u, slice);
  else
    unary_refuse(u, status, error);
}

/* Is the node's table long enough to have swap_storage? */
static bool node_swaps(const struct rkv_node_api *node) {
  return node->struct_size >=
             offsetof(struct rkv_node_api, swap_storage) + sizeof node->swap_storage &&
         node->swap_storage;
}

static void swap_storage(struct unary *u) {
  struct rkv_error error;
  enum rkv_status status = RKV_OK;
  if (!node_swaps(u->t->node))
    status = rkv_fail(&error, RKV_UNIMPLEMENTED,
                      "node %" PRIu64 " is too old to swap its storage (its program is older than "
                      "its transport: update it)",
                      u->t->host->node_id);
  else if (!unary_take_request(u))
    return;
  if (status == RKV_OK) status = codec_swap_decode(u->request, &u->node.swap, &u->extra, &error);
  if (!service_begin(u, status, &error, swap_done)) return;
  u->t->node->swap_storage(u->t->node->ctx, &u->node.swap);
}

/* ---- Call ---- */

static void admin_done(struct rkv_call *call, enum rkv_status status,
                       const struct rkv_error *error) {
  struct unary *u = unary_of(call);
  grpc_slice slice;
  if (status == RKV_OK) {
    slice = codec_admin_answer_encode(&u->node.admin);
    rkv_buf_drop(&u->node.admin.answer);
    unary_answer(u, slice);
  } else {
    unary_refuse(u, status, error);
  }
}

static void admin_call(struct unary *u) {
  const struct rkv_node_api *node = u->t->node;
  struct rkv_error error;
  enum rkv_status status = RKV_OK;
  if (node->struct_size < offsetof(struct rkv_node_api, admin) + sizeof node->admin || !node->admin)
    status = rkv_fail(&error, RKV_UNIMPLEMENTED,
                      "node %" PRIu64 " takes no call by its name (its program is older than its "
                      "transport: update it)",
                      u->t->host->node_id);
  else if (!unary_take_request(u))
    return;
  if (status == RKV_OK) status = codec_admin_decode(u->request, &u->node.admin, &u->extra, &error);
  if (!service_begin(u, status, &error, admin_done)) return;
  node->admin(node->ctx, &u->node.admin);
}

const struct method service_peer_methods[] = {
    {"/rkv.v1.Peer/PreVote", pre_vote, true},
    {"/rkv.v1.Peer/TimeoutNow", timeout_now, true},
    {"/rkv.v1.Peer/ReadIndex", read_index, true},
    {"/rkv.v1.Peer/Hello", hello, true},
    {NULL, NULL, false},
};

const struct method service_admin_methods[] = {
    {"/rkv.v1.Admin/TransferLeader", transfer_leader, false},
    {"/rkv.v1.Admin/TriggerSnapshot", trigger_snapshot, false},
    {"/rkv.v1.Admin/Remove", remove_member, false},
    {"/rkv.v1.Admin/SetAddress", set_address, false},
    {"/rkv.v1.Admin/SwapStorage", swap_storage, false},
    {"/rkv.v1.Admin/Call", admin_call, false},
    {NULL, NULL, false},
};
