/* install_test.c: a snapshot is received: the machine checks it, the storage keeps it, the machine
 * swaps to it, in this order; and durable machines, which need that order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "durable.h"
#include <node/kernel/state.h>
#include <support/world_internal.h>

#define SECONDS UINT64_C(1000000000)
#define JOB_NS                                                                                     \
  (SECONDS / 2) /* of the slow worker: a step of a snapshot takes half of it at least */

static const rkv_node_id three[] = {1, 2, 3};

/* Three nodes; node 3 is cut off until only a snapshot can bring it up. */
static struct world *begin_with(void (*before)(void)) {
  struct world *w = world_new(7);
  world_options(w)->snapshot_after = 20;
  world_options(w)->keep_entries = 1;
  world_options(w)->purge_hold_entries = 1;
  world_options(w)->hot_tail_bytes_max = 1000;
  durable_begin(w, 3);
  if (before) before();
  for (rkv_node_id id = 1; id <= 3; id++) world_start(w, id);
  assert_int_equal(world_init(w, 1, three, 3).status, RKV_OK);
  assert_int_equal(world_wait_leader(w), 1);
  assert_int_equal(world_set(w, 1, "before", "1").status, RKV_OK);
  assert_true(world_settle(w));
  world_isolate(w, 3, true);
  for (int i = 0; i < 60; i++) assert_int_equal(world_set(w, 1, "key", "value").status, RKV_OK);
  assert_int_equal(world_set(w, 1, "last", "2").status, RKV_OK);
  assert_true(world_metrics(w, 1).purged.index > world_metrics(w, 3).last.index);
  return w;
}

static struct world *begin(void) {
  return begin_with(NULL);
}

static bool installs(struct world *w, void *arg) {
  (void)arg;
  return w->nodes[3].node->receive.installing;
}

static bool has_installed(struct world *w, void *arg) {
  (void)arg;
  return w->nodes[3].node->count.snapshots_installed > 0;
}

/* Node 3 is sent a snapshot, up to the moment in which it becomes durable. */
static void install_slowly(struct world *w) {
  world_faults(w)->slow_worker = 3;
  world_faults(w)->slow_job_max_ns = JOB_NS;
  world_isolate(w, 3, false);
  assert_true(world_until(w, 60 * SECONDS, installs, NULL));
  world_faults(w)->slow_worker = 0;
}

static void agrees(struct world *w) {
  assert_true(world_settle(w));
  assert_string_equal(world_get(w, 3, "before").text, "1");
  assert_string_equal(world_get(w, 3, "last").text, "2");
}

static void end(struct world *w) {
  world_free(w);
  durable_end();
}

/* The old state is in force, and answers, until the storage has the snapshot. A crash before leaves
 * machine and storage where they were. */
static void a_crash_before_the_commit(void **state) {
  struct world *w = begin();
  (void)state;
  install_slowly(w);
  assert_string_equal(world_get(w, 3, "before").text, "1");
  assert_int_equal(world_get(w, 3, "last").status, RKV_NOT_FOUND);
  durable.lose_commit = true;
  world_stop(w, 3);
  durable.lose_commit = false;
  assert_int_equal(durable.commits, 0);
  struct rkv_error error = {0};
  if (world_try_start(w, 3, &error) != RKV_OK) fail_msg("node 3: %s", error.text);
  agrees(w);
  end(w);
}

/* A crash behind it leaves the machine behind the storage, which brings it up at the next start. */
static void a_crash_behind_the_commit(void **state) {
  struct world *w = begin();
  (void)state;
  install_slowly(w);
  durable.end_behind = true;
  world_run(w, JOB_NS);
  durable.end_behind = false;
  assert_int_equal(durable.commits, 1);
  assert_int_equal(w->nodes[3].node->count.snapshots_installed, 0);
  world_stop(w, 3);
  world_isolate(w, 3, true); /* so that node 3 starts from its own storage */
  world_start(w, 3);
  assert_true(world_metrics(w, 3).applied.index >= world_metrics(w, 1).purged.index);
  world_isolate(w, 3, false);
  agrees(w);
  end(w);
}

/* What the machine refuses never reaches the storage; both go on, and take the next snapshot. */
static void a_refused_snapshot_is_not_kept(void **state) {
  struct world *w = begin();
  (void)state;
  durable.refuse_check = true;
  install_slowly(w);
  world_run(w, JOB_NS);
  assert_false(durable.refuse_check);
  assert_int_equal(durable.commits, 0);
  assert_false(w->nodes[3].node->receive.installing);
  assert_int_equal(w->nodes[3].node->count.bad_peer_calls, 1);
  assert_int_equal(world_metrics(w, 3).snapshot.index, 0);
  assert_string_equal(world_get(w, 3, "before").text, "1");
  assert_true(world_until(w, 60 * SECONDS, has_installed, NULL));
  agrees(w);
  end(w);
}

/* A storage without room refuses the snapshot; nothing is lost by it. */
static void a_commit_that_fails_is_tried_again(void **state) {
  struct world *w = begin();
  (void)state;
  install_slowly(w);
  durable.lose_commit = true;
  world_run(w, JOB_NS);
  durable.lose_commit = false;
  assert_int_equal(node_fatal_status(w->nodes[3].node, NULL), RKV_OK);
  assert_string_equal(world_get(w, 3, "before").text, "1");
  assert_true(world_until(w, 60 * SECONDS, has_installed, NULL));
  agrees(w);
  end(w);
}

/* ---- machines without restore_check ---- */

static bool refused_one(struct world *w, void *arg) {
  (void)arg;
  return w->nodes[3].node->count.bad_peer_calls > 0;
}

/* They check and swap before the storage commits; what they refuse is not kept either. */
static void an_older_machine_is_served(void **state) {
  struct world *w = begin_with(durable_make_old);
  (void)state;
  durable.refuse_check = true;
  world_isolate(w, 3, false);
  assert_true(world_until(w, 60 * SECONDS, refused_one, NULL));
  assert_int_equal(durable.commits, 0);
  assert_true(world_until(w, 60 * SECONDS, has_installed, NULL));
  agrees(w);
  world_stop(w, 3);
  world_start(w, 3);
  agrees(w);
  end(w);
}

/* What such a machine holds the storage could not keep: the node stops, and starts with neither. */
static void an_older_machine_ahead_of_its_storage_ends_the_node(void **state) {
  struct world *w = begin_with(durable_make_old);
  struct rkv_error error;
  (void)state;
  durable.lose_commit = true;
  install_slowly(w);
  world_run(w, JOB_NS);
  durable.lose_commit = false;
  assert_int_equal(node_fatal_status(w->nodes[3].node, &error), RKV_CANCELLED);
  world_stop(w, 3);
  world_start(w, 3);
  agrees(w);
  end(w);
}

/* ---- entries ---- */

struct write {
  struct rkv_propose_call call; /* first: what the node knows */
  bool done;
  enum rkv_status status;
};

static void on_written(struct rkv_call *call, enum rkv_status status,
                       const struct rkv_error *error) {
  struct write *write = (struct write *)call;
  (void)error;
  write->done = true;
  write->status = status;
  rkv_buf_drop(&write->call.result);
}

static bool committed_more(struct world *w, void *arg) {
  return w->nodes[1].node->committed.index > *(const rkv_index *)arg;
}

/* Three nodes; node 1 leads, and has committed a write that its own storage has not taken yet. */
static struct world *begin_ahead(struct write *write, rkv_index *before) {
  static const uint8_t command[] = {0x0a, 3, 'k', 'e', 'y', 0x12, 3, 'n', 'e', 'w'};
  struct world *w = world_new(3);
  durable_begin(w, 1);
  for (rkv_node_id id = 1; id <= 3; id++) world_start(w, id);
  assert_int_equal(world_init(w, 1, three, 3).status, RKV_OK);
  assert_int_equal(world_wait_leader(w), 1);
  assert_int_equal(world_set(w, 1, "key", "old").status, RKV_OK);
  assert_true(world_settle(w));
  struct node *n = w->nodes[1].node;
  *before = n->committed.index;
  durable.hold_appends = true;
  *write = (struct write){.call.call.done = on_written,
                          .call.command = rkv_buf_static(command, sizeof command)};
  write->call.call.deadline_ns = world_local_ns(&w->nodes[1]) + 20 * SECONDS;
  node_api(n)->propose(node_api(n)->ctx, &write->call);
  world_kick(w, 1);
  assert_true(world_until(w, SECONDS, committed_more, before));
  world_run(w, SECONDS / 10);
  return w;
}

/* A power cut now would leave the log without the entry: so the machine must be without it, too. */
static void a_durable_machine_is_not_ahead_of_its_log(void **state) {
  struct write write;
  rkv_index before;
  struct world *w = begin_ahead(&write, &before);
  (void)state;
  assert_false(write.done);
  assert_string_equal(world_get(w, 1, "key").text, "old");
  durable_release(RKV_CANCELLED);
  world_stop(w, 1);
  keeper_forget(1, before);
  struct rkv_error error = {0};
  if (world_try_start(w, 1, &error) != RKV_OK) fail_msg("node 1: %s", error.text);
  assert_true(world_settle(w));
  assert_string_equal(world_get(w, 1, "key").text, "new");
  end(w);
}

static void it_follows_as_soon_as_its_log_has_it(void **state) {
  struct write write;
  rkv_index before;
  struct world *w = begin_ahead(&write, &before);
  (void)state;
  durable_release(RKV_OK);
  world_run(w, SECONDS / 100);
  assert_true(write.done);
  assert_int_equal(write.status, RKV_OK);
  assert_string_equal(world_get(w, 1, "key").text, "new");
  end(w);
}

/* ---- what is refused at start ---- */

static void refused(struct world *w, const char *text) {
  struct rkv_error error = {0};
  assert_int_equal(world_try_start(w, 1, &error), RKV_INVALID);
  if (!strstr(error.text, text)) fail_msg("\"%s\" is not in: %s", text, error.text);
}

static void pairs_that_would_contradict_each_other_are_refused(void **state) {
  static const rkv_node_id one[] = {1};
  struct world *w = world_new(3);
  (void)state;
  durable_begin(w, 1);
  durable.sm_ops.restore_check = NULL;
  refused(w, "has no restore_check");
  w->sm_capabilities = 0; /* a machine of an older ABI declares nothing */
  world_start(w, 1);
  assert_int_equal(world_init(w, 1, one, 1).status, RKV_OK);
  assert_int_equal(world_wait_leader(w), 1);
  world_stop(w, 1);
  refused(w, "has no restore_check");
  durable.sm_ops.restore_check = durable.sm->restore_check;
  refused(w, "does not declare that it is durable");
  w->sm_capabilities = RKV_CAP_DURABLE;
  w->storage_capabilities = 0;
  refused(w, "the storage is not");
  w->storage_capabilities = RKV_CAP_DURABLE;
  world_start(w, 1);
  end(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_crash_before_the_commit),
      cmocka_unit_test(a_crash_behind_the_commit),
      cmocka_unit_test(a_refused_snapshot_is_not_kept),
      cmocka_unit_test(a_commit_that_fails_is_tried_again),
      cmocka_unit_test(an_older_machine_is_served),
      cmocka_unit_test(an_older_machine_ahead_of_its_storage_ends_the_node),
      cmocka_unit_test(a_durable_machine_is_not_ahead_of_its_log),
      cmocka_unit_test(it_follows_as_soon_as_its_log_has_it),
      cmocka_unit_test(pairs_that_would_contradict_each_other_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
