/* budgets_test.c: a production node in virtual time that gets more calls of one kind than it keeps:
 * what is refused, with which text, and that no other kind suffers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <node/kernel/state.h>
#include <support/world.h>
#include <support/world_internal.h>

#define SECONDS UINT64_C(1000000000)
#define INBOX_MAX 16

/* One call of a kind that a budget holds. */
static const struct kind {
  const char *what; /* in the refusal */
  size_t at;        /* in the node's table */
} kinds[NODE_BUDGETS] = {
    [NODE_BUDGET_CLIENT] = {"node.inbox_max", offsetof(struct rkv_node_api, query)},
    [NODE_BUDGET_ADMIN] = {"administrators' calls", offsetof(struct rkv_node_api, snapshot_now)},
    [NODE_BUDGET_QUESTION] = {"questions (metrics, hello)", offsetof(struct rkv_node_api, metrics)},
    [NODE_BUDGET_VOTE] = {"candidates' requests", offsetof(struct rkv_node_api, pre_vote)},
    [NODE_BUDGET_APPEND] = {"leaders' appends", offsetof(struct rkv_node_api, append)},
    [NODE_BUDGET_READ_INDEX] = {"other nodes' reads", offsetof(struct rkv_node_api, read_index)},
};

struct asked {
  union {
    struct rkv_call call;
    struct rkv_query_call query;
    struct rkv_snapshot_now_call snapshot_now;
    struct rkv_metrics_call metrics;
    struct rkv_vote_call vote;
    struct rkv_append_call append;
    struct rkv_read_index_call read_index;
    struct rkv_swap_call swap;
  } u; /* first: what the node knows */
  size_t function;
  bool done;
  enum rkv_status status;
  char text[RKV_ERROR_TEXT_MAX];
};

static void on_done(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  struct asked *a = (struct asked *)call;
  assert_false(a->done);
  a->done = true;
  a->status = status;
  (void)snprintf(a->text, sizeof a->text, "%s", error ? error->text : "");
  if (a->function != offsetof(struct rkv_node_api, metrics) || status != RKV_OK) return;
  rkv_buf_drop(&a->u.metrics.membership);
  rkv_buf_drop(&a->u.metrics.text);
}

/* Hands a call in; nobody kicks. */
static void ask(struct world *w, rkv_node_id at, struct asked *a, size_t function) {
  static const uint8_t get[] = {0x0a, 1, 'k'};
  const struct rkv_node_api *api = node_api(w->nodes[at].node);
  void (*call)(void *ctx, struct rkv_call *call);
  memset(a, 0, sizeof *a);
  a->function = function;
  a->u.call.done = on_done;
  a->u.call.abi_minor = RKV_ABI_MINOR;
  if (function == offsetof(struct rkv_node_api, query)) {
    a->u.query.request = rkv_buf_static(get, sizeof get);
    a->u.query.read = RKV_READ_LINEARIZABLE;
  }
  if (function == offsetof(struct rkv_node_api, read_index))
    a->u.read_index.read = RKV_READ_LINEARIZABLE;
  memcpy(&call, (const char *)api + function, sizeof call);
  call(api->ctx, &a->u.call);
}

static struct world *cluster(size_t count) {
  static const rkv_node_id three[] = {1, 2, 3};
  struct world *w = world_new(1);
  world_options(w)->inbox_max = INBOX_MAX;
  for (rkv_node_id id = 1; id <= count; id++) world_start(w, id);
  assert_int_equal(world_init(w, 1, three, count).status, RKV_OK);
  assert_int_not_equal(world_wait_leader(w), 0);
  assert_true(world_settle(w));
  return w;
}

static uint64_t room(enum node_budget budget) {
  return budget_max(budget) ? budget_max(budget) : INBOX_MAX;
}

/* Every budget is filled to the brim: one more is refused by name, one of each other kind is taken,
 * and once the node comes to it, all are answered and there is room again. */
static void no_kind_shuts_out_another(void **state) {
  struct world *w = cluster(1);
  (void)state;
  for (int full = 0; full < NODE_BUDGETS; full++) {
    const uint64_t max = room((enum node_budget)full);
    struct asked *flood = calloc(max, sizeof *flood), more, others[NODE_BUDGETS];
    assert_non_null(flood);
    for (uint64_t i = 0; i < max; i++) {
      ask(w, 1, &flood[i], kinds[full].at);
      assert_false(flood[i].done);
    }
    ask(w, 1, &more, kinds[full].at);
    assert_true(more.done);
    assert_int_equal(more.status, RKV_FULL);
    if (!strstr(more.text, kinds[full].what)) fail_msg("%s", more.text);
    for (int other = 0; other < NODE_BUDGETS; other++) {
      if (other == full) continue;
      ask(w, 1, &others[other], kinds[other].at);
      if (others[other].done) fail_msg("full of %d: %s", full, others[other].text);
    }
    world_kick(w, 1);
    world_run(w, SECONDS);
    for (uint64_t i = 0; i < max; i++) assert_true(flood[i].done);
    for (int other = 0; other < NODE_BUDGETS; other++) {
      assert_true(other == full || others[other].done);
      assert_int_equal(w->nodes[1].node->budgets.calls[other], 0);
    }
    free(flood);
  }
  world_free(w);
}

/* The limit is a number in the refusal. */
static void the_refusal_names_the_limit(void **state) {
  struct world *w = cluster(1);
  struct asked *flood = calloc(NODE_ADMIN_CALLS_MAX, sizeof *flood), more;
  char limit[32];
  (void)state;
  assert_non_null(flood);
  for (int i = 0; i < NODE_ADMIN_CALLS_MAX; i++) ask(w, 1, &flood[i], kinds[NODE_BUDGET_ADMIN].at);
  ask(w, 1, &more, kinds[NODE_BUDGET_ADMIN].at);
  (void)snprintf(limit, sizeof limit, "at most %d ", NODE_ADMIN_CALLS_MAX);
  assert_non_null(strstr(more.text, limit));
  world_kick(w, 1);
  world_run(w, SECONDS);
  free(flood);
  world_free(w);
}

/* A read index that somebody asks of a node that does not lead is refused; the clients' reads that
 * came with it are answered through the leader. */
static void a_misdirected_question_fails_nobody_elses_read(void **state) {
  struct world *w = cluster(3);
  rkv_node_id follower = world_leader(w) % 3 + 1;
  struct asked reads[2], question;
  (void)state;
  ask(w, follower, &reads[0], kinds[NODE_BUDGET_CLIENT].at);
  ask(w, follower, &question, kinds[NODE_BUDGET_READ_INDEX].at);
  ask(w, follower, &reads[1], kinds[NODE_BUDGET_CLIENT].at);
  world_kick(w, follower);
  world_run(w, SECONDS);
  assert_true(question.done);
  assert_int_equal(question.status, RKV_NOT_LEADER);
  for (int i = 0; i < 2; i++) {
    assert_true(reads[i].done);
    if (reads[i].status != RKV_OK) fail_msg("%s", reads[i].text);
    rkv_buf_drop(&reads[i].u.query.response);
  }
  world_free(w);
}

/* A transport that does not count what it hands in shall not make the node copy it. */
static void more_settings_than_a_swap_has_never_wait(void **state) {
  struct world *w = cluster(1);
  const struct rkv_node_api *api = node_api(w->nodes[1].node);
  struct asked a = {.u.swap = {.call.done = on_done, .setting_count = RKV_SWAP_SETTINGS_MAX + 1}};
  (void)state;
  api->swap_storage(api->ctx, &a.u.swap);
  assert_true(a.done);
  assert_int_equal(a.status, RKV_INVALID);
  assert_string_equal(a.text, "33 settings of a storage (at most 32)");
  world_free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_kind_shuts_out_another),
      cmocka_unit_test(the_refusal_names_the_limit),
      cmocka_unit_test(a_misdirected_question_fails_nobody_elses_read),
      cmocka_unit_test(more_settings_than_a_swap_has_never_wait),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
