/* memory_test.c: production nodes in virtual time whose allocations fail, one after the other
 * (style.md, rule 18): a node that cannot go on stops in order, the others go on, and nothing that
 * was acknowledged is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include <support/memory.h>
#include <support/world.h>
#include <support/world_internal.h>

#define SECONDS UINT64_C(1000000000)

enum { WRITES = 6, KEY_MAX = 16, NODES = 4, SWEEP_MAX = 3000 };

/* The one allocation that failed stopped a node, or one call. */
static void on_fatal(struct world *w, rkv_node_id id, enum rkv_status status, const char *text) {
  (void)w, (void)id, (void)text;
  assert_int_equal(status, RKV_NO_MEMORY);
}

static struct world *cluster(void) {
  static const rkv_node_id three[] = {1, 2, 3};
  struct world *w = world_new(1);
  world_options(w)->snapshot_after = 10;
  world_options(w)->keep_entries = 2;
  world_options(w)->hot_tail_bytes_max = 1;
  w->on_fatal = on_fatal;
  for (rkv_node_id id = 1; id <= NODES; id++) world_start(w, id);
  assert_int_equal(world_init(w, 1, three, 3).status, RKV_OK);
  assert_int_not_equal(world_wait_leader(w), 0);
  assert_true(world_settle(w));
  return w;
}

static void end_the_failed(struct world *w) {
  for (rkv_node_id id = 1; id <= NODES; id++)
    if (w->nodes[id].running && node_fatal_status(w->nodes[id].node, NULL) != RKV_OK)
      world_stop(w, id);
}

/* A leader that has not stopped itself. */
static rkv_node_id leader(struct world *w) {
  end_the_failed(w);
  return world_wait_leader(w);
}

/* Writes, a read, a learner that needs a snapshot, and a handover. */
static void live(struct world *w, bool acknowledged[WRITES]) {
  char key[KEY_MAX];
  for (int i = 0; i < WRITES; i++) {
    (void)snprintf(key, sizeof key, "key-%d", i);
    acknowledged[i] = world_set(w, leader(w), key, "value").status == RKV_OK;
  }
  (void)world_read(w, leader(w), "key-0", RKV_READ_LINEARIZABLE);
  if (w->nodes[NODES].running) (void)world_add_learner(w, leader(w), NODES);
  rkv_node_id old = leader(w);
  (void)world_transfer(w, old, old % 3 + 1);
  world_run(w, 2 * SECONDS);
}

/* True if so many allocations were made that the nth failed. */
static bool fails_once(enum memory_of owner, uint64_t nth) {
  struct world *w = cluster();
  bool acknowledged[WRITES];
  char key[KEY_MAX];
  memory_fail(owner, nth);
  live(w, acknowledged);
  bool failed = !memory_waits(owner);
  memory_fail(owner, 0);
  assert_int_equal(world_set(w, leader(w), "last", "value").status, RKV_OK);
  for (int i = 0; i < WRITES; i++) {
    (void)snprintf(key, sizeof key, "key-%d", i);
    enum rkv_status there = world_read(w, leader(w), key, RKV_READ_LINEARIZABLE).status;
    if (acknowledged[i]) assert_int_equal(there, RKV_OK);
  }
  world_free(w);
  return failed;
}

static void sweep(enum memory_of owner) {
  uint64_t nth = 1;
  while (nth < SWEEP_MAX && fails_once(owner, nth)) nth++;
  assert_in_range(nth, 2, SWEEP_MAX - 1);
}

static void every_allocation_of_the_node_may_fail(void **state) {
  (void)state;
  sweep(MEMORY_OF_NODE);
}

/* Also that of a follower for the ids of what it is sent: it acknowledges nothing, and its leader
 * hears from it once. */
static void every_allocation_of_raft_may_fail(void **state) {
  (void)state;
  sweep(MEMORY_OF_RAFT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_allocation_of_the_node_may_fail),
      cmocka_unit_test(every_allocation_of_raft_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
