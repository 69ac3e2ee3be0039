/* deadlines_test.c: production nodes in virtual time: every call that a transport can hand in ends
 * when its deadline passes (rkv/call.h), whatever it waits for. One table has all calls: a function
 * of struct rkv_node_api without a row fails the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <node/kernel/outcome.h>
#include <node/kernel/state.h>
#include <support/world.h>
#include <support/world_internal.h>

#include "blocked.h"

#define MS UINT64_C(1000000)
#define SECONDS UINT64_C(1000000000)
#define PATIENCE_NS (300 * MS)
#define LEARNER 4
#define STRANGER 5

/* What keeps a call waiting. */
enum lack {
  LACK_NOTHING, /* it is answered at once */
  LACK_QUORUM,  /* at a leader that nobody answers */
  LACK_FOUNDER, /* at an empty node: the other founder does not answer, the storage takes nothing */
  LACK_DISK,    /* at a follower whose storage takes no writes */
  LACK_WORKER   /* at a follower whose worker stands still */
};

/* X(function of the node's table, what it lacks): all but kick, and but snapshot_abort, which only
 * ends what nobody waits for. */
#define CALL_LIST(X)                                                                               \
  X(vote, LACK_DISK)                                                                               \
  X(pre_vote, LACK_NOTHING)                                                                        \
  X(append, LACK_DISK)                                                                             \
  X(timeout_now, LACK_NOTHING)                                                                     \
  X(read_index, LACK_QUORUM)                                                                       \
  X(hello, LACK_NOTHING)                                                                           \
  X(metrics, LACK_NOTHING)                                                                         \
  X(propose, LACK_QUORUM)                                                                          \
  X(query, LACK_QUORUM)                                                                            \
  X(init, LACK_FOUNDER)                                                                            \
  X(add_learner, LACK_QUORUM)                                                                      \
  X(change_membership, LACK_QUORUM)                                                                \
  X(remove, LACK_QUORUM)                                                                           \
  X(set_address, LACK_QUORUM)                                                                      \
  X(swap_storage, LACK_NOTHING)                                                                    \
  X(admin, LACK_NOTHING)                                                                           \
  X(transfer, LACK_QUORUM)                                                                         \
  X(snapshot_now, LACK_WORKER)                                                                     \
  X(snapshot_begin, LACK_WORKER)                                                                   \
  X(snapshot_write, LACK_WORKER)                                                                   \
  X(snapshot_finish, LACK_WORKER)

#define ROW(name, lack) {#name, offsetof(struct rkv_node_api, name), lack},
static const struct row {
  const char *name;
  size_t at;
  enum lack lack;
} rows[] = {CALL_LIST(ROW)};

enum { ROWS = sizeof rows / sizeof rows[0], ROWLESS = 2 };
_Static_assert(offsetof(struct rkv_node_api, vote) + (ROWS + ROWLESS) * sizeof(void (*)(void)) ==
                   sizeof(struct rkv_node_api),
               "a call without a row: what does it wait for?");

static bool is(const struct row *row, const char *name) {
  return strcmp(row->name, name) == 0;
}

/* ---- the cluster, and one call ---- */

static struct world *cluster(void) {
  static const rkv_node_id three[] = {1, 2, 3};
  struct world *w = world_new(1);
  blocked_begin(w);
  for (rkv_node_id id = 1; id <= STRANGER; id++) world_start(w, id);
  assert_int_equal(world_init(w, 1, three, 3).status, RKV_OK);
  assert_int_not_equal(world_wait_leader(w), 0);
  assert_true(world_settle(w));
  assert_int_equal(world_add_learner(w, world_leader(w), LEARNER).status, RKV_OK);
  assert_true(world_settle(w));
  return w;
}

static struct {
  union {
    struct rkv_call call;
    struct rkv_vote_call vote;
    struct rkv_append_call append;
    struct rkv_timeout_now_call timeout_now;
    struct rkv_read_index_call read_index;
    struct rkv_hello_call hello;
    struct rkv_metrics_call metrics;
    struct rkv_propose_call propose;
    struct rkv_query_call query;
    struct rkv_init_call init;
    struct rkv_membership_call membership;
    struct rkv_transfer_call transfer;
    struct rkv_snapshot_now_call snapshot_now;
    struct rkv_swap_call swap_storage;
    struct rkv_admin_call admin;
    struct rkv_snapshot_call snapshot;
  } u;
  struct rkv_membership members;
  uint8_t encoded[256];
  unsigned done;
  enum rkv_status status;
  char text[RKV_ERROR_TEXT_MAX];
} said; /* a call is told of by its address alone */

static void on_done(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  assert_ptr_equal(call, &said.u.call);
  said.done++;
  said.status = status;
  (void)snprintf(said.text, sizeof said.text, "%s", error ? error->text : "");
}

static bool is_done(struct world *w, void *arg) {
  (void)w, (void)arg;
  return said.done > 0;
}

static void add_founder(rkv_node_id id, const char *addr) {
  (void)rkv_config_add(&said.members.configs[0], id);
  (void)rkv_membership_add_node(&said.members, id, addr, strlen(addr));
}

/* What the step of a snapshot needs: a meta that the node takes, of its own leader. */
static void fill_snapshot(struct world *w, rkv_node_id leader) {
  struct world_metrics m = world_metrics(w, leader);
  size_t len = rkv_membership_encoded_size(&m.membership);
  assert_in_range(len, 1, sizeof said.encoded);
  rkv_membership_encode(&m.membership, said.encoded);
  said.u.snapshot.vote = m.vote;
  said.u.snapshot.meta.last = (struct rkv_log_id){m.vote.term, m.last.index + 100};
  said.u.snapshot.meta.membership_id = m.applied;
  said.u.snapshot.meta.membership = rkv_buf_static(said.encoded, len);
}

static void fill(struct world *w, const struct row *row, rkv_node_id leader) {
  static const uint8_t set[] = {0x0a, 1, 'k', 0x12, 1, 'v'}, get[] = {0x0a, 1, 'k'};
  struct world_metrics m = world_metrics(w, leader);
  if (is(row, "vote") || is(row, "pre_vote")) {
    said.u.vote.vote = (struct rkv_vote){m.vote.term + 1, leader, false};
    said.u.vote.last = m.last;
    said.u.vote.transfer = true;
  } else if (is(row, "append")) {
    said.u.append.vote = m.vote;
  } else if (is(row, "timeout_now")) {
    said.u.timeout_now.vote = (struct rkv_vote){m.vote.term + 1, leader, true};
  } else if (is(row, "read_index")) {
    said.u.read_index.read = RKV_READ_LINEARIZABLE;
  } else if (is(row, "propose")) {
    said.u.propose.command = rkv_buf_static(set, sizeof set);
  } else if (is(row, "query")) {
    said.u.query.request = rkv_buf_static(get, sizeof get);
    said.u.query.read = RKV_READ_LINEARIZABLE;
  } else if (is(row, "init")) {
    said.members.config_count = 1;
    add_founder(STRANGER, "node:5");
    add_founder(STRANGER + 1, "node:6");
    said.u.init.membership = &said.members;
  } else if (is(row, "change_membership")) {
    (void)rkv_config_add(&said.u.membership.voters, leader);
    (void)rkv_config_add(&said.u.membership.voters, leader % 3 + 1);
  } else if (is(row, "transfer")) {
    said.u.transfer.target = leader % 3 + 1;
  } else if (is(row, "swap_storage")) {
    said.u.swap_storage.action = RKV_SWAP_LOOK;
  } else if (is(row, "admin")) {
    said.u.admin.method = "swap-storage";
  } else if (strncmp(row->name, "snapshot_", 9) == 0 && !is(row, "snapshot_now")) {
    fill_snapshot(w, leader);
  } else { /* calls for one member; other calls need no argument */
    said.u.membership.learner.id = is(row, "add_learner") ? STRANGER : LEARNER;
    (void)snprintf(said.u.membership.learner.addr, RKV_ADDR_MAX, "node:%d",
                   is(row, "add_learner") ? 5 : 7);
  }
}

static void hand_in(struct world *w, rkv_node_id at, size_t function, uint64_t deadline_ns) {
  const struct rkv_node_api *api = node_api(w->nodes[at].node);
  void (*call)(void *ctx, struct rkv_call *call);
  memcpy(&call, (const char *)api + function, sizeof call);
  said.done = 0;
  said.u.call.done = on_done;
  said.u.call.abi_minor = RKV_ABI_MINOR;
  said.u.call.deadline_ns = deadline_ns;
  call(api->ctx, &said.u.call);
  world_kick(w, at);
}

static void drop_answers(const struct row *row) {
  if (is(row, "metrics")) {
    rkv_buf_drop(&said.u.metrics.membership);
    rkv_buf_drop(&said.u.metrics.text);
  }
  if (is(row, "swap_storage")) rkv_buf_drop(&said.u.swap_storage.text);
  if (is(row, "admin")) rkv_buf_drop(&said.u.admin.answer);
}

static bool is_later_step(const struct row *row) {
  return is(row, "snapshot_write") || is(row, "snapshot_finish");
}

/* Steps of a stream that was begun. */
static void begin_stream(struct world *w, const struct row *row, rkv_node_id at) {
  if (!is_later_step(row)) return;
  hand_in(w, at, offsetof(struct rkv_node_api, snapshot_begin), 0);
  assert_true(world_until(w, SECONDS, is_done, NULL));
  if (said.status != RKV_OK) fail_msg("%s: %s", row->name, said.text);
  assert_false(said.u.snapshot.finished);
}

/* Makes the node wait; says which. */
static rkv_node_id starve(struct world *w, const struct row *row, rkv_node_id leader) {
  rkv_node_id follower = leader % 3 + 1;
  switch (row->lack) {
  case LACK_NOTHING: return leader;
  case LACK_QUORUM: world_faults(w)->drop_ppm = 1000000; return leader;
  case LACK_FOUNDER: blocked_block(w, STRANGER); return STRANGER;
  case LACK_DISK:
    blocked_block(w, follower);
    assert_int_equal(world_set(w, leader, "held", "here").status, RKV_OK);
    world_run(w, 20 * MS);
    assert_int_not_equal(blocked_count(), 0);
    return follower;
  case LACK_WORKER:
    begin_stream(w, row, follower);
    world_faults(w)->slow_worker = follower;
    world_faults(w)->slow_job_max_ns = 20 * SECONDS;
    return follower;
  }
  return 0;
}

/* ---- stories ---- */

/* Whatever it waits for, its deadline ends it, and not before. */
static void every_wait_ends_in_time(const struct row *row) {
  struct world *w = cluster();
  rkv_node_id leader = world_leader(w);
  memset(&said, 0, sizeof said);
  fill(w, row, leader);
  rkv_node_id at = starve(w, row, leader);
  struct node *n = w->nodes[at].node;
  uint64_t deadline_ns = world_local_ns(&w->nodes[at]) + PATIENCE_NS;
  hand_in(w, at, row->at, deadline_ns);
  if (row->lack == LACK_NOTHING) {
    assert_int_equal(said.done, 1);
    assert_int_not_equal(said.status, RKV_TIMEOUT);
  } else {
    world_run(w, PATIENCE_NS - 10 * MS);
    if (said.done) fail_msg("%s was answered early: %s", row->name, said.text);
    world_run(w, 10 * MS + 2 * NODE_EXPIRE_NS);
    if (!said.done) fail_msg("%s let its deadline pass", row->name);
    if (said.status != RKV_TIMEOUT)
      fail_msg("%s: %s: %s", row->name, rkv_status_name(said.status), said.text);
  }

  drop_answers(row);
  blocked_end();
  world_faults(w)->drop_ppm = 0;
  world_faults(w)->slow_worker = 0;
  world_run(w, 25 * SECONDS); /* the work that was begun ends without a caller */
  assert_int_equal(said.done, 1);
  assert_int_equal(world_set(w, world_wait_leader(w), "after", "1").status, RKV_OK);
  for (int i = 0; i < NODE_BUDGETS; i++) assert_int_equal(n->budgets.calls[i], 0);
  world_free(w);
}

static void every_call_is_answered_in_time(void **state) {
  (void)state;
  for (size_t i = 0; i < ROWS; i++) every_wait_ends_in_time(&rows[i]);
}

/* A call whose time was up before the loop came to it is not begun. */
static void what_comes_late_is_not_begun(void **state) {
  struct world *w = cluster();
  rkv_node_id leader = world_leader(w);
  struct world_metrics before = world_metrics(w, leader);
  (void)state;
  for (size_t i = 0; i < ROWS; i++) {
    rkv_node_id at = rows[i].lack == LACK_FOUNDER ? STRANGER : leader;
    if (rows[i].lack == LACK_WORKER || rows[i].lack == LACK_DISK) at = leader % 3 + 1;
    memset(&said, 0, sizeof said);
    fill(w, &rows[i], leader);
    begin_stream(w, &rows[i], at);
    hand_in(w, at, rows[i].at, world_local_ns(&w->nodes[at]));
    world_run(w, MS);
    assert_int_equal(said.done, 1);
    if (said.status != RKV_TIMEOUT) fail_msg("%s: %s", rows[i].name, said.text);
  }
  struct world_metrics after = world_metrics(w, leader);
  assert_true(rkv_log_id_equal(before.last, after.last));
  assert_int_equal(rkv_vote_compare(before.vote, after.vote), RKV_EQUAL);
  world_free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_call_is_answered_in_time),
      cmocka_unit_test(what_comes_late_is_not_begun),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
