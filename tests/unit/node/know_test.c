/* know_test.c: production nodes in virtual time: local reads from a node that does not know yet
 * what was acknowledged, and from a node that is no member any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "keeper.h"

#define MS UINT64_C(1000000)
#define SECONDS UINT64_C(1000000000)

static const rkv_node_id three[] = {1, 2, 3};

static struct world *cluster(uint64_t seed, size_t count) {
  struct world *w = world_new(seed);
  keeper_begin(w);
  for (rkv_node_id id = 1; id <= count; id++) world_start(w, id);
  assert_int_equal(world_init(w, 1, three, count).status, RKV_OK);
  assert_int_equal(world_wait_leader(w), 1);
  assert_int_equal(world_set(w, 1, "k", "old").status, RKV_OK);
  assert_int_equal(world_set(w, 1, "k", "v").status, RKV_OK);
  assert_true(world_settle(w));
  return w;
}

static void end(struct world *w) {
  world_free(w);
  keeper_end();
}

static void assert_refuses(struct world *w, rkv_node_id at, const char *part) {
  struct world_answer answer = world_read(w, at, "k", RKV_READ_LOCAL);
  assert_int_equal(answer.status, RKV_UNAVAILABLE);
  if (!strstr(answer.error.text, part)) fail_msg("no \"%s\" in \"%s\"", part, answer.error.text);
}

/* True once it answers; and whatever it answers is what was acknowledged. */
static bool answers_v(struct world *w, void *arg) {
  struct world_answer answer = world_read(w, *(rkv_node_id *)arg, "k", RKV_READ_LOCAL);
  if (answer.status == RKV_UNAVAILABLE) return false;
  assert_int_equal(answer.status, RKV_OK);
  assert_string_equal(answer.text, "v");
  return true;
}

static bool is_removed(struct world *w, void *arg) {
  return strcmp(world_metrics(w, *(rkv_node_id *)arg).state, "removed") == 0;
}

/* A follower came back and hears nobody: it refuses however long that lasts. */
static void a_restarted_node_knows_nothing_yet(void **state) {
  rkv_node_id id = 3;
  struct world *w = cluster(1, 3);
  (void)state;
  world_stop(w, id);
  world_isolate(w, id, true);
  world_start(w, id);
  for (int i = 0; i < 10; i++) {
    assert_refuses(w, id, "has not heard yet what its cluster acknowledged");
    world_run(w, SECONDS);
  }
  world_isolate(w, id, false);
  assert_true(world_until(w, 10 * SECONDS, answers_v, &id));
  end(w);
}

/* All of them came back. A leader that has committed nothing of its own term does not know what is
 * committed: nobody answers by its first appends. */
static void a_cluster_that_restarts_answers_nothing_older(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 20; seed++) {
    struct world *w = cluster(seed, 3);
    for (rkv_node_id id = 1; id <= 3; id++) world_stop(w, id);
    for (rkv_node_id id = 1; id <= 3; id++) world_start(w, id);
    for (int i = 0; i < 5000; i++) {
      for (rkv_node_id id = 1; id <= 3; id++) (void)answers_v(w, &id);
      world_run(w, MS);
    }
    for (rkv_node_id id = 1; id <= 3; id++) assert_true(answers_v(w, &id));
    end(w);
  }
}

static void a_lone_voter_knows_once_it_leads(void **state) {
  rkv_node_id id = 1;
  struct world *w = cluster(1, 1);
  (void)state;
  world_stop(w, id);
  world_start(w, id);
  assert_true(world_until(w, 10 * SECONDS, answers_v, &id)); /* answers_v takes no other answer */
  end(w);
}

/* A node of no cluster says what it holds: nothing. As a learner it answers once it has caught
 * up. */
static void a_new_learner_answers_when_it_has_caught_up(void **state) {
  rkv_node_id id = 3;
  struct world *w = cluster(1, 2);
  (void)state;
  assert_int_equal(world_burst(w, 1, 200, RKV_OK), 200);
  world_options(w)->append_entries_max = 1;
  world_stop(w, 2);
  world_stop(w, 1);
  world_start(w, 1);
  world_start(w, 2);
  world_start(w, id);
  assert_int_equal(world_read(w, id, "k", RKV_READ_LOCAL).status, RKV_NOT_FOUND);
  assert_int_not_equal(world_wait_leader(w), 0);
  assert_true(world_settle(w));
  assert_int_equal(world_add_learner(w, world_leader(w), id).status, RKV_OK);
  assert_true(world_until(w, 10 * SECONDS, answers_v, &id));
  end(w);
}

/* A voter that lost its storage belongs to no cluster, as far as it knows; its peers know
 * better. */
static void a_voter_without_memory_learns_that_it_is_one(void **state) {
  rkv_node_id id = 3;
  struct world *w = cluster(1, 3);
  (void)state;
  world_stop(w, id);
  keeper_empty(id);
  world_start(w, id);
  world_run(w, SECONDS);
  assert_true(world_until(w, 30 * SECONDS, answers_v, &id));
  end(w);
}

/* ---- removed ---- */

static void remove_three(struct world *w) {
  assert_int_equal(world_change(w, world_leader(w), three, 2, false).status, RKV_OK);
}

static void who_is_removed_says_so(void **state) {
  rkv_node_id id = 3;
  struct world *w = cluster(1, 3);
  (void)state;
  remove_three(w);
  assert_true(world_until(w, 5 * SECONDS, is_removed, &id));
  assert_refuses(w, id, "node 3 was removed from its cluster");
  world_run(w, 60 * SECONDS);
  assert_refuses(w, id, "removed");
  struct world_answer answer = world_set(w, id, "k", "w");
  assert_int_equal(answer.status, RKV_NOT_LEADER);
  assert_true(is_removed(w, &id));
  end(w);
}

/* Nobody sends it anything any more: it asks. */
static void who_was_removed_while_it_was_down_learns_it(void **state) {
  rkv_node_id id = 3;
  (void)state;
  for (uint64_t seed = 1; seed <= 10; seed++) {
    struct world *w = cluster(seed, 3);
    world_stop(w, id);
    remove_three(w);
    world_start(w, id);
    assert_refuses(w, id, "has not heard yet");
    assert_true(world_until(w, 10 * SECONDS, is_removed, &id));
    assert_refuses(w, id, "removed");
    assert_int_equal(world_add_learner(w, world_leader(w), id).status, RKV_OK);
    assert_true(world_until(w, 10 * SECONDS, answers_v, &id));
    assert_false(is_removed(w, &id));
    end(w);
  }
}

/* A leader that removes itself steps down, and then it is no member. */
static void a_leader_that_left_is_removed(void **state) {
  static const rkv_node_id rest[] = {2, 3};
  rkv_node_id id = 1;
  struct world *w = cluster(1, 3);
  (void)state;
  assert_int_equal(world_change(w, 1, rest, 2, false).status, RKV_OK);
  assert_true(world_until(w, 10 * SECONDS, is_removed, &id));
  end(w);
}

/* Members that are merely cut off, or whose cluster has no leader, are not. */
static void who_is_a_member_is_never_removed(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 10; seed++) {
    struct world *w = cluster(seed, 3);
    world_stop(w, 1);
    world_stop(w, 3);
    world_run(w, 20 * SECONDS);
    world_start(w, 3);
    for (int i = 0; i < 100; i++) {
      for (rkv_node_id id = 2; id <= 3; id++) assert_false(is_removed(w, &id));
      world_run(w, 100 * MS);
    }
    end(w);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_restarted_node_knows_nothing_yet),
      cmocka_unit_test(a_cluster_that_restarts_answers_nothing_older),
      cmocka_unit_test(a_lone_voter_knows_once_it_leads),
      cmocka_unit_test(a_new_learner_answers_when_it_has_caught_up),
      cmocka_unit_test(a_voter_without_memory_learns_that_it_is_one),
      cmocka_unit_test(who_is_removed_says_so),
      cmocka_unit_test(who_was_removed_while_it_was_down_learns_it),
      cmocka_unit_test(a_leader_that_left_is_removed),
      cmocka_unit_test(who_is_a_member_is_never_removed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
