/* server_rkv_test.c: package rkv.v1 as served: Peer and Admin, bytes in, bytes out. Indexes in hex
 * are the wire's, one less than the node's. */
#include "server_rig.h"

#include <setjmp.h>
#include <cmocka.h>

/* The messages of a vote, and not a vote. */
static void pre_vote_round_trip(void **state) {
  struct fake_seen seen;
  (void)state;
  f.granted = true;
  f.vote = (struct rkv_vote){1, 1, false};
  f.matched = (struct rkv_log_id){0, 1};
  ask_hex(&c, PEER "PreVote", "0a060a0408021003120408011005", GRPC_STATUS_OK, &out);
  assert_answer("0a060a040801100110011a00");
  seen = fake_look(&f);
  assert_int_equal(seen.pre_vote, 1);
  assert_int_equal(seen.vote, 0);
  assert_int_equal(seen.vote_in.term, 2);
  assert_int_equal(seen.vote_in.node_id, 3);
  assert_int_equal(seen.last.index, 6);
}

static void timeout_now_round_trip(void **state) {
  struct fake_seen seen;
  (void)state;
  ask_hex(&c, PEER "TimeoutNow", "0a080a04080210031001120408011005", GRPC_STATUS_OK, &out);
  assert_answer("");
  seen = fake_look(&f);
  assert_int_equal(seen.timeout_now, 1);
  assert_true(seen.vote_in.committed);
  assert_int_equal(seen.vote_in.node_id, 3);
  assert_int_equal(seen.last.index, 6);
}

static void timeout_now_of_a_candidate_is_refused(void **state) {
  (void)state;
  ask_hex(&c, PEER "TimeoutNow", "0a060a0408021003120408011005", GRPC_STATUS_INVALID_ARGUMENT,
          &out);
  ask_hex(&c, PEER "TimeoutNow", "", GRPC_STATUS_INVALID_ARGUMENT, &out);
  assert_non_null(strstr(out.text, "vote"));
  assert_int_equal(fake_look(&f).timeout_now, 0);
}

static void timeout_now_that_the_node_refuses(void **state) {
  (void)state;
  f.status = rkv_fail(&f.error, RKV_PRECONDITION, "node 1 is a learner");
  ask_hex(&c, PEER "TimeoutNow", "0a080a04080210031001120408011005",
          GRPC_STATUS_FAILED_PRECONDITION, &out);
  assert_string_equal(out.text, "node 1 is a learner");
}

static void read_index_round_trip(void **state) {
  (void)state;
  f.id = (struct rkv_log_id){3, 8};
  ask_hex(&c, PEER "ReadIndex", "0802", GRPC_STATUS_OK, &out);
  assert_answer("0a0408031007");
  assert_int_equal(fake_look(&f).read, RKV_READ_LINEARIZABLE);
  ask_hex(&c, PEER "ReadIndex", "0801", GRPC_STATUS_OK, &out);
  assert_int_equal(fake_look(&f).read, RKV_READ_LEASE);
}

/* A local read needs no index, and other numbers mean nothing. */
static void read_index_of_no_known_kind(void **state) {
  (void)state;
  ask_hex(&c, PEER "ReadIndex", "", GRPC_STATUS_INVALID_ARGUMENT, &out);
  ask_hex(&c, PEER "ReadIndex", "0803", GRPC_STATUS_INVALID_ARGUMENT, &out);
  assert_non_null(strstr(out.text, "LINEARIZABLE"));
  assert_int_equal(fake_look(&f).read_index, 0);
}

/* A node that does not lead refers to the one that does, as AppService does. */
static void not_leader_refers(void **state) {
  static const struct {
    const char *method, *message;
  } asked[] = {{PEER "ReadIndex", "0802"}, {ADMIN "TransferLeader", "0802"}};
  (void)state;
  f.status = rkv_fail(&f.error, RKV_NOT_LEADER, "not me");
  f.error.leader_id = 3;
  (void)snprintf(f.error.leader_addr, sizeof f.error.leader_addr, "127.0.0.1:21003");
  for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
    ask_hex(&c, asked[i].method, asked[i].message, GRPC_STATUS_UNAVAILABLE, &out);
    assert_non_null(strstr(out.text, "has to forward request to"));
    assert_string_equal(out.leader, "127.0.0.1:21003");
  }
}

static void transfer_round_trip(void **state) {
  (void)state;
  ask_hex(&c, ADMIN "TransferLeader", "0802", GRPC_STATUS_OK, &out);
  assert_answer("");
  assert_int_equal(fake_look(&f).target, 2);
  ask_hex(&c, ADMIN "TransferLeader", "", GRPC_STATUS_OK, &out);
  assert_int_equal(fake_look(&f).target, 0);
  assert_int_equal(fake_look(&f).transfer, 2);
}

static void transfer_that_is_refused(void **state) {
  (void)state;
  f.status = rkv_fail(&f.error, RKV_INVALID, "node 9 is no member");
  ask_hex(&c, ADMIN "TransferLeader", "0809", GRPC_STATUS_INVALID_ARGUMENT, &out);
  assert_string_equal(out.text, "node 9 is no member");
  ask_hex(&c, ADMIN "TransferLeader", "0aff", GRPC_STATUS_INVALID_ARGUMENT, &out);
  assert_int_equal(fake_look(&f).transfer, 1);
}

static void trigger_snapshot_round_trip(void **state) {
  (void)state;
  f.id = (struct rkv_log_id){3, 8};
  ask_hex(&c, ADMIN "TriggerSnapshot", "", GRPC_STATUS_OK, &out);
  assert_answer("0a0408031007");
  f.status = rkv_fail(&f.error, RKV_PRECONDITION, "one is being built");
  ask_hex(&c, ADMIN "TriggerSnapshot", "", GRPC_STATUS_FAILED_PRECONDITION, &out);
  assert_int_equal(fake_look(&f).snapshot_now, 2);
}

int main(void) {
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin_plain, end)
  const struct CMUnitTest tests[] = {
      STORY(pre_vote_round_trip),
      STORY(timeout_now_round_trip),
      STORY(timeout_now_of_a_candidate_is_refused),
      STORY(timeout_now_that_the_node_refuses),
      STORY(read_index_round_trip),
      STORY(read_index_of_no_known_kind),
      STORY(not_leader_refers),
      STORY(transfer_round_trip),
      STORY(transfer_that_is_refused),
      STORY(trigger_snapshot_round_trip),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
