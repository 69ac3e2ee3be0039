/* codec_client.c: what this node asks as a client: requests out, answers in. */
#include "wire/codec_parts.h"

#include <app.pb-c.h>
#include <rkv.pb-c.h>

/* ---- requests ---- */

/* The struct shares the text of `addr`, and is only packed. */
static void node_out(rkv_node_id id, const char *addr, Openraftpb__Node *out) {
  openraftpb__node__init(out);
  out->node_id = id;
  out->rpc_addr.len = strlen(addr);
  out->rpc_addr.data = (uint8_t *)(uintptr_t)addr;
}

grpc_slice codec_init_encode(const struct rkv_membership *membership) {
  Openraftpb__InitRequest out = OPENRAFTPB__INIT_REQUEST__INIT;
  Openraftpb__Node nodes[RKV_NODES_MAX], *list[RKV_NODES_MAX];
  for (uint32_t i = 0; i < membership->node_count && i < RKV_NODES_MAX; i++) {
    node_out(membership->nodes[i].id, membership->nodes[i].addr, &nodes[i]);
    list[i] = &nodes[i];
    out.n_nodes++;
  }
  out.nodes = list;
  return codec_pack(&out.base);
}

grpc_slice codec_add_learner_encode(const struct rkv_membership_call *call) {
  Openraftpb__AddLearnerRequest out = OPENRAFTPB__ADD_LEARNER_REQUEST__INIT;
  Openraftpb__Node node;
  node_out(call->learner.id, call->learner.addr, &node);
  out.node = &node;
  return codec_pack(&out.base);
}

grpc_slice codec_change_membership_encode(const struct rkv_membership_call *call) {
  Openraftpb__ChangeMembershipRequest out = OPENRAFTPB__CHANGE_MEMBERSHIP_REQUEST__INIT;
  out.n_members = call->voters.count;
  out.members = (uint64_t *)(uintptr_t)call->voters.ids; /* only packed */
  out.retain = call->retain;
  return codec_pack(&out.base);
}

grpc_slice codec_set_address_encode(const struct rkv_membership_call *call) {
  Rkv__V1__SetAddressRequest out = RKV__V1__SET_ADDRESS_REQUEST__INIT;
  Openraftpb__Node node;
  node_out(call->learner.id, call->learner.addr, &node);
  out.node = &node;
  return codec_pack(&out.base);
}

grpc_slice codec_remove_encode(const struct rkv_membership_call *call) {
  Rkv__V1__RemoveRequest out = RKV__V1__REMOVE_REQUEST__INIT;
  out.node_id = call->learner.id;
  return codec_pack(&out.base);
}

grpc_slice codec_transfer_encode(const struct rkv_transfer_call *call) {
  Rkv__V1__TransferLeaderRequest out = RKV__V1__TRANSFER_LEADER_REQUEST__INIT;
  out.target = call->target;
  return codec_pack(&out.base);
}

/* ---- answers ---- */

/* Fills id and membership of the call. */
static enum rkv_status changed_in(const Openraftpb__LogId *id, const Openraftpb__Membership *in,
                                  struct rkv_membership_call *call, struct rkv_error *error) {
  enum rkv_status status = codec_log_id_in(id, "log_id", &call->id, error);
  call->membership = rkv_buf_none();
  if (status == RKV_OK && in)
    status = codec_membership_in(in, "membership", &call->membership, error);
  return status;
}

enum rkv_status codec_membership_answer_decode(struct rkv_buf message,
                                               struct rkv_membership_call *call,
                                               struct rkv_error *error) {
  struct arena arena;
  Openraftpb__ClientWriteResponse *in;
  enum rkv_status status;
  arena_open(&arena, message.len);
  status = arena_unpack(&arena, &openraftpb__client_write_response__descriptor, message.data,
                        message.len, "answer to a change", &in, error);
  if (status == RKV_OK) status = changed_in(in->log_id, in->membership, call, error);
  arena_close(&arena);
  return status;
}

enum rkv_status codec_members_answer_decode(struct rkv_buf message,
                                            struct rkv_membership_call *call,
                                            struct rkv_error *error) {
  struct arena arena;
  Rkv__V1__MembershipResponse *in;
  enum rkv_status status;
  arena_open(&arena, message.len);
  status = arena_unpack(&arena, &rkv__v1__membership_response__descriptor, message.data,
                        message.len, "answer to a change", &in, error);
  if (status == RKV_OK) status = changed_in(in->log_id, in->membership, call, error);
  arena_close(&arena);
  return status;
}

enum rkv_status codec_snapshot_now_answer_decode(struct rkv_buf message,
                                                 struct rkv_snapshot_now_call *call,
                                                 struct rkv_error *error) {
  struct arena arena;
  Rkv__V1__TriggerSnapshotResponse *in;
  enum rkv_status status;
  arena_open(&arena, message.len);
  status = arena_unpack(&arena, &rkv__v1__trigger_snapshot_response__descriptor, message.data,
                        message.len, "snapshot answer", &in, error);
  if (status == RKV_OK)
    status = codec_log_id_in(in->last_log_id, "last_log_id", &call->last, error);
  arena_close(&arena);
  return status;
}
