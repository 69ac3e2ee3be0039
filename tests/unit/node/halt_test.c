/* halt_test.c: a node that stops in the middle of a snapshot does nothing more for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "durable.h"
#include <node/kernel/state.h>
#include <support/world_internal.h>

#define SECONDS UINT64_C(1000000000)
#define JOB_NS (SECONDS / 2)

static const rkv_node_id three[] = {1, 2, 3};

static void end(struct world *w) {
  world_free(w);
  durable_end();
}

static bool builds(struct world *w, void *arg) {
  (void)arg;
  return w->nodes[1].node->build.running;
}

/* However long the rest would take. */
static void of_a_snapshot_that_is_built(void **state) {
  static const rkv_node_id one[] = {1};
  struct world *w = world_new(5);
  (void)state;
  world_options(w)->snapshot_after = 5;
  durable_begin(w, 1);
  durable.endless = true;
  world_start(w, 1);
  assert_int_equal(world_init(w, 1, one, 1).status, RKV_OK);
  assert_int_equal(world_wait_leader(w), 1);
  for (int i = 0; i < 5; i++) assert_int_equal(world_set(w, 1, "key", "v").status, RKV_OK);
  assert_true(world_until(w, SECONDS, builds, NULL));
  world_run(w, SECONDS / 100000);
  assert_non_null(w->nodes[1].node->build.running);
  world_stop(w, 1);
  assert_int_equal(durable.late, 0);
  durable.endless = false;
  world_start(w, 1);
  assert_int_equal(world_wait_leader(w), 1);
  assert_int_equal(world_metrics(w, 1).snapshot.index, 0);
  end(w);
}

/* Three nodes; node 3, which was cut off, needs a snapshot. `id`'s worker is slow from now on. */
static struct world *begin(rkv_node_id id) {
  struct world *w = world_new(7);
  world_options(w)->snapshot_after = 20;
  world_options(w)->keep_entries = 1;
  world_options(w)->purge_hold_entries = 1;
  world_options(w)->hot_tail_bytes_max = 1000;
  durable_begin(w, id);
  for (rkv_node_id n = 1; n <= 3; n++) world_start(w, n);
  assert_int_equal(world_init(w, 1, three, 3).status, RKV_OK);
  assert_int_equal(world_wait_leader(w), 1);
  assert_true(world_settle(w));
  world_isolate(w, 3, true);
  for (int i = 0; i < 60; i++) assert_int_equal(world_set(w, 1, "key", "v").status, RKV_OK);
  world_run(w, SECONDS);
  assert_true(world_metrics(w, 1).purged.index > world_metrics(w, 3).last.index);
  world_faults(w)->slow_worker = id;
  world_faults(w)->slow_job_max_ns = JOB_NS;
  world_isolate(w, 3, false);
  return w;
}

static bool works(struct world *w, void *arg) {
  return w->nodes[*(const rkv_node_id *)arg].jobs;
}

/* At its first step, its second, ... and at none of them it goes on. */
static void stop_at_each_step(rkv_node_id id, unsigned steps) {
  for (unsigned step = 0; step < steps; step++) {
    struct world *w = begin(id);
    for (unsigned i = 0; i <= step; i++) {
      assert_true(world_until(w, 60 * SECONDS, works, &id));
      if (i < step) world_run(w, JOB_NS);
    }
    assert_non_null(w->nodes[id].jobs);
    unsigned commits = durable.commits;
    world_stop(w, id);
    assert_int_equal(durable.late, 0);
    assert_int_equal(durable.commits, commits);
    end(w);
  }
}

static void of_a_snapshot_that_is_sent(void **state) {
  (void)state;
  stop_at_each_step(1, 2);
}

static void of_a_snapshot_that_is_received(void **state) {
  (void)state;
  stop_at_each_step(3, 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(of_a_snapshot_that_is_built),
      cmocka_unit_test(of_a_snapshot_that_is_sent),
      cmocka_unit_test(of_a_snapshot_that_is_received),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
