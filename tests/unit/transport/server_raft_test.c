/* server_raft_test.c: RaftService's unary methods: golden bytes in, golden bytes out. */
#include "server_rig.h"

#include <setjmp.h>
#include <cmocka.h>

/* An empty LogId on the wire is 0.0, ours {0, 1}; an absent one is none. */
static void vote_round_trip(void **state) {
  struct fake_seen seen;
  (void)state;
  f.granted = true;
  f.vote = (struct rkv_vote){1, 1, false};
  f.matched = (struct rkv_log_id){0, 1};
  ask_hex(&c, RAFT "Vote", "0a060a04080110011200", GRPC_STATUS_OK, &out);
  assert_answer("0a060a040801100110011a00");
  seen = fake_look(&f);
  assert_int_equal(seen.vote_in.term, 1);
  assert_int_equal(seen.last.index, 1);
  ask_hex(&c, RAFT "Vote", "0a060a04080210031204080110051801", GRPC_STATUS_OK, &out);
  seen = fake_look(&f);
  assert_int_equal(seen.vote_in.node_id, 3);
  assert_int_equal(seen.last.index, 6);
  assert_true(seen.handed_over);
}

static void heartbeat_round_trip(void **state) {
  struct fake_seen seen;
  (void)state;
  f.matched = (struct rkv_log_id){1, 2};
  ask_hex(&c, RAFT "AppendEntries", "0a080a04080110011001120408011001220408011001", GRPC_STATUS_OK,
          &out);
  assert_answer("");
  seen = fake_look(&f);
  assert_int_equal(seen.entries, 0);
  assert_true(seen.vote_in.committed);
  assert_int_equal(seen.prev.index, 2);
  assert_int_equal(seen.commit.index, 2);
}

/* To who asks by a unary call, too. */
static void a_promise_is_told(void **state) {
  (void)state;
  f.matched = (struct rkv_log_id){1, 2};
  f.lease_ns = 300;
  ask_hex(&c, RAFT "AppendEntries", "0a080a04080110011001120408011001220408011001", GRPC_STATUS_OK,
          &out);
  assert_answer("c83eac02");
  assert_int_equal(fake_look(&f).sender.id, 0); /* a client of OpenRaft's has none */
  f.lease_ns = 0;
}

/* The command's bytes are the SetRequest's, whatever it says. */
static void append_round_trip(void **state) {
  static const char set[] = "\x0a\x03"
                            "foo\x12\x03"
                            "bar";
  struct fake_seen seen;
  (void)state;
  f.matched = (struct rkv_log_id){1, 3};
  ask_hex(&c, RAFT "AppendEntries",
          "0a080a040801100110011204080110011a1008011002620a0a03666f6f1203626172", GRPC_STATUS_OK,
          &out);
  assert_answer("");
  seen = fake_look(&f);
  assert_int_equal(seen.entries, 1);
  assert_int_equal(seen.entry.kind, RKV_ENTRY_COMMAND);
  assert_int_equal(seen.entry.id.index, 3);
  assert_int_equal(seen.len, sizeof set - 1);
  assert_memory_equal(seen.bytes, set, sizeof set - 1);
}

/* Less than all: the answer names the last id stored, which a d6 leader goes on from. */
static void partial_success_names_the_last_id(void **state) {
  (void)state;
  f.matched = (struct rkv_log_id){1, 3};
  ask_hex(&c, RAFT "AppendEntries", "0a080a040801100110011204080110011a04080110021a0408011003",
          GRPC_STATUS_OK, &out);
  assert_answer("1a0408011002");
}

static void conflict_and_rejection(void **state) {
  (void)state;
  f.append_result = RKV_APPEND_CONFLICT;
  ask_hex(&c, RAFT "AppendEntries", "0a080a04080110011001120408011001", GRPC_STATUS_OK, &out);
  assert_answer("1001");
  f.append_result = RKV_APPEND_REJECTED;
  f.vote = (struct rkv_vote){2, 3, false};
  ask_hex(&c, RAFT "AppendEntries", "0a080a04080110011001120408011001", GRPC_STATUS_OK, &out);
  assert_answer("0a060a0408021003");
}

/* A node whose inbox is full says so; an OpenRaft leader comes back later. */
static void full_inbox(void **state) {
  (void)state;
  f.status = rkv_fail(&f.error, RKV_FULL, "the inbox is full (4096 calls): try again later");
  ask_hex(&c, RAFT "AppendEntries", "0a080a04080110011001120408011001",
          GRPC_STATUS_RESOURCE_EXHAUSTED, &out);
  assert_string_equal(out.text, f.error.text);
}

int main(void) {
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin_plain, end)
  const struct CMUnitTest tests[] = {
      STORY(vote_round_trip),        STORY(heartbeat_round_trip),
      STORY(append_round_trip),      STORY(partial_success_names_the_last_id),
      STORY(conflict_and_rejection), STORY(full_inbox),
      STORY(a_promise_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
