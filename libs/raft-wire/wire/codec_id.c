/* codec_id.c: votes and log ids: the one place that knows that the wire counts from 0 (C1). */
#include "wire/codec_parts.h"

#include <assert.h>
#include <inttypes.h>

enum rkv_status codec_index_in(uint64_t wire, const char *field, rkv_index *out,
                               struct rkv_error *error) {
  if (wire == UINT64_MAX)
    return rkv_fail(error, RKV_INVALID, "%s.index: %" PRIu64 " is over the limit", field, wire);
  *out = wire + 1;
  assert(codec_index_out(*out) == wire); /* (C1) */
  return RKV_OK;
}

enum rkv_status codec_log_id_in(const Openraftpb__LogId *in, const char *field,
                                struct rkv_log_id *out, struct rkv_error *error) {
  *out = (struct rkv_log_id){0, 0};
  if (!in) return RKV_OK;
  out->term = in->term;
  return codec_index_in(in->index, field, &out->index, error);
}

Openraftpb__LogId *codec_log_id_out(struct rkv_log_id id, Openraftpb__LogId *space) {
  if (id.index == 0) return NULL;
  openraftpb__log_id__init(space);
  space->term = id.term;
  space->index = codec_index_out(id.index);
  return space;
}

enum rkv_status codec_vote_in(const Openraftpb__Vote *in, const char *field, struct rkv_vote *out,
                              struct rkv_error *error) {
  if (!in) return rkv_fail(error, RKV_INVALID, "%s: missing", field);
  if (!in->leader_id) return rkv_fail(error, RKV_INVALID, "%s.leader_id: missing", field);
  *out = (struct rkv_vote){in->leader_id->term, in->leader_id->node_id, in->committed};
  return RKV_OK;
}

enum rkv_status codec_sender_in(const Openraftpb__Vote *in, const char *field, struct rkv_vote *out,
                                struct rkv_error *error) {
  enum rkv_status status = codec_vote_in(in, field, out, error);
  if (status != RKV_OK || out->node_id != 0) return status;
  return rkv_fail(error, RKV_INVALID, "%s.leader_id.node_id: " CODEC_ID_ZERO, field);
}

Openraftpb__Vote *codec_vote_out(struct rkv_vote vote, struct codec_vote_space *space) {
  openraftpb__vote__init(&space->vote);
  openraftpb__leader_id__init(&space->leader);
  space->leader.term = vote.term;
  space->leader.node_id = vote.node_id;
  space->vote.leader_id = &space->leader;
  space->vote.committed = vote.committed;
  assert(space->vote.leader_id); /* (C2) */
  return &space->vote;
}

grpc_slice codec_pack(const ProtobufCMessage *message) {
  grpc_slice out = grpc_slice_malloc(protobuf_c_message_get_packed_size(message));
  (void)protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(out));
  return out;
}
