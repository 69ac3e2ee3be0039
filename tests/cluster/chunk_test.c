/* chunk_test.c: the mission's second test: a peer that takes messages of 1 KiB only, and appends
 * that are larger. */
#include "ask.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

#define LIMIT 1024
#define TEN 10
#define BURST 30
#define OPTIMAL_PARTS 3 /* ten 200-byte sets are 2181 bytes: two messages cannot hold them */
#define QUIET_NS UINT64_C(1000000000)

static const char *const small[] = {"transport.raft_message_max=1KiB", NULL};
static const uint64_t both[] = {1, 2};

static const char *value_of(size_t len) {
  static const char text[] = /* 256 bytes */
      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  assert_true(len < sizeof text);
  return text + (sizeof text - 1 - len);
}

static void lead_alone(struct inside *in) {
  struct ask_answer answer;
  inside_start(in, 1, NULL);
  answer = ask_init(in, 1);
  ask_ok(&answer);
}

static void join(struct inside *in, rkv_node_id id) {
  struct ask_answer answer = ask_add_learner(in, 1, id);
  ask_ok(&answer);
}

/* Ten values of 200 bytes, one after the other. */
static void set_ten(struct inside *in, const char *prefix) {
  for (int i = 0; i < TEN; i++) {
    struct ask_answer answer;
    char key[32];
    (void)snprintf(key, sizeof key, "%s%d", prefix, i);
    answer = ask_set(in, 1, key, value_of(200));
    ask_ok(&answer);
  }
}

static void expect_all(struct inside *in, rkv_node_id at, const char *prefix, size_t count) {
  for (size_t i = 0; i < count; i++) {
    char key[32];
    (void)snprintf(key, sizeof key, "%s%zu", prefix, i);
    ask_until_has(in, at, key, value_of(200));
  }
}

/* ` name=NUMBER` of a log line. */
static uint64_t number_in(const char *line, const char *name) {
  char label[32];
  const char *at;
  (void)snprintf(label, sizeof label, " %s=", name);
  at = strstr(line, label);
  if (!at) fail_msg("no %s in: %s", name, line);
  return strtoull(at + strlen(label), NULL, 10);
}

/* Proven: ten values that each fit arrive one by one, nothing is split or refused. */
static void test_values_that_fit_arrive_whole(void **state) {
  struct inside *in = *state;
  struct ask_answer answer;
  lead_alone(in);
  inside_start(in, 2, small);
  join(in, 2);
  answer = ask_change(in, 1, 2, both);
  ask_ok(&answer);
  set_ten(in, "k");
  expect_all(in, 2, "k", TEN);
  assert_int_equal(ask_number(in, 1, "transport-grpc.splits"), 0);
  assert_int_equal(ask_number(in, 2, "transport-grpc.too_large"), 0);
}

/* Proven: ten values that leave as one batch cost one refusal, by which the limit is learned, and
 * then the fewest messages that can hold them, each within the limit and as told in the log; the
 * entries join without gap or overlap. */
static void test_a_batch_goes_in_the_fewest_parts(void **state) {
  struct inside *in = *state;
  uint64_t next, total = 0;
  char *split;
  lead_alone(in);
  set_ten(in, "k");
  inside_start(in, 2, small);
  join(in, 2);
  expect_all(in, 2, "k", TEN);
  ask_until_caught_up(in, 2, 1);

  assert_int_equal(ask_number(in, 2, "transport-grpc.too_large"), 1);
  assert_int_equal(ask_number(in, 1, "transport-grpc.splits"), 1);
  assert_int_equal(ask_number(in, 1, "transport-grpc.split_parts"), OPTIMAL_PARTS);

  assert_int_equal(inside_log_lines(in, 1, " split peer=2 ", NULL), 1);
  split = inside_log_line(in, 1, " split peer=2 ", 1);
  assert_int_equal(number_in(split, "limit"), LIMIT);
  assert_int_equal(number_in(split, "parts"), OPTIMAL_PARTS);
  assert_true(number_in(split, "bytes") > 2181); /* and the log's first entries */
  assert_int_equal((number_in(split, "bytes") + LIMIT - 1) / LIMIT, OPTIMAL_PARTS);
  assert_int_equal(inside_log_lines(in, 1, " part peer=2 ", NULL), OPTIMAL_PARTS);
  next = 1;
  for (size_t i = 1; i <= OPTIMAL_PARTS; i++) {
    char *part = inside_log_line(in, 1, " part peer=2 ", i);
    char name[40];
    (void)snprintf(name, sizeof name, "part=%zu/%d", i, OPTIMAL_PARTS);
    assert_non_null(strstr(part, name));
    assert_true(number_in(part, "bytes") <= LIMIT);
    assert_int_equal(number_in(part, "from"), next);
    next = number_in(part, "to") + 1;
    total += number_in(part, "bytes");
    free(part);
  }
  assert_int_equal(next - 1, number_in(split, "entries"));
  assert_true(total >= number_in(split, "bytes")); /* each part has a head of its own */
  free(split);
}

/* Proven: a limit once learned is heeded: whole bursts later no message was refused again. */
static void test_a_learned_limit_is_remembered(void **state) {
  struct inside *in = *state;
  lead_alone(in);
  set_ten(in, "k");
  inside_start(in, 2, small);
  join(in, 2);
  for (int i = 0; i < 3; i++) {
    char prefix[16];
    (void)snprintf(prefix, sizeof prefix, "b%d-", i);
    ask_set_burst(in, 1, prefix, BURST, value_of(200));
    expect_all(in, 2, prefix, BURST);
  }
  assert_int_equal(ask_number(in, 2, "transport-grpc.too_large"), 1);
  assert_true(ask_number(in, 1, "transport-grpc.splits") > 1);
}

static bool is_reported(struct inside *in, void *arg) {
  (void)arg;
  return ask_number(in, 1, "transport-grpc.unsendable_entries") > 0;
}

struct second {
  uint64_t until_ns, now_ns;
};

static bool is_over(struct inside *in, void *arg) {
  struct second *s = arg;
  const struct rkv_host *host = &in->nodes[1].assembly->services.node.host;
  s->now_ns = host->now_ns(host->ctx);
  return s->now_ns >= s->until_ns;
}

static void watch_a_second(struct inside *in) {
  struct second s = {0, 0};
  (void)is_over(in, &s);
  s.until_ns = s.now_ns + QUIET_NS;
  inside_until(in, "a second", is_over, &s);
}

/* Proven: an entry that a peer can never take is told once, by index, size and limit, and counted;
 * over a second nothing is sent in a loop, the peer still gets its heartbeats, and everybody else
 * goes on. */
static void test_an_entry_that_never_fits_is_told_once(void **state) {
  struct inside *in = *state;
  static char big[2001];
  struct ask_answer answer;
  uint64_t sends, requests, index;
  char *line;
  memset(big, 'x', sizeof big - 1);
  lead_alone(in);
  inside_start(in, 2, small);
  inside_start(in, 3, NULL);
  join(in, 2);
  join(in, 3);
  answer = ask_set(in, 1, "before", "1");
  ask_ok(&answer);
  ask_until_has(in, 2, "before", "1");

  answer = ask_set(in, 1, "big", big);
  ask_ok(&answer);
  index = ask_view(in, 1).last_log + 1; /* the log counts from 1, the wire from 0 */
  ask_until_has(in, 3, "big", big);
  inside_until(in, "the entry is reported", is_reported, NULL);

  sends = ask_number(in, 1, "transport-grpc.sends");
  requests = ask_number(in, 2, "transport-grpc.requests");
  watch_a_second(in);
  sends = ask_number(in, 1, "transport-grpc.sends") - sends;
  requests = ask_number(in, 2, "transport-grpc.requests") - requests;
  assert_in_range(sends, 6, 60);        /* two peers, a heartbeat each 100 ms */
  assert_in_range(requests - 1, 3, 30); /* one was ours */

  answer = ask_set(in, 1, "after", "2");
  ask_ok(&answer);
  ask_until_has(in, 3, "after", "2");
  assert_false(ask_get(in, 2, "after").has_value);
  assert_int_equal(ask_view(in, 2).leader, 1);

  assert_int_equal(ask_number(in, 1, "transport-grpc.unsendable_entries"), 1);
  assert_int_equal(ask_number(in, 2, "transport-grpc.too_large"), 1);
  assert_int_equal(inside_log_lines(in, 1, " unsendable ", NULL), 1);
  line = inside_log_line(in, 1, " unsendable ", 1);
  assert_int_equal(number_in(line, "index"), index);
  assert_true(number_in(line, "size") > 2000);
  assert_int_equal(number_in(line, "limit"), LIMIT);
  assert_int_equal(number_in(line, "peer"), 2);
  free(line);
}

int main(void) {
#define STORY(name) cmocka_unit_test_setup_teardown(name, inside_setup, inside_teardown)
  const struct CMUnitTest tests[] = {
      STORY(test_values_that_fit_arrive_whole),
      STORY(test_a_batch_goes_in_the_fewest_parts),
      STORY(test_a_learned_limit_is_remembered),
      STORY(test_an_entry_that_never_fits_is_told_once),
  };
  return cmocka_run_group_tests_name("chunk and retry", tests, NULL, NULL);
}
