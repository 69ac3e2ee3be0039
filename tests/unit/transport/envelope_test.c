/* envelope_test.c: request metadata that says for whom a request is meant and who sends it, out and
 * in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <grpc/support/alloc.h>
#include <string.h>

#include <raft-wire/wire/envelope.h>

/* What a request with these values says; NULL: it has no such pair. */
static enum rkv_status find(const char *value, const char *sender, struct rkv_envelope *out,
                            bool *found, struct rkv_error *error) {
  grpc_metadata pairs[3];
  grpc_metadata_array all = {.count = 3, .capacity = 3, .metadata = pairs};
  memset(pairs, 0, sizeof pairs);
  pairs[0].key = grpc_slice_from_static_string("another-key");
  pairs[0].value = grpc_slice_from_static_string("1 2 3");
  pairs[1].key = grpc_slice_from_static_string(sender ? ENVELOPE_SENDER_KEY : "third");
  pairs[1].value = grpc_slice_from_static_string(sender ? sender : "");
  pairs[2].key = grpc_slice_from_static_string(value ? ENVELOPE_KEY : "fourth");
  pairs[2].value = grpc_slice_from_static_string(value ? value : "");
  return envelope_find(&all, out, found, error);
}

static void round_trip(struct rkv_peer_info info, rkv_node_id self) {
  grpc_metadata pairs[ENVELOPE_PAIRS];
  struct rkv_envelope out;
  char *text[ENVELOPE_PAIRS];
  bool found;
  envelope_pairs(&info, self, pairs);
  for (size_t i = 0; i < ENVELOPE_PAIRS; i++) {
    text[i] = grpc_slice_to_c_string(pairs[i].value);
    assert_true(strlen(text[i]) < ENVELOPE_TEXT_MAX);
  }
  assert_int_equal(find(text[0], text[1], &out, &found, NULL), RKV_OK);
  assert_true(found);
  assert_int_equal(out.to, info.id);
  assert_int_equal(out.incarnation, info.incarnation);
  assert_true(rkv_cluster_id_equal(out.cluster, info.cluster));
  assert_int_equal(out.from, self);
  assert_int_equal(out.from_incarnation, info.from_incarnation);
  for (size_t i = 0; i < ENVELOPE_PAIRS; i++) {
    gpr_free(text[i]);
    grpc_slice_unref(pairs[i].value);
  }
}

/* What one node writes another reads, at both ends of every number. */
static void what_is_written_is_read(void **state) {
  (void)state;
  round_trip((struct rkv_peer_info){.id = 1}, 2);
  round_trip((struct rkv_peer_info){.id = 7, .incarnation = 0xabc, .from_incarnation = 1}, 9);
  round_trip((struct rkv_peer_info){.id = UINT64_MAX,
                                    .incarnation = UINT64_MAX,
                                    .cluster = {UINT64_MAX, UINT64_MAX},
                                    .from_incarnation = UINT64_MAX},
             UINT64_MAX);
  round_trip((struct rkv_peer_info){.id = 3, .incarnation = 1, .cluster = {0, 1}}, 1);
  for (uint64_t ten = 1; ten < UINT64_MAX / 10; ten *= 10) /* at each number of digits */
    round_trip((struct rkv_peer_info){.id = ten * 10 - 1, .incarnation = ten}, ten);
}

/* Nodes of before ABI 1.1 send and take the first pair alone, byte by byte as ever. */
static void older_nodes_and_this_one_understand_each_other(void **state) {
  const struct rkv_peer_info info = {
      .id = 2, .incarnation = 0xbeef, .cluster = {1, 0xabc}, .from_incarnation = 5};
  grpc_metadata pairs[ENVELOPE_PAIRS];
  struct rkv_envelope out;
  bool found;
  (void)state;
  envelope_pairs(&info, 3, pairs);
  assert_int_equal(grpc_slice_str_cmp(pairs[0].key, "rkv-envelope"), 0);
  assert_int_equal(grpc_slice_str_cmp(pairs[0].value, "00000000000000010000000000000abc 2 beef"),
                   0);
  assert_int_equal(grpc_slice_str_cmp(pairs[1].key, "rkv-sender"), 0);
  assert_int_equal(grpc_slice_str_cmp(pairs[1].value, "3 5"), 0);
  for (size_t i = 0; i < ENVELOPE_PAIRS; i++) grpc_slice_unref(pairs[i].value);
  assert_int_equal(find("- 2 -", NULL, &out, &found, NULL), RKV_OK);
  assert_true(found);
  assert_int_equal(out.from, 0);
  assert_int_equal(out.from_incarnation, 0);
}

/* What later ones say behind a sender is passed over. */
static void a_sender_may_say_more(void **state) {
  struct rkv_envelope out;
  bool found;
  (void)state;
  assert_int_equal(find("- 2 -", "4 - and more", &out, &found, NULL), RKV_OK);
  assert_true(found);
  assert_int_equal(out.from, 4);
  assert_int_equal(out.from_incarnation, 0);
}

/* Other nodes say nothing: that is no fault. */
static void without_it_nothing_is_known(void **state) {
  struct rkv_envelope out;
  struct rkv_error error;
  bool found = true;
  (void)state;
  assert_int_equal(find(NULL, NULL, &out, &found, &error), RKV_OK);
  assert_false(found);
  assert_int_equal(find(NULL, "1 1", &out, &found, &error), RKV_OK);
  assert_false(found);
}

/* Everything else is refused with the key's name: a cluster is not guessed. */
static void another_form_is_refused(void **state) {
  static const char *const wrong[] = {
      "",
      "-",
      "- 1",
      "- 1 ",
      "- x -",
      "-1 1 -",
      "- 1 - ",
      "- 1 1x",
      "- 1 00000000000000000",
      "- 99999999999999999999 -",
      "- 18446744073709551616 -",
      "- 000000000000000000001 -",
      "-  1 -",
      "- 1 -1",
      "- 1 - 2",
      "- a -",
      "0123456789abcdef 1 -",
      "0123456789abcdef0123456789abcde 1 -",
      "0123456789abcdef0123456789abcdef0 1 -",
      "0123456789ABCDEF0123456789ABCDEF 1 -",
      ("0123456789abcdef0123456789abcdef 1 - "
       "and so on, until it is longer than any envelope can be: 0123456789"),
  };
  (void)state;
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    struct rkv_envelope out;
    struct rkv_error error;
    bool found;
    if (find(wrong[i], NULL, &out, &found, &error) != RKV_INVALID)
      fail_msg("taken: \"%s\"", wrong[i]);
    assert_false(found);
    assert_non_null(strstr(error.text, ENVELOPE_KEY));
  }
}

static void another_form_of_the_sender_is_refused(void **state) {
  static const char *const wrong[] = {"",
                                      "-",
                                      "1",
                                      "1 ",
                                      "- 1",
                                      "x 1",
                                      "1 x",
                                      " 1 1",
                                      "1 1x",
                                      "18446744073709551616 1",
                                      "1 11111111111111111"};
  (void)state;
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    struct rkv_envelope out;
    struct rkv_error error;
    bool found;
    if (find("- 1 -", wrong[i], &out, &found, &error) != RKV_INVALID)
      fail_msg("taken: \"%s\"", wrong[i]);
    assert_false(found);
    assert_non_null(strstr(error.text, ENVELOPE_SENDER_KEY));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_written_is_read),
      cmocka_unit_test(older_nodes_and_this_one_understand_each_other),
      cmocka_unit_test(a_sender_may_say_more),
      cmocka_unit_test(without_it_nothing_is_known),
      cmocka_unit_test(another_form_is_refused),
      cmocka_unit_test(another_form_of_the_sender_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
