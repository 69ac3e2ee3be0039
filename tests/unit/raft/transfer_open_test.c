/* transfer_open_test.c: a transfer whose outcome is not known (dissertation 3.10). */
#include "direct.h"

static const rkv_node_id three[] = {1, 2, 3, 0};

/* Who was asked to take over and is silent may do so yet: that end is open. */
static void a_target_that_was_asked_may_take_over_yet(void **state) {
  struct cluster *c = led_by_one_of(cluster_new(), three);
  (void)state;
  cluster_run(c, 200 * MS);
  assert_int_equal(cluster_transfer(c, 1, 2), RKV_OK); /* timeout-now stays on its way */
  while (c->nodes[1].transferred.count == 0) run_out(c, 1);
  assert_int_equal(c->nodes[1].transferred.status, RKV_ABORTED);
  assert_int_equal(cluster_view(c, 1).role, RAFT_LEADER);
  cluster_deliver_all(c);
  assert_int_equal(cluster_leader(c), 2); /* node 2 does take over */
  cluster_free(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_target_that_was_asked_may_take_over_yet),
  };
  return cmocka_run_group_tests_name("open transfers", tests, NULL, NULL);
}
