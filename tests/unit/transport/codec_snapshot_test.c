/* codec_snapshot_test.c: snapshot streams and what clients ask of the cluster, against golden
 * bytes. */
#include "codec_support.h"

static struct rkv_error error;

/* ---- snapshots ---- */

static void snapshot_messages_both_ways(void **state) {
  struct rkv_snapshot_meta meta = {
      .last = {3, 8}, .membership_id = {0, 1}, .membership = one_voter(), .id = "3-7-1"};
  struct rkv_buf chunk = rkv_buf_static("hello", 5), message;
  struct codec_snapshot got;
  grpc_byte_buffer *out;
  grpc_slice slice;
  (void)state;
  assert_int_equal(codec_snapshot_meta_encode((struct rkv_vote){3, 1, true}, &meta, &slice, &error),
                   RKV_OK);
  assert_int_equal(bytes_from_slice(slice, &message), RKV_OK);
  assert_int_equal(codec_snapshot_request_decode(message, &got, &error), RKV_OK);
  assert_true(got.is_meta);
  assert_vote(got.vote, 3, 1, true);
  assert_id(got.meta.last, 3, 8);
  assert_id(got.meta.membership_id, 0, 1);
  assert_true(rkv_buf_equal(got.meta.membership, meta.membership));
  assert_string_equal(got.meta.id, "3-7-1");
  rkv_buf_drop(&got.meta.membership);
  rkv_buf_drop(&message);

  assert_int_equal(codec_snapshot_chunk_encode(chunk, &out, &error), RKV_OK);
  message = joined(out);
  assert_bytes(message, "120568656c6c6f");
  assert_int_equal(codec_snapshot_request_decode(message, &got, &error), RKV_OK);
  assert_false(got.is_meta);
  assert_true(rkv_buf_equal(got.chunk, chunk));
  rkv_buf_drop(&message);

  assert_slice(codec_snapshot_answer_encode((struct rkv_vote){2, 3, true}), "0a080a04080210031001");
}

/* The largest chunk that fits, to the byte. */
static void chunks_fill_the_limit(void **state) {
  static uint8_t zeros[20000];
  size_t limit;
  (void)state;
  for (limit = 64; limit < sizeof zeros - 8; limit += 1 + limit / 64) {
    size_t max = codec_snapshot_chunk_max(limit);
    struct rkv_buf fits = rkv_buf_static(zeros, max), over = rkv_buf_static(zeros, max + 1);
    grpc_byte_buffer *out;
    assert_int_equal(codec_snapshot_chunk_encode(fits, &out, &error), RKV_OK);
    assert_true(grpc_byte_buffer_length(out) <= limit);
    grpc_byte_buffer_destroy(out);
    assert_int_equal(codec_snapshot_chunk_encode(over, &out, &error), RKV_OK);
    assert_true(grpc_byte_buffer_length(out) > limit);
    grpc_byte_buffer_destroy(out);
  }
  assert_int_equal(codec_snapshot_chunk_max(2), 0);
}

/* ---- clients ---- */

/* Node given twice: the last address counts. */
static void an_init_request_is_read(void **state) {
  struct rkv_membership m;
  (void)state;
  assert_int_equal(codec_init_decode(hex("0a070802120361 3a31 0a070801120362 3a31"
                                         "0a070802120363 3a31"),
                                     &m, &error),
                   RKV_OK);
  assert_int_equal(rkv_membership_check(&m, &error), RKV_OK);
  assert_int_equal(m.node_count, 2);
  assert_int_equal(m.configs[0].count, 2);
  assert_string_equal(m.nodes[1].addr, "c:1");
}

static void membership_requests_are_read(void **state) {
  struct rkv_membership_call call = {0};
  (void)state;
  assert_int_equal(codec_add_learner_decode(hex("0a070804120361 3a31"), &call, &error), RKV_OK);
  assert_int_equal(call.learner.id, 4);
  assert_string_equal(call.learner.addr, "a:1");
  /* members packed and not; duplicates once */
  assert_int_equal(codec_change_membership_decode(hex("0a03030103 0802 1001"), &call, &error),
                   RKV_OK);
  assert_int_equal(call.voters.count, 3);
  assert_int_equal(call.voters.ids[0], 1);
  assert_int_equal(call.voters.ids[2], 3);
  assert_true(call.retain);
}

/* data is present and empty; the first entry's id is an EMPTY LogId. */
static void client_answers_are_written(void **state) {
  grpc_slice out;
  (void)state;
  assert_int_equal(codec_membership_answer_encode(id(0, 1), one_voter(), &out, &error), RKV_OK);
  assert_slice(out, "0a001200 1a210a060a04080112001217080112130801120f"
                    "3132372e302e302e313a3231303031");
  assert_int_equal(codec_membership_answer_encode(id(1, 1), rkv_buf_static("x", 1), &out, &error),
                   RKV_CORRUPT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(snapshot_messages_both_ways), cmocka_unit_test(chunks_fill_the_limit),
      cmocka_unit_test(an_init_request_is_read),     cmocka_unit_test(membership_requests_are_read),
      cmocka_unit_test(client_answers_are_written),
  };
  return cmocka_run_group_tests_name("transport %s", tests, setup, teardown);
}
