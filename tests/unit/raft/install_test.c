/* install_test.c: a leader's snapshot is installed; which part of the log and of its memberships
 * stays (paper section 7). */
#include "direct.h"

static const rkv_node_id one[] = {1, 0}, three[] = {1, 2, 3, 0};

/* Follower 2 of {1, 2, 3}: terms 1 1 2 2 2, committed up to 2, following {8, 1}. */
struct follower {
  struct cluster *c;
  struct raft *r;
  struct raft_now now;
  struct raft_membership membership;
};

static struct follower follower_new(void) {
  const rkv_term terms[] = {1, 1, 2, 2, 2};
  struct follower f = {.c = cluster_new()};
  cluster_set_log(f.c, 2, terms, 5, three, 7);
  f.r = f.c->nodes[2].r;
  f.now = (struct raft_now){f.c->now_ns, 0};
  f.membership = (struct raft_membership){.id = ID(1, 1), .value = cluster_membership(three)};
  assert_int_equal(raft_on_append_request(f.r, f.now, LEADER_VOTE(8, 1), ID(1, 2), ID(1, 2), NULL,
                                          0, NULL, NULL),
                   RKV_OK);
  raft_on_applied(f.r, f.now, ID(1, 2));
  (void)drained(f.r, RAFT_OUT_COMMIT);
  return f;
}

/* Section 7: an offer of what is committed here already, or of a leader of old, is not taken. */
static void offers_are_judged_by_vote_and_commit(void **state) {
  struct follower f = follower_new();
  (void)state;
  assert_int_equal(raft_on_snapshot_offer(f.r, f.now, LEADER_VOTE(8, 1), ID(1, 2)),
                   RAFT_OFFER_HAVE);
  assert_int_equal(raft_on_snapshot_offer(f.r, f.now, LEADER_VOTE(8, 1), ID(2, 3)),
                   RAFT_OFFER_TAKE);
  assert_int_equal(raft_on_snapshot_offer(f.r, f.now, LEADER_VOTE(7, 3), ID(2, 9)),
                   RAFT_OFFER_REJECT);
  assert_int_equal(raft_on_snapshot_offer(f.r, f.now, VOTE(9, 3), ID(2, 9)), RAFT_OFFER_REJECT);
  assert_int_equal(raft_on_snapshot_offer(f.r, f.now, LEADER_VOTE(8, 1), ID(9, 9)),
                   RAFT_OFFER_REJECT);
  assert_int_equal(raft_on_snapshot_offer(f.r, f.now, LEADER_VOTE(8, 1), ID(8, UINT64_MAX)),
                   RAFT_OFFER_REJECT);
  assert_int_equal(raft_on_snapshot_offer(f.r, f.now, LEADER_VOTE(9, 3), ID(2, 9)),
                   RAFT_OFFER_TAKE);
  assert_vote(expect(f.r, RAFT_OUT_SAVE_VOTE).vote, 9, 3, true);
  cluster_free(f.c);
}

/* Section 7: "log entries covered by the snapshot are deleted but entries following the snapshot
 * are still valid and must be retained", where the log holds the snapshot's last entry. */
static void entries_behind_a_snapshot_are_retained(void **state) {
  struct follower f = follower_new();
  (void)state;
  raft_on_snapshot_installed(f.r, f.now, ID(2, 4), &f.membership);
  assert_id(expect_next(f.r, RAFT_OUT_PURGE).id, 2, 4);
  expect_none(f.r);
  assert_id(cluster_view(f.c, 2).last, 2, 5);
  assert_id(cluster_view(f.c, 2).committed, 2, 4);
  assert_id(cluster_view(f.c, 2).applied, 2, 4);
  assert_id(cluster_view(f.c, 2).purged, 2, 4);
  cluster_free(f.c);
}

/* ... and a log that contradicts the snapshot, or is shorter, goes. */
static void contradicting_logs_are_discarded(void **state) {
  struct follower f = follower_new();
  (void)state;
  raft_on_snapshot_installed(f.r, f.now, ID(8, 4), &f.membership);
  assert_id(expect_next(f.r, RAFT_OUT_TRUNCATE).id, 1, 2);
  assert_id(expect_next(f.r, RAFT_OUT_PURGE).id, 8, 4);
  assert_id(cluster_view(f.c, 2).last, 8, 4);
  assert_id(cluster_view(f.c, 2).saved, 8, 4);
  raft_on_snapshot_installed(f.r, f.now, ID(8, 40), &f.membership);
  assert_id(expect_next(f.r, RAFT_OUT_PURGE).id, 8, 40);
  assert_id(cluster_view(f.c, 2).last, 8, 40);
  raft_on_snapshot_installed(f.r, f.now, ID(8, 20), &f.membership); /* a late install */
  assert_id(cluster_view(f.c, 2).last, 8, 40);
  cluster_free(f.c);
}

/* What was not durable yet when the snapshot came is not taken for durable. */
static void retained_entries_are_saved_when_they_are(void **state) {
  const struct raft_entry entries[] = {command(8, 6), command(8, 7)};
  struct follower f = follower_new();
  (void)state;
  assert_int_equal(
      raft_on_append_request(f.r, f.now, LEADER_VOTE(8, 1), ID(2, 5), NONE, entries, 2, NULL, NULL),
      RKV_OK);
  raft_on_snapshot_installed(f.r, f.now, ID(8, 6), &f.membership);
  assert_id(cluster_view(f.c, 2).saved, 8, 6);
  assert_id(cluster_view(f.c, 2).last, 8, 7);
  raft_on_log_saved(f.r, f.now, ID(8, 7));
  assert_id(cluster_view(f.c, 2).saved, 8, 7);
  cluster_free(f.c);
}

/* The snapshot's membership is in force, unless the log behind it holds a later one. */
static void snapshots_bring_their_membership(void **state) {
  const rkv_node_id two[] = {2, 4, 0};
  struct rkv_membership later = cluster_membership(two);
  const struct raft_entry entry = {ID(8, 6), RKV_ENTRY_MEMBERSHIP, &later};
  struct follower f = follower_new();
  struct raft_output out;
  (void)state;
  f.membership.id = ID(2, 3);
  f.membership.value = cluster_membership(one);
  raft_on_snapshot_installed(f.r, f.now, ID(2, 4), &f.membership);
  out = expect(f.r, RAFT_OUT_MEMBERSHIP);
  assert_id(out.id, 2, 3);
  assert_int_equal(out.membership->value.configs[0].count, 1);
  assert_int_equal(cluster_view(f.c, 2).role, RAFT_LEARNER);
  assert_int_equal(
      raft_on_append_request(f.r, f.now, LEADER_VOTE(8, 1), ID(2, 5), NONE, &entry, 1, NULL, NULL),
      RKV_OK);
  assert_id(expect(f.r, RAFT_OUT_MEMBERSHIP).id, 8, 6);
  raft_on_snapshot_installed(f.r, f.now, ID(2, 5), &f.membership);
  assert_false(drained(f.r, RAFT_OUT_MEMBERSHIP));
  assert_id(raft_effective(f.r)->id, 8, 6);
  assert_int_equal(
      raft_on_append_request(f.r, f.now, LEADER_VOTE(9, 3), ID(9, 6), NONE, NULL, 0, NULL, NULL),
      RKV_OK);
  assert_id(expect(f.r, RAFT_OUT_MEMBERSHIP).id, 2, 3); /* the snapshot's membership returns */
  cluster_free(f.c);
}

/* A peer may claim that its membership is newer than its snapshot; it is taken as the newest it can
 * be. */
static void false_membership_ids_do_no_harm(void **state) {
  struct follower f = follower_new();
  (void)state;
  f.membership.id = ID(8, 90);
  raft_on_snapshot_installed(f.r, f.now, ID(2, 4), &f.membership);
  assert_id(raft_effective(f.r)->id, 8, 4);
  cluster_free(f.c);
}

/* A crash between a snapshot's install and the purge is put right by the start. */
static void starts_complete_an_interrupted_install(void **state) {
  struct follower f = follower_new();
  struct raft_membership m = f.membership;
  (void)state;
  cluster_crash(f.c, 2);
  f.c->nodes[2].disk.snapshot = (struct test_snapshot){ID(6, 9), &m};
  cluster_start(f.c, 2);
  assert_id(cluster_view(f.c, 2).last, 6, 9);
  assert_id(cluster_view(f.c, 2).purged, 6, 9);
  assert_int_equal(f.c->nodes[2].disk.log.count, 0);
  assert_id(raft_effective(f.c->nodes[2].r)->id, 1, 1);
  cluster_free(f.c);
}

/* Of a log that the snapshot overruled nothing is in force, also of a membership that the log holds
 * behind the snapshot's own and in front of its end. */
static void starts_forget_overruled_memberships(void **state) {
  const rkv_node_id all[] = {1, 2, 3, 4, 0};
  struct follower f = follower_new();
  struct raft_membership own = f.membership, stale = {ID(2, 4), cluster_membership(one)};
  struct rkv_membership joint = cluster_membership(all);
  const struct raft_entry entry = {ID(7, 10), RKV_ENTRY_MEMBERSHIP, &joint};
  (void)state;
  cluster_crash(f.c, 2);
  f.c->nodes[2].disk.snapshot = (struct test_snapshot){ID(6, 9), &own};
  f.c->nodes[2].disk.log.entries[3].membership = &stale;
  cluster_start(f.c, 2);
  assert_id(raft_effective(f.c->nodes[2].r)->id, 1, 1);
  /* The stale membership does not return when a later one is cut off either. */
  f.r = f.c->nodes[2].r;
  assert_int_equal(
      raft_on_append_request(f.r, f.now, LEADER_VOTE(8, 1), ID(6, 9), NONE, &entry, 1, NULL, NULL),
      RKV_OK);
  assert_id(raft_effective(f.r)->id, 7, 10);
  assert_int_equal(
      raft_on_append_request(f.r, f.now, LEADER_VOTE(9, 3), ID(9, 10), NONE, NULL, 0, NULL, NULL),
      RKV_OK);
  assert_id(raft_effective(f.r)->id, 1, 1);
  cluster_free(f.c);
}

/* Appends go on while a snapshot is being made durable, and what they commit may pass its end: then
 * the log says which memberships are in force, and which one returns when the last is cut off. */
static void commits_may_pass_a_snapshot_on_its_way(void **state) {
  const rkv_node_id two[] = {1, 2, 0}, four[] = {1, 2, 3, 4, 0};
  struct rkv_membership second = cluster_membership(two), third = cluster_membership(four);
  const struct raft_entry entries[] = {{ID(8, 6), RKV_ENTRY_MEMBERSHIP, &second},
                                       {ID(8, 7), RKV_ENTRY_COMMAND, NULL},
                                       {ID(8, 8), RKV_ENTRY_MEMBERSHIP, &third}};
  struct follower f = follower_new();
  (void)state;
  assert_int_equal(raft_on_append_request(f.r, f.now, LEADER_VOTE(8, 1), ID(2, 5), ID(8, 7),
                                          entries, 3, NULL, NULL),
                   RKV_OK);
  assert_id(cluster_view(f.c, 2).committed, 8, 7);
  raft_on_snapshot_installed(f.r, f.now, ID(2, 5), &f.membership);
  assert_id(cluster_view(f.c, 2).purged, 2, 5);
  assert_id(cluster_view(f.c, 2).committed, 8, 7);
  assert_id(raft_effective(f.r)->id, 8, 8);
  assert_int_equal(
      raft_on_append_request(f.r, f.now, LEADER_VOTE(9, 3), ID(9, 8), NONE, NULL, 0, NULL, NULL),
      RKV_OK);
  assert_id(raft_effective(f.r)->id, 8, 6); /* the snapshot's membership is older */
  cluster_free(f.c);
}

/* Nor does a snapshot in front of both memberships that the log holds replace the older one. */
static void snapshots_replace_no_later_membership(void **state) {
  const rkv_node_id two[] = {1, 2, 0}, four[] = {1, 2, 3, 4, 0};
  struct rkv_membership second = cluster_membership(two), third = cluster_membership(four);
  const struct raft_entry entries[] = {{ID(8, 6), RKV_ENTRY_MEMBERSHIP, &second},
                                       {ID(8, 7), RKV_ENTRY_COMMAND, NULL},
                                       {ID(8, 8), RKV_ENTRY_MEMBERSHIP, &third}};
  struct follower f = follower_new();
  (void)state;
  assert_int_equal(raft_on_append_request(f.r, f.now, LEADER_VOTE(8, 1), ID(2, 5), ID(2, 3),
                                          entries, 3, NULL, NULL),
                   RKV_OK);
  raft_on_snapshot_installed(f.r, f.now, ID(2, 5), &f.membership);
  assert_id(cluster_view(f.c, 2).committed, 2, 5);
  assert_id(raft_effective(f.r)->id, 8, 8);
  assert_int_equal(
      raft_on_append_request(f.r, f.now, LEADER_VOTE(9, 3), ID(9, 8), NONE, NULL, 0, NULL, NULL),
      RKV_OK);
  assert_id(raft_effective(f.r)->id, 8, 6);
  cluster_free(f.c);
}

/* A node may be elected while the last leader's snapshot becomes durable here. What it covers is
 * purged, and no peer is asked about that any more. */
static void a_leader_may_finish_an_install(void **state) {
  struct cluster *c = cluster_new();
  struct raft_append_plan plan;
  struct raft_membership m = {ID(0, 1), cluster_membership(three)};
  struct raft *r;
  rkv_node_id id;
  (void)state;
  for (id = 1; id <= 3; id++) cluster_start(c, id);
  c->nodes[3].cut = true;
  assert_int_equal(cluster_init(c, 1, three), RKV_OK);
  cluster_run(c, 200 * MS);
  assert_int_equal(cluster_propose(c, 1, 5), RKV_OK);
  cluster_run(c, 200 * MS);
  assert_true(cluster_view(c, 1).committed.index >= 5);
  r = c->nodes[1].r;
  raft_on_snapshot_installed(r, (struct raft_now){c->now_ns, 0}, ID(1, 4), &m);
  assert_id(expect_next(r, RAFT_OUT_PURGE).id, 1, 4);
  assert_true(raft_next_append(r, (struct raft_now){c->now_ns + 5000 * MS, 0}, 3, &plan));
  assert_id(plan.prev, 1, 4); /* the leader holds no earlier id to probe with */
  raft_append_sent(r, 3, &plan, plan.prev.index);
  cluster_free(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(offers_are_judged_by_vote_and_commit),
      cmocka_unit_test(entries_behind_a_snapshot_are_retained),
      cmocka_unit_test(contradicting_logs_are_discarded),
      cmocka_unit_test(retained_entries_are_saved_when_they_are),
      cmocka_unit_test(snapshots_bring_their_membership),
      cmocka_unit_test(false_membership_ids_do_no_harm),
      cmocka_unit_test(starts_complete_an_interrupted_install),
      cmocka_unit_test(starts_forget_overruled_memberships),
      cmocka_unit_test(commits_may_pass_a_snapshot_on_its_way),
      cmocka_unit_test(snapshots_replace_no_later_membership),
      cmocka_unit_test(a_leader_may_finish_an_install),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
