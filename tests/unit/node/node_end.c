/* node_end.c: a node that stops while some thread is in its loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <node/internal.h>
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
  r->peers = r->node->peer_count;
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
  assert_int_equal(node->peer_count, 0);
  world_free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_end_comes_when_the_peers_are_closed)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
