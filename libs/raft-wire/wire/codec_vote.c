/* codec_vote.c: RequestVote and its answer. */
#include "wire/codec_parts.h"

#include <raft.pb-c.h>

enum rkv_status codec_vote_request_decode(struct rkv_buf message, struct rkv_vote_call *call,
                                          struct rkv_error *error) {
  struct arena arena;
  Openraftpb__VoteRequest *in;
  enum rkv_status status;
  arena_open(&arena, message.len);
  status = arena_unpack(&arena, &openraftpb__vote_request__descriptor, message.data, message.len,
                        "vote request", &in, error);
  if (status != RKV_OK) goto out;
  if ((status = codec_sender_in(in->vote, "vote", &call->vote, error))) goto out;
  if (call->vote.committed) {
    status = rkv_fail(error, RKV_INVALID, "vote.committed: a candidate's vote cannot be committed");
    goto out;
  }
  call->transfer = in->leadership_transfer;
  status = codec_log_id_in(in->last_log_id, "last_log_id", &call->last, error);
out:
  arena_close(&arena);
  return status;
}

grpc_slice codec_vote_request_encode(const struct rkv_vote_call *call) {
  Openraftpb__VoteRequest out = OPENRAFTPB__VOTE_REQUEST__INIT;
  struct codec_vote_space vote;
  Openraftpb__LogId last;
  out.vote = codec_vote_out(call->vote, &vote);
  out.last_log_id = codec_log_id_out(call->last, &last);
  out.leadership_transfer = call->transfer;
  return codec_pack(&out.base);
}

enum rkv_status codec_vote_answer_decode(struct rkv_buf message, struct rkv_vote_call *call,
                                         struct rkv_error *error) {
  struct arena arena;
  Openraftpb__VoteResponse *in;
  enum rkv_status status;
  arena_open(&arena, message.len);
  status = arena_unpack(&arena, &openraftpb__vote_response__descriptor, message.data, message.len,
                        "vote answer", &in, error);
  if (status != RKV_OK) goto out;
  if ((status = codec_vote_in(in->vote, "vote", &call->voter_vote, error))) goto out;
  call->granted = in->vote_granted;
  status = codec_log_id_in(in->last_log_id, "last_log_id", &call->voter_last, error);
out:
  arena_close(&arena);
  return status;
}

grpc_slice codec_vote_answer_encode(const struct rkv_vote_call *call) {
  Openraftpb__VoteResponse out = OPENRAFTPB__VOTE_RESPONSE__INIT;
  struct codec_vote_space vote;
  Openraftpb__LogId last;
  out.vote = codec_vote_out(call->voter_vote, &vote);
  out.vote_granted = call->granted;
  out.last_log_id = codec_log_id_out(call->voter_last, &last);
  return codec_pack(&out.base);
}
