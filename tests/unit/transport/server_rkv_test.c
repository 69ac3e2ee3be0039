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

/* ---- SwapStorage ---- */

/* What the node was asked, and its answer. */
static struct {
  unsigned calls;
  uint32_t action, forgetful;
  char plugin[16], settings[64]; /* a ';' behind each */
} swap;

static void node_swap(void *ctx, struct rkv_swap_call *call) {
  (void)ctx;
  (void)atomic_load(&client_asked);
  swap.calls++;
  swap.action = call->action;
  swap.forgetful = call->forgetful;
  (void)snprintf(swap.plugin, sizeof swap.plugin, "%s", call->plugin);
  swap.settings[0] = '\0';
  for (size_t i = 0; i < call->setting_count; i++) {
    const size_t used = strlen(swap.settings);
    (void)snprintf(swap.settings + used, sizeof swap.settings - used, "%s;", call->settings[i]);
  }
  call->phase = RKV_SWAP_PHASE_LOG;
  call->done = 3;
  call->total = 300;
  if (f.status == RKV_OK) call->text = rkv_buf_share(f.text);
  atomic_fetch_add(&client_asked, 1);
  call->call.done(&call->call, f.status, &f.error);
}

/* The table is made before the transport's threads are. */
static int begin_swap(void **state) {
  memset(&swap, 0, sizeof swap);
  fake_node_table(node_swap, 0);
  return begin_plain(state);
}

/* A host from before 1.4 has a shorter table. */
static int begin_older(void **state) {
  memset(&swap, 0, sizeof swap);
  fake_node_table(node_swap, offsetof(struct rkv_node_api, swap_storage));
  return begin_plain(state);
}

/* A table that is long enough, and has none. */
static int begin_without(void **state) {
  memset(&swap, 0, sizeof swap);
  fake_node_table(NULL, 0);
  return begin_plain(state);
}

/* The answer tells where the node moves, in the node's own words. */
static void swap_storage_round_trip(void **state) {
  (void)state;
  f.text = rkv_buf_static((const uint8_t *)"to x", 4);
  ask_hex(&c, ADMIN "SwapStorage", "08021201781a03613d621a03633d642001", GRPC_STATUS_OK, &out);
  assert_answer("0803100318ac022204746f2078");
  (void)atomic_load(&client_asked);
  assert_int_equal(swap.calls, 1);
  assert_int_equal(swap.action, RKV_SWAP_BEGIN);
  assert_int_equal(swap.forgetful, 1);
  assert_string_equal(swap.plugin, "x");
  assert_string_equal(swap.settings, "a=b;c=d;");
}

static void swap_storage_that_is_refused(void **state) {
  (void)state;
  ask_hex(&c, ADMIN "SwapStorage", "0802", GRPC_STATUS_INVALID_ARGUMENT, &out);
  assert_non_null(strstr(out.text, "plugin: empty"));
  assert_int_equal(swap.calls, 0);
  f.status = rkv_fail(&f.error, RKV_PRECONDITION, "a swap runs");
  ask_hex(&c, ADMIN "SwapStorage", "", GRPC_STATUS_FAILED_PRECONDITION, &out);
  assert_string_equal(out.text, "a swap runs");
}

static void swap_storage_at_an_older_node(void **state) {
  (void)state;
  ask_hex(&c, ADMIN "SwapStorage", "", GRPC_STATUS_UNIMPLEMENTED, &out);
  assert_non_null(strstr(out.text, "too old to swap its storage"));
  assert_int_equal(swap.calls, 0);
}

/* It answers so whatever is asked. */
static void a_call_by_name_at_an_older_node(void **state) {
  (void)state;
  ask_hex(&c, ADMIN "Call", "0a0c737761702d73746f72616765", GRPC_STATUS_UNIMPLEMENTED, &out);
  assert_non_null(strstr(out.text, "takes no call by its name"));
}

int main(void) {
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin_plain, end)
#define SWAP(name) cmocka_unit_test_setup_teardown(name, begin_swap, end)
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
      SWAP(swap_storage_round_trip),
      SWAP(swap_storage_that_is_refused),
      cmocka_unit_test_setup_teardown(swap_storage_at_an_older_node, begin_older, end),
      cmocka_unit_test_setup_teardown(swap_storage_at_an_older_node, begin_without, end),
      cmocka_unit_test_setup_teardown(a_call_by_name_at_an_older_node, begin_older, end),
      cmocka_unit_test_setup_teardown(a_call_by_name_at_an_older_node, begin_without, end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
