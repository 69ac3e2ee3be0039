/* server_app_test.c: AppService as a client sees it; the plugin is loaded as the host loads it. */
#include "server_rig.h"

#include <app.pb-c.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#define SET_FOO_BAR "0a03666f6f1203626172"
#define RESPONSE_BAR "0a03626172"
#define GET_FOO "0a03666f6f"
#define NODE_1 "0a130801120f3132372e302e302e313a3231303031" /* in field 1 of Init, AddLearner */

/* The poller looks instead of sleeping: everything must come out the same. */
static int begin_busy(void **state) {
  static const char *const set[] = {"busy_poll=10000000", NULL};
  (void)state;
  rig_begin(set);
  return 0;
}

static void answers_with(const char *hex) {
  uint8_t *bytes = f.host.buf_alloc(&f, strlen(hex) / 2, &f.result);
  (void)from_hex(hex, bytes);
}

static void assert_bytes(const uint8_t *found, size_t len, const char *hex) {
  uint8_t want[4096];
  size_t n = from_hex(hex, want);
  assert_int_equal(len, n);
  assert_memory_equal(found, want, n);
}

/* The command's bytes reach the node as they were sent, the machine's answer the client
 * likewise. */
static void set_round_trip(void **state) {
  struct fake_seen seen;
  (void)state;
  answers_with(RESPONSE_BAR);
  ask_hex(&c, APP "Set", SET_FOO_BAR, GRPC_STATUS_OK, &out);
  assert_answer(RESPONSE_BAR);
  seen = fake_look(&f);
  assert_int_equal(seen.propose, 1);
  assert_bytes(seen.bytes, seen.len, SET_FOO_BAR);
  assert_int_equal(fake_metric(&f, "requests"), 1);
}

/* A long value and a long answer are whole too: they do not come in one slice. */
static void long_bytes_are_whole(void **state) {
  uint8_t *big = malloc(60000);
  uint8_t *answer = f.host.buf_alloc(&f, 50000, &f.result);
  struct fake_seen seen;
  (void)state;
  for (size_t i = 0; i < 60000; i++) big[i] = (uint8_t)(i * 7 + i / 251);
  memcpy(answer, big + 10000, 50000);
  ask(&c, APP "Set", big, 60000, NULL, &out);
  assert_int_equal(out.code, GRPC_STATUS_OK);
  assert_int_equal(out.len, 50000);
  assert_memory_equal(out.bytes, big + 10000, 50000);
  seen = fake_look(&f);
  assert_int_equal(seen.len, 60000);
  assert_memory_equal(seen.bytes, big, 60000);
  free(big);
}

/* A read asks for what its metadata says, local without it. */
static void get_reads_as_asked(void **state) {
  static const struct {
    const char *word;
    enum rkv_read read;
  } words[] = {{NULL, RKV_READ_LOCAL},
               {"local", RKV_READ_LOCAL},
               {"lease", RKV_READ_LEASE},
               {"linearizable", RKV_READ_LINEARIZABLE}};
  uint8_t request[64];
  size_t len = from_hex(GET_FOO, request);
  (void)state;
  answers_with(RESPONSE_BAR);
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    struct call_options options = {words[i].word ? "rkv-read" : NULL, words[i].word, 0, false};
    struct fake_seen seen;
    ask(&c, APP "Get", request, len, &options, &out);
    assert_int_equal(out.code, GRPC_STATUS_OK);
    assert_answer(RESPONSE_BAR);
    seen = fake_look(&f);
    assert_int_equal(seen.read, words[i].read);
    assert_bytes(seen.bytes, seen.len, GET_FOO);
  }
}

/* A missing key is OK with an empty Response: there IS a message, of no bytes. */
static void get_missing_key(void **state) {
  (void)state;
  ask_hex(&c, APP "Get", GET_FOO, GRPC_STATUS_OK, &out);
  assert_true(out.has_message);
  assert_int_equal(out.len, 0);
}

/* Init makes one config of all nodes; the answer is Empty. */
static void init_round_trip(void **state) {
  struct fake_seen seen;
  (void)state;
  ask_hex(&c, APP "Init", NODE_1 "0a130802120f3132372e302e302e313a3231303032", GRPC_STATUS_OK,
          &out);
  assert_true(out.has_message);
  assert_int_equal(out.len, 0);
  seen = fake_look(&f);
  assert_int_equal(seen.membership.config_count, 1);
  assert_int_equal(seen.membership.configs[0].count, 2);
  assert_string_equal(seen.membership.nodes[1].addr, "127.0.0.1:21002");
}

static void answers_with_membership(void) {
  struct rkv_membership m;
  memset(&m, 0, sizeof m);
  m.config_count = 1;
  assert_int_equal(rkv_config_add(&m.configs[0], 1), RKV_OK);
  assert_int_equal(rkv_membership_add_node(&m, 1, "127.0.0.1:21001", 15), RKV_OK);
  rkv_membership_encode(&m, f.host.buf_alloc(&f, rkv_membership_encoded_size(&m), &f.membership));
  f.id = (struct rkv_log_id){3, 8}; /* 3.7 on the wire */
}

static void assert_client_write_response(void) {
  Openraftpb__ClientWriteResponse *r =
      openraftpb__client_write_response__unpack(NULL, out.len, out.bytes);
  assert_non_null(r);
  assert_int_equal(r->log_id->term, 3);
  assert_int_equal(r->log_id->index, 7);
  assert_non_null(r->data);
  assert_int_equal(r->data->value_presence_case, OPENRAFTPB__RESPONSE__VALUE_PRESENCE__NOT_SET);
  assert_int_equal(r->membership->n_configs, 1);
  assert_int_equal(r->membership->n_nodes, 1);
  openraftpb__client_write_response__free_unpacked(r, NULL);
}

static void add_learner_round_trip(void **state) {
  struct fake_seen seen;
  (void)state;
  answers_with_membership();
  ask_hex(&c, APP "AddLearner", NODE_1, GRPC_STATUS_OK, &out);
  assert_client_write_response();
  seen = fake_look(&f);
  assert_int_equal(seen.learner_in.id, 1);
  assert_string_equal(seen.learner_in.addr, "127.0.0.1:21001");
}

static void change_membership_round_trip(void **state) {
  struct fake_seen seen;
  (void)state;
  answers_with_membership();
  ask_hex(&c, APP "ChangeMembership",
          "0a020301"
          "1001",
          GRPC_STATUS_OK, &out); /* {3,1} retain */
  assert_client_write_response();
  seen = fake_look(&f);
  assert_true(seen.retain);
  assert_int_equal(seen.voters.count, 2);
  assert_int_equal(seen.voters.ids[0], 1);
  assert_int_equal(seen.voters.ids[1], 3);
}

/* Ids in the text are the wire's, one less than ours. */
static void metrics_round_trip(void **state) {
  Openraftpb__MetricsResponse *r;
  char *text;
  (void)state;
  answers_with_membership();
  f.vote = (struct rkv_vote){3, 1, true};
  f.matched = (struct rkv_log_id){3, 6};
  f.text = rkv_buf_static("peers:2", 7);
  ask_hex(&c, APP "Metrics", "", GRPC_STATUS_OK, &out);
  r = openraftpb__metrics_response__unpack(NULL, out.len, out.bytes);
  assert_non_null(r);
  assert_int_equal(r->membership->n_nodes, 1);
  text = strndup((const char *)r->other_metrics.data, r->other_metrics.len);
  assert_non_null(strstr(text, "state:leader term:3 leader:1 "));
  assert_non_null(strstr(text, " last_log:7 last_applied:3.5 "));
  assert_non_null(strstr(text, " purged:none peers:2"));
  free(text);
  openraftpb__metrics_response__free_unpacked(r, NULL);
}

/* A client is sent to the leader in the words that OpenRaft's clients know. */
static void not_leader_names_the_leader(void **state) {
  (void)state;
  f.status = RKV_NOT_LEADER;
  (void)rkv_fail(&f.error, RKV_NOT_LEADER, "not the leader");
  f.error.leader_id = 2;
  (void)snprintf(f.error.leader_addr, sizeof f.error.leader_addr, "127.0.0.1:21002");
  ask_hex(&c, APP "Set", SET_FOO_BAR, GRPC_STATUS_UNAVAILABLE, &out);
  assert_string_equal(out.text, "has to forward request to: node 2 at 127.0.0.1:21002");
  assert_string_equal(out.leader, "127.0.0.1:21002");
  f.error.leader_id = 0;
  f.error.leader_addr[0] = '\0';
  ask_hex(&c, APP "Set", SET_FOO_BAR, GRPC_STATUS_UNAVAILABLE, &out);
  assert_memory_equal(out.text, "has to forward request to: unknown", 34);
  assert_string_equal(out.leader, "");
}

/* Every status of the node has its status on the wire, and the text goes with it. */
static void statuses_are_translated(void **state) {
  static const struct {
    enum rkv_status status;
    grpc_status_code code;
  } pairs[] = {
      {RKV_INVALID, 3},        {RKV_TOO_LARGE, 11},   {RKV_FULL, 8},      {RKV_PRECONDITION, 9},
      {RKV_ABORTED, 10},       {RKV_UNAVAILABLE, 14}, {RKV_TIMEOUT, 4},   {RKV_CANCELLED, 1},
      {RKV_UNIMPLEMENTED, 12}, {RKV_IO, 13},          {RKV_NO_SPACE, 13}, {RKV_CORRUPT, 13},
      {RKV_BROKEN, 13},        {RKV_NOT_FOUND, 5},    {RKV_FOREIGN, 9},   {RKV_NO_MEMORY, 8}};
  (void)state;
  for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
    f.status = pairs[i].status;
    (void)rkv_fail(&f.error, f.status, "because of %s", rkv_status_name(f.status));
    ask_hex(&c, APP "Set", SET_FOO_BAR, pairs[i].code, &out);
    assert_string_equal(out.text, f.error.text);
    assert_false(out.has_message);
  }
}

/* The client's deadline is the call's, on the host's clock; none is 0. */
static void deadlines_arrive(void **state) {
  struct call_options soon = {NULL, NULL, 3000, false}, never = {NULL, NULL, -1, false};
  uint64_t before = now_ns(), at;
  (void)state;
  ask(&c, APP "Get", "", 0, &soon, &out);
  at = fake_look(&f).deadline_ns;
  assert_true(at > before + 2500000000u);
  assert_true(at < now_ns() + 3500000000u);
  ask(&c, APP "Get", "", 0, &never, &out);
  assert_int_equal(fake_look(&f).deadline_ns, 0);
}

/* Answers may come from any thread, long after, in any number. */
static void parked_calls_are_answered_by_another_thread(void **state) {
  enum { CALLS = 100 }; /* as many as one connection may have open */
  static struct call calls[CALLS];
  uint8_t set[64];
  size_t len = from_hex(SET_FOO_BAR, set);
  (void)state;
  answers_with(RESPONSE_BAR);
  fake_park(&f);
  for (size_t i = 0; i < CALLS; i++) {
    call_start(&calls[i], &c, APP "Set", NULL);
    assert_true(call_send(&calls[i], set, len));
    call_half_close(&calls[i]);
  }
  fake_await(&f, &f.seen.propose, CALLS);
  fake_release(&f);
  for (size_t i = 0; i < CALLS; i++) {
    call_end(&calls[i], &out);
    assert_int_equal(out.code, GRPC_STATUS_OK);
    assert_answer(RESPONSE_BAR);
  }
}

int main(void) {
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin_plain, end)
#define BUSY_STORY(name)                                                                           \
  { #name " (busy)", name, begin_busy, end, NULL }
  const struct CMUnitTest tests[] = {
      STORY(set_round_trip),
      STORY(long_bytes_are_whole),
      STORY(get_reads_as_asked),
      STORY(get_missing_key),
      STORY(init_round_trip),
      STORY(add_learner_round_trip),
      STORY(change_membership_round_trip),
      STORY(metrics_round_trip),
      STORY(not_leader_names_the_leader),
      STORY(statuses_are_translated),
      STORY(deadlines_arrive),
      STORY(parked_calls_are_answered_by_another_thread),
      BUSY_STORY(set_round_trip),
      BUSY_STORY(get_reads_as_asked),
      BUSY_STORY(deadlines_arrive),
      BUSY_STORY(parked_calls_are_answered_by_another_thread),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
