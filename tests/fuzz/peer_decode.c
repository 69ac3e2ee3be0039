/* peer_decode.c: any bytes as a message of a peer, either way. What is taken is written again as
 * itself: decode, encode, decode gives the same. */
#include <raft-wire/wire/codec.h>
#include <raft-wire/wire/envelope.h>
#include "fuzz.h"

#include <raft-wire/wire/bytes.h>

static struct rkv_buf buf_of(grpc_slice slice) {
  struct rkv_buf buf;
  FUZZ_CHECK(bytes_from_slice(slice, &buf) == RKV_OK);
  return buf;
}

static void vote_request(struct rkv_buf message) {
  struct rkv_vote_call call = {0}, again = {0};
  struct rkv_error error = {0};
  struct rkv_buf bytes;
  enum rkv_status status = codec_vote_request_decode(message, &call, &error);
  check_refusal(status, &error);
  if (status != RKV_OK) return;
  bytes = buf_of(codec_vote_request_encode(&call));
  FUZZ_CHECK(codec_vote_request_decode(bytes, &again, &error) == RKV_OK);
  FUZZ_CHECK(rkv_vote_compare(call.vote, again.vote) == RKV_EQUAL);
  FUZZ_CHECK(rkv_log_id_equal(call.last, again.last) && call.transfer == again.transfer);
  rkv_buf_drop(&bytes);
}

static void append_request(struct rkv_buf message) {
  struct rkv_append_call call = {0}, again = {0};
  struct rkv_error error = {0};
  struct rkv_buf bytes;
  struct codec_append_head head;
  grpc_byte_buffer *out;
  enum rkv_status status = codec_append_request_decode(message, &call, &error);
  check_refusal(status, &error);
  if (status != RKV_OK) return;
  head =
      (struct codec_append_head){call.vote, call.prev, call.commit, call.digest_index, call.digest};
  status = codec_append_request_encode(&head, call.entries, call.entry_count, &out, &error);
  FUZZ_CHECK(status == RKV_OK && bytes_from_message(out, &bytes) == RKV_OK);
  FUZZ_CHECK(codec_append_request_decode(bytes, &again, &error) == RKV_OK);
  FUZZ_CHECK(again.entry_count == call.entry_count);
  FUZZ_CHECK(rkv_log_id_equal(again.prev, call.prev) &&
             rkv_log_id_equal(again.commit, call.commit));
  FUZZ_CHECK(again.digest_index == call.digest_index);
  FUZZ_CHECK(call.digest_index == 0 || again.digest == call.digest);
  for (size_t i = 0; i < call.entry_count; i++) {
    const struct rkv_entry *a = &call.entries[i], *b = &again.entries[i];
    FUZZ_CHECK(rkv_log_id_equal(a->id, b->id) && a->kind == b->kind);
    FUZZ_CHECK(a->payload.len == b->payload.len);
    FUZZ_CHECK(a->payload.len == 0 || !memcmp(a->payload.data, b->payload.data, a->payload.len));
  }
  codec_append_request_free(&again);
  codec_append_request_free(&call);
  grpc_byte_buffer_destroy(out);
  rkv_buf_drop(&bytes);
}

static void snapshot_request(struct rkv_buf message) {
  struct codec_snapshot in, again;
  struct rkv_error error = {0};
  struct rkv_buf bytes;
  grpc_slice slice;
  enum rkv_status status = codec_snapshot_request_decode(message, &in, &error);
  check_refusal(status, &error);
  if (status != RKV_OK || !in.is_meta) return;
  FUZZ_CHECK(codec_snapshot_meta_encode(in.vote, &in.meta, &slice, &error) == RKV_OK);
  bytes = buf_of(slice);
  FUZZ_CHECK(codec_snapshot_request_decode(bytes, &again, &error) == RKV_OK && again.is_meta);
  FUZZ_CHECK(rkv_log_id_equal(in.meta.last, again.meta.last));
  FUZZ_CHECK(rkv_log_id_equal(in.meta.membership_id, again.meta.membership_id));
  FUZZ_CHECK(in.meta.membership.len == again.meta.membership.len);
  rkv_buf_drop(&in.meta.membership);
  rkv_buf_drop(&again.meta.membership);
  rkv_buf_drop(&bytes);
}

/* ---- answers ---- */

static void append_answers(struct rkv_buf message, bool stream) {
  struct rkv_entry entries[3] = {{.id = {2, 5}}, {.id = {2, 6}}, {.id = {3, 7}}};
  struct rkv_append_call call = {
      .vote = {3, 1, true}, .prev = {1, 4}, .entries = entries, .entry_count = 3};
  struct rkv_error error = {0};
  enum rkv_status status = stream ? codec_append_stream_answer_decode(message, &call, &error)
                                  : codec_append_answer_decode(message, &call, &error);
  check_refusal(status, &error);
  if (status != RKV_OK || call.result != RKV_APPEND_SUCCESS) return;
  FUZZ_CHECK(!stream || call.matched.index <= 7);
}

static void answers(struct rkv_buf message) {
  struct rkv_vote_call vote = {0};
  struct rkv_hello_call hello = {0};
  struct rkv_read_index_call read = {0};
  struct rkv_vote snapshot;
  struct rkv_error error = {0};
  check_refusal(codec_vote_answer_decode(message, &vote, &error), &error);
  check_refusal(codec_hello_answer_decode(message, &hello, &error), &error);
  check_refusal(codec_read_index_answer_decode(message, &read, &error), &error);
  check_refusal(codec_snapshot_answer_decode(message, &snapshot, &error), &error);
}

/* What a node says to this one as to a client; what is given is dropped. */
static void client_answers(struct rkv_buf message) {
  struct rkv_membership_call change = {0};
  struct rkv_snapshot_now_call snapshot = {0};
  struct rkv_metrics_call metrics = {0};
  struct rkv_admin_call admin = {0};
  struct rkv_error error = {0};
  enum rkv_status status = codec_membership_answer_decode(message, &change, &error);
  check_refusal(status, &error);
  rkv_buf_drop(&change.membership);
  check_refusal(codec_members_answer_decode(message, &change, &error), &error);
  rkv_buf_drop(&change.membership);
  check_refusal(codec_snapshot_now_answer_decode(message, &snapshot, &error), &error);
  status = codec_metrics_answer_decode(message, &metrics, &error);
  check_refusal(status, &error);
  if (status == RKV_OK) FUZZ_CHECK(metrics.state && metrics.text.len <= message.len);
  rkv_buf_drop(&metrics.membership);
  check_refusal(codec_admin_answer_decode(message, &admin, &error), &error);
}

static void calls(struct rkv_buf message) {
  struct rkv_timeout_now_call timeout = {0};
  struct rkv_read_index_call read = {0};
  struct rkv_error error = {0};
  check_refusal(codec_timeout_now_decode(message, &timeout, &error), &error);
  check_refusal(codec_read_index_decode(message, &read, &error), &error);
}

static void envelope(struct rkv_buf text) {
  grpc_metadata pair = {.key = grpc_slice_from_static_string(ENVELOPE_KEY)};
  grpc_metadata_array all = {1, 1, &pair};
  struct rkv_envelope found;
  struct rkv_error error = {0};
  bool there;
  pair.value = grpc_slice_from_copied_buffer((const char *)text.data, text.len);
  check_refusal(envelope_find(&all, &found, &there, &error), &error);
  FUZZ_CHECK(there || error.status != RKV_OK);
  grpc_slice_unref(pair.value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct feed f = {data, size};
  uint32_t kind = feed_pick(&f, 8);
  struct rkv_buf message = feed_buf(f);
  switch (kind) {
  case 0: vote_request(message); break;
  case 1:
  case 2: append_request(message); break;
  case 3: snapshot_request(message); break;
  case 4: append_answers(message, false); break;
  case 5: append_answers(message, true); break;
  case 6:
    answers(message);
    client_answers(message);
    break;
  default:
    calls(message);
    envelope(message);
    break;
  }
  return 0;
}
