/* correct_test.c: corrections of the membership that leave the voters as they are. */
#include "direct.h"

#include <raft/correct.h>

static const rkv_node_id one[] = {1, 0}, three[] = {1, 2, 3, 0};

static struct cluster *with_learner(void) {
  struct cluster *c = led_by_one_of(cluster_new(), one);
  cluster_start(c, 4);
  assert_int_equal(cluster_learner(c, 1, 4), RKV_OK);
  cluster_run(c, 200 * MS);
  return c;
}

static enum rkv_status move(struct cluster *c, rkv_node_id id, const char *addr) {
  struct rkv_member member;
  memset(&member, 0, sizeof member);
  member.id = id;
  (void)snprintf(member.addr, sizeof member.addr, "%s", addr);
  return raft_set_address(c->nodes[1].r, (struct raft_now){c->now_ns, 0}, &member, NULL, NULL);
}

static enum rkv_status take_out(struct cluster *c, rkv_node_id at, rkv_node_id id) {
  return raft_remove_learner(c->nodes[at].r, (struct raft_now){c->now_ns, 0}, id, NULL, NULL);
}

/* One entry; the voters, and all else that is said of the member, stay. */
static void an_address_is_put_right(void **state) {
  struct cluster *c = with_learner();
  struct rkv_member before = *rkv_membership_find(members(c, 1), 4);
  rkv_index last = cluster_view(c, 1).last.index;
  const struct rkv_member *after;
  (void)state;
  assert_int_equal(move(c, 4, "elsewhere:1"), RKV_OK);
  carry_out(c, &c->nodes[1]);
  cluster_run(c, 200 * MS);
  after = rkv_membership_find(members(c, 1), 4);
  assert_string_equal(after->addr, "elsewhere:1");
  assert_int_equal(after->incarnation, before.incarnation);
  assert_int_equal(members(c, 1)->config_count, 1);
  assert_int_equal(members(c, 1)->configs[0].count, 1);
  assert_int_equal(cluster_view(c, 1).last.index, last + 1);
  assert_int_equal(cluster_view(c, 1).committed.index, last + 1);
  cluster_free(c);
}

/* A learner that never answered keeps nobody waiting: it is out when the entry is committed. */
static void a_learner_leaves_dead_or_alive(void **state) {
  struct cluster *c = with_learner();
  (void)state;
  cluster_crash(c, 4);
  assert_int_equal(take_out(c, 1, 4), RKV_OK);
  carry_out(c, &c->nodes[1]);
  cluster_run(c, 200 * MS);
  assert_null(rkv_membership_find(members(c, 1), 4));
  assert_int_equal(cluster_view(c, 1).committed.index, cluster_view(c, 1).last.index);
  cluster_free(c);
}

/* Strangers, followers, and while another change is not committed. */
static void corrections_are_refused_with_a_reason(void **state) {
  struct cluster *c = led_by_one_of(cluster_new(), three);
  (void)state;
  assert_int_equal(move(c, 9, "a:1"), RKV_INVALID);
  assert_int_equal(take_out(c, 1, 9), RKV_INVALID);
  assert_int_equal(take_out(c, 2, 9), RKV_NOT_LEADER);
  assert_int_equal(move(c, 2, "a:1"), RKV_OK); /* not committed: no peer has it */
  assert_int_equal(move(c, 3, "b:1"), RKV_PRECONDITION);
  assert_int_equal(take_out(c, 1, 9), RKV_PRECONDITION);
  carry_out(c, &c->nodes[1]);
  cluster_run(c, 500 * MS);
  assert_string_equal(rkv_membership_find(members(c, 3), 2)->addr, "a:1");
  cluster_free(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_address_is_put_right),
      cmocka_unit_test(a_learner_leaves_dead_or_alive),
      cmocka_unit_test(corrections_are_refused_with_a_reason),
  };
  return cmocka_run_group_tests_name("corrections", tests, NULL, NULL);
}
