/* codec_own_test.c: fields of appends that only nodes of this project send: golden bytes, both
 * ways. */
#include "codec_support.h"

static struct rkv_error error;

static struct rkv_append_call sent_two(struct rkv_entry entries[2]) {
  struct rkv_append_call call = {.vote = {1, 1, true}, .prev = {1, 5}, .entry_count = 2};
  entries[0] = (struct rkv_entry){.id = {1, 6}};
  entries[1] = (struct rkv_entry){.id = {2, 7}};
  call.entries = entries;
  return call;
}

/* A promise is a field that other nodes pass over; without it nothing is promised. Whoever rejects
 * promises nothing. */
static void appends_are_answered_with_a_promise(void **state) {
  struct rkv_entry entries[2];
  struct rkv_append_call call = sent_two(entries);
  grpc_slice out;
  (void)state;
  call.matched = id(2, 7);
  call.lease_ns = 300;
  assert_int_equal(codec_append_answer_encode(&call, &out, &error), RKV_OK);
  assert_slice(out, "c83eac02");
  assert_slice(codec_append_stream_answer_encode(&call), "1a0408021006c83eac02");
  assert_int_equal(codec_append_answer_decode(hex("c83eac03"), &call, &error), RKV_OK);
  assert_int_equal(call.lease_ns, 428);
  assert_int_equal(codec_append_stream_answer_decode(hex("1a0408021006"), &call, &error), RKV_OK);
  assert_int_equal(call.lease_ns, 0);
  assert_int_equal(
      codec_append_stream_answer_decode(hex("10011a0408011004c83eac02"), &call, &error), RKV_OK);
  assert_int_equal(call.result, RKV_APPEND_CONFLICT);
  assert_int_equal(call.lease_ns, 300);
  assert_int_equal(codec_append_answer_decode(hex("0a060a0408021003c83eac02"), &call, &error),
                   RKV_OK);
  assert_int_equal(call.result, RKV_APPEND_REJECTED);
  assert_int_equal(call.lease_ns, 0);
  call.lease_ns = 300;
  assert_int_equal(codec_append_answer_encode(&call, &out, &error), RKV_OK);
  assert_slice(out, "0a060a0408021003");
}

/* So is a follower's word that its state differs. */
static void a_difference_is_told(void **state) {
  struct rkv_entry entries[2];
  struct rkv_append_call call = sent_two(entries);
  grpc_slice out;
  (void)state;
  call.matched = id(2, 7);
  call.differs_at = 300;
  assert_int_equal(codec_append_answer_encode(&call, &out, &error), RKV_OK);
  assert_slice(out, "d03eac02");
  assert_slice(codec_append_stream_answer_encode(&call), "1a0408021006d03eac02");
  assert_int_equal(codec_append_answer_decode(hex("d03eac03"), &call, &error), RKV_OK);
  assert_int_equal(call.differs_at, 428);
  assert_int_equal(codec_append_stream_answer_decode(hex("1a0408021006"), &call, &error), RKV_OK);
  assert_int_equal(call.differs_at, 0);
  assert_int_equal(codec_append_answer_decode(hex("0a060a0408021003d03eac02"), &call, &error),
                   RKV_OK);
  assert_int_equal(call.result, RKV_APPEND_REJECTED);
  assert_int_equal(call.differs_at, 0);
}

/* A digest in two fields behind the others, which other nodes pass over. */
static void a_heartbeat_names_a_digest(void **state) {
  const char *golden = "0a080a04080110011001120408011001220408011001c83eac02d03e9601";
  struct codec_append_head head = {{1, 1, true}, id(1, 2), id(1, 2), 300, 150};
  struct rkv_append_call got;
  grpc_byte_buffer *message;
  struct rkv_buf out;
  (void)state;
  assert_int_equal(codec_append_request_encode(&head, NULL, 0, &message, &error), RKV_OK);
  out = joined(message);
  assert_int_equal(out.len, codec_append_head_size(&head));
  assert_bytes(out, golden);
  assert_int_equal(codec_append_request_decode(out, &got, &error), RKV_OK);
  assert_int_equal(got.digest_index, 300);
  assert_int_equal(got.digest, 150);
  assert_int_equal(codec_append_request_decode(hex("0a080a04080110011001120408011001220408011001"),
                                               &got, &error),
                   RKV_OK);
  assert_int_equal(got.digest_index, 0);
  rkv_buf_drop(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(appends_are_answered_with_a_promise),
      cmocka_unit_test(a_difference_is_told),
      cmocka_unit_test(a_heartbeat_names_a_digest),
  };
  return cmocka_run_group_tests_name("transport %s", tests, setup, teardown);
}
