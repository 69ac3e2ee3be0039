/* codec_app.c: what clients ask of the cluster itself: init, members, metrics. */
#include "wire/codec_parts.h"

#include <app.pb-c.h>
#include <rkv.pb-c.h>

#define FIELD_MAX 48 /* bytes of a field's name in a text */

/* A node that joins must be one that can be dialled. Not asked of memberships: a leader has written
 * those already, and a follower that refused would stand still. */
static enum rkv_status joining(const Openraftpb__Node *in, const char *field,
                               struct rkv_member *out, struct rkv_error *error) {
  enum rkv_status status = codec_node_in(in, field, out, error);
  if (status != RKV_OK || !rkv_addr_refusal(out->addr)) return status;
  return rkv_fail(error, RKV_INVALID, "%s.rpc_addr: \"%s\" is not HOST:PORT", field, out->addr);
}

static enum rkv_status init_nodes(const Openraftpb__InitRequest *in, struct rkv_membership *out,
                                  struct rkv_error *error) {
  struct rkv_member node;
  char field[FIELD_MAX];
  enum rkv_status status;
  if (in->n_nodes == 0) return rkv_fail(error, RKV_INVALID, "nodes: empty (name the voters)");
  for (size_t i = 0; i < in->n_nodes; i++) {
    (void)snprintf(field, sizeof field, "nodes[%zu]", i);
    if ((status = joining(in->nodes[i], field, &node, error))) return status;
    if (rkv_membership_add_node(out, node.id, node.addr, strlen(node.addr)) ||
        rkv_config_add(&out->configs[0], node.id))
      return rkv_fail(error, RKV_INVALID, "nodes: over %d nodes", RKV_NODES_MAX);
  }
  return RKV_OK;
}

enum rkv_status codec_init_decode(struct rkv_buf message, struct rkv_membership *out,
                                  struct rkv_error *error) {
  struct arena arena;
  Openraftpb__InitRequest *in;
  enum rkv_status status;
  memset(out, 0, sizeof *out);
  out->config_count = 1;
  arena_open(&arena, message.len);
  status = arena_unpack(&arena, &openraftpb__init_request__descriptor, message.data, message.len,
                        "init request", &in, error);
  if (status == RKV_OK) status = init_nodes(in, out, error);
  arena_close(&arena);
  return status;
}

enum rkv_status codec_add_learner_decode(struct rkv_buf message, struct rkv_membership_call *call,
                                         struct rkv_error *error) {
  struct arena arena;
  Openraftpb__AddLearnerRequest *in;
  enum rkv_status status;
  arena_open(&arena, message.len);
  status = arena_unpack(&arena, &openraftpb__add_learner_request__descriptor, message.data,
                        message.len, "add learner request", &in, error);
  if (status == RKV_OK && !in->node)
    status = rkv_fail(error, RKV_INVALID, "node: missing (give node_id and rpc_addr)");
  if (status == RKV_OK) status = joining(in->node, "node", &call->learner, error);
  arena_close(&arena);
  return status;
}

enum rkv_status codec_set_address_decode(struct rkv_buf message, struct rkv_membership_call *call,
                                         struct rkv_error *error) {
  struct arena arena;
  Rkv__V1__SetAddressRequest *in;
  enum rkv_status status;
  arena_open(&arena, message.len);
  status = arena_unpack(&arena, &rkv__v1__set_address_request__descriptor, message.data,
                        message.len, "set address request", &in, error);
  if (status == RKV_OK && !in->node)
    status = rkv_fail(error, RKV_INVALID, "node: missing (give node_id and rpc_addr)");
  if (status == RKV_OK) status = joining(in->node, "node", &call->learner, error);
  arena_close(&arena);
  return status;
}

enum rkv_status codec_remove_decode(struct rkv_buf message, struct rkv_membership_call *call,
                                    struct rkv_error *error) {
  struct arena arena;
  Rkv__V1__RemoveRequest *in;
  enum rkv_status status;
  arena_open(&arena, message.len);
  status = arena_unpack(&arena, &rkv__v1__remove_request__descriptor, message.data, message.len,
                        "remove request", &in, error);
  if (status == RKV_OK) call->learner.id = in->node_id;
  if (status == RKV_OK && in->node_id == 0)
    status = rkv_fail(error, RKV_INVALID, "node_id: " CODEC_ID_ZERO);
  arena_close(&arena);
  return status;
}

enum rkv_status codec_members_answer_encode(struct rkv_log_id id, struct rkv_buf membership,
                                            grpc_slice *out, struct rkv_error *error) {
  Rkv__V1__MembershipResponse answer = RKV__V1__MEMBERSHIP_RESPONSE__INIT;
  Openraftpb__LogId log_id;
  struct arena arena;
  enum rkv_status status;
  *out = grpc_empty_slice();
  arena_open(&arena, membership.len);
  status = codec_membership_out(&arena, membership, &answer.membership, error);
  answer.log_id = codec_log_id_out(id, &log_id);
  if (status == RKV_OK) *out = codec_pack(&answer.base);
  arena_close(&arena);
  return status;
}

static enum rkv_status change_in(const Openraftpb__ChangeMembershipRequest *in,
                                 struct rkv_membership_call *call, struct rkv_error *error) {
  memset(&call->voters, 0, sizeof call->voters);
  call->retain = in->retain;
  if (in->n_members == 0) return rkv_fail(error, RKV_INVALID, "members: empty (name the voters)");
  for (size_t i = 0; i < in->n_members; i++) {
    if (in->members[i] == 0)
      return rkv_fail(error, RKV_INVALID, "members[%zu]: 0 (ids start at 1)", i);
    if (rkv_config_add(&call->voters, in->members[i]))
      return rkv_fail(error, RKV_INVALID, "members: over %d voters", RKV_NODES_MAX);
  }
  return RKV_OK;
}

enum rkv_status codec_change_membership_decode(struct rkv_buf message,
                                               struct rkv_membership_call *call,
                                               struct rkv_error *error) {
  struct arena arena;
  Openraftpb__ChangeMembershipRequest *in;
  enum rkv_status status;
  arena_open(&arena, message.len);
  status = arena_unpack(&arena, &openraftpb__change_membership_request__descriptor, message.data,
                        message.len, "change membership request", &in, error);
  if (status == RKV_OK) status = change_in(in, call, error);
  arena_close(&arena);
  return status;
}

enum rkv_status codec_membership_answer_encode(struct rkv_log_id id, struct rkv_buf membership,
                                               grpc_slice *out, struct rkv_error *error) {
  Openraftpb__ClientWriteResponse answer = OPENRAFTPB__CLIENT_WRITE_RESPONSE__INIT;
  Openraftpb__Response data = OPENRAFTPB__RESPONSE__INIT;
  Openraftpb__LogId log_id;
  struct arena arena;
  enum rkv_status status;
  *out = grpc_empty_slice();
  arena_open(&arena, membership.len);
  status = codec_membership_out(&arena, membership, &answer.membership, error);
  answer.log_id = codec_log_id_out(id, &log_id);
  answer.data = &data;
  if (status == RKV_OK) *out = codec_pack(&answer.base);
  arena_close(&arena);
  return status;
}
