/* stories_test.c: production nodes in virtual time: the whole of core/node over storage-mem and
 * sm-protobuf, with a transport that hands calls over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <support/world.h>

static const rkv_node_id one[] = {1}, three[] = {1, 2, 3}, last[] = {3};

#define SECONDS UINT64_C(1000000000)

static struct world *cluster_of_three(uint64_t seed) {
  struct world *w = world_new(seed);
  for (rkv_node_id id = 1; id <= 3; id++) world_start(w, id);
  assert_int_equal(world_init(w, 1, three, 3).status, RKV_OK);
  assert_int_not_equal(world_wait_leader(w), 0);
  return w;
}

static void holds(struct world *w, rkv_node_id at, const char *key, const char *value) {
  struct world_answer answer = world_get(w, at, key);
  assert_int_equal(answer.status, RKV_OK);
  assert_string_equal(answer.text, value);
}

static void write_many(struct world *w, rkv_node_id at, int from, int to) {
  char key[32];
  for (int i = from; i < to; i++) {
    (void)snprintf(key, sizeof key, "key-%d", i);
    assert_int_equal(world_set(w, at, key, "value").status, RKV_OK);
  }
}

/* The example's walk: a cluster of one grows by learners, becomes three, shrinks to the third. */
static void grows_writes_and_shrinks(void **state) {
  (void)state;
  struct world *w = world_new(1);
  for (rkv_node_id id = 1; id <= 3; id++) world_start(w, id);
  assert_int_equal(world_init(w, 1, one, 1).status, RKV_OK);
  assert_int_equal(world_wait_leader(w), 1);
  assert_int_equal(world_add_learner(w, 1, 2).status, RKV_OK);
  assert_int_equal(world_add_learner(w, 1, 3).status, RKV_OK);
  struct world_metrics m = world_metrics(w, 1);
  assert_int_equal(m.membership.configs[0].count, 1);
  assert_int_equal(m.membership.node_count, 3);
  assert_int_equal(world_change(w, 1, three, 3, false).status, RKV_OK);
  assert_int_equal(world_metrics(w, 1).membership.configs[0].count, 3);
  assert_int_equal(world_set(w, 1, "foo", "bar").status, RKV_OK);
  assert_true(world_settle(w));
  for (rkv_node_id id = 1; id <= 3; id++) holds(w, id, "foo", "bar");
  struct world_answer refused = world_set(w, 2, "foo", "no");
  assert_int_equal(refused.status, RKV_NOT_LEADER);
  assert_int_equal(refused.error.leader_id, 1);
  assert_string_equal(refused.error.leader_addr, "node:1");
  assert_int_equal(world_change(w, 1, last, 1, false).status, RKV_OK);
  m = world_metrics(w, 1);
  assert_int_equal(m.membership.config_count, 1);
  assert_int_equal(m.membership.configs[0].count, 1);
  assert_int_equal(m.membership.configs[0].ids[0], 3);
  world_run(w, 10 * SECONDS);
  assert_int_equal(world_leader(w), 3); /* the only voter left leads on */
  assert_int_equal(world_set(w, 3, "foo", "baz").status, RKV_OK);
  holds(w, 3, "foo", "baz");
  world_free(w);
}

/* The leader is cut off: the others elect, writes go on; back again, it follows and agrees. */
static void a_new_leader_takes_over(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 20; seed++) {
    struct world *w = cluster_of_three(seed);
    rkv_node_id old = world_leader(w);
    assert_int_equal(world_set(w, old, "before", "1").status, RKV_OK);
    world_isolate(w, old, true);
    world_run(w, 20 * SECONDS);
    rkv_node_id next = world_leader(w);
    assert_int_not_equal(next, old);
    assert_int_equal(world_set(w, next, "after", "2").status, RKV_OK);
    world_isolate(w, old, false);
    assert_true(world_settle(w));
    for (rkv_node_id id = 1; id <= 3; id++) {
      holds(w, id, "before", "1");
      holds(w, id, "after", "2");
    }
    world_free(w);
  }
}

/* What a cut-off leader took in, but could not commit, is answered by its deadline, not kept. */
static void a_write_without_quorum_is_answered(void **state) {
  (void)state;
  struct world *w = cluster_of_three(7);
  rkv_node_id old = world_leader(w);
  world_isolate(w, old, true);
  struct world_answer answer = world_set(w, old, "lost", "1");
  assert_true(answer.status == RKV_TIMEOUT || answer.status == RKV_ABORTED);
  world_isolate(w, old, false);
  assert_true(world_settle(w));
  world_free(w);
}

/* A learner that comes after the log was purged gets a snapshot, then the log behind it. */
static void a_late_learner_gets_a_snapshot(void **state) {
  (void)state;
  struct world *w = world_new(3);
  world_options(w)->snapshot_after = 100;
  world_options(w)->keep_entries = 10;
  world_start(w, 1);
  assert_int_equal(world_init(w, 1, one, 1).status, RKV_OK);
  assert_int_equal(world_wait_leader(w), 1);
  write_many(w, 1, 0, 300);
  world_run(w, 1 * SECONDS); /* a lone node answers without any time passing: let the worker run */
  write_many(w, 1, 300, 500);
  world_run(w, 1 * SECONDS);
  assert_true(world_metrics(w, 1).purged.index > 100);
  world_start(w, 2);
  assert_int_equal(world_add_learner(w, 1, 2).status, RKV_OK);
  assert_true(world_settle(w));
  holds(w, 2, "key-0", "value");
  holds(w, 2, "key-499", "value");
  assert_true(world_metrics(w, 2).purged.index > 0);
  world_free(w);
}

/* Snapshots weigh against what the log costs, not only against its payloads: a large state and
 * small commands, or commands of no bytes, do not let the log grow without bound. */
static void small_commands_are_purged_too(void **state) {
  (void)state;
  struct world *w = world_new(6);
  char large[1000];
  memset(large, 'a', sizeof large - 1);
  large[sizeof large - 1] = '\0';
  world_options(w)->snapshot_after = 20;
  world_start(w, 1);
  assert_int_equal(world_init(w, 1, one, 1).status, RKV_OK);
  assert_int_equal(world_wait_leader(w), 1);
  for (int i = 0; i < 40; i++) {
    char key[16];
    (void)snprintf(key, sizeof key, "%d", i);
    assert_int_equal(world_set(w, 1, key, large).status, RKV_OK);
  }
  world_run(w, 1 * SECONDS);
  rkv_index first = world_metrics(w, 1).snapshot.index;
  assert_true(first >= 20);
  for (int i = 0; i < 800; i++) {
    assert_int_equal(world_set(w, 1, "k", "v").status, RKV_OK);
    if (i % 50 == 0) world_run(w, 1 * SECONDS); /* the worker's turn */
  }
  assert_true(world_metrics(w, 1).snapshot.index > first + 100);
  world_free(w);
}

/* A follower that was away for longer than the hot tail reaches is served from the storage. */
static void a_lagging_follower_is_served_from_the_storage(void **state) {
  (void)state;
  struct world *w = world_new(4);
  world_options(w)->hot_tail_bytes_max = 1024;
  world_options(w)->append_bytes_max = 256;
  for (rkv_node_id id = 1; id <= 3; id++) world_start(w, id);
  assert_int_equal(world_init(w, 1, three, 3).status, RKV_OK);
  rkv_node_id leader = world_wait_leader(w), away = leader % 3 + 1;
  world_isolate(w, away, true);
  write_many(w, leader, 0, 300);
  world_isolate(w, away, false);
  assert_true(world_settle(w));
  for (int i = 0; i < 300; i += 50) {
    char key[32];
    (void)snprintf(key, sizeof key, "key-%d", i);
    holds(w, away, key, "value");
  }
  world_free(w);
}

/* Wrong requests are refused with a reason, and change nothing. */
static void bad_requests_change_nothing(void **state) {
  (void)state;
  struct world *w = world_new(5);
  const rkv_node_id stranger[] = {9}, others[] = {2, 3};
  world_start(w, 1);
  assert_int_equal(world_set(w, 1, "a", "b").status, RKV_NOT_LEADER);
  assert_int_equal(world_add_learner(w, 1, 2).status, RKV_NOT_LEADER);
  assert_int_not_equal(world_init(w, 1, others, 2).status, RKV_OK); /* node 1 is not among them */
  assert_int_equal(world_init(w, 1, one, 1).status, RKV_OK);
  assert_int_equal(world_wait_leader(w), 1);
  assert_int_equal(world_init(w, 1, one, 1).status, RKV_PRECONDITION);
  struct world_metrics before = world_metrics(w, 1);
  assert_int_equal(world_change(w, 1, stranger, 1, false).status, RKV_INVALID);
  assert_int_equal(world_change(w, 1, NULL, 0, false).status, RKV_INVALID);
  assert_int_equal(world_set(w, 1, "", "empty key").status, RKV_INVALID);
  assert_true(rkv_log_id_equal(before.last, world_metrics(w, 1).last));
  world_free(w);
}

/* A node that has more in flight than it may answers at once instead of growing. */
static void a_full_inbox_refuses(void **state) {
  (void)state;
  struct world *w = world_new(6);
  world_options(w)->inbox_max = 10;
  world_start(w, 1);
  assert_int_equal(world_init(w, 1, one, 1).status, RKV_OK);
  assert_int_equal(world_wait_leader(w), 1);
  assert_int_equal(world_burst(w, 1, 25, RKV_FULL), 15);
  assert_int_equal(world_burst(w, 1, 10, RKV_OK), 10); /* the node goes on */
  world_free(w);
}

/* A node restarted with an empty memory is brought up again. */
static void a_node_that_lost_its_memory_catches_up(void **state) {
  (void)state;
  struct world *w = cluster_of_three(8);
  rkv_node_id leader = world_leader(w), lost = leader % 3 + 1;
  write_many(w, leader, 0, 20);
  world_stop(w, lost);
  write_many(w, leader, 20, 40);
  world_start(w, lost);
  assert_true(world_settle(w));
  holds(w, lost, "key-0", "value");
  holds(w, lost, "key-39", "value");
  world_free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(grows_writes_and_shrinks),
      cmocka_unit_test(a_new_leader_takes_over),
      cmocka_unit_test(a_write_without_quorum_is_answered),
      cmocka_unit_test(a_late_learner_gets_a_snapshot),
      cmocka_unit_test(small_commands_are_purged_too),
      cmocka_unit_test(a_lagging_follower_is_served_from_the_storage),
      cmocka_unit_test(bad_requests_change_nothing),
      cmocka_unit_test(a_full_inbox_refuses),
      cmocka_unit_test(a_node_that_lost_its_memory_catches_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
