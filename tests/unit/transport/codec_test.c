/* codec_test.c: votes and appends against golden bytes, both ways. Goldens: what OpenRaft's example
 * and a stock protobuf produce. */
#include "codec_support.h"

static struct rkv_error error;

static void assert_text(const char *part) {
  if (!strstr(error.text, part)) fail_msg("\"%s\" does not name \"%s\"", error.text, part);
}

/* ---- votes ---- */

/* Index 0.0 on the wire is the first entry here; an absent id is none (C1). */
static void vote_requests_both_ways(void **state) {
  static const struct {
    const char *golden;
    struct rkv_vote_call call;
  } cases[] = {
      {"0a060a04080110011200", {.vote = {1, 1, false}, .last = {0, 1}}},
      {"0a060a0408011002", {.vote = {1, 2, false}, .last = {0, 0}}},
      {"0a060a04080210031204080110051801",
       {.vote = {2, 3, false}, .last = {1, 6}, .transfer = true}},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const struct rkv_vote_call *want = &cases[i].call;
    struct rkv_vote_call got = {0};
    assert_int_equal(codec_vote_request_decode(hex(cases[i].golden), &got, &error), RKV_OK);
    assert_vote(got.vote, want->vote.term, want->vote.node_id, false);
    assert_id(got.last, want->last.term, want->last.index);
    assert_int_equal(got.transfer, want->transfer);
    assert_slice(codec_vote_request_encode(want), cases[i].golden);
  }
}

static void vote_answers_both_ways(void **state) {
  const char *golden = "0a060a040801100110011a00";
  struct rkv_vote_call call = {.granted = true, .voter_vote = {1, 1, false}, .voter_last = {0, 1}};
  struct rkv_vote_call got = {0};
  (void)state;
  assert_slice(codec_vote_answer_encode(&call), golden);
  assert_int_equal(codec_vote_answer_decode(hex(golden), &got, &error), RKV_OK);
  assert_true(got.granted);
  assert_vote(got.voter_vote, 1, 1, false);
  assert_id(got.voter_last, 0, 1);
  /* A node that never voted still sends a vote with its leader_id (C2). */
  call = (struct rkv_vote_call){0};
  assert_slice(codec_vote_answer_encode(&call), "0a020a00");
}

/* ---- appends ---- */

static struct rkv_buf encode_append(struct codec_append_head head, const struct rkv_entry *entries,
                                    size_t count) {
  grpc_byte_buffer *message;
  struct rkv_buf out;
  size_t size = codec_append_head_size(&head), one, i;
  assert_int_equal(codec_append_request_encode(&head, entries, count, &message, &error), RKV_OK);
  for (i = 0; i < count; i++, size += one)
    assert_int_equal(codec_entry_size(&entries[i], &one, &error), RKV_OK);
  out = joined(message);
  assert_int_equal(out.len, size); /* the sizes that split plans with are those sent */
  return out;
}

static void a_heartbeat_both_ways(void **state) {
  const char *golden = "0a080a04080110011001120408011001220408011001";
  struct codec_append_head head = {{1, 1, true}, id(1, 2), id(1, 2), 0, 0};
  struct rkv_append_call got;
  struct rkv_buf out;
  (void)state;
  assert_int_equal(codec_append_request_decode(hex(golden), &got, &error), RKV_OK);
  assert_vote(got.vote, 1, 1, true);
  assert_id(got.prev, 1, 2);
  assert_id(got.commit, 1, 2);
  assert_int_equal(got.entry_count, 0);
  out = encode_append(head, NULL, 0);
  assert_bytes(out, golden);
  rkv_buf_drop(&out);
}

/* The entry that initialises a cluster: 0.0 on the wire, after nothing. */
static void a_membership_entry_both_ways(void **state) {
  const char *golden = "0a080a04080110011001 1a236a210a060a040801120012170801 12130801120f"
                       "3132372e302e302e313a3231303031";
  struct rkv_entry entry = {{0, 1}, RKV_ENTRY_MEMBERSHIP, 0, one_voter()};
  struct codec_append_head head = {{1, 1, true}, id(0, 0), id(0, 0), 0, 0};
  struct rkv_append_call got;
  struct rkv_buf out;
  (void)state;
  assert_int_equal(codec_append_request_decode(hex(golden), &got, &error), RKV_OK);
  assert_id(got.prev, 0, 0);
  assert_id(got.commit, 0, 0);
  assert_int_equal(got.entry_count, 1);
  assert_id(got.entries[0].id, 0, 1);
  assert_int_equal(got.entries[0].kind, RKV_ENTRY_MEMBERSHIP);
  assert_true(rkv_buf_equal(got.entries[0].payload, entry.payload));
  codec_append_request_free(&got);
  out = encode_append(head, &entry, 1);
  assert_bytes(out, golden);
  rkv_buf_drop(&out);
}

/* After an EMPTY prev_log_id: that is the entry 0.0, not none. */
static void a_blank_entry_both_ways(void **state) {
  const char *golden = "0a080a0408011001100112001a0408011001";
  struct rkv_entry entry = {{1, 2}, RKV_ENTRY_BLANK, 0, RKV_BUF_NONE_INIT};
  struct codec_append_head head = {{1, 1, true}, id(0, 1), id(0, 0), 0, 0};
  struct rkv_append_call got;
  struct rkv_buf out;
  (void)state;
  assert_int_equal(codec_append_request_decode(hex(golden), &got, &error), RKV_OK);
  assert_id(got.prev, 0, 1);
  assert_id(got.entries[0].id, 1, 2);
  assert_int_equal(got.entries[0].kind, RKV_ENTRY_BLANK);
  codec_append_request_free(&got);
  out = encode_append(head, &entry, 1);
  assert_bytes(out, golden);
  rkv_buf_drop(&out);
}

/* The command's bytes are a slice of the message. An empty one is still a command. */
static void a_command_both_ways(void **state) {
  const char *golden = "0a080a04080110011001 120408011001 1a10 08011002620a0a03666f6f1203626172";
  struct rkv_buf command = rkv_buf_static("\x0a\x03"
                                          "foo\x12\x03"
                                          "bar",
                                          10);
  struct rkv_entry entry = {{1, 3}, RKV_ENTRY_COMMAND, 0, command};
  struct codec_append_head head = {{1, 1, true}, id(1, 2), id(0, 0), 0, 0};
  struct rkv_append_call got;
  struct rkv_buf message = hex(golden), out;
  (void)state;
  assert_int_equal(codec_append_request_decode(message, &got, &error), RKV_OK);
  assert_int_equal(got.entries[0].kind, RKV_ENTRY_COMMAND);
  assert_true(rkv_buf_equal(got.entries[0].payload, command));
  assert_ptr_equal(got.entries[0].payload.data, message.data + message.len - 10);
  codec_append_request_free(&got);
  out = encode_append(head, &entry, 1);
  assert_bytes(out, golden);
  rkv_buf_drop(&out);
  assert_int_equal(codec_append_request_decode(hex("0a080a04080110011001 1a026200"), &got, &error),
                   RKV_OK);
  assert_int_equal(got.entries[0].kind, RKV_ENTRY_COMMAND);
  assert_int_equal(got.entries[0].payload.len, 0);
  codec_append_request_free(&got);
}

/* Small payloads leave in one piece, large ones as slices of their own. */
static void large_payloads_are_not_copied(void **state) {
  static uint8_t large[CODEC_COPY_MAX + 1];
  struct rkv_entry entries[] = {
      {{1, 1}, RKV_ENTRY_COMMAND, 0, rkv_buf_static(large, 10)},
      {{1, 2}, RKV_ENTRY_COMMAND, 0, rkv_buf_static(large, sizeof large)},
      {{1, 3}, RKV_ENTRY_COMMAND, 0, rkv_buf_static(large, CODEC_COPY_MAX)},
  };
  struct codec_append_head head = {{1, 1, true}, id(0, 0), id(1, 1), 0, 0};
  grpc_byte_buffer_reader reader;
  grpc_byte_buffer *message;
  grpc_slice *piece;
  size_t pieces = 0, same = 0;
  (void)state;
  assert_int_equal(codec_append_request_encode(&head, entries, 3, &message, &error), RKV_OK);
  assert_true(grpc_byte_buffer_reader_init(&reader, message));
  while (grpc_byte_buffer_reader_peek(&reader, &piece)) {
    pieces++;
    if (GRPC_SLICE_START_PTR(*piece) == large) same++;
  }
  grpc_byte_buffer_reader_destroy(&reader);
  grpc_byte_buffer_destroy(message);
  assert_int_equal(pieces, 3);
  assert_int_equal(same, 1);
}

/* What was encoded is what is decoded, for random logs of all kinds. */
static void random_appends_survive_a_round_trip(void **state) {
  static uint8_t payload[3000];
  struct rkv_buf membership = one_voter();
  int round;
  (void)state;
  srand(11);
  for (round = 0; round < 300; round++) {
    struct rkv_entry entries[40];
    size_t count = (size_t)rand() % 40, i;
    struct codec_append_head head = {{(rkv_term)rand() + 40, (rkv_node_id)rand(), true},
                                     id((rkv_term)rand() % 40, 1 + (rkv_index)rand()),
                                     id(0, 0),
                                     (rkv_index)(rand() % 3) * 1000,
                                     (uint64_t)rand() << 32};
    struct rkv_log_id before = head.prev;
    struct rkv_append_call got;
    struct rkv_buf message;
    for (i = 0; i < count; i++) {
      before.index++;
      before.term += rand() % 20 == 0 ? 1 : 0;
      entries[i] = (struct rkv_entry){.id = before, .kind = (uint32_t)rand() % 3};
      if (entries[i].kind == RKV_ENTRY_COMMAND)
        entries[i].payload = rkv_buf_static(payload, (size_t)rand() % sizeof payload);
      if (entries[i].kind == RKV_ENTRY_MEMBERSHIP) entries[i].payload = membership;
    }
    head.commit = before;
    message = encode_append(head, entries, count);
    assert_int_equal(codec_append_request_decode(message, &got, &error), RKV_OK);
    assert_vote(got.vote, head.vote.term, head.vote.node_id, true);
    assert_id(got.prev, head.prev.term, head.prev.index);
    assert_id(got.commit, before.term, before.index);
    assert_int_equal(got.digest_index, head.digest_index);
    if (head.digest_index > 0) assert_int_equal(got.digest, head.digest);
    assert_int_equal(got.entry_count, count);
    for (i = 0; i < count; i++) {
      assert_id(got.entries[i].id, entries[i].id.term, entries[i].id.index);
      assert_int_equal(got.entries[i].kind, entries[i].kind);
      assert_true(rkv_buf_equal(got.entries[i].payload, entries[i].payload));
    }
    codec_append_request_free(&got);
    rkv_buf_drop(&message);
  }
}

/* ---- answers to appends ---- */

static struct rkv_append_call sent_two(struct rkv_entry entries[2]) {
  struct rkv_append_call call = {.vote = {1, 1, true}, .prev = {1, 5}, .entry_count = 2};
  entries[0] = (struct rkv_entry){.id = {1, 6}};
  entries[1] = (struct rkv_entry){.id = {2, 7}};
  call.entries = entries;
  return call;
}

static void append_answers_both_ways(void **state) {
  struct rkv_entry entries[2];
  struct rkv_append_call call = sent_two(entries);
  grpc_slice out;
  (void)state;
  /* success: empty */
  assert_int_equal(codec_append_answer_decode(hex(""), &call, &error), RKV_OK);
  assert_int_equal(call.result, RKV_APPEND_SUCCESS);
  assert_id(call.matched, 2, 7);
  assert_int_equal(codec_append_answer_encode(&call, &out, &error), RKV_OK);
  assert_slice(out, "");
  /* only a prefix was matched */
  call.matched = id(1, 6);
  assert_int_equal(codec_append_answer_encode(&call, &out, &error), RKV_OK);
  assert_slice(out, "1a0408011005");
  assert_int_equal(codec_append_answer_decode(hex("1a0408011005"), &call, &error), RKV_OK);
  assert_id(call.matched, 1, 6);
  /* a stream's success names its last entry */
  assert_int_equal(codec_append_answer_decode(hex("1a0408021006"), &call, &error), RKV_OK);
  assert_id(call.matched, 2, 7);
  /* conflict, of both dialects */
  assert_int_equal(codec_append_answer_decode(hex("1001"), &call, &error), RKV_OK);
  assert_int_equal(call.result, RKV_APPEND_CONFLICT);
  assert_int_equal(codec_append_answer_encode(&call, &out, &error), RKV_OK);
  assert_slice(out, "1001");
  assert_int_equal(codec_append_answer_decode(hex("10011a0408011002"), &call, &error), RKV_OK);
  assert_int_equal(call.result, RKV_APPEND_CONFLICT);
  /* a greater vote */
  assert_int_equal(codec_append_answer_decode(hex("0a060a0408021003"), &call, &error), RKV_OK);
  assert_int_equal(call.result, RKV_APPEND_REJECTED);
  assert_vote(call.voter_vote, 2, 3, false);
  assert_int_equal(codec_append_answer_encode(&call, &out, &error), RKV_OK);
  assert_slice(out, "0a060a0408021003");
}

/* The wire cannot say "success, but nothing at all": absent would mean everything. */
static void nothing_stored_is_no_success(void **state) {
  struct rkv_entry entries[2];
  struct rkv_append_call call = sent_two(entries);
  grpc_slice out;
  (void)state;
  call.prev = id(0, 0);
  call.matched = id(0, 0);
  assert_int_equal(codec_append_answer_encode(&call, &out, &error), RKV_FULL);
}

/* A success that names what was never sent must not move a leader. */
static void a_strange_success_is_refused(void **state) {
  struct rkv_entry entries[2];
  struct rkv_append_call call = sent_two(entries);
  (void)state;
  assert_int_equal(codec_append_answer_decode(hex("1a0408021005"), &call, &error), RKV_INVALID);
  assert_text("last_log_id");
  assert_int_equal(codec_append_answer_decode(hex("1a0408011001"), &call, &error), RKV_INVALID);
  assert_text("last_log_id");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(vote_requests_both_ways),
      cmocka_unit_test(vote_answers_both_ways),
      cmocka_unit_test(a_heartbeat_both_ways),
      cmocka_unit_test(a_membership_entry_both_ways),
      cmocka_unit_test(a_blank_entry_both_ways),
      cmocka_unit_test(a_command_both_ways),
      cmocka_unit_test(large_payloads_are_not_copied),
      cmocka_unit_test(random_appends_survive_a_round_trip),
      cmocka_unit_test(append_answers_both_ways),
      cmocka_unit_test(nothing_stored_is_no_success),
      cmocka_unit_test(a_strange_success_is_refused),
  };
  return cmocka_run_group_tests_name("transport %s", tests, setup, teardown);
}
