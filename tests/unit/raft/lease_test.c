/* lease_test.c: reads within the leader's lease, trusting clocks within a bound
 * (dissertation 6.4.1). */
#include "reads.h"

static void lease_read(struct cluster *c) {
  (void)read_at(c, 1, true);
}

/* When lease reads stop being answered at once, after the last answered heartbeat was made. */
static uint64_t lease_ns(uint64_t drift_ppm) {
  struct cluster *c = led(five, drift_ppm);
  uint64_t made, ticket, low = 0, high;
  run_out(c, 1);
  made = c->now_ns;
  c->now_ns += 100 * MS; /* the round takes 100 ms: the lease began before */
  cluster_deliver_all(c);
  high = 2 * c->config.election_max_ns;
  while (low + 1 < high) {
    uint64_t middle = low + (high - low) / 2;
    struct raft_now now = {made + middle, 0};
    assert_int_equal(raft_read(c->nodes[1].r, now, true, &ticket, NULL), RKV_OK);
    if (drained(c->nodes[1].r, RAFT_OUT_READ_READY))
      low = middle;
    else
      high = middle;
  }
  cluster_free(c);
  return high;
}

/* 6.4.1: "its lease can be extended to start + election timeout / clock drift bound", from when the
 * heartbeat was MADE. */
static void leases_last_within_the_drift(void **state) {
  (void)state;
  assert_int_equal(lease_ns(0), 3000 * MS - 1);
  assert_int_equal(lease_ns(500), 3000 * MS - 1500000 - 1); /* 0.05 % */
  assert_int_equal(lease_ns(200000), 2400 * MS - 1);
  assert_int_equal(lease_ns(1000000), 1); /* no clock can be trusted: no lease */
}

/* While it holds nothing is sent; afterwards a round decides. */
static void lease_reads_cost_no_message(void **state) {
  struct cluster *c = led(three, 1000);
  (void)state;
  lease_read(c);
  assert_int_equal(ready(c), 1);
  assert_int_equal(cluster_in_flight(c, 0, 0), 0);
  c->now_ns += 3000 * MS;
  lease_read(c);
  assert_int_equal(ready(c), 1);
  cluster_deliver_all(c);
  assert_int_equal(ready(c), 2);
  cluster_free(c);
}

/* A leader cut off stops serving before anybody else may lead. */
static void leases_end_before_elections(void **state) {
  struct cluster *c = led(three, 0);
  unsigned before;
  (void)state;
  c->nodes[1].cut = true;
  while (cluster_leader(c) == 1) {
    cluster_run(c, 10 * MS);
    lease_read(c); /* law_read_ended checks the answer */
  }
  assert_int_equal(cluster_propose(c, 2, 1), RKV_OK);
  cluster_run(c, 100 * MS);
  assert_true(ready(c) > 0);
  before = ready(c);
  lease_read(c);
  assert_int_equal(ready(c), before);
  cluster_free(c);
}

/* 6.4.1, 3.10: a transfer's votes ignore leases. Once the target was asked, however late it gets
 * the request, this leader has none any more. */
static void transfers_void_the_lease(void **state) {
  struct cluster *c = led(three, 0);
  (void)state;
  c->nodes[2].cut = true;
  assert_int_equal(cluster_transfer(c, 1, 2), RKV_OK);
  assert_true(cluster_drop(c, 1, 2)); /* the leader takes the question for lost */
  assert_int_equal(c->nodes[1].transferred.status, RKV_UNAVAILABLE);
  cluster_run(c, 1000 * MS);
  lease_read(c);
  assert_int_equal(ready(c), 0);
  cluster_deliver_all(c);
  assert_int_equal(ready(c), 1);
  cluster_free(c);
}

/* 4.2.2: a leader that removed itself serves on for a moment, and others may campaign meanwhile. */
static void removed_leaders_have_no_lease(void **state) {
  const rkv_node_id others[] = {2, 3, 0};
  struct cluster *c = led(three, 0);
  (void)state;
  assert_int_equal(cluster_change(c, 1, others, false), RKV_OK);
  cluster_deliver_all(c);
  assert_int_equal(cluster_view(c, 1).role, RAFT_LEADER);
  lease_read(c);
  assert_int_equal(ready(c), 0);
  cluster_deliver_all(c);
  assert_int_equal(ready(c), 1);
  cluster_free(c);
}

/* A voter that crashed does not forget what it owes: until a lease has passed it elects nobody. */
static void restarted_voters_still_owe_it(void **state) {
  struct cluster *c = led(three, 0);
  uint64_t heard;
  (void)state;
  run_out(c, 1);
  cluster_deliver_all(c);
  heard = c->now_ns;
  c->nodes[1].cut = true;
  cluster_crash(c, 2);
  cluster_crash(c, 3);
  cluster_start(c, 2);
  cluster_start(c, 3);
  while (cluster_leader(c) == 1) {
    lease_read(c);
    cluster_run(c, 10 * MS);
  }
  assert_true(c->now_ns - heard > c->config.election_max_ns);
  assert_true(ready(c) > 0);
  cluster_free(c);
}

/* Each node keeps the lease that it promised, by its own settings, and the leader counts on no
 * longer one. Here the others are restarted with timeouts a tenth as long: before the leader hears
 * of them again, when it has just done so, and long after. */
static void leases_are_what_the_voters_promised(void **state) {
  static const uint64_t heard_for[] = {0, 150 * MS, 2000 * MS};
  (void)state;
  for (size_t k = 0; k < sizeof heard_for / sizeof heard_for[0]; k++) {
    struct cluster *c = cluster_new();
    c->config.lease_drift_ppm = 0;
    c->config.lease_promise_max_ns = 1000 * MS;
    c->config.heartbeat_ns = 100 * MS;
    (void)led_by_one_of(c, three);
    run_out(c, 1);
    cluster_deliver_all(c);
    c->config.election_min_ns = 150 * MS;
    c->config.election_max_ns = 300 * MS;
    for (rkv_node_id id = 2; id <= 3; id++) {
      cluster_crash(c, id);
      cluster_start(c, id);
    }
    cluster_run(c, heard_for[k]);
    assert_int_equal(cluster_leader(c), 1);
    lease_read(c);
    assert_int_equal(ready(c), 1);
    c->nodes[1].cut = true;
    while (cluster_leader(c) == 1) {
      cluster_run(c, 10 * MS);
      lease_read(c); /* law_read_ended checks the answer */
    }
    assert_int_equal(cluster_propose(c, cluster_leader(c), 1), RKV_OK);
    while (c->committed_last < cluster_view(c, cluster_leader(c)).last.index)
      cluster_run(c, 10 * MS);
    for (int i = 0; i < 300 && cluster_view(c, 1).role == RAFT_LEADER; i++) {
      lease_read(c);
      cluster_run(c, 10 * MS);
    }
    cluster_free(c);
  }
}

/* Whoever says nothing of a lease keeps none: OpenRaft's nodes, and ours of before. */
static void silence_is_no_promise(void **state) {
  struct cluster *c = cluster_new();
  (void)state;
  c->config.lease_drift_ppm = 0;
  c->config.lease_promise_max_ns = 0; /* these nodes promise nothing */
  (void)led_by_one_of(c, three);
  run_out(c, 1);
  cluster_deliver_all(c);
  lease_read(c);
  assert_int_equal(ready(c), 0);
  cluster_deliver_all(c);
  assert_int_equal(ready(c), 1); /* a round confirmed the read */
  cluster_free(c);
}

/* A machine that slept has a clock that stood still, and its voters' clocks went on. */
static void sleep_ends_a_lease(void **state) {
  struct cluster *c = led(three, 0);
  struct raft *r = c->nodes[1].r;
  (void)state;
  run_out(c, 1);
  cluster_deliver_all(c);
  lease_read(c);
  assert_int_equal(ready(c), 1);
  c->now_ns += 500 * MS;
  cluster_time_one(c, 1); /* heartbeats are on their way while the leader sleeps */
  c->now_ns += 1 * MS;
  raft_on_clock_stood(r, (struct raft_now){c->now_ns, 0});
  cluster_deliver_all(c); /* answers to them renew no promise */
  lease_read(c);
  assert_int_equal(ready(c), 1);
  cluster_deliver_all(c);
  assert_int_equal(ready(c), 2); /* by a round, whose answers are new promises */
  lease_read(c);
  assert_int_equal(ready(c), 3);
  cluster_free(c);
}

/* The next leadership of the same node begins anew. */
static void void_leases_end_with_their_leadership(void **state) {
  struct cluster *c = led(three, 0);
  (void)state;
  assert_int_equal(cluster_transfer(c, 1, 2), RKV_OK);
  cluster_deliver_all(c);
  assert_int_equal(cluster_transfer(c, 2, 1), RKV_OK);
  cluster_deliver_all(c);
  assert_int_equal(cluster_leader(c), 1);
  lease_read(c);
  assert_int_equal(ready(c), 1);
  cluster_free(c);
}

/* A leader that no longer votes, its removal not yet committed, has none: the only voter left may
 * elect itself when it starts again. */
static void leaders_that_do_not_vote_have_no_lease(void **state) {
  const rkv_node_id two[] = {1, 2, 0}, other[] = {2, 0};
  struct cluster *c = led(two, 0);
  (void)state;
  assert_int_equal(cluster_change(c, 1, other, false), RKV_OK);
  while (raft_effective(c->nodes[1].r)->value.config_count == 2 ||
         rkv_membership_is_voter(&raft_effective(c->nodes[1].r)->value, 1))
    assert_true(cluster_deliver(c, 1, 2) && cluster_deliver(c, 2, 1));
  assert_true(cluster_view(c, 1).committed.index < raft_effective(c->nodes[1].r)->id.index);
  lease_read(c);
  assert_int_equal(ready(c), 0);
  cluster_free(c);
}

/* A leader that the follower's membership does not name yet: the entry is on its way, the lease is
 * owed all the same. */
static void leaders_that_just_joined_have_a_lease(void **state) {
  static const rkv_term one_entry[] = {1};
  struct cluster *c = cluster_new();
  struct raft_now now;
  struct raft *r;
  (void)state;
  cluster_set_log(c, 1, one_entry, 1, three, 1);
  r = c->nodes[1].r;
  now = (struct raft_now){c->now_ns, 0};
  assert_int_equal(
      raft_on_append_request(r, now, LEADER_VOTE(2, 4), ID(1, 1), ID(1, 1), NULL, 0, NULL, NULL),
      RKV_OK);
  assert_true(raft_deadline(r) > now.ns + c->config.election_max_ns);
  cluster_free(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(leases_last_within_the_drift),
      cmocka_unit_test(lease_reads_cost_no_message),
      cmocka_unit_test(leases_end_before_elections),
      cmocka_unit_test(transfers_void_the_lease),
      cmocka_unit_test(leaders_that_just_joined_have_a_lease),
      cmocka_unit_test(removed_leaders_have_no_lease),
      cmocka_unit_test(restarted_voters_still_owe_it),
      cmocka_unit_test(leases_are_what_the_voters_promised),
      cmocka_unit_test(silence_is_no_promise),
      cmocka_unit_test(sleep_ends_a_lease),
      cmocka_unit_test(void_leases_end_with_their_leadership),
      cmocka_unit_test(leaders_that_do_not_vote_have_no_lease),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
