/* codec_refusal_test.c: messages that no node should send are refused, with the field named. */
#include "codec_support.h"

static struct rkv_error error;

static void assert_text(const char *part) {
  if (!strstr(error.text, part)) fail_msg("\"%s\" does not name \"%s\"", error.text, part);
}

/* ---- refusals ---- */

struct refusal {
  const char *bytes, *names;
};

static void bad_votes_are_refused(void **state) {
  static const struct refusal cases[] = {
      {"", "vote: missing"},
      {"0a00", "vote.leader_id: missing"},
      {"0a080a04080110011001", "vote.committed"},
      {"0a060a0408011001 120b10ffffffffffffffffff01", "last_log_id.index"},
      {"0a06", "vote request"},
      {"0801", "vote request"},
      {"0a060a04080110", "vote request"},
  };
  struct rkv_vote_call call;
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    assert_int_equal(codec_vote_request_decode(hex(cases[i].bytes), &call, &error), RKV_INVALID);
    assert_text(cases[i].names);
  }
}

static void bad_appends_are_refused(void **state) {
  static const struct refusal cases[] = {
      {"", "vote: missing"},
      {"0a00", "vote.leader_id: missing"},
      {"0a060a0408011001", "vote.committed"},
      {VOTE "0801", "field 1"},
      {VOTE "1a0408011001", "entries[0].index"},                   /* not from the start */
      {VOTE "1200 1a0408011002", "entries[0].index"},              /* a gap after prev */
      {VOTE "1200 1a0408011001 1a0408011003", "entries[1].index"}, /* a gap inside */
      {VOTE "1200 1a0408011001 1a0408011001", "entries[1].index"}, /* twice */
      {VOTE "12020801 1a021001", "entries[0].term"},               /* term goes back */
      {VOTE "1200 1a0408021001", "entries[0].term"},               /* beyond the leader's */
      {VOTE "1a046a006200", "entries[0]: both app_data and membership"},
      {VOTE "1a026a00", "entries[0].membership.configs"},               /* no config */
      {VOTE "1a046a020a00", "entries[0].membership.configs[0]: empty"}, /* empty config */
      {VOTE "1a086a060a040a020801", "voter 1 has no node"},
      {VOTE "1a086a060a040a021200", "node_ids: id missing"}, /* map entry without key */
      {VOTE "1a0c6a0a0a040a02080112020801", "entries[0].membership.nodes[1]: no node given"},
      {VOTE "1a0e6a0c0a040a020801120408011200", "entries[0].membership.nodes[1].node_id"},
      {VOTE "1a106a0e0a040a0208011206080112020801", "nodes[1].rpc_addr: empty"},
      {VOTE "1a136a110a040a02080112090801120508011201 00", "nodes[1].rpc_addr: byte 0x00"},
      {VOTE "1a136a110a040a02080112090801120508011201 ff", "nodes[1].rpc_addr: byte 0xff"},
      {VOTE "1a136a110a040a0208011209080112050802120161", "nodes[1].node_id: 2 is not its key"},
      {VOTE "1a146a120a040a0208010a040a0208010a040a020801", "configs: 3 configs"},
      {VOTE "1a0110", "entries[0]: not a valid Entry"},
      {VOTE "1a0209ff", "entries[0]: not a valid Entry"},
      {VOTE "1a0b10ffffffffffffffffff01", "entries[0].index"},
      {VOTE "1a05", "append request: damaged"},
      {VOTE "0b", "append request: damaged"}, /* a group */
      {"00", "append request: damaged"},      /* field 0 */
  };
  struct rkv_append_call call;
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    assert_int_equal(codec_append_request_decode(hex(cases[i].bytes), &call, &error), RKV_INVALID);
    assert_text(cases[i].names);
    assert_null(call.entries);
  }
}

static void bad_snapshots_are_refused(void **state) {
  static const struct refusal cases[] = {
      {"", "payload"},
      {"0a00", "meta.vote: missing"},
      {"0a020a00", "meta.vote.leader_id: missing"},
      {"0a080a060a0408011001", "meta.vote.committed"},
      {"0a0c" VOTE "1a00", "meta.last_membership_log_id: after"},
      {"0a0e" VOTE "22020a00", "meta.last_membership.configs[0]"},
      {"0a0d" VOTE "2a0107", "meta.snapshot_id"},
      {"0801", "meta: not"},
      {"1205", "snapshot request: damaged"},
  };
  struct codec_snapshot got;
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    assert_int_equal(codec_snapshot_request_decode(hex(cases[i].bytes), &got, &error), RKV_INVALID);
    assert_text(cases[i].names);
    assert_null(got.meta.membership.owner);
  }
}

static void bad_client_requests_are_refused(void **state) {
  struct rkv_membership m;
  struct rkv_membership_call call;
  char far[2 * 300 + 32] = "0ab202080112ad02"; /* an address of 301 bytes */
  (void)state;
  assert_int_equal(codec_init_decode(hex(""), &m, &error), RKV_INVALID);
  assert_text("nodes: empty");
  assert_int_equal(codec_init_decode(hex("0a05 1203613a31"), &m, &error), RKV_INVALID);
  assert_text("nodes[0].node_id");
  assert_int_equal(codec_add_learner_decode(hex(""), &call, &error), RKV_INVALID);
  assert_text("node: missing");
  assert_int_equal(codec_add_learner_decode(hex("0a020801"), &call, &error), RKV_INVALID);
  assert_text("node.rpc_addr");
  memset(far + 16, '6', 602);
  assert_int_equal(codec_add_learner_decode(hex(far), &call, &error), RKV_INVALID);
  assert_text("node.rpc_addr: 301 bytes");
  assert_int_equal(codec_change_membership_decode(hex(""), &call, &error), RKV_INVALID);
  assert_text("members: empty");
  assert_int_equal(codec_change_membership_decode(hex("0a020100"), &call, &error), RKV_INVALID);
  assert_text("members[1]");
}

/* No prefix of a message crashes; each is refused or is itself a message. */
static void messages_cut_at_every_byte(void **state) {
  const char *golden = "0a080a04080110011001 1200 1a0408011001"
                       "1a10 08011002620a0a03666f6f1203626172 1a27 0801 1003 6a21 0a060a0408011200"
                       "12170801 12130801120f3132372e302e302e313a3231303031 220408011001";
  struct rkv_buf whole = hex(golden);
  size_t len;
  (void)state;
  for (len = 0; len <= whole.len; len++) {
    /* A block of exactly this length, so that asan sees a read behind it. */
    uint8_t *copy = malloc(len ? len : 1);
    struct rkv_append_call append;
    struct rkv_vote_call vote;
    struct codec_snapshot snapshot;
    memcpy(copy, whole.data, len);
    if (codec_append_request_decode(rkv_buf_static(copy, len), &append, &error) == RKV_OK)
      codec_append_request_free(&append);
    else
      assert_int_not_equal(len, whole.len);
    (void)codec_vote_request_decode(rkv_buf_static(copy, len), &vote, &error);
    if (codec_snapshot_request_decode(rkv_buf_static(copy, len), &snapshot, &error) == RKV_OK)
      rkv_buf_drop(&snapshot.meta.membership);
    free(copy);
  }
}

/* Every byte of a message changed at random: never a crash, never a leak. */
static void damaged_messages_never_crash(void **state) {
  const char *golden = "0a080a04080110011001 1a27 6a23 0a080a060801 1200 1803"
                       "12170801 12130801120f3132372e302e302e313a3231303031 220408011001";
  struct rkv_buf whole = hex(golden);
  int round;
  (void)state;
  srand(3);
  for (round = 0; round < 20000; round++) {
    uint8_t copy[256];
    struct rkv_buf message = rkv_buf_static(copy, whole.len);
    struct rkv_append_call append;
    struct codec_snapshot snapshot;
    memcpy(copy, whole.data, whole.len);
    copy[(size_t)rand() % whole.len] = (uint8_t)rand();
    copy[(size_t)rand() % whole.len] = (uint8_t)rand();
    if (codec_append_request_decode(message, &append, &error) == RKV_OK)
      codec_append_request_free(&append);
    if (codec_snapshot_request_decode(message, &snapshot, &error) == RKV_OK)
      rkv_buf_drop(&snapshot.meta.membership);
  }
}

/* Fields of a later version are passed over, of every wire type. */
static void unknown_fields_are_skipped(void **state) {
  struct rkv_append_call call;
  (void)state;
  assert_int_equal(
      codec_append_request_decode(hex(VOTE "7801 7a020102 7d01020304 790102030405060708"
                                           "1a0d 7801 7a00 10ffff00 7d01020304"),
                                  &call, &error),
      RKV_INVALID); /* 0x3fff leaves a gap: the field behind the unknown ones counts */
  assert_text("entries[0].index: 16383");
}

/* (M1) Empty sub-messages unfold to many times their size: refused, not served. */
static void a_message_that_unfolds_too_far_is_refused(void **state) {
  size_t pairs = 1 << 18, i;
  uint8_t *bytes = malloc(2 * pairs);
  struct rkv_membership m;
  (void)state;
  for (i = 0; i < pairs; i++) bytes[2 * i] = 0x0a, bytes[2 * i + 1] = 0x00;
  assert_int_equal(codec_init_decode(rkv_buf_static(bytes, 2 * pairs), &m, &error), RKV_TOO_LARGE);
  assert_text("init request");
  free(bytes);
}

/* The named limit of entries holds. */
static void too_many_entries_are_refused(void **state) {
  size_t count = CODEC_ENTRIES_MAX + 1, i;
  uint8_t *bytes = malloc(10 + 2 * count);
  struct rkv_append_call call;
  (void)state;
  memcpy(bytes, hex(VOTE).data, 10);
  for (i = 0; i < count; i++) bytes[10 + 2 * i] = 0x1a, bytes[11 + 2 * i] = 0x00;
  assert_int_equal(
      codec_append_request_decode(rkv_buf_static(bytes, 10 + 2 * count), &call, &error),
      RKV_TOO_LARGE);
  assert_text("entries");
  free(bytes);
}

/* The largest cluster fits the codec's budgets, both ways. */
static void the_largest_membership_survives(void **state) {
  static struct rkv_membership m;
  static uint8_t bytes[64 * 1024];
  char addr[RKV_ADDR_MAX];
  struct rkv_snapshot_meta meta = {.last = {1, 1}, .membership_id = {1, 1}};
  struct codec_snapshot got;
  struct rkv_buf message;
  grpc_slice slice;
  rkv_node_id i;
  (void)state;
  memset(&m, 0, sizeof m);
  memset(addr, 'h', sizeof addr);
  m.config_count = 2;
  for (i = 1; i <= RKV_NODES_MAX; i++) {
    (void)rkv_config_add(&m.configs[0], UINT64_MAX - i);
    (void)rkv_config_add(&m.configs[1], UINT64_MAX - i);
    assert_int_equal(rkv_membership_add_node(&m, UINT64_MAX - i, addr, RKV_ADDR_MAX - 1), RKV_OK);
  }
  rkv_membership_encode(&m, bytes);
  meta.membership = rkv_buf_static(bytes, rkv_membership_encoded_size(&m));
  assert_int_equal(codec_snapshot_meta_encode((struct rkv_vote){1, 1, true}, &meta, &slice, &error),
                   RKV_OK);
  assert_int_equal(bytes_from_slice(slice, &message), RKV_OK);
  assert_int_equal(codec_snapshot_request_decode(message, &got, &error), RKV_OK);
  assert_true(rkv_buf_equal(got.meta.membership, meta.membership));
  rkv_buf_drop(&got.meta.membership);
  rkv_buf_drop(&message);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bad_votes_are_refused),
      cmocka_unit_test(bad_appends_are_refused),
      cmocka_unit_test(bad_snapshots_are_refused),
      cmocka_unit_test(bad_client_requests_are_refused),
      cmocka_unit_test(messages_cut_at_every_byte),
      cmocka_unit_test(damaged_messages_never_crash),
      cmocka_unit_test(unknown_fields_are_skipped),
      cmocka_unit_test(a_message_that_unfolds_too_far_is_refused),
      cmocka_unit_test(too_many_entries_are_refused),
      cmocka_unit_test(the_largest_membership_survives),
  };
  return cmocka_run_group_tests_name("transport %s", tests, setup, teardown);
}
