/* admin_test.c: rkvctl's transfer, snapshot and get --read: their requests, outputs and exit codes.
 * Nodes are played (played_node.h). */
#include "commands.h"
#include "client.h"
#include "played_node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define OUT_MAX 512

static char out[OUT_MAX]; /* what the last command wrote to stdout */

/* Runs a command as main does; its stdout goes to `out`. */
static enum outcome run(struct played_node *node, const char *const *words) {
  struct args args;
  struct rkv_error error;
  struct session session = {.args = &args};
  FILE *file = tmpfile();
  int saved = dup(STDOUT_FILENO), count = 0;
  enum outcome outcome;
  size_t len;
  while (words[count]) count++;
  assert_non_null(file);
  if (args_parse(count, (char *const *)(uintptr_t)words, played_node_endpoint(node), &args, &error))
    fail_msg("%s", error.text);
  assert_int_equal(client_open(&session.client), RKV_OK);
  (void)fflush(stdout);
  assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
  outcome = commands_find(args.words[0])->run(&session, args.words + 1, args.word_count - 1);
  (void)fflush(stdout);
  assert_true(dup2(saved, STDOUT_FILENO) >= 0);
  (void)close(saved);
  client_close(session.client);
  rewind(file);
  len = fread(out, 1, OUT_MAX - 1, file);
  out[len] = '\0';
  (void)fclose(file);
  return outcome;
}

#define RUN(node, ...) run(node, (const char *const[]){"rkvctl", __VA_ARGS__, NULL})
#define PLAY(leader, ...)                                                                          \
  played_node_start((const enum part[]){__VA_ARGS__},                                              \
                    sizeof((enum part[]){__VA_ARGS__}) / sizeof(enum part), leader)

/* The leader is asked, found through whoever names it. */
static void transfer_asks_the_leader(void **state) {
  struct played_node *leader = PLAY(NULL, ANSWERS);
  struct played_node *follower = PLAY(played_node_endpoint(leader), LEADS_ELSEWHERE);
  (void)state;
  assert_int_equal(RUN(follower, "transfer", "2"), OUTCOME_DONE);
  assert_string_equal(played_node_method(leader), "/rkv.v1.Admin/TransferLeader");
  assert_non_null(strstr(out, "node 2 leads (was 127.0.0.1:"));
  assert_int_equal(RUN(leader, "--json", "transfer", "2"), OUTCOME_DONE);
  assert_non_null(strstr(out, "{\"leader\":2,\"endpoint\":\"127.0.0.1:"));
  played_node_stop(follower);
  played_node_stop(leader);
}

/* Refusals are refusals; without an answer it is not asked a second time. */
static void transfer_that_fails(void **state) {
  struct played_node *node = PLAY(NULL, REFUSES, BREAKS_OFF);
  (void)state;
  assert_int_equal(RUN(node, "transfer", "2"), OUTCOME_REFUSED);
  assert_int_equal(RUN(node, "--timeout", "500ms", "transfer", "2"), OUTCOME_NO_ANSWER);
  assert_int_equal(played_node_calls(node), 2);
  assert_int_equal(RUN(node, "transfer", "two"), OUTCOME_USAGE);
  assert_int_equal(RUN(node, "transfer", "0"), OUTCOME_USAGE);
  assert_int_equal(played_node_calls(node), 2);
  played_node_stop(node);
}

/* In Raft's count: the answer's LogId 3.7 is entry 8. */
static void snapshot_says_how_far_it_goes(void **state) {
  struct played_node *node = PLAY(NULL, ANSWERS_LOG_ID, ANSWERS_LOG_ID, REFUSES, ANSWERS);
  (void)state;
  assert_int_equal(RUN(node, "snapshot"), OUTCOME_DONE);
  assert_string_equal(played_node_method(node), "/rkv.v1.Admin/TriggerSnapshot");
  assert_non_null(strstr(out, "snapshot up to log 3.8 at 127.0.0.1:"));
  assert_int_equal(RUN(node, "snapshot", "--json"), OUTCOME_DONE);
  assert_non_null(strstr(out, "{\"log_id\":{\"term\":3,\"index\":8},\"endpoint\":"));
  assert_int_equal(RUN(node, "snapshot"), OUTCOME_REFUSED);
  assert_int_equal(RUN(node, "snapshot"), OUTCOME_REFUSED); /* an answer that is no message */
  played_node_stop(node);
}

/* The level travels as metadata; without --read nothing does. */
static void get_carries_the_level(void **state) {
  struct played_node *node = PLAY(NULL, REFUSES);
  (void)state;
  (void)RUN(node, "get", "k");
  assert_string_equal(played_node_read(node), "");
  (void)RUN(node, "get", "k", "--read", "linearizable");
  assert_string_equal(played_node_read(node), "linearizable");
  (void)RUN(node, "get", "--read=lease", "k");
  assert_string_equal(played_node_read(node), "lease");
  (void)RUN(node, "get", "--read", "local", "k");
  assert_string_equal(played_node_read(node), "local");
  assert_int_equal(played_node_calls(node), 4);
  played_node_stop(node);
}

/* What a script reads when it is not known whether a write or a change was carried out. */
static void an_open_end_is_told_as_one(void **state) {
  struct played_node *node = PLAY(NULL, ABORTS, FAILS_INSIDE, REFUSES, ANSWERS, ANSWERS, ABORTS);
  static const char open[] = "\"error\":\"unknown\"", may[] = "\"may_have_happened\":true";
  (void)state;
  assert_int_equal(RUN(node, "--json", "set", "k", "v"), OUTCOME_NO_ANSWER);
  assert_true(strstr(out, open) && strstr(out, may) && strstr(out, "\"status\":\"ABORTED\""));
  assert_int_equal(RUN(node, "--json", "init", "1=a:1"), OUTCOME_NO_ANSWER);
  assert_true(strstr(out, open) && strstr(out, may));
  assert_int_equal(RUN(node, "--json", "set", "k", "v"), OUTCOME_REFUSED);
  assert_non_null(strstr(out, "\"error\":\"refused\""));
  assert_non_null(strstr(out, "\"may_have_happened\":false"));
  /* an answer that is no message: what was asked may have been done */
  assert_int_equal(RUN(node, "--json", "add-learner", "2=a:2"), OUTCOME_NO_ANSWER);
  assert_true(strstr(out, open) && strstr(out, may) && strstr(out, "\"status\":\"DATA_LOSS\""));
  assert_int_equal(RUN(node, "--json", "change-membership", "1"), OUTCOME_NO_ANSWER);
  assert_true(strstr(out, open) && strstr(out, may));
  assert_int_equal(RUN(node, "--json", "snapshot"), OUTCOME_REFUSED);
  assert_non_null(strstr(out, "\"may_have_happened\":false"));
  assert_int_equal(played_node_calls(node), 6);
  played_node_stop(node);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(transfer_asks_the_leader),      cmocka_unit_test(transfer_that_fails),
      cmocka_unit_test(snapshot_says_how_far_it_goes), cmocka_unit_test(get_carries_the_level),
      cmocka_unit_test(an_open_end_is_told_as_one),
  };
  return cmocka_run_group_tests_name("rkvctl admin", tests, NULL, NULL);
}
