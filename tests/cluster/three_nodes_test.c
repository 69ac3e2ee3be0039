/* three_nodes_test.c: the mission's first test: three nodes in one process, from the first init to
 * the last one alone, through the wire, with the metrics of every node after every step. */
#include "ask.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

#define UNAVAILABLE 14

static const uint64_t all[] = {1, 2, 3};

/* What every node named must come to say. */
struct picture {
  size_t count;
  const uint64_t *at;
  uint64_t leader;
  uint64_t voters[INSIDE_NODES_MAX], learners[INSIDE_NODES_MAX]; /* 0 ends */
};

static bool is_set(const struct rkv_membership *m, bool voter, const uint64_t *ids) {
  uint32_t want = 0, have = 0;
  for (; want < INSIDE_NODES_MAX && ids[want]; want++) {
    if (!rkv_membership_find(m, ids[want])) return false;
    if (rkv_membership_is_voter(m, ids[want]) != voter) return false;
  }
  for (uint32_t i = 0; i < m->node_count; i++)
    if (rkv_membership_is_voter(m, m->nodes[i].id) == voter) have++;
  return have == want;
}

static bool shows(struct inside *in, void *arg) {
  const struct picture *p = arg;
  for (size_t i = 0; i < p->count; i++) {
    struct ask_view view = ask_view(in, p->at[i]);
    const char *state = view.state;
    if (view.leader != p->leader || view.membership.config_count != 1) return false;
    if (!is_set(&view.membership, true, p->voters)) return false;
    if (!is_set(&view.membership, false, p->learners)) return false;
    if (strcmp(state, p->at[i] == p->leader                                 ? "leader"
                      : rkv_membership_is_voter(&view.membership, p->at[i]) ? "follower"
                                                                            : "learner") != 0)
      return false;
    if (view.last_applied != view.last_log) return false;
  }
  return true;
}

static void expect(struct inside *in, const char *what, struct picture picture) {
  inside_until(in, what, shows, &picture);
}

static bool says_removed(struct inside *in, void *arg) {
  struct ask_answer answer = ask_get(in, 2, "foo");
  (void)arg;
  if (answer.code == 0) assert_string_equal(answer.value, "by way of 2"); /* not heard of it yet */
  return answer.code == UNAVAILABLE && strstr(answer.text, "removed from its cluster");
}

/* Proven: what the example's test does on three nodes of one process works here, every node shows
 * it, and no node shares anything with another. */
static void test_walks_from_one_node_to_three_and_back(void **state) {
  struct inside *in = *state;
  struct ask_answer answer;
  uint64_t term, log;
  for (uint64_t id = 1; id <= 3; id++) inside_start(in, id, NULL);
  assert_string_equal(ask_view(in, 1).state, "learner");

  answer = ask_init(in, 1);
  ask_ok(&answer);
  expect(in, "1 leads alone", (struct picture){1, all, 1, {1}, {0}});
  assert_int_equal(ask_view(in, 1).last_log, 1); /* on the wire: 0 = the init, 1 = the blank */
  term = ask_view(in, 1).term;
  assert_int_equal(ask_view(in, 2).membership.node_count, 0);

  answer = ask_add_learner(in, 1, 2);
  ask_ok(&answer);
  assert_string_equal(rkv_membership_find(&answer.membership, 2)->addr, in->nodes[2].addr);
  answer = ask_add_learner(in, 1, 3);
  ask_ok(&answer);
  expect(in, "2 and 3 learn", (struct picture){3, all, 1, {1}, {2, 3}});

  answer = ask_change(in, 1, 3, all);
  ask_ok(&answer);
  assert_int_equal(answer.membership.config_count, 1);
  assert_int_equal(answer.membership.configs[0].count, 3);
  expect(in, "all vote", (struct picture){3, all, 1, {1, 2, 3}, {0}});

  log = ask_view(in, 1).last_log;
  answer = ask_set(in, 1, "foo", "bar");
  ask_ok(&answer);
  assert_string_equal(answer.value, "bar");
  for (uint64_t id = 1; id <= 3; id++) ask_until_has(in, id, "foo", "bar");
  assert_int_equal(ask_view(in, 1).last_log, log + 1);
  assert_false(ask_get(in, 3, "never set").has_value);

  /* Node 2 does not lead: it says who does, and that one takes the write. */
  answer = ask_set(in, 2, "foo", "by way of 2");
  assert_int_equal(answer.code, UNAVAILABLE);
  assert_non_null(strstr(answer.text, "has to forward request to:"));
  assert_string_equal(answer.leader, in->nodes[1].addr);
  answer = ask_set(in, 1, "foo", "by way of 2");
  ask_ok(&answer);
  for (uint64_t id = 1; id <= 3; id++) ask_until_has(in, id, "foo", "by way of 2");
  expect(in, "all applied it", (struct picture){3, all, 1, {1, 2, 3}, {0}});
  assert_int_equal(ask_view(in, 1).last_log, log + 2);
  assert_int_equal(ask_view(in, 1).term, term); /* one leader all the way */

  answer = ask_change(in, 1, 1, &all[2]);
  ask_ok(&answer);
  expect(in, "3 leads alone", (struct picture){1, &all[2], 3, {3}, {0}});
  assert_true(ask_view(in, 3).term > term);
  answer = ask_set(in, 3, "foo", "alone");
  ask_ok(&answer);
  ask_until_has(in, 3, "foo", "alone");
  inside_until(in, "node 2 says that it was removed", says_removed, NULL);
}

/* Proven: a change is refused, with the reason, where it could not be carried out; nothing is
 * written for it. */
static void test_refuses_what_cannot_be(void **state) {
  struct inside *in = *state;
  const uint64_t stranger = 3;
  struct ask_answer answer;
  uint64_t log;
  inside_start(in, 1, NULL);
  answer = ask_set(in, 1, "a", "1");
  assert_int_equal(answer.code, UNAVAILABLE); /* belongs to no cluster */
  assert_string_equal(answer.leader, "");
  answer = ask_init(in, 1);
  ask_ok(&answer);
  expect(in, "1 leads alone", (struct picture){1, all, 1, {1}, {0}});
  log = ask_view(in, 1).last_log;

  answer = ask_init(in, 1);
  assert_int_not_equal(answer.code, 0);
  assert_non_null(strstr(answer.text, "history"));
  answer = ask_change(in, 1, 1, &stranger);
  assert_int_not_equal(answer.code, 0);
  assert_non_null(strstr(answer.text, "node 3"));
  assert_int_equal(ask_view(in, 1).last_log, log);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_walks_from_one_node_to_three_and_back, inside_setup,
                                      inside_teardown),
      cmocka_unit_test_setup_teardown(test_refuses_what_cannot_be, inside_setup, inside_teardown),
  };
  return cmocka_run_group_tests_name("three nodes in one process", tests, NULL, NULL);
}
