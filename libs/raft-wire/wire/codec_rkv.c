/* codec_rkv.c: the messages of package rkv.v1; pre-votes are in codec_vote.c. */
#include "wire/codec_parts.h"

#include <rkv.pb-c.h>

/* ---- TimeoutNow ---- */

enum rkv_status codec_timeout_now_decode(struct rkv_buf message, struct rkv_timeout_now_call *call,
                                         struct rkv_error *error) {
  struct arena arena;
  Rkv__V1__TimeoutNowRequest *in;
  enum rkv_status status;
  arena_open(&arena, message.len);
  status = arena_unpack(&arena, &rkv__v1__timeout_now_request__descriptor, message.data,
                        message.len, "timeout-now request", &in, error);
  if (status != RKV_OK) goto out;
  if ((status = codec_sender_in(in->vote, "vote", &call->vote, error))) goto out;
  if (!call->vote.committed) {
    status = rkv_fail(error, RKV_INVALID, "vote.committed: only a leader hands over");
    goto out;
  }
  status = codec_log_id_in(in->last_log_id, "last_log_id", &call->last, error);
out:
  arena_close(&arena);
  return status;
}

grpc_slice codec_timeout_now_encode(const struct rkv_timeout_now_call *call) {
  Rkv__V1__TimeoutNowRequest out = RKV__V1__TIMEOUT_NOW_REQUEST__INIT;
  struct codec_vote_space vote;
  Openraftpb__LogId last;
  out.vote = codec_vote_out(call->vote, &vote);
  out.last_log_id = codec_log_id_out(call->last, &last);
  return codec_pack(&out.base);
}

/* ---- ReadIndex ---- */

_Static_assert((int)RKV__V1__READ__LEASE == RKV_READ_LEASE &&
                   (int)RKV__V1__READ__LINEARIZABLE == RKV_READ_LINEARIZABLE,
               "the wire counts reads as the ABI does");

enum rkv_status codec_read_index_decode(struct rkv_buf message, struct rkv_read_index_call *call,
                                        struct rkv_error *error) {
  struct arena arena;
  Rkv__V1__ReadIndexRequest *in;
  enum rkv_status status;
  arena_open(&arena, message.len);
  status = arena_unpack(&arena, &rkv__v1__read_index_request__descriptor, message.data, message.len,
                        "read-index request", &in, error);
  if (status == RKV_OK) {
    call->read = (uint32_t)in->read;
    if (in->read != RKV__V1__READ__LEASE && in->read != RKV__V1__READ__LINEARIZABLE)
      status =
          rkv_fail(error, RKV_INVALID, "read: %d is neither LEASE nor LINEARIZABLE", (int)in->read);
  }
  arena_close(&arena);
  return status;
}

grpc_slice codec_read_index_encode(const struct rkv_read_index_call *call) {
  Rkv__V1__ReadIndexRequest out = RKV__V1__READ_INDEX_REQUEST__INIT;
  out.read = (Rkv__V1__Read)call->read;
  return codec_pack(&out.base);
}

enum rkv_status codec_read_index_answer_decode(struct rkv_buf message,
                                               struct rkv_read_index_call *call,
                                               struct rkv_error *error) {
  struct arena arena;
  Rkv__V1__ReadIndexResponse *in;
  enum rkv_status status;
  arena_open(&arena, message.len);
  status = arena_unpack(&arena, &rkv__v1__read_index_response__descriptor, message.data,
                        message.len, "read-index answer", &in, error);
  if (status == RKV_OK) status = codec_log_id_in(in->log_id, "log_id", &call->index, error);
  arena_close(&arena);
  return status;
}

grpc_slice codec_read_index_answer_encode(const struct rkv_read_index_call *call) {
  Rkv__V1__ReadIndexResponse out = RKV__V1__READ_INDEX_RESPONSE__INIT;
  Openraftpb__LogId id;
  out.log_id = codec_log_id_out(call->index, &id);
  return codec_pack(&out.base);
}

/* ---- Admin ---- */

enum rkv_status codec_transfer_decode(struct rkv_buf message, struct rkv_transfer_call *call,
                                      struct rkv_error *error) {
  struct arena arena;
  Rkv__V1__TransferLeaderRequest *in;
  enum rkv_status status;
  arena_open(&arena, message.len);
  status = arena_unpack(&arena, &rkv__v1__transfer_leader_request__descriptor, message.data,
                        message.len, "transfer request", &in, error);
  if (status == RKV_OK) call->target = in->target;
  arena_close(&arena);
  return status;
}

grpc_slice codec_snapshot_now_answer_encode(const struct rkv_snapshot_now_call *call) {
  Rkv__V1__TriggerSnapshotResponse out = RKV__V1__TRIGGER_SNAPSHOT_RESPONSE__INIT;
  Openraftpb__LogId last;
  out.last_log_id = codec_log_id_out(call->last, &last);
  return codec_pack(&out.base);
}

/* ---- Hello ---- */

#define CLUSTER_BYTES 16

grpc_slice codec_hello_answer_encode(const struct rkv_hello_call *call) {
  Rkv__V1__HelloResponse out = RKV__V1__HELLO_RESPONSE__INIT;
  Openraftpb__LogId id;
  uint8_t cluster[CLUSTER_BYTES];
  out.node_id = call->id;
  out.incarnation = call->incarnation;
  rkv_put_le(cluster, call->cluster.high, 8);
  rkv_put_le(cluster + 8, call->cluster.low, 8);
  out.cluster_id.data = cluster;
  out.cluster_id.len = rkv_cluster_id_known(call->cluster) ? CLUSTER_BYTES : 0;
  if (call->membership.index > 0) out.membership_log_id = codec_log_id_out(call->membership, &id);
  out.names_asker = call->names_asker != 0;
  return codec_pack(&out.base);
}

enum rkv_status codec_hello_answer_decode(struct rkv_buf message, struct rkv_hello_call *call,
                                          struct rkv_error *error) {
  struct arena arena;
  Rkv__V1__HelloResponse *in;
  enum rkv_status status;
  arena_open(&arena, message.len);
  status = arena_unpack(&arena, &rkv__v1__hello_response__descriptor, message.data, message.len,
                        "hello answer", &in, error);
  if (status == RKV_OK && in->cluster_id.len != 0 && in->cluster_id.len != CLUSTER_BYTES)
    status = rkv_fail(error, RKV_INVALID, "cluster_id: %zu bytes (16 or none)", in->cluster_id.len);
  if (status == RKV_OK && in->membership_log_id)
    status = codec_log_id_in(in->membership_log_id, "membership_log_id", &call->membership, error);
  if (status == RKV_OK) {
    call->names_asker = in->names_asker ? 1 : 0;
    call->id = in->node_id;
    call->incarnation = in->incarnation;
    call->cluster = (struct rkv_cluster_id){0, 0};
    if (in->cluster_id.len)
      call->cluster = (struct rkv_cluster_id){rkv_get_le(in->cluster_id.data, 8),
                                              rkv_get_le(in->cluster_id.data + 8, 8)};
  }
  arena_close(&arena);
  return status;
}
