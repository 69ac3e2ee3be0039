/* digest_ends_test.c: production nodes in virtual time: nodes that stop because their state machine
 * went astray, and those that take no part. */
#include "digest_story.h"

/* ---- on_divergence = stop ---- */

static void assert_stopped(struct world *w, rkv_node_id id, const char *words) {
  struct rkv_error error;
  assert_int_equal(node_fatal_status(w->nodes[id].node, &error), RKV_BROKEN);
  if (!strstr(error.text, words)) fail_msg("\"%s\" does not say \"%s\"", error.text, words);
}

static void assert_serves(struct world *w, rkv_node_id id) {
  assert_int_equal(node_fatal_status(w->nodes[id].node, NULL), RKV_OK);
}

static void a_follower_stops(void **state) {
  struct world *w = world_of_three(1);
  (void)state;
  world_options(w)->stop_on_divergence = true;
  begin(w);
  write_some(w, 10);
  astray_from_now_on(w, 3);
  (void)world_burst(w, 1, 10, RKV_OK);
  world_run(w, SECOND);
  assert_true(digest_of(w, 3)->differs_at > 0);
  assert_serves(w, 3); /* the leader might be the one that differs from all */
  world_run(w, 10 * SECOND);
  assert_stopped(w, 3, "differs from leader 1's, since index ");
  assert_serves(w, 1);
  assert_serves(w, 2);
  assert_int_equal(world_set(w, 1, "k", "v").status, RKV_OK);
  world_free(w);
}

/* A leader from which the others differ goes, and they stay. */
static void a_leader_stops(void **state) {
  struct world *w = world_of_three(1);
  (void)state;
  world_options(w)->stop_on_divergence = true;
  begin(w);
  astray_from_now_on(w, 1);
  (void)world_burst(w, 1, 10, RKV_OK);
  world_run(w, 2 * SECOND);
  assert_stopped(w, 1, "a majority of the voters has another state than this leader");
  world_stop(w, 1);
  const rkv_node_id next = world_wait_leader(w);
  assert_true(next == 2 || next == 3);
  world_run(w, 15 * SECOND);
  assert_serves(w, 2);
  assert_serves(w, 3);
  assert_int_equal(digest_of(w, 5 - next)->differs_at, 0);
  assert_int_equal(world_set(w, world_wait_leader(w), "k", "v").status, RKV_OK);
  world_free(w);
}

/* Who is equal again before its time is up stays. */
static void who_is_equal_again_stays(void **state) {
  struct world *w = world_of_three(1);
  (void)state;
  world_options(w)->stop_on_divergence = true;
  begin(w);
  astray_from_now_on(w, 3);
  write_some(w, 10);
  world_run(w, SECOND);
  assert_true(digest_of(w, 3)->differs_at > 0);
  machines.astray_at[3] = 0;
  write_some(w, 1);
  world_run(w, 20 * SECOND);
  assert_serves(w, 3);
  world_free(w);
}

/* ---- who takes no part ---- */

static rkv_index named; /* the last index that an append named */

static void see_request(struct world *w, rkv_node_id from, rkv_node_id to,
                        const struct rkv_append_call *append,
                        const struct rkv_timeout_now_call *timeout_now) {
  (void)w, (void)from, (void)to, (void)timeout_now;
  if (append && append->digest_index > 0) named = append->digest_index;
}

static void a_machine_without_digest_takes_no_part(void **state) {
  struct world *w = world_of_three(1);
  (void)state;
  named = 0;
  w->on_request = see_request;
  machines.ops.digest = NULL;
  begin(w);
  write_some(w, 2000);
  world_run(w, 2 * SECOND);
  assert_int_equal(named, 0);
  assert_false(metrics_say(w, 1, "differs_at"));
  world_free(w);
}

/* Calls of an older transport end before the fields of a digest. */
static void an_old_transport_carries_none(void **state) {
  struct world *w = world_of_three(1);
  (void)state;
  w->transport_abi_minor = 4;
  begin(w);
  astray_from_now_on(w, 3);
  write_some(w, 2000);
  world_run(w, 2 * SECOND);
  assert_int_equal(digest_of(w, 3)->compared, 0);
  assert_int_equal(said_by(w, 1, 3), 0);
  world_free(w);
}

static void a_digest_that_fails_stops_its_node(void **state) {
  struct world *w = world_of_three(1);
  struct rkv_error error;
  (void)state;
  begin(w);
  machines.fails = true;
  (void)world_burst(w, 1, 10, RKV_OK);
  world_run(w, 2 * SECOND);
  assert_int_equal(node_fatal_status(w->nodes[1].node, &error), RKV_IO);
  assert_string_equal(error.text, "the sum cannot be read");
  world_free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_follower_stops),
      cmocka_unit_test(a_leader_stops),
      cmocka_unit_test(who_is_equal_again_stays),
      cmocka_unit_test(a_machine_without_digest_takes_no_part),
      cmocka_unit_test(an_old_transport_carries_none),
      cmocka_unit_test(a_digest_that_fails_stops_its_node),
  };
  return cmocka_run_group_tests_name("node %s", tests, NULL, NULL);
}
