/* outcome_test.c: production nodes in virtual time, over plugins that say wrongly how a call
 * failed: with no error, an error without a text, another status, a text that does not end, an
 * unknown status. No node aborts, every caller learns a status and a reason, and what was
 * acknowledged is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <node/kernel/outcome.h>
#include <support/world_internal.h>

#include "keeper.h"
#include "liar.h"

#define SECONDS UINT64_C(1000000000)

enum { WRITES = 14, KEY_MAX = 16, NODES = 4, NTH_MAX = 3 };

static const rkv_node_id three[] = {1, 2, 3};

/* ---- what a failure owes ---- */

static void is_whole(enum rkv_status status, const struct rkv_error *error) {
  assert_int_equal(error->status, status);
  assert_int_equal(outcome_known(status), status);
  assert_int_not_equal(status, RKV_OK);
  assert_in_range(strnlen(error->text, sizeof error->text), 1, sizeof error->text - 1);
  assert_true(strnlen(error->leader_addr, RKV_ADDR_MAX) < RKV_ADDR_MAX);
}

static void is_whole_answer(const struct world_answer *answer) {
  if (answer->status == RKV_NOT_FOUND && answer->error.status == RKV_OK) return; /* no such key */
  if (answer->status != RKV_OK) is_whole(answer->status, &answer->error);
}

static void on_fatal(struct world *w, rkv_node_id id, enum rkv_status status, const char *text) {
  struct rkv_error error;
  (void)text;
  assert_int_equal(node_fatal_status(w->nodes[id].node, &error), status);
  is_whole(status, &error);
}

/* ---- one life of a cluster, in which every operation comes ---- */

static struct world *world_of_liars(uint64_t snapshot_after) {
  struct world *w = world_new(1);
  keeper_begin(w);
  liar_begin(w);
  w->on_fatal = on_fatal;
  world_options(w)->snapshot_after = snapshot_after;
  world_options(w)->keep_entries = 2;
  world_options(w)->hot_tail_bytes_max = 1;
  return w;
}

static void form(struct world *w) {
  for (rkv_node_id id = 1; id <= 3; id++) world_start(w, id);
  assert_int_equal(world_init(w, 1, three, 3).status, RKV_OK);
  assert_int_not_equal(world_wait_leader(w), 0);
  assert_true(world_settle(w));
}

static void end_world(struct world *w) {
  liar_arm(LIAR_VALIDATE, 0, RKV_OK, LIAR_SILENT);
  world_free(w);
  keeper_end();
}

/* Nodes that stopped themselves begin again; one that is refused a start says why. */
static void start_again(struct world *w) {
  struct rkv_error error;
  for (rkv_node_id id = 1; id <= NODES; id++) {
    if (w->nodes[id].running && node_fatal_status(w->nodes[id].node, NULL) != RKV_OK)
      world_stop(w, id);
    if (w->nodes[id].running) continue;
    enum rkv_status status = world_try_start(w, id, &error);
    if (status == RKV_OK) continue;
    is_whole(status, &error);
    assert_int_equal(world_try_start(w, id, &error), RKV_OK);
  }
}

static rkv_node_id leader(struct world *w) {
  rkv_node_id id = 0;
  for (int tries = 0; id == 0 && tries < 10; tries++) {
    start_again(w);
    id = world_wait_leader(w);
    start_again(w);
    if (id && !w->nodes[id].running) id = 0;
  }
  assert_int_not_equal(id, 0);
  return id;
}

static bool set(struct world *w, const char *key) {
  struct world_answer answer = world_set(w, leader(w), key, "value");
  is_whole_answer(&answer);
  return answer.status == RKV_OK;
}

static void read_everywhere(struct world *w) {
  for (rkv_node_id id = 1; id <= 3; id++)
    for (uint32_t how = RKV_READ_LOCAL; how <= RKV_READ_LINEARIZABLE; how++) {
      start_again(w);
      struct world_answer answer = world_read(w, id, "key-0", (enum rkv_read)how);
      is_whole_answer(&answer);
    }
}

/* A follower misses writes: the leader reads them from its storage, or sends its snapshot. */
static void leave_one_behind(struct world *w, bool acknowledged[WRITES]) {
  rkv_node_id behind = leader(w) % 3 + 1;
  char key[KEY_MAX];
  world_isolate(w, behind, true);
  for (int i = 0; i < WRITES; i++) {
    (void)snprintf(key, sizeof key, "key-%d", i);
    acknowledged[i] = set(w, key);
  }
  world_isolate(w, behind, false);
  world_run(w, SECONDS);
}

static void on_snapshot_done(struct rkv_call *call, enum rkv_status status,
                             const struct rkv_error *error) {
  if (status != RKV_OK) is_whole(status, error);
  call->kind = UINT32_MAX;
}

static void ask_for_a_snapshot(struct world *w) {
  static struct rkv_snapshot_now_call call;
  rkv_node_id at = leader(w);
  const struct rkv_node_api *api = node_api(w->nodes[at].node);
  memset(&call, 0, sizeof call);
  call.call.done = on_snapshot_done;
  api->snapshot_now(api->ctx, &call);
  world_kick(w, at);
  world_run(w, SECONDS);
  assert_int_equal(call.call.kind, UINT32_MAX); /* the call was answered */
}

static void live(struct world *w, bool acknowledged[WRITES]) {
  start_again(w); /* node 4 begins with nothing */
  leave_one_behind(w, acknowledged);
  read_everywhere(w);
  ask_for_a_snapshot(w);
  struct world_answer answer = world_add_learner(w, leader(w), NODES);
  is_whole_answer(&answer);
  rkv_node_id old = leader(w);
  answer = world_transfer(w, old, old % 3 + 1);
  is_whole_answer(&answer);
}

static void come_back(struct world *w) {
  for (rkv_node_id id = 1; id <= NODES; id++) {
    start_again(w);
    world_stop(w, id);
    start_again(w);
    world_run(w, SECONDS);
  }
  (void)set(w, "more");
  world_run(w, 2 * SECONDS);
}

struct lie {
  enum liar_op op;
  unsigned nth;
  enum rkv_status status;
  enum liar_way way;
};

static void arm(const struct lie *lie) {
  liar_arm(lie->op, lie->nth, lie->status, lie->way);
}

/* True if there were so many calls that the nth lied: in the cluster's life, or as its nodes come
 * back. */
static bool lies_once(const struct lie *lie, bool late, uint64_t snapshot_after) {
  struct world *w = world_of_liars(snapshot_after);
  bool acknowledged[WRITES];
  char key[KEY_MAX];
  form(w);
  if (!late) arm(lie);
  live(w, acknowledged);
  if (late) arm(lie);
  come_back(w);
  bool lied = liar_lied();
  liar_arm(lie->op, 0, RKV_OK, lie->way);
  assert_int_equal(world_set(w, leader(w), "last", "value").status, RKV_OK);
  for (int i = 0; i < WRITES; i++) {
    (void)snprintf(key, sizeof key, "key-%d", i);
    struct world_answer there = world_read(w, leader(w), key, RKV_READ_LINEARIZABLE);
    if (acknowledged[i]) assert_int_equal(there.status, RKV_OK);
  }
  end_world(w);
  return lied;
}

/* Every operation, its first calls, in every way; with statuses that the node decides on. */
static void whoever_fails_gives_status_and_reason(void **state) {
  static const enum rkv_status statuses[] = {
      RKV_IO, RKV_INVALID, RKV_NOT_LEADER, RKV_CANCELLED, RKV_TOO_LARGE, RKV_TIMEOUT, LIAR_UNKNOWN};
  const unsigned turns = 2 * LIAR_WAYS * sizeof statuses / sizeof *statuses;
  (void)state;
  for (int op = 0; op < LIAR_COUNT; op++) {
    bool ever = false;
    for (unsigned turn = 0; turn < turns; turn++) {
      struct lie lie = {(enum liar_op)op, 1 + turn % NTH_MAX, statuses[turn / 2 / LIAR_WAYS],
                        (enum liar_way)(turn / 2 % LIAR_WAYS)};
      ever |= lies_once(&lie, turn % 2, turn % 4 < 2 ? 0 : 10);
    }
    if (!ever) fail_msg("%s was never called", liar_name((enum liar_op)op));
  }
}

/* Whoever succeeds and gives no handle has failed: with NULL nothing could go on. */
static void whoever_gives_nothing_has_failed(void **state) {
  static const enum liar_op givers[] = {LIAR_VIEW_BEGIN, LIAR_RESTORE_BEGIN, LIAR_SNAPSHOT_BEGIN,
                                        LIAR_SNAPSHOT_OPEN, LIAR_PEER_OPEN};
  (void)state;
  for (size_t i = 0; i < sizeof givers / sizeof *givers; i++) {
    bool ever = false;
    for (unsigned turn = 0; turn < 4 * NTH_MAX; turn++) {
      struct lie lie = {givers[i], 1 + turn / 4, LIAR_NOTHING, LIAR_SILENT};
      ever |= lies_once(&lie, turn % 2, turn % 4 < 2 ? 0 : 10);
    }
    if (!ever) fail_msg("%s was never called", liar_name(givers[i]));
  }
}

/* ---- what a client is told ---- */

struct expected {
  enum rkv_status said, told;
  enum liar_way way;
  const char *text;
};

static void is_told(const struct world_answer *answer, const struct expected *e, const char *who) {
  char text[RKV_ERROR_TEXT_MAX];
  (void)snprintf(text, sizeof text, e->text, who);
  assert_int_equal(answer->status, e->told);
  assert_int_equal(answer->error.status, e->told);
  assert_string_equal(answer->error.text, text);
}

static void clients_learn_status_and_reason(void **state) {
  static const struct expected cases[] = {
      {RKV_INVALID, RKV_INVALID, LIAR_SILENT, "%s gave no reason (INVALID)"},
      {RKV_TOO_LARGE, RKV_TOO_LARGE, LIAR_WORDLESS, "%s gave no reason (TOO_LARGE)"},
      {RKV_INVALID, RKV_INVALID, LIAR_FINE, LIAR_TEXT},
      {RKV_INVALID, RKV_INVALID, LIAR_OTHERWISE, LIAR_TEXT},
      {LIAR_UNKNOWN, RKV_BROKEN, LIAR_OTHERWISE,
       "%s ended with status 77, which is unknown: " LIAR_TEXT},
      {LIAR_UNKNOWN, RKV_BROKEN, LIAR_SILENT, "%s ended with status 77, which is unknown"},
  };
  struct world *w = world_of_liars(0);
  (void)state;
  form(w);
  rkv_node_id at = world_leader(w);
  assert_int_equal(world_set(w, at, "key", "before").status, RKV_OK);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const struct expected *e = &cases[i];
    struct world_answer answer;
    liar_arm(LIAR_VALIDATE, 1, e->said, e->way);
    answer = world_set(w, at, "key", "after");
    is_told(&answer, e, "the state machine's validate");
    liar_arm(LIAR_QUERY, 1, e->said, e->way);
    answer = world_read(w, at, "key", RKV_READ_LOCAL);
    is_told(&answer, e, "the state machine's query");
    liar_arm(LIAR_QUERY, 1, e->said, e->way);
    answer = world_read(w, at, "key", RKV_READ_LINEARIZABLE);
    is_told(&answer, e, "the state machine's query");
  }
  assert_string_equal(world_read(w, at, "key", RKV_READ_LINEARIZABLE).text, "before");
  end_world(w);
}

/* Only a storage that was closed cancels: a write that another one cancels failed, and those that
 * succeed after it make nothing durable. */
static void a_cancelled_write_is_no_success(void **state) {
  static const rkv_node_id one[] = {1};
  struct world *w = world_of_liars(0);
  (void)state;
  world_start(w, 1);
  assert_int_equal(world_init(w, 1, one, 1).status, RKV_OK);
  assert_int_equal(world_wait_leader(w), 1);
  assert_true(world_settle(w));
  liar_arm(LIAR_APPEND, 1, RKV_CANCELLED, LIAR_SILENT);
  struct world_answer answer = world_set(w, 1, "key", "lost");
  assert_true(liar_lied());
  assert_int_equal(answer.status, RKV_ABORTED);
  is_whole_answer(&answer);
  assert_int_equal(node_fatal_status(w->nodes[1].node, NULL), RKV_CANCELLED);
  end_world(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(clients_learn_status_and_reason),
      cmocka_unit_test(a_cancelled_write_is_no_success),
      cmocka_unit_test(whoever_gives_nothing_has_failed),
      cmocka_unit_test(whoever_fails_gives_status_and_reason),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
