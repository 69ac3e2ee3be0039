/* codec_append_answer.c: AppendEntriesResponse.
 *
 * Unary: success leaves last_log_id out = everything was stored; naming it = only up to there.
 * Stream: success always names the last id stored, and leaving it out = none; a conflict names the
 * request's prev. */
#include "wire/codec_parts.h"

#include <inttypes.h>

static struct rkv_log_id last_sent(const struct rkv_append_call *call) {
  return call->entry_count ? call->entries[call->entry_count - 1].id : call->prev;
}

/* ---- out ---- */

/* Who rejects a leader promises it nothing, and does not compare states with it. */
static void put_own(Openraftpb__AppendEntriesResponse *answer, const struct rkv_append_call *call) {
  if (call->result == RKV_APPEND_REJECTED) return;
  answer->lease_ns = call->lease_ns;
  answer->differs_at = call->differs_at; /* 1 + the index on the wire */
}

enum rkv_status codec_append_answer_encode(const struct rkv_append_call *call, grpc_slice *out,
                                           struct rkv_error *error) {
  Openraftpb__AppendEntriesResponse answer = OPENRAFTPB__APPEND_ENTRIES_RESPONSE__INIT;
  struct codec_vote_space vote;
  Openraftpb__LogId matched;
  *out = grpc_empty_slice();
  switch ((enum rkv_append_result)call->result) {
  case RKV_APPEND_REJECTED: answer.rejected_by = codec_vote_out(call->voter_vote, &vote); break;
  case RKV_APPEND_CONFLICT: answer.conflict = true; break;
  case RKV_APPEND_SUCCESS:
    if (call->matched.index >= last_sent(call).index) break;
    answer.last_log_id = codec_log_id_out(call->matched, &matched);
    if (!answer.last_log_id)
      return rkv_fail(error, RKV_FULL, "append: nothing was stored, try again");
    break;
  }
  put_own(&answer, call);
  *out = codec_pack(&answer.base);
  return RKV_OK;
}

grpc_slice codec_append_stream_answer_encode(const struct rkv_append_call *call) {
  Openraftpb__AppendEntriesResponse answer = OPENRAFTPB__APPEND_ENTRIES_RESPONSE__INIT;
  struct codec_vote_space vote;
  Openraftpb__LogId id;
  switch ((enum rkv_append_result)call->result) {
  case RKV_APPEND_REJECTED: answer.rejected_by = codec_vote_out(call->voter_vote, &vote); break;
  case RKV_APPEND_CONFLICT:
    answer.conflict = true;
    answer.last_log_id = codec_log_id_out(call->prev, &id);
    break;
  case RKV_APPEND_SUCCESS: answer.last_log_id = codec_log_id_out(call->matched, &id); break;
  }
  put_own(&answer, call);
  return codec_pack(&answer.base);
}

/* ---- in ---- */

/* A partial success must name something that was sent. */
static enum rkv_status matched_in(struct rkv_log_id id, struct rkv_append_call *call,
                                  struct rkv_error *error) {
  struct rkv_log_id sent = call->prev;
  call->matched = last_sent(call);
  if (id.index >= call->matched.index && id.term >= call->matched.term) return RKV_OK;
  if (id.index > call->prev.index && id.index - call->prev.index <= call->entry_count)
    sent = call->entries[id.index - call->prev.index - 1].id;
  if (!rkv_log_id_equal(id, sent))
    return rkv_fail(error, RKV_INVALID,
                    "append answer: last_log_id: %" PRIu64 ".%" PRIu64 " was not sent", id.term,
                    codec_index_out(id.index));
  call->matched = id;
  return RKV_OK;
}

typedef enum rkv_status answer_in(const Openraftpb__AppendEntriesResponse *in,
                                  struct rkv_append_call *call, struct rkv_error *error);

static enum rkv_status rejection_in(const Openraftpb__AppendEntriesResponse *in,
                                    struct rkv_append_call *call, struct rkv_error *error) {
  call->result = RKV_APPEND_REJECTED;
  return codec_vote_in(in->rejected_by, "append answer: rejected_by", &call->voter_vote, error);
}

static enum rkv_status unary_in(const Openraftpb__AppendEntriesResponse *in,
                                struct rkv_append_call *call, struct rkv_error *error) {
  struct rkv_log_id id;
  enum rkv_status status;
  if (in->rejected_by) return rejection_in(in, call, error);
  if (in->conflict) {
    call->result = RKV_APPEND_CONFLICT;
    return RKV_OK;
  }
  call->result = RKV_APPEND_SUCCESS;
  call->matched = last_sent(call);
  if (!in->last_log_id) return RKV_OK;
  status = codec_log_id_in(in->last_log_id, "append answer: last_log_id", &id, error);
  return status ? status : matched_in(id, call, error);
}

static enum rkv_status stream_in(const Openraftpb__AppendEntriesResponse *in,
                                 struct rkv_append_call *call, struct rkv_error *error) {
  struct rkv_log_id id;
  enum rkv_status status;
  if (in->rejected_by) return rejection_in(in, call, error);
  status = codec_log_id_in(in->last_log_id, "append answer: last_log_id", &id, error);
  if (status != RKV_OK) return status;
  call->result = in->conflict ? RKV_APPEND_CONFLICT : RKV_APPEND_SUCCESS;
  if (!in->conflict) return matched_in(id, call, error);
  if (rkv_log_id_equal(id, call->prev)) return RKV_OK;
  return rkv_fail(error, RKV_INVALID,
                  "append answer: a conflict at %" PRIu64 " of term %" PRIu64
                  ", asked was %" PRIu64,
                  id.index, id.term, call->prev.index);
}

static enum rkv_status decode(struct rkv_buf message, answer_in *take, struct rkv_append_call *call,
                              struct rkv_error *error) {
  struct arena arena;
  Openraftpb__AppendEntriesResponse *in;
  enum rkv_status status;
  arena_open(&arena, message.len);
  status = arena_unpack(&arena, &openraftpb__append_entries_response__descriptor, message.data,
                        message.len, "append answer", &in, error);
  if (status == RKV_OK) status = take(in, call, error);
  const bool counts = status == RKV_OK && call->result != RKV_APPEND_REJECTED;
  if (status == RKV_OK) call->lease_ns = counts ? in->lease_ns : 0;
  if (status == RKV_OK) call->differs_at = counts ? in->differs_at : 0;
  arena_close(&arena);
  return status;
}

enum rkv_status codec_append_answer_decode(struct rkv_buf message, struct rkv_append_call *call,
                                           struct rkv_error *error) {
  return decode(message, unary_in, call, error);
}

enum rkv_status codec_append_stream_answer_decode(struct rkv_buf message,
                                                  struct rkv_append_call *call,
                                                  struct rkv_error *error) {
  return decode(message, stream_in, call, error);
}
