/* end_test.c: a node that stops while some thread is in its loop, or while calls wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <node/kernel/state.h>
#include <support/world.h>
#include <support/world_internal.h>

#define SECONDS UINT64_C(1000000000)

struct reader {
  struct rkv_query_call query; /* first: what the node knows */
  struct node *node;
  bool answered, ended;
  size_t peers;
};

/* In the loop, as a thread of the storage would be while another one stops the node. */
static void stop_within(struct rkv_call *call, enum rkv_status status,
                        const struct rkv_error *error) {
  struct reader *r = (struct reader *)call;
  (void)error;
  assert_int_equal(status, RKV_OK);
  rkv_buf_drop(&r->query.response);
  node_abandon(r->node);
  r->answered = true;
  r->ended = node_ended(r->node);
  r->peers = r->node->peers.count;
}

/* The transport may go only when nobody is left who would close a peer. */
static void the_end_comes_when_the_peers_are_closed(void **state) {
  static const rkv_node_id three[] = {1, 2, 3};
  static const uint8_t request[] = {0x0a, 1, 'k'};
  (void)state;
  struct world *w = world_new(1);
  for (rkv_node_id id = 1; id <= 3; id++) world_start(w, id);
  assert_int_equal(world_init(w, 1, three, 3).status, RKV_OK);
  assert_int_equal(world_wait_leader(w), 1);
  assert_int_equal(world_set(w, 1, "k", "value").status, RKV_OK);
  struct node *node = w->nodes[1].node;
  struct reader r = {.node = node};
  assert_false(node_ended(node));
  r.query.call.done = stop_within;
  r.query.call.deadline_ns = world_local_ns(&w->nodes[1]) + SECONDS;
  r.query.request = rkv_buf_static(request, sizeof request);
  r.query.read = RKV_READ_LINEARIZABLE;
  node_api(node)->query(node_api(node)->ctx, &r.query);
  world_kick(w, 1);
  world_run(w, SECONDS / 2);
  assert_true(r.answered);
  assert_false(r.ended);
  assert_int_equal(r.peers, 2);
  assert_true(node_ended(node));
  assert_int_equal(node->peers.count, 0);
  world_free(w);
}

/* ---- calls that wait ---- */

union waiting {
  struct rkv_call call;
  struct rkv_propose_call propose;
  struct rkv_membership_call change;
};

/* A call and how it ended. */
struct wait {
  union waiting of; /* first: what the node knows */
  bool done;
  enum rkv_status status;
  char text[RKV_ERROR_TEXT_MAX];
};

static void on_done(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  struct wait *wait = (struct wait *)call;
  assert_false(wait->done);
  wait->done = true;
  wait->status = status;
  if (error) memcpy(wait->text, error->text, sizeof wait->text);
}

static void hand_in_write(struct world *w, rkv_node_id at, struct wait *wait) {
  static const uint8_t command[] = {0x0a, 1, 'w', 0x12, 1, '1'};
  const struct rkv_node_api *api = node_api(w->nodes[at].node);
  wait->of.call.done = on_done;
  wait->of.propose.command = rkv_buf_static(command, sizeof command);
  api->propose(api->ctx, &wait->of.propose);
}

static void hand_in_learner(struct world *w, rkv_node_id at, struct wait *wait) {
  const struct rkv_node_api *api = node_api(w->nodes[at].node);
  wait->of.call.done = on_done;
  wait->of.change.learner = (struct rkv_member){.id = 4, .addr = "node:4"};
  api->add_learner(api->ctx, &wait->of.change);
}

/* A leader of three that nobody hears: whatever it logs waits. */
static struct world *lonely_leader(rkv_node_id *leader) {
  static const rkv_node_id three[] = {1, 2, 3};
  struct world *w = world_new(1);
  for (rkv_node_id id = 1; id <= 4; id++) world_start(w, id);
  assert_int_equal(world_init(w, 1, three, 3).status, RKV_OK);
  *leader = world_wait_leader(w);
  assert_true(world_settle(w));
  for (rkv_node_id id = 1; id <= 3; id++)
    if (id != *leader) world_isolate(w, id, true);
  return w;
}

static void is_open(const struct wait *wait, const char *why) {
  assert_true(wait->done);
  assert_int_equal(wait->status, RKV_ABORTED);
  assert_non_null(strstr(wait->text, "may or may not be done"));
  assert_non_null(strstr(wait->text, why));
}

/* A write and a change that are in the log may still be carried out, whatever ended the node: no
 * status that means "refused" leaves. */
static void what_is_logged_ends_open(enum rkv_status status) {
  rkv_node_id leader;
  struct world *w = lonely_leader(&leader);
  struct wait write = {.done = false}, change = {.done = false};
  hand_in_write(w, leader, &write);
  hand_in_learner(w, leader, &change);
  world_kick(w, leader);
  world_run(w, SECONDS / 2);
  assert_false(write.done || change.done);
  assert_true(write.of.propose.id.index > 0);
  if (status == RKV_CANCELLED)
    node_abandon(w->nodes[leader].node);
  else
    node_fatal(w->nodes[leader].node, status, "the device is broken");
  world_kick(w, leader);
  world_run(w, SECONDS / 2);
  is_open(&write, status == RKV_CANCELLED ? "is stopping" : "the device is broken");
  is_open(&change, status == RKV_CANCELLED ? "is stopping" : "the device is broken");
  assert_true(budgets_idle(&w->nodes[leader].node->budgets));
  world_free(w);
}

static void logged_calls_end_open_without_room(void **state) {
  (void)state;
  what_is_logged_ends_open(RKV_NO_SPACE);
}

static void logged_calls_end_open_without_memory(void **state) {
  (void)state;
  what_is_logged_ends_open(RKV_NO_MEMORY);
}

static void logged_calls_end_open_after_a_failed_write(void **state) {
  (void)state;
  what_is_logged_ends_open(RKV_IO);
}

static void logged_calls_end_open_at_a_stop(void **state) {
  (void)state;
  what_is_logged_ends_open(RKV_CANCELLED);
}

/* A change that still asks who its node is has written nothing, and says why it ends. */
static void a_change_that_is_not_logged_is_refused(void **state) {
  rkv_node_id leader;
  struct world *w = lonely_leader(&leader);
  struct wait change = {.done = false};
  (void)state;
  world_isolate(w, 4, true);
  hand_in_learner(w, leader, &change);
  world_kick(w, leader);
  assert_false(change.done);
  node_fatal(w->nodes[leader].node, RKV_NO_MEMORY, "the memory is short");
  world_kick(w, leader);
  assert_true(change.done);
  assert_int_equal(change.status, RKV_NO_MEMORY);
  assert_string_equal(change.text, "the memory is short");
  world_run(w, 2 * SECONDS);
  world_free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_end_comes_when_the_peers_are_closed),
      cmocka_unit_test(logged_calls_end_open_without_room),
      cmocka_unit_test(logged_calls_end_open_without_memory),
      cmocka_unit_test(logged_calls_end_open_after_a_failed_write),
      cmocka_unit_test(logged_calls_end_open_at_a_stop),
      cmocka_unit_test(a_change_that_is_not_logged_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
