/* server_bad_input_test.c: a wrong request gets a status and a text that names the fault; it does
 * not reach the node, and the server goes on. */
#include "server_rig.h"

#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#define VOTE_T1N1 "0a060a0408011001" /* field 1: vote {term 1, node 1} */
#define COMMITTED_T1N1 "0a080a04080110011001"

/* More than the core's own default limit of 4 MiB; ThreadSanitizer takes seconds per megabyte of it
 * for the races inside the core that it was told not to report. */
#if defined(__SANITIZE_THREAD__)
#define OVER_CORE_LIMIT 100000
#else
#define OVER_CORE_LIMIT 5000000
#endif

static int begin(void **state) {
  static const char *const set[] = {"raft_message_max=1KiB", "app_message_max=4KiB",
                                    "metadata_max=8KiB", NULL};
  (void)state;
  rig_begin(set);
  return 0;
}

/* Whatever the story did: nothing reached the node, and the server still serves. */
static int end_unbothered(void **state) {
  struct fake_seen seen = fake_look(&f);
  assert_int_equal(seen.propose + seen.query + seen.init + seen.learner + seen.change, 0);
  assert_int_equal(seen.vote + seen.append + seen.begin, 0);
  ask_hex(&c, APP "Set", "0a03666f6f1203626172", GRPC_STATUS_OK, &out);
  return end(state);
}

struct bad {
  const char *method, *hex, *names; /* what the text must name */
};

static void refuses_all(const struct bad *list, size_t n) {
  for (size_t i = 0; i < n; i++) {
    ask_hex(&c, list[i].method, list[i].hex, GRPC_STATUS_INVALID_ARGUMENT, &out);
    if (!strstr(out.text, list[i].names))
      fail_msg("%s: \"%s\" does not name %s", list[i].method, out.text, list[i].names);
  }
  assert_int_equal(fake_metric(&f, "refused"), n);
}
#define REFUSES_ALL(list) refuses_all(list, sizeof(list) / sizeof(list)[0])

/* Bytes that are no protobuf. (Set and Get are the state machine's to judge.) */
static void malformed_messages(void **state) {
  static const struct bad list[] = {
      {APP "Init", "0aff", "init"},
      {APP "AddLearner", "0a7f08", "learner"},
      {APP "ChangeMembership", "0a", "member"},
      {RAFT "Vote", "0a060a", "vote"},
      {RAFT "AppendEntries", "0aff01", "append"},
  };
  (void)state;
  REFUSES_ALL(list);
}

static void missing_parts(void **state) {
  static const struct bad list[] = {
      {RAFT "Vote", "", "vote"},
      {RAFT "Vote",
       "0a02"
       "1001",
       "vote.leader_id"},
      {RAFT "AppendEntries", "", "vote"},
      {RAFT "AppendEntries", "0a021001", "vote.leader_id"},
      {APP "AddLearner", "", "node"},
      {APP "AddLearner", "0a020801", "rpc_addr"},
      {APP "AddLearner", "0a051203613a31", "node_id"},
      {APP "Init", "", "nodes"},
      {APP "ChangeMembership", "1001", "members"},
  };
  (void)state;
  REFUSES_ALL(list);
}

/* Entries that would leave holes, and memberships that no node could live with. */
static void impossible_entries(void **state) {
  static const struct bad list[] = {
      /* prev 1.1, first entry 1.3 */
      {RAFT "AppendEntries",
       COMMITTED_T1N1 "120408011001"
                      "1a0408011003",
       "entries[0]"},
      /* 1.0 and then 1.2 */
      {RAFT "AppendEntries",
       COMMITTED_T1N1 "1a020801"
                      "1a0408011002",
       "entries[1]"},
      /* a membership without configs */
      {RAFT "AppendEntries", COMMITTED_T1N1 "1a026a00", "config"},
      /* one empty config */
      {RAFT "AppendEntries", COMMITTED_T1N1 "1a046a020a00", "configs[0]"},
      /* voter 1 without a node */
      {RAFT "AppendEntries", COMMITTED_T1N1 "1a0a6a080a060a0408011200", "voter 1"},
  };
  (void)state;
  REFUSES_ALL(list);
}

static void unknown_read_level(void **state) {
  struct call_options options = {"rkv-read", "strong", 0, false};
  (void)state;
  ask(&c, APP "Get", "", 0, &options, &out);
  assert_int_equal(out.code, GRPC_STATUS_INVALID_ARGUMENT);
  assert_non_null(strstr(out.text, "rkv-read"));
  assert_non_null(strstr(out.text, "linearizable"));
}

/* Without an answer for these a client would wait for ever. */
static void unknown_methods(void **state) {
  (void)state;
  for (int i = 0; i < 100; i++) {
    ask_hex(&c, APP "Del", "", GRPC_STATUS_UNIMPLEMENTED, &out);
    assert_string_equal(out.text, "unknown method " APP "Del");
  }
  ask_hex(&c, "/grpc.health.v1.Health/Check", "", GRPC_STATUS_UNIMPLEMENTED, &out);
  assert_int_equal(fake_metric(&f, "unknown_methods"), 101);
}

/* Each service has its limit; the words are those that an OpenRaft leader splits on. */
static void oversized_messages(void **state) {
  static uint8_t bytes[OVER_CORE_LIMIT];
  (void)state;
  ask(&c, RAFT "AppendEntries", bytes, 1025, NULL, &out);
  assert_int_equal(out.code, GRPC_STATUS_OUT_OF_RANGE);
  assert_string_equal(
      out.text, "decoded message length too large: found 1025 bytes, the limit is 1024 bytes");
  ask(&c, APP "Set", bytes, 4097, NULL, &out);
  assert_int_equal(out.code, GRPC_STATUS_OUT_OF_RANGE);
  assert_string_equal(
      out.text, "decoded message length too large: found 4097 bytes, the limit is 4096 bytes");
  ask(&c, APP "Set", bytes, sizeof bytes, NULL, &out);
  assert_int_equal(out.code, GRPC_STATUS_OUT_OF_RANGE);
  assert_int_equal(fake_metric(&f, "too_large"), 3);
}

/* The limit itself is legal. */
static void largest_messages(void **state) {
  static uint8_t bytes[4096];
  struct fake_seen seen;
  (void)state;
  ask(&c, APP "Set", bytes, 4096, NULL, &out);
  assert_int_equal(out.code, GRPC_STATUS_OK);
  seen = fake_look(&f);
  assert_int_equal(seen.len, 4096);
  pthread_mutex_lock(&f.mutex);
  f.seen.propose = 0; /* the only proposal that may arrive in this file */
  pthread_mutex_unlock(&f.mutex);
}

static void calls_without_a_message(void **state) {
  struct call_options options = {NULL, NULL, 0, true};
  (void)state;
  ask(&c, APP "Set", NULL, 0, &options, &out);
  assert_int_equal(out.code, GRPC_STATUS_INVALID_ARGUMENT);
  assert_non_null(strstr(out.text, "without a message"));
  ask(&c, RAFT "Vote", NULL, 0, &options, &out);
  assert_int_equal(out.code, GRPC_STATUS_INVALID_ARGUMENT);
}

/* The core refuses these by itself: for their size or, having dropped headers, for what is missing
 * then, whichever comes first. The sender's own connection may be closed. */
static void oversized_metadata(void **state) {
  char *value = malloc(12001);
  struct call_options options = {"x-long", value, 0, false};
  struct client other;
  (void)state;
  memset(value, 'x', 12000);
  value[12000] = '\0';
  client_open(&other, f.addr, false);
  ask(&other, APP "Get", "", 0, &options, &out);
  assert_true(out.code == GRPC_STATUS_RESOURCE_EXHAUSTED || out.code == GRPC_STATUS_UNAVAILABLE);
  client_close(&other);
  free(value);
}

/* No decompression: its result is not bounded by what came over the wire. */
static void compressed_messages(void **state) {
  struct client compressing;
  uint8_t zeros[2000] = {0};
  (void)state;
  client_open(&compressing, f.addr, true);
  ask(&compressing, APP "Set", zeros, sizeof zeros, NULL, &out);
  assert_int_equal(out.code, GRPC_STATUS_UNIMPLEMENTED);
  assert_non_null(strstr(out.text, "ompress"));
  client_close(&compressing);
}

/* Empty sub-messages by the thousand may not become 60 times as much memory. */
static void amplifying_messages(void **state) {
  static uint8_t bytes[4096];
  (void)state;
  for (size_t i = 0; i + 1 < sizeof bytes; i += 2) {
    bytes[i] = 0x0a;
    bytes[i + 1] = 0;
  }
  ask(&c, APP "Init", bytes, sizeof bytes, NULL, &out);
  assert_int_equal(out.code, GRPC_STATUS_OUT_OF_RANGE); /* over a named limit */
}

int main(void) {
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end_unbothered)
  const struct CMUnitTest tests[] = {
      STORY(malformed_messages),  STORY(missing_parts),       STORY(impossible_entries),
      STORY(unknown_read_level),  STORY(unknown_methods),     STORY(oversized_messages),
      STORY(largest_messages),    STORY(oversized_metadata),  STORY(calls_without_a_message),
      STORY(compressed_messages), STORY(amplifying_messages),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
