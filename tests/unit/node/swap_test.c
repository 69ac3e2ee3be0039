/* swap_test.c: production nodes in virtual time that move to another storage while they serve. */
#include "swapping.h"

#include <string.h>

#include <node/kernel/state.h>
#include <node/swap_state.h>
#include <support/world_internal.h>

#define SECONDS UINT64_C(1000000000)
#define MS UINT64_C(1000000)

/* ---- stories ---- */

/* The node, leader or follower, moves while clients write: it misses nothing, votes and leads. */
static void move_while_writing(rkv_node_id (*choose)(struct world *w)) {
  struct world *w = swapping_cluster(3);
  rkv_node_id leader = world_leader(w), at = choose(w);
  int count = 0;
  swapping_write(w, leader, 0, 250);
  for (count = 250, swapping_begin(w, at); w->nodes[at].node->swap.running; count++)
    swapping_write(w, leader, count, 1);
  swapping_expect_end(w, at, RKV_SWAP_PHASE_MOVED);
  swapping_write(w, leader, count, 150); /* with snapshots on the new storage */
  assert_true(world_settle(w));
  swapping_expect_on_new(w, at);
  swapping_expect_all(w, at, count + 150);
  assert_int_equal(swapping_new.moved, 1);
  assert_int_equal(swapping_new.dropped, 0);
  world_free(w);
}

static rkv_node_id the_leader(struct world *w) {
  return world_leader(w);
}

static rkv_node_id a_follower(struct world *w) {
  return world_leader(w) == 1 ? 2 : 1;
}

static void a_leader_moves(void **state) {
  (void)state;
  move_while_writing(the_leader);
}

static void a_follower_moves(void **state) {
  (void)state;
  move_while_writing(a_follower);
}

/* An empty log, and one node alone; and once more from there. */
static void it_moves_again(void **state) {
  struct world *w = swapping_cluster(1);
  (void)state;
  for (int i = 0; i < 3; i++) {
    swapping_begin(w, 1);
    swapping_expect_end(w, 1, RKV_SWAP_PHASE_MOVED);
    swapping_write(w, 1, 60 * i, 60);
    swapping_expect_on_new(w, 1);
    swapping_new.storage = NULL; /* it is an old one from here on */
  }
  swapping_expect_all(w, 1, 180);
  assert_int_equal(swapping_new.moved, 3);
  world_free(w);
}

/* Three times as fast as a copy comes nearer beside clients who write nothing. */
static void write_for_a_ms(struct world *w) {
  const size_t entries = 3 * (size_t)(MIRROR_RATE / SWAP_ENTRY_COST / 1000);
  assert_int_equal(world_burst(w, 1, entries, RKV_OK), entries);
  world_run(w, MS);
}

/* More is to be copied than is given to the copy at once, and clients write all the time, faster
 * than the copy's own pace: what they write may be copied for free, so the move ends. */
static void it_ends_beside_clients_who_never_pause(void **state) {
  struct world *w = swapping_cluster_of_logs(1);
  (void)state;
  while (world_metrics(w, 1).last.index < 2 * MIRROR_JOIN_MAX) write_for_a_ms(w);
  swapping_begin(w, 1);
  for (unsigned ms = 0; w->nodes[1].node->swap.running && ms < 300; ms++) write_for_a_ms(w);
  assert_null(w->nodes[1].node->swap.running);
  swapping_expect_end(w, 1, RKV_SWAP_PHASE_MOVED);
  swapping_expect_on_new(w, 1);
  world_free(w);
}

/* A follower that is sent a snapshot while its log is copied: the copy begins anew. */
static void a_snapshot_of_the_leader_arrives(void **state) {
  struct world *w = swapping_cluster(3);
  rkv_node_id leader = world_leader(w), at = a_follower(w);
  (void)state;
  swapping_write(w, leader, 0, 50);
  assert_true(world_settle(w));
  world_faults(w)->slow_worker = at;
  world_faults(w)->slow_job_max_ns = 2 * SECONDS;
  world_options(w)->purge_hold_entries = 10;
  world_isolate(w, at, true);
  swapping_write(w, leader, 50, 2500);
  swapping_begin(w, at);
  world_isolate(w, at, false);
  swapping_expect_end(w, at, RKV_SWAP_PHASE_MOVED);
  assert_true(world_settle(w));
  swapping_expect_on_new(w, at);
  swapping_expect_all(w, at, 2550);
  world_free(w);
}

/* A snapshot that a leader sends while the old storage is retired: the new one alone would have it,
 * and does not count yet. */
static void a_snapshot_waits_for_the_retirement(void **state) {
  struct world *w = swapping_cluster(3);
  rkv_node_id leader = world_leader(w), at = a_follower(w);
  (void)state;
  swapping_write(w, leader, 0, 50);
  swapping_begin(w, at);
  swapping_expect_end(w, at, RKV_SWAP_PHASE_MOVED);
  assert_true(world_settle(w));
  rkv_index before = world_metrics(w, at).last.index;
  world_options(w)->purge_hold_entries = 10;
  world_isolate(w, at, true);
  swapping_write(w, leader, 50, 2500);
  swapping_new.hold_retirement = true;
  swapping_begin(w, at);
  while (w->nodes[at].node->pair.phase != PAIR_RETIRING) world_run(w, MS);
  world_isolate(w, at, false);
  world_run(w, 5 * SECONDS);
  assert_int_equal(w->nodes[at].node->pair.phase, PAIR_RETIRING);
  assert_int_equal(world_metrics(w, at).last.index, before);
  swapping_release();
  swapping_expect_end(w, at, RKV_SWAP_PHASE_MOVED);
  assert_true(world_settle(w));
  swapping_expect_on_new(w, at);
  swapping_expect_all(w, at, 2550);
  world_free(w);
}

/* The old storage hangs when it is to store that it is left: there is no way back, so the node says
 * what it waits for, once, and goes on when that is there. */
static void a_retirement_that_hangs_is_told(void **state) {
  struct world *w = swapping_cluster(1);
  (void)state;
  swapping_write(w, 1, 0, 10);
  swapping_begin(w, 1);
  swapping_expect_end(w, 1, RKV_SWAP_PHASE_MOVED); /* hold_retirement is of what a move left */
  swapping_new.hold_retirement = true;
  swapping_begin(w, 1);
  while (w->nodes[1].node->pair.phase != PAIR_RETIRING) world_run(w, MS);
  world_run(w, SWAP_RETIRE_NS - SECONDS);
  struct swapping_answer a = swapping_ask(w, 1, RKV_SWAP_LOOK, NULL);
  assert_int_equal(a.call.phase, RKV_SWAP_PHASE_SWITCHING);
  assert_null(strstr(a.text, "has not stored"));
  world_run(w, 2 * SECONDS);
  assert_non_null(strstr(w->nodes[1].node->swap.text, "has not stored in 10 s that it is left"));
  a = swapping_ask(w, 1, RKV_SWAP_LOOK, NULL);
  assert_int_equal(a.call.phase, RKV_SWAP_PHASE_SWITCHING);
  assert_non_null(
      strstr(a.text, "to storage-new, dir=/new: the old storage has not stored in 10 s"));
  swapping_release();
  swapping_expect_end(w, 1, RKV_SWAP_PHASE_MOVED);
  swapping_write(w, 1, 10, 10);
  swapping_expect_all(w, 1, 20);
  swapping_expect_on_new(w, 1);
  world_free(w);
}

/* It is asked for what it cannot do. */
static void it_refuses(void **state) {
  struct world *w = swapping_cluster(1);
  struct swapping_answer a;
  (void)state;
  a = swapping_ask(w, 1, RKV_SWAP_LOOK, NULL);
  assert_int_equal(a.call.phase, RKV_SWAP_PHASE_NONE);
  a = swapping_ask(w, 1, RKV_SWAP_CANCEL, NULL);
  assert_int_equal(a.status, RKV_PRECONDITION);
  a = swapping_ask(w, 1, RKV_SWAP_BEGIN, "");
  assert_int_equal(a.status, RKV_INVALID);
  a = swapping_ask(w, 1, (enum rkv_swap_action)9, "storage-new");
  assert_int_equal(a.status, RKV_INVALID);
  a = swapping_ask(w, 1, RKV_SWAP_BEGIN, "storage-none");
  assert_int_equal(a.status, RKV_INVALID);
  assert_string_equal(a.error.text, "no plugin storage-none");
  a = swapping_ask(w, 1, RKV_SWAP_CHECK, "storage-new");
  assert_int_equal(a.status, RKV_OK);
  assert_null(swapping_new.storage);
  a = swapping_ask(w, 1, RKV_SWAP_LOOK, NULL);
  assert_int_equal(a.call.phase, RKV_SWAP_PHASE_NONE);
  world_free(w);
}

/* A node whose host does not offer it. */
static void it_is_not_allowed(void **state) {
  struct world *w = world_new(1);
  struct swapping_answer a;
  (void)state;
  world_start(w, 1);
  a = swapping_ask(w, 1, RKV_SWAP_BEGIN, "storage-new");
  assert_int_equal(a.status, RKV_PRECONDITION);
  assert_non_null(strstr(a.error.text, "swap_storage = true"));
  world_free(w);
}

/* Starts a swap that stands still once the copy is joined: a write waits for the copy. */
static struct world *joined_and_held(void) {
  struct world *w = swapping_cluster(1);
  swapping_write(w, 1, 0, 10);
  world_faults(w)->slow_worker = 1;
  world_faults(w)->slow_job_max_ns = 4 * SECONDS;
  swapping_begin(w, 1);
  while (w->nodes[1].node->pair.phase != PAIR_JOINED) world_run(w, MS);
  return w;
}

static bool is_given_up(struct world *w, void *arg) {
  (void)arg;
  return w->nodes[1].node->swap.running->step == SWAP_DROPPING;
}

/* Only one; an operator can give it up. */
static void it_is_cancelled(void **state) {
  struct world *w = joined_and_held();
  struct swapping_answer a = swapping_ask(w, 1, RKV_SWAP_BEGIN, "storage-new");
  (void)state;
  assert_int_equal(a.status, RKV_PRECONDITION);
  a = swapping_ask(w, 1, RKV_SWAP_CANCEL, NULL);
  assert_int_equal(a.status, RKV_OK);
  assert_true(world_until(w, 60 * SECONDS, is_given_up, NULL));
  a = swapping_ask(w, 1, RKV_SWAP_LOOK, NULL);
  assert_int_equal(a.call.phase, RKV_SWAP_PHASE_CLEARING); /* the next one has to wait still */
  a = swapping_ask(w, 1, RKV_SWAP_BEGIN, "storage-new");
  assert_int_equal(a.status, RKV_PRECONDITION);
  swapping_expect_end(w, 1, RKV_SWAP_PHASE_FAILED);
  assert_null(swapping_new.storage);
  assert_int_equal(swapping_new.dropped, 1);
  swapping_write(w, 1, 10, 10);
  swapping_expect_all(w, 1, 20);
  world_free(w);
}

/* The new storage fails: no write fails for it. */
static void the_copy_fails(void **state) {
  struct world *w = joined_and_held();
  (void)state;
  swapping_new.fail = RKV_IO;
  swapping_write(w, 1, 10, 1);
  swapping_expect_end(w, 1, RKV_SWAP_PHASE_FAILED);
  struct swapping_answer a = swapping_ask(w, 1, RKV_SWAP_LOOK, NULL);
  assert_non_null(strstr(a.text, "the new device is broken"));
  assert_int_equal(swapping_new.dropped, 1);
  swapping_new.fail = RKV_OK;
  swapping_write(w, 1, 11, 5);
  world_faults(w)->slow_worker = 0;
  swapping_begin(w, 1);
  swapping_expect_end(w, 1, RKV_SWAP_PHASE_MOVED);
  swapping_expect_all(w, 1, 16);
  world_free(w);
}

/* The new storage takes no writes: they wait for a second at most, and the swap is given up. */
static void the_copy_is_too_slow(void **state) {
  struct world *w = joined_and_held();
  (void)state;
  swapping_new.hold = true;
  uint64_t before = world_now(w);
  swapping_write(w, 1, 10, 1);
  assert_true(world_now(w) - before >= SECONDS);
  assert_true(world_now(w) - before < SECONDS + SECONDS / 2);
  swapping_expect_end(w, 1, RKV_SWAP_PHASE_FAILED);
  swapping_new.hold = false;
  swapping_expect_all(w, 1, 11);
  world_free(w);
}

/* The new storage stores nothing, and nobody writes: that is no reason to wait for ever. */
static void the_copy_stores_nothing(void **state) {
  struct world *w = swapping_cluster(1);
  (void)state;
  swapping_write(w, 1, 0, 10);
  swapping_new.hold = true;
  swapping_begin(w, 1);
  swapping_expect_end(w, 1, RKV_SWAP_PHASE_FAILED);
  struct swapping_answer a = swapping_ask(w, 1, RKV_SWAP_LOOK, NULL);
  assert_non_null(strstr(a.text, "has not stored in 10 s what it was given"));
  swapping_new.hold = false;
  swapping_expect_all(w, 1, 10);
  world_free(w);
}

/* What the new storage keeps is not what it was given. */
static void the_copy_differs(void **state) {
  struct world *w = swapping_cluster(1);
  (void)state;
  swapping_write(w, 1, 0, 10);
  swapping_new.flip = true;
  swapping_begin(w, 1);
  swapping_expect_end(w, 1, RKV_SWAP_PHASE_FAILED);
  struct swapping_answer a = swapping_ask(w, 1, RKV_SWAP_LOOK, NULL);
  assert_non_null(strstr(a.text, "differs from its source: entry"));
  swapping_write(w, 1, 10, 10);
  swapping_expect_all(w, 1, 20);
  world_free(w);
}

/* The node ends in the midst of it. */
static void the_node_stops_meanwhile(void **state) {
  (void)state;
  for (uint64_t ms = 0; ms < 40; ms++) {
    struct world *w = swapping_cluster(1);
    world_faults(w)->slow_worker = 1;
    world_faults(w)->slow_job_max_ns = 4 * MS;
    swapping_write(w, 1, 0, 250);
    swapping_begin(w, 1);
    world_run(w, ms * MS);
    world_stop(w, 1);
    assert_null(swapping_new.storage);
    world_free(w);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_leader_moves),
      cmocka_unit_test(a_follower_moves),
      cmocka_unit_test(it_moves_again),
      cmocka_unit_test(it_ends_beside_clients_who_never_pause),
      cmocka_unit_test(a_snapshot_of_the_leader_arrives),
      cmocka_unit_test(a_snapshot_waits_for_the_retirement),
      cmocka_unit_test(a_retirement_that_hangs_is_told),
      cmocka_unit_test(it_refuses),
      cmocka_unit_test(it_is_not_allowed),
      cmocka_unit_test(it_is_cancelled),
      cmocka_unit_test(the_copy_fails),
      cmocka_unit_test(the_copy_is_too_slow),
      cmocka_unit_test(the_copy_stores_nothing),
      cmocka_unit_test(the_copy_differs),
      cmocka_unit_test(the_node_stops_meanwhile),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
