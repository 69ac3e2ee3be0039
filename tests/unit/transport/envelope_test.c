/* envelope_test.c: request metadata that says for whom a request is meant, out and in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <grpc/support/alloc.h>
#include <string.h>

#include "envelope.h"

static enum rkv_status find(const char *value, struct rkv_envelope *out, bool *found,
                            struct rkv_error *error) {
  grpc_metadata pairs[2];
  grpc_metadata_array all = {.count = 2, .capacity = 2, .metadata = pairs};
  memset(pairs, 0, sizeof pairs);
  pairs[0].key = grpc_slice_from_static_string("another-key");
  pairs[0].value = grpc_slice_from_static_string("1 2 3");
  pairs[1].key = grpc_slice_from_static_string(value ? ENVELOPE_KEY : "third");
  pairs[1].value = grpc_slice_from_static_string(value ? value : "");
  return envelope_find(&all, out, found, error);
}

static void round_trip(struct rkv_peer_info info) {
  grpc_metadata pair = envelope_pair(&info);
  char *text = grpc_slice_to_c_string(pair.value);
  struct rkv_envelope out;
  bool found;
  assert_true(strlen(text) < ENVELOPE_TEXT_MAX);
  assert_int_equal(find(text, &out, &found, NULL), RKV_OK);
  assert_true(found);
  assert_int_equal(out.to, info.id);
  assert_int_equal(out.incarnation, info.incarnation);
  assert_true(rkv_cluster_id_equal(out.cluster, info.cluster));
  gpr_free(text);
  grpc_slice_unref(pair.value);
}

/* What one node writes another reads, at both ends of every number. */
static void what_is_written_is_read(void **state) {
  (void)state;
  round_trip((struct rkv_peer_info){.id = 1});
  round_trip((struct rkv_peer_info){.id = 7, .incarnation = 0xabc});
  round_trip((struct rkv_peer_info){
      .id = INT64_MAX, .incarnation = UINT64_MAX, .cluster = {UINT64_MAX, UINT64_MAX}});
  round_trip((struct rkv_peer_info){.id = 3, .incarnation = 1, .cluster = {0, 1}});
}

/* Other nodes say nothing: that is no fault. */
static void without_it_nothing_is_known(void **state) {
  struct rkv_envelope out;
  struct rkv_error error;
  bool found = true;
  (void)state;
  assert_int_equal(find(NULL, &out, &found, &error), RKV_OK);
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
    if (find(wrong[i], &out, &found, &error) != RKV_INVALID) fail_msg("taken: \"%s\"", wrong[i]);
    assert_false(found);
    assert_non_null(strstr(error.text, ENVELOPE_KEY));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_written_is_read),
      cmocka_unit_test(without_it_nothing_is_known),
      cmocka_unit_test(another_form_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
