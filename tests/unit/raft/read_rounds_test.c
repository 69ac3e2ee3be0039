/* read_rounds_test.c: how the rounds that confirm reads follow each other, and which peers are
 * asked (dissertation 6.4). */
#include "reads.h"

/* 6.4: "the leader can use a single round of heartbeats for any number of read-only queries that it
 * has accumulated": those that come while one is on its way share the next. */
static void reads_share_rounds(void **state) {
  struct cluster *c = led(three, RAFT_LEASE_OFF);
  unsigned i, beats = 0;
  (void)state;
  for (i = 0; i < 50; i++) (void)read_at(c, 1, false);
  while (cluster_deliver(c, 1, 2)) {
    beats++;
    while (cluster_deliver(c, 2, 1)) continue;
  }
  assert_int_equal(beats, 2);
  assert_int_equal(c->nodes[1].read_count, 0);
  assert_int_equal(c->nodes[1].read.failed, 0);
  cluster_free(c);
}

/* No more voters are asked than confirm it, and none for the next round before; those who answered
 * soonest until now. */
static void rounds_follow_one_another(void **state) {
  struct cluster *c = led(five, RAFT_LEASE_OFF);
  rkv_node_id peer;
  (void)state;
  run_out(c, 1); /* 4 and 5 answer heartbeats at once, 2 and 3 later */
  for (peer = 4; peer <= 5; peer++)
    assert_true(cluster_deliver(c, 1, peer) && cluster_deliver(c, peer, 1));
  c->now_ns += MS;
  for (peer = 2; peer <= 3; peer++)
    assert_true(cluster_deliver(c, 1, peer) && cluster_deliver(c, peer, 1));
  (void)read_at(c, 1, false);
  assert_int_equal(cluster_in_flight(c, 1, 4) + cluster_in_flight(c, 1, 5), 2);
  (void)read_at(c, 1, false);
  assert_int_equal(cluster_in_flight(c, 1, 2) + cluster_in_flight(c, 1, 3), 0);
  for (peer = 4; peer <= 5; peer++)
    assert_true(cluster_deliver(c, 1, peer) && cluster_deliver(c, peer, 1));
  assert_int_equal(ready(c), 1);
  assert_int_equal(c->nodes[1].read_count, 1); /* the next round goes to the same two */
  assert_int_equal(cluster_in_flight(c, 1, 4) + cluster_in_flight(c, 1, 5), 2);
  assert_int_equal(cluster_in_flight(c, 1, 2) + cluster_in_flight(c, 1, 3), 0);
  cluster_free(c);
}

/* Whoever was asked is cut off: the next heartbeats confirm what waits. */
static void heartbeats_confirm_what_was_not_answered(void **state) {
  struct cluster *c = led(three, RAFT_LEASE_OFF);
  (void)state;
  (void)read_at(c, 1, false);
  assert_int_equal(cluster_in_flight(c, 1, 2), 1);
  assert_int_equal(cluster_in_flight(c, 1, 3), 0);
  run_out(c, 1);
  assert_true(cluster_deliver(c, 1, 3) && cluster_deliver(c, 3, 1));
  assert_int_equal(ready(c), 1);
  assert_int_equal(c->nodes[1].read_count, 0);
  (void)read_at(c, 1, false); /* node 3 answers, so it is asked from now on */
  assert_true(cluster_deliver(c, 1, 3) && cluster_deliver(c, 3, 1));
  assert_int_equal(ready(c), 2);
  cluster_free(c);
}

/* Inputs between two sends share a ticket, and it covers the newest of them. */
static void reads_before_the_round_left_share_a_ticket(void **state) {
  struct cluster *c = led(three, RAFT_LEASE_OFF);
  struct raft *r = c->nodes[1].r;
  struct raft_now now = {c->now_ns, 0};
  struct raft_append_plan plan;
  uint64_t a, b, late;
  (void)state;
  assert_int_equal(raft_read(r, now, false, &a, NULL), RKV_OK);
  assert_int_equal(raft_read(r, now, false, &b, NULL), RKV_OK);
  assert_int_equal(a, b);
  assert_true(raft_next_append(r, now, 2, &plan));
  assert_int_equal(raft_read(r, now, false, &late, NULL), RKV_OK);
  assert_int_not_equal(late, a);
  cluster_free(c);
}

/* The tickets are bounded: what comes when all are taken waits with the newest. */
static void tickets_are_bounded(void **state) {
  struct cluster *c = led(three, RAFT_LEASE_OFF);
  unsigned before;
  (void)state;
  c->nodes[2].cut = true; /* node 3 gets all, and answers late */
  for (unsigned i = 0; i < 200; i++) {
    (void)read_at(c, 1, false);
    assert_int_equal(cluster_propose(c, 1, 1), RKV_OK);
    (void)cluster_deliver(c, 1, 3);
  }
  assert_int_equal(ready(c), 0);
  assert_in_range(c->nodes[1].read_count, 2, 64);
  before = (unsigned)c->nodes[1].read_count;
  cluster_deliver_all(c);
  assert_int_equal(ready(c), before);
  cluster_free(c);
}

/* ... really with the newest: the answer that confirms what had that ticket before is not
 * enough. */
static void the_last_ticket_waits_for_its_newest_read(void **state) {
  struct cluster *c = cluster_new();
  struct raft_append_plan plan = {0};
  struct raft_now now;
  struct rkv_log_id first;
  struct raft *r;
  uint64_t ticket = 0, last;
  (void)state;
  c->config.append_window = 100;
  (void)led_by_one_of(c, three);
  r = c->nodes[1].r;
  now = (struct raft_now){c->now_ns, 0};
  for (unsigned i = 0; i < 64; i++) {
    assert_int_equal(raft_read(r, now, false, &ticket, NULL), RKV_OK);
    assert_int_equal(raft_propose(r, now, 1, &first, NULL), RKV_OK);
    assert_true(raft_next_append(r, now, 2, &plan));
    raft_append_sent(r, 2, &plan, plan.to);
  }
  assert_int_equal(raft_read(r, now, false, &last, NULL), RKV_OK);
  assert_int_equal(last, ticket);
  raft_on_append_answer(r, now, 2, &plan, plan.to, RKV_APPEND_SUCCESS, first, VOTE(0, 0), 0);
  for (unsigned i = 1; i < 64; i++) assert_int_equal(expect_next(r, RAFT_OUT_READ_READY).ticket, i);
  expect_none(r);
  assert_true(raft_next_append(r, now, 2, &plan));
  raft_append_sent(r, 2, &plan, plan.prev.index);
  raft_on_append_answer(r, now, 2, &plan, plan.prev.index, RKV_APPEND_SUCCESS, plan.prev,
                        VOTE(0, 0), 0);
  assert_int_equal(expect_next(r, RAFT_OUT_READ_READY).ticket, last);
  cluster_free(c);
}

/* Reads do not hurry a peer that just failed: it has its pause. */
static void failed_peers_are_not_hurried(void **state) {
  struct cluster *c = led(three, RAFT_LEASE_OFF);
  (void)state;
  run_out(c, 1);
  assert_true(cluster_drop(c, 1, 2));
  cluster_deliver_all(c);
  for (unsigned i = 0; i < 10; i++) {
    (void)read_at(c, 1, false);
    assert_int_equal(cluster_in_flight(c, 1, 2), 0);
    cluster_deliver_all(c);
  }
  assert_int_equal(ready(c), 10);
  cluster_free(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_share_rounds),
      cmocka_unit_test(rounds_follow_one_another),
      cmocka_unit_test(heartbeats_confirm_what_was_not_answered),
      cmocka_unit_test(reads_before_the_round_left_share_a_ticket),
      cmocka_unit_test(tickets_are_bounded),
      cmocka_unit_test(the_last_ticket_waits_for_its_newest_read),
      cmocka_unit_test(failed_peers_are_not_hurried),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
