/* view_test.c: production nodes in virtual time over a state machine whose snapshots say that they
 * are of another entry, have no membership, or another one. No snapshot is built, no node aborts,
 * the caller learns why, and the node starts again with everything that it acknowledged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <support/world_internal.h>

#include "keeper.h"

#define SECONDS UINT64_C(1000000000)

enum lie { TRUTH, OTHER_INDEX, OTHER_TERM, NO_MEMBERSHIP, CUT_MEMBERSHIP, OLD_MEMBERSHIP, LIES };

static struct {
  const struct rkv_state_machine_ops *sm;
  struct rkv_state_machine_ops ops;
  enum lie lie;
  unsigned told;
  bool done;
  enum rkv_status status;
  char text[RKV_ERROR_TEXT_MAX];
} view; /* operations and answers have no other way to it */

static enum rkv_status begin(void *sm, void **snapshot, struct rkv_snapshot_meta *meta,
                             struct rkv_error *error) {
  enum rkv_status status = view.sm->snapshot_begin(sm, snapshot, meta, error);
  assert_int_equal(status, RKV_OK);
  view.told += view.lie != TRUTH;
  if (view.lie == OTHER_INDEX) meta->last.index++;
  if (view.lie == OTHER_TERM) meta->last.term--;
  if (view.lie == NO_MEMBERSHIP) {
    rkv_buf_drop(&meta->membership);
    meta->membership_id = (struct rkv_log_id){0, 0};
  }
  if (view.lie == CUT_MEMBERSHIP) meta->membership.len--;
  if (view.lie == OLD_MEMBERSHIP) meta->membership_id.index++;
  return status;
}

static void on_snapshot(struct rkv_call *call, enum rkv_status status,
                        const struct rkv_error *error) {
  (void)call;
  view.done = true;
  view.status = status;
  (void)snprintf(view.text, sizeof view.text, "%s", error ? error->text : "");
}

static void ask_for_a_snapshot(struct world *w) {
  static struct rkv_snapshot_now_call call;
  const struct rkv_node_api *api = node_api(w->nodes[1].node);
  memset(&call, 0, sizeof call);
  call.call.done = on_snapshot;
  view.done = false;
  api->snapshot_now(api->ctx, &call);
  world_kick(w, 1);
  world_run(w, SECONDS);
  assert_true(view.done);
}

static struct world *begin_world(void) {
  static const rkv_node_id one[] = {1};
  struct world *w = world_new(1);
  keeper_begin(w);
  memset(&view, 0, sizeof view);
  view.sm = w->sm;
  view.ops = *w->sm;
  view.ops.snapshot_begin = begin;
  w->sm = &view.ops;
  world_options(w)->keep_entries = 0;
  world_start(w, 1);
  assert_int_equal(world_init(w, 1, one, 1).status, RKV_OK);
  assert_int_equal(world_wait_leader(w), 1);
  assert_int_equal(world_set(w, 1, "key", "value").status, RKV_OK);
  return w;
}

static void holds_what_it_acknowledged(struct world *w) {
  world_stop(w, 1);
  world_start(w, 1);
  assert_int_equal(world_wait_leader(w), 1);
  assert_string_equal(world_read(w, 1, "key", RKV_READ_LINEARIZABLE).text, "value");
}

static void a_view_of_something_else_makes_no_snapshot(void **state) {
  (void)state;
  for (enum lie lie = OTHER_INDEX; lie < LIES; lie++) {
    struct world *w = begin_world();
    view.lie = lie;
    ask_for_a_snapshot(w);
    assert_true(view.told > 0);
    assert_int_equal(view.status, RKV_ABORTED);
    assert_non_null(strstr(view.text, "the state machine's view"));
    assert_int_equal(world_metrics(w, 1).snapshot.index, 0);
    holds_what_it_acknowledged(w);
    view.lie = TRUTH;
    ask_for_a_snapshot(w);
    assert_int_equal(view.status, RKV_OK);
    holds_what_it_acknowledged(w);
    world_free(w);
    keeper_end();
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_view_of_something_else_makes_no_snapshot),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
