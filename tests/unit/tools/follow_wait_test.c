/* follow_wait_test.c: rkvctl waits for what a node declines for now, and says why, if it is told
 * to. Nodes are played (played_node.h). */
#include "follow.h"
#include "played_node.h"

#include <grpc/status.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SHORT_MS 1500 /* a timeout that is meant to run out */
#define LONG_MS 20000 /* one that is not */

#define START(...)                                                                                 \
  played_node_start((const enum part[]){__VA_ARGS__},                                              \
                    sizeof((enum part[]){__VA_ARGS__}) / sizeof(enum part), NULL)

static unsigned waits; /* how often a session was told to wait */

static void on_wait(const struct session *session, const char *why) {
  assert_string_equal(session->command, "add-learner");
  assert_string_equal(why, "node 1 is stopping");
  waits++;
}

static enum outcome ask(const struct played_node *node, uint64_t timeout_ms,
                        struct follow_answer *answer) {
  const struct follow_request request = {
      .path = "/x.Y/Z", .data = (const uint8_t *)"ask", .size = 3, .kind = FOLLOW_CHANGE};
  struct args args = {.timeout_ms = timeout_ms, .endpoint_count = 1};
  struct session session = {.args = &args, .waits = on_wait, .command = "add-learner"};
  enum outcome outcome;
  (void)snprintf(args.endpoints[0], RKV_ADDR_MAX, "%s", played_node_endpoint(node));
  waits = 0;
  assert_int_equal(client_open(&session.client), RKV_OK);
  outcome = follow_ask(&session, &request, answer);
  client_close(session.client);
  return outcome;
}

/* However often it declines, that is told once. */
static void what_is_declined_is_asked_again(void **state) {
  struct played_node *node = START(DECLINES, DECLINES, DECLINES, ANSWERS);
  struct follow_answer answer;
  (void)state;
  assert_int_equal(ask(node, LONG_MS, &answer), OUTCOME_DONE);
  follow_free(&answer);
  assert_int_equal(played_node_calls(node), 4);
  assert_int_equal(waits, 1);
  played_node_stop(node);
}

/* When time is up it is the refusal that it was: nothing is asked so late that its answer could be
 * missed. */
static void a_refusal_it_is_in_the_end(void **state) {
  struct played_node *node = START(DECLINES);
  struct follow_answer answer;
  (void)state;
  assert_int_equal(ask(node, SHORT_MS, &answer), OUTCOME_REFUSED);
  assert_int_equal(answer.code, GRPC_STATUS_UNAVAILABLE);
  assert_false(answer.sent || answer.open);
  assert_string_equal(answer.text, "node 1 is stopping");
  assert_true(played_node_calls(node) > 2);
  assert_int_equal(waits, 1);
  played_node_stop(node);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_declined_is_asked_again),
      cmocka_unit_test(a_refusal_it_is_in_the_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
