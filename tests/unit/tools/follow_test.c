/* follow_test.c: rkvctl finds the leader, and never repeats a write that may have happened.
 *
 * Nodes are played (played_node.h): each test says which nodes there are and what they answer. */
#include "follow.h"
#include "played_node.h"

#include <grpc/status.h>

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define SHORT_MS 800  /* a timeout that is meant to run out */
#define LONG_MS 20000 /* one that is not */

#define START(leader, ...)                                                                         \
  played_node_start((const enum part[]){__VA_ARGS__},                                              \
                    sizeof((enum part[]){__VA_ARGS__}) / sizeof(enum part), leader)

static enum outcome ask_session(bool patient, enum follow_kind kind, uint64_t timeout_ms,
                                const char *first, const char *second,
                                struct follow_answer *answer) {
  const struct follow_request request = {
      .path = "/x.Y/Z", .data = (const uint8_t *)"ask", .size = 3, .kind = kind};
  struct args args = {.timeout_ms = timeout_ms, .endpoint_count = second ? 2 : 1};
  struct session session = {.args = &args, .patient = patient};
  enum outcome outcome;
  (void)snprintf(args.endpoints[0], RKV_ADDR_MAX, "%s", first);
  (void)snprintf(args.endpoints[1], RKV_ADDR_MAX, "%s", second ? second : "");
  assert_int_equal(client_open(&session.client), RKV_OK);
  outcome = follow_ask(&session, &request, answer);
  client_close(session.client);
  return outcome;
}

static enum outcome ask_nodes(enum follow_kind kind, uint64_t timeout_ms, const char *first,
                              const char *second, struct follow_answer *answer) {
  return ask_session(false, kind, timeout_ms, first, second, answer);
}

/* A port that is taken but where nobody listens: connections are refused. */
static int dead_port(char *endpoint, size_t size) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof at;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  assert_true(fd >= 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
  (void)snprintf(endpoint, size, "127.0.0.1:%u", ntohs(at.sin_port));
  return fd;
}

/* A follower names the leader: the write goes there, once, and the answer says who gave it. */
static void a_write_goes_to_the_leader_named(void **state) {
  struct played_node *leader = START(NULL, ANSWERS);
  struct played_node *follower = START(played_node_endpoint(leader), LEADS_ELSEWHERE);
  struct follow_answer answer;
  (void)state;
  assert_int_equal(ask_nodes(FOLLOW_CHANGE, LONG_MS, played_node_endpoint(follower), NULL, &answer),
                   OUTCOME_DONE);
  assert_string_equal(answer.endpoint, played_node_endpoint(leader));
  assert_int_equal(answer.size, 4);
  assert_memory_equal(answer.data, "done", 4);
  assert_int_equal(played_node_calls(follower), 1);
  assert_int_equal(played_node_calls(leader), 1);
  follow_free(&answer);
  played_node_stop(follower);
  played_node_stop(leader);
}

/* A write that was sent and not answered is not sent to anybody else: it may have happened. */
static void lost_write_is_not_repeated(enum part part) {
  struct played_node *first = START(NULL, part);
  struct played_node *second = START(NULL, ANSWERS);
  struct follow_answer answer;
  assert_int_equal(ask_nodes(FOLLOW_CHANGE, SHORT_MS, played_node_endpoint(first),
                             played_node_endpoint(second), &answer),
                   OUTCOME_NO_ANSWER);
  assert_true(answer.sent);
  assert_string_equal(answer.endpoint, played_node_endpoint(first));
  assert_int_equal(played_node_calls(first), 1);
  assert_int_equal(played_node_calls(second), 0);
  played_node_stop(second);
  played_node_stop(first);
}

static void a_write_without_answer_is_not_repeated(void **state) {
  (void)state;
  lost_write_is_not_repeated(SAYS_NOTHING);
}

static void a_write_broken_off_is_not_repeated(void **state) {
  (void)state;
  lost_write_is_not_repeated(BREAKS_OFF);
}

/* A read does no harm: the next endpoint is asked, long before the whole time is up. */
static void a_read_goes_on_to_the_next(void **state) {
  struct played_node *first = START(NULL, SAYS_NOTHING);
  struct played_node *second = START(NULL, ANSWERS);
  struct follow_answer answer;
  (void)state;
  assert_int_equal(ask_nodes(FOLLOW_READ, 2000, played_node_endpoint(first),
                             played_node_endpoint(second), &answer),
                   OUTCOME_DONE);
  assert_string_equal(answer.endpoint, played_node_endpoint(second));
  follow_free(&answer);
  played_node_stop(second);
  played_node_stop(first);
}

/* Where nobody listens nothing was sent: a write goes on to the next endpoint. */
static void a_dead_endpoint_is_passed_over(void **state) {
  struct played_node *second = START(NULL, ANSWERS);
  struct follow_answer answer;
  char dead[64];
  int fd = dead_port(dead, sizeof dead);
  (void)state;
  assert_int_equal(ask_nodes(FOLLOW_CHANGE, LONG_MS, dead, played_node_endpoint(second), &answer),
                   OUTCOME_DONE);
  assert_int_equal(played_node_calls(second), 1);
  follow_free(&answer);
  played_node_stop(second);
  (void)close(fd);
}

/* The leader named is gone: the other endpoints are asked who leads now. */
static void a_dead_leader_is_passed_over(void **state) {
  struct played_node *second = START(NULL, ANSWERS), *first;
  struct follow_answer answer;
  char dead[64];
  int fd = dead_port(dead, sizeof dead);
  (void)state;
  first = START(dead, LEADS_ELSEWHERE);
  assert_int_equal(ask_nodes(FOLLOW_CHANGE, LONG_MS, played_node_endpoint(first),
                             played_node_endpoint(second), &answer),
                   OUTCOME_DONE);
  assert_string_equal(answer.endpoint, played_node_endpoint(second));
  follow_free(&answer);
  played_node_stop(first);
  played_node_stop(second);
  (void)close(fd);
}

/* Nobody listens anywhere: said at once, not after the whole time, and surely nothing was sent. */
static void nobody_there_is_said_at_once(void **state) {
  struct follow_answer answer;
  uint64_t started = client_now_ms();
  char dead[64];
  int fd = dead_port(dead, sizeof dead);
  (void)state;
  assert_int_equal(ask_nodes(FOLLOW_CHANGE, LONG_MS, dead, NULL, &answer), OUTCOME_NO_ANSWER);
  assert_false(answer.sent);
  assert_true(client_now_ms() - started < LONG_MS / 2);
  (void)close(fd);
}

/* The patient ask again until the time is up: the node may be about to listen. */
static void the_patient_wait_for_a_node(void **state) {
  struct follow_answer answer;
  uint64_t started = client_now_ms();
  char dead[64];
  int fd = dead_port(dead, sizeof dead);
  (void)state;
  assert_int_equal(ask_session(true, FOLLOW_CHANGE, SHORT_MS, dead, NULL, &answer),
                   OUTCOME_NO_ANSWER);
  assert_false(answer.sent);
  assert_true(client_now_ms() - started >= SHORT_MS);
  (void)close(fd);
}

/* During an election the node is asked again until there is a leader. */
static void an_election_is_waited_for(void **state) {
  struct played_node *node = START(NULL, KNOWS_NO_LEADER, KNOWS_NO_LEADER, ANSWERS);
  struct follow_answer answer;
  (void)state;
  assert_int_equal(ask_nodes(FOLLOW_CHANGE, LONG_MS, played_node_endpoint(node), NULL, &answer),
                   OUTCOME_DONE);
  assert_int_equal(played_node_calls(node), 3);
  follow_free(&answer);
  played_node_stop(node);
}

/* No leader in the whole time: the node's own words are the answer. (A read: a write whose last
 * attempt the deadline cuts off may have been carried out, and is told so.) */
static void no_leader_is_a_refusal(void **state) {
  struct played_node *node = START(NULL, KNOWS_NO_LEADER);
  struct follow_answer answer;
  (void)state;
  assert_int_equal(ask_nodes(FOLLOW_READ, SHORT_MS, played_node_endpoint(node), NULL, &answer),
                   OUTCOME_REFUSED);
  assert_true(answer.no_leader);
  assert_string_equal(answer.text, "has to forward request to: none");
  played_node_stop(node);
}

/* A node that names itself as the leader and denies it: no storm, an end. */
static void a_circle_of_leaders_ends(void **state) {
  struct played_node *node = START(NULL, LEADS_ELSEWHERE);
  struct follow_answer answer;
  unsigned rounds = SHORT_MS / FOLLOW_PAUSE_MS + 1;
  (void)state;
  assert_int_equal(ask_nodes(FOLLOW_READ, SHORT_MS, played_node_endpoint(node), NULL, &answer),
                   OUTCOME_REFUSED);
  assert_true(answer.no_leader);
  assert_in_range(played_node_calls(node), 2, rounds * (1 + FOLLOW_HOPS_MAX));
  played_node_stop(node);
}

/* Codes that leave open whether a write was carried out are not told as refusals, and nobody else
 * is asked; of a read or of what goes through no log they are refusals as any other. */
static void an_open_answer_to_a_write_is_no_refusal(void **state) {
  static const struct {
    enum part part;
    int code;
  } open[] = {{ABORTS, GRPC_STATUS_ABORTED},
              {FAILS_INSIDE, GRPC_STATUS_INTERNAL},
              {FAILS_SOMEHOW, GRPC_STATUS_UNKNOWN},
              {LOSES_DATA, GRPC_STATUS_DATA_LOSS}};
  static const enum follow_kind others[] = {FOLLOW_READ, FOLLOW_ACT};
  (void)state;
  for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
    struct played_node *first = START(NULL, open[i].part);
    struct played_node *second = START(NULL, ANSWERS);
    const char *at = played_node_endpoint(first), *other = played_node_endpoint(second);
    struct follow_answer answer;
    assert_int_equal(ask_nodes(FOLLOW_CHANGE, LONG_MS, at, other, &answer), OUTCOME_NO_ANSWER);
    assert_true(answer.sent && answer.open);
    assert_int_equal(answer.code, open[i].code);
    assert_string_equal(answer.text, "as it happens");
    assert_string_equal(answer.endpoint, at);
    for (size_t k = 0; k < 2; k++) {
      assert_int_equal(ask_nodes(others[k], LONG_MS, at, other, &answer), OUTCOME_REFUSED);
      assert_false(answer.sent || answer.open);
    }
    assert_int_equal(played_node_calls(second), 0);
    played_node_stop(second);
    played_node_stop(first);
  }
}

/* Of a read nothing can have been carried out. */
static void a_lost_read_may_not_have_happened(void **state) {
  struct played_node *node = START(NULL, SAYS_NOTHING);
  struct follow_answer answer;
  (void)state;
  assert_int_equal(ask_nodes(FOLLOW_READ, SHORT_MS, played_node_endpoint(node), NULL, &answer),
                   OUTCOME_NO_ANSWER);
  assert_false(answer.sent);
  played_node_stop(node);
}

/* A node that says itself that it cannot has done nothing: another is asked, and if there is none
 * that is a refusal; nothing may have happened. The patient ask again. */
static void a_node_that_declines_did_nothing(void **state) {
  struct played_node *first = START(NULL, DECLINES);
  struct played_node *second = START(NULL, ANSWERS);
  struct played_node *later = START(NULL, DECLINES, ANSWERS);
  const char *at = played_node_endpoint(first);
  struct follow_answer answer;
  (void)state;
  assert_int_equal(ask_nodes(FOLLOW_CHANGE, LONG_MS, at, played_node_endpoint(second), &answer),
                   OUTCOME_DONE);
  follow_free(&answer);
  assert_int_equal(ask_nodes(FOLLOW_CHANGE, LONG_MS, at, NULL, &answer), OUTCOME_REFUSED);
  assert_false(answer.sent || answer.open);
  assert_string_equal(answer.text, "node 1 is stopping");
  assert_int_equal(played_node_calls(first), 2);
  assert_int_equal(
      ask_session(true, FOLLOW_CHANGE, LONG_MS, played_node_endpoint(later), NULL, &answer),
      OUTCOME_DONE);
  follow_free(&answer);
  played_node_stop(later);
  played_node_stop(second);
  played_node_stop(first);
}

/* A refusal is the end: its code and text reach the user, nobody else is asked. */
static void a_refusal_is_final(void **state) {
  struct played_node *first = START(NULL, REFUSES);
  struct played_node *second = START(NULL, ANSWERS);
  struct follow_answer answer;
  (void)state;
  assert_int_equal(ask_nodes(FOLLOW_READ, LONG_MS, played_node_endpoint(first),
                             played_node_endpoint(second), &answer),
                   OUTCOME_REFUSED);
  assert_int_equal(answer.code, GRPC_STATUS_FAILED_PRECONDITION);
  assert_string_equal(answer.text, "not now");
  assert_int_equal(played_node_calls(first), 1);
  assert_int_equal(played_node_calls(second), 0);
  played_node_stop(second);
  played_node_stop(first);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_write_goes_to_the_leader_named),
      cmocka_unit_test(a_write_without_answer_is_not_repeated),
      cmocka_unit_test(a_write_broken_off_is_not_repeated),
      cmocka_unit_test(a_read_goes_on_to_the_next),
      cmocka_unit_test(a_dead_endpoint_is_passed_over),
      cmocka_unit_test(a_dead_leader_is_passed_over),
      cmocka_unit_test(nobody_there_is_said_at_once),
      cmocka_unit_test(the_patient_wait_for_a_node),
      cmocka_unit_test(an_election_is_waited_for),
      cmocka_unit_test(no_leader_is_a_refusal),
      cmocka_unit_test(a_circle_of_leaders_ends),
      cmocka_unit_test(an_open_answer_to_a_write_is_no_refusal),
      cmocka_unit_test(a_lost_read_may_not_have_happened),
      cmocka_unit_test(a_node_that_declines_did_nothing),
      cmocka_unit_test(a_refusal_is_final),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
