/* paper_log_test.c: the Raft paper's sections 5.3, 5.4.2 and 5.5, sentence by sentence, as far as
 * core/raft implements them. */
#include "direct.h"

static const rkv_node_id three[] = {1, 2, 3, 0};

/* Follower 2 of {1, 2, 3} with the terms given, first heard by the leader {8, 1}. */
struct follower {
  struct cluster *c;
  struct raft *r;
  struct raft_now now;
};

static struct follower follower_new(const rkv_term *terms, size_t count) {
  struct follower f = {.c = cluster_new()};
  cluster_set_log(f.c, 2, terms, count, three, 7);
  f.r = f.c->nodes[2].r;
  f.now = (struct raft_now){f.c->now_ns, 0};
  return f;
}

static struct raft_output append(struct follower *f, struct rkv_log_id prev, rkv_index commit,
                                 const struct raft_entry *entries, size_t count) {
  enum rkv_status status = raft_on_append_request(f->r, f->now, LEADER_VOTE(8, 1), prev,
                                                  ID(8, commit), entries, count, NULL, NULL);
  assert_int_equal(status, RKV_OK);
  return expect(f->r, RAFT_OUT_ANSWER_APPEND);
}

/* 5.3: "the leader appends the command to its log as a new entry, then issues AppendEntries RPCs in
 * parallel to each of the other servers": at once, while its own disk still writes. */
static void leaders_replicate_while_they_write(void **state) {
  struct cluster *c = led_by_one_of(cluster_new(), three);
  (void)state;
  c->sync = false;
  assert_int_equal(cluster_propose(c, 1, 2), RKV_OK);
  assert_int_equal(cluster_in_flight(c, 1, 2), 1);
  assert_int_equal(cluster_in_flight(c, 1, 3), 1);
  assert_id(cluster_view(c, 1).last, 1, 4);
  assert_id(cluster_view(c, 1).saved, 1, 2);
  cluster_free(c);
}

/* 5.3: "a log entry is committed once the leader that created the entry has replicated it on a
 * majority of the servers": any two of three, the leader only as far as it is durable. */
static void majorities_commit(void **state) {
  struct cluster *c = led_by_one_of(cluster_new(), three);
  (void)state;
  c->sync = false;
  assert_int_equal(cluster_propose(c, 1, 1), RKV_OK);
  cluster_deliver(c, 1, 2);
  cluster_write(c, 2, SIZE_MAX);
  cluster_deliver(c, 2, 1);
  assert_id(cluster_view(c, 1).committed, 1, 2); /* only node 2 has it durably */
  cluster_deliver(c, 1, 3);
  cluster_write(c, 3, SIZE_MAX);
  cluster_deliver(c, 3, 1);
  assert_id(cluster_view(c, 1).committed, 1, 3); /* 2 and 3 have it, the leader not yet */
  cluster_free(c);
}

/* 5.3: a follower answers only when what it appended is durable. */
static void followers_answer_when_durable(void **state) {
  struct cluster *c = led_by_one_of(cluster_new(), three);
  (void)state;
  c->sync = false;
  assert_int_equal(cluster_propose(c, 1, 1), RKV_OK);
  cluster_deliver(c, 1, 2);
  assert_int_equal(cluster_in_flight(c, 2, 1), 0);
  cluster_write(c, 2, SIZE_MAX);
  assert_int_equal(cluster_in_flight(c, 2, 1), 1);
  cluster_free(c);
}

/* 5.3: "the leader keeps track of the highest index it knows to be committed, and it includes that
 * index in future AppendEntries RPCs ... so that the other servers eventually find out": a quiet
 * leader says so within commit_notice_ns. */
static void followers_learn_of_commits(void **state) {
  struct cluster *c = led_by_one_of(cluster_new(), three);
  (void)state;
  assert_int_equal(cluster_propose(c, 1, 1), RKV_OK);
  cluster_deliver_all(c);
  assert_id(cluster_view(c, 1).committed, 1, 3);
  assert_id(cluster_view(c, 2).committed, 1, 2);
  cluster_run(c, c->config.commit_notice_ns);
  assert_id(cluster_view(c, 2).committed, 1, 3);
  assert_id(cluster_view(c, 3).committed, 1, 3);
  cluster_free(c);
}

/* 5.3: "if the follower does not find an entry in its log with the same index and term, then it
 * refuses the new entries": missing or different; and what differs is cut off at once. */
static void consistency_check_refuses(void **state) {
  const rkv_term terms[] = {1, 1, 2, 2};
  struct follower f = follower_new(terms, 4);
  const struct raft_entry entry = command(8, 6), other = command(8, 5);
  (void)state;
  assert_int_equal(append(&f, ID(8, 5), 0, &entry, 1).result, RKV_APPEND_CONFLICT);
  assert_id(cluster_view(f.c, 2).last, 2, 4);
  assert_int_equal(
      raft_on_append_request(f.r, f.now, LEADER_VOTE(8, 1), ID(3, 4), NONE, &other, 1, NULL, NULL),
      RKV_OK);
  assert_id(expect_next(f.r, RAFT_OUT_TRUNCATE).id, 2, 3);
  assert_int_equal(expect_next(f.r, RAFT_OUT_ANSWER_APPEND).result, RKV_APPEND_CONFLICT);
  cluster_free(f.c);
}

/* 5.3: "when AppendEntries returns successfully, the leader knows that the follower's log is
 * identical to its own log up through the new entries": the answer names the last of them. */
static void success_names_what_matches(void **state) {
  const rkv_term terms[] = {1, 1, 2, 2};
  struct follower f = follower_new(terms, 4);
  const struct raft_entry entries[] = {command(2, 3), command(8, 4)};
  (void)state;
  assert_id(append(&f, ID(2, 3), 0, NULL, 0).id, 2, 3);
  assert_id(append(&f, ID(1, 2), 0, entries, 2).id, 8, 4);
  assert_id(append(&f, NONE, 0, NULL, 0).id, 0, 0); /* prev none never conflicts */
  cluster_free(f.c);
}

/* 5.3: "conflicting entries in follower logs will be overwritten with entries from the leader's
 * log", and nothing else: what is held is skipped, and an empty request truncates nothing. */
static void only_conflicting_entries_are_overwritten(void **state) {
  const rkv_term terms[] = {1, 1, 2, 2, 2};
  struct follower f = follower_new(terms, 5);
  const struct raft_entry held[] = {command(1, 2), command(2, 3)};
  const struct raft_entry fresh[] = {command(2, 3), command(8, 4), command(8, 5)};
  struct raft_output out;
  (void)state;
  (void)append(&f, ID(1, 2), 0, NULL, 0);
  (void)append(&f, ID(1, 1), 0, held, 2); /* a late append must not cut 4 and 5 off */
  assert_id(cluster_view(f.c, 2).last, 2, 5);
  assert_int_equal(
      raft_on_append_request(f.r, f.now, LEADER_VOTE(8, 1), ID(1, 2), NONE, fresh, 3, NULL, NULL),
      RKV_OK);
  assert_id(expect_next(f.r, RAFT_OUT_TRUNCATE).id, 2, 3);
  out = expect_next(f.r, RAFT_OUT_APPEND_RECEIVED);
  assert_int_equal(out.skip, 1);
  assert_int_equal(out.count, 2);
  assert_id(expect_next(f.r, RAFT_OUT_ANSWER_APPEND).id, 8, 5);
  cluster_free(f.c);
}

/* What a disk reports of entries that were cut off meanwhile says nothing of those in their
 * place. */
static void late_reports_of_cut_entries_are_ignored(void **state) {
  const rkv_term terms[] = {1, 1, 2, 2};
  struct follower f = follower_new(terms, 4);
  const struct raft_entry entries[] = {command(8, 4), command(8, 5)};
  (void)state;
  assert_id(append(&f, ID(2, 3), 0, entries, 2).id, 8, 5);
  assert_id(cluster_view(f.c, 2).saved, 2, 3);
  raft_on_log_saved(f.r, f.now, ID(2, 4));
  assert_id(cluster_view(f.c, 2).saved, 2, 3);
  raft_on_log_saved(f.r, f.now, ID(8, 5));
  assert_id(cluster_view(f.c, 2).saved, 8, 5);
  cluster_free(f.c);
}

/* 5.3: commit = min(leader's, last entry verified under this leader's vote): an unverified tail of
 * the own log is not committed by a heartbeat. */
static void only_verified_entries_are_committed(void **state) {
  const rkv_term terms[] = {1, 1, 2, 2};
  struct follower f = follower_new(terms, 4);
  (void)state;
  (void)append(&f, ID(1, 2), 4, NULL, 0);
  assert_id(cluster_view(f.c, 2).committed, 1, 2);
  (void)append(&f, ID(2, 3), 9, NULL, 0);
  assert_id(cluster_view(f.c, 2).committed, 2, 3);
  (void)append(&f, NONE, 9, NULL, 0); /* verifies nothing new */
  assert_id(cluster_view(f.c, 2).committed, 2, 3);
  cluster_free(f.c);
}

/* ... and what was verified for one leader is not for the next. */
static void a_new_leader_verifies_anew(void **state) {
  const rkv_term terms[] = {1, 1, 2, 2};
  struct follower f = follower_new(terms, 4);
  (void)state;
  (void)append(&f, ID(2, 4), 2, NULL, 0);
  assert_id(cluster_view(f.c, 2).committed, 1, 2);
  assert_int_equal(raft_on_append_request(f.r, f.now, LEADER_VOTE(9, 3), ID(1, 2), ID(9, 4), NULL,
                                          0, NULL, NULL),
                   RKV_OK);
  assert_id(cluster_view(f.c, 2).committed, 1, 2);
  cluster_free(f.c);
}

/* 5.3: "a leader never overwrites or deletes entries in its own log", and Figure 7: whatever the
 * followers (a) to (f) hold, they end up with the leader's log. */
static void figure_7_followers_are_brought_to_the_leaders_log(void **state) {
  static const rkv_term leader[] = {1, 1, 1, 4, 4, 5, 5, 6, 6, 6};
  static const struct {
    rkv_term terms[12];
    size_t count;
  } cases[] = {
      {{1, 1, 1, 4, 4, 5, 5, 6, 6}, 9},
      {{1, 1, 1, 4}, 4},
      {{1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6}, 11},
      {{1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7}, 12},
      {{1, 1, 1, 4, 4, 4, 4}, 7},
      {{1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3}, 11},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct cluster *c = cluster_new();
    cluster_set_log(c, 1, leader, 10, three, 7);
    cluster_set_log(c, 2, cases[i].terms, cases[i].count, three, 7);
    cluster_set_log(c, 3, leader, 10, three, 7);
    c->nodes[2].cut = true; /* (c) and (d) would not vote for the leader */
    cluster_elect(c, 1);
    c->nodes[2].cut = false;
    cluster_run(c, 1000 * MS);
    assert_id(cluster_view(c, 1).last, 8, 11);
    assert_id(cluster_view(c, 2).last, 8, 11);
    assert_id(cluster_view(c, 2).committed, 8, 11);
    law_logs_match(c);
    cluster_free(c);
  }
}

/* 5.4.2: "Raft never commits log entries from previous terms by counting replicas. Only log entries
 * from the leader's current term are committed by counting replicas; once an entry from the current
 * term has been committed in this way, then all prior entries are committed indirectly". */
static void figure_8_old_entries_are_committed_indirectly(void **state) {
  const rkv_term two_entries[] = {1, 2};
  struct cluster *c = cluster_new();
  struct raft *r;
  struct raft_now now;
  (void)state;
  cluster_set_log(c, 1, two_entries, 2, three, 3);
  r = c->nodes[1].r;
  now = (struct raft_now){raft_deadline(r), 0};
  raft_on_time(r, now);
  raft_on_vote_saved(r, now, VOTE(4, 1));
  raft_on_vote_answer(r, now, 3, VOTE(4, 1), true, VOTE(4, 1), NONE);
  (void)drained(r, RAFT_OUT_APPEND_OWN);
  raft_on_log_saved(r, now, ID(4, 3));
  raft_on_append_answer(r, now, 2, PLAN(LEADER_VOTE(4, 1), ID(2, 2)), 2, RKV_APPEND_SUCCESS,
                        ID(2, 2), VOTE(0, 0), 0);
  assert_false(drained(r, RAFT_OUT_COMMIT)); /* entry 2 is on two of three, but of term 2 */
  raft_on_append_answer(r, now, 2, PLAN(LEADER_VOTE(4, 1), ID(2, 2)), 3, RKV_APPEND_SUCCESS,
                        ID(4, 3), VOTE(0, 0), 0);
  assert_id(expect(r, RAFT_OUT_COMMIT).id, 4, 3);
  cluster_free(c);
}

/* 5.5: "if a follower or candidate crashes, then future RequestVote and AppendEntries RPCs sent to
 * it will fail. Raft handles these failures by retrying indefinitely": paced, and with entries only
 * when the peer is back. */
static void dead_peers_are_retried_at_a_pace(void **state) {
  struct cluster *c = led_by_one_of(cluster_new(), three);
  uint64_t start = c->now_ns;
  unsigned tries = 0;
  (void)state;
  cluster_crash(c, 3);
  assert_int_equal(cluster_propose(c, 1, 1), RKV_OK);
  while (cluster_drop(c, 1, 3)) continue;
  while (c->now_ns < start + 10000 * MS) {
    uint64_t deadline = raft_deadline(c->nodes[1].r);
    cluster_advance(c, deadline > c->now_ns ? deadline - c->now_ns : 0);
    for (; cluster_drop(c, 1, 3); tries++) continue;
    cluster_deliver_all(c);
  }
  assert_in_range(tries, 20, 10000 * MS / c->config.retry_ns + 1);
  cluster_start(c, 3);
  cluster_run(c, 1000 * MS);
  assert_id(cluster_view(c, 3).committed, 1, 3);
  cluster_free(c);
}

/* 5.5: "Raft RPCs are idempotent": the same request twice changes nothing the second time. */
static void repeated_requests_cause_no_harm(void **state) {
  const rkv_term terms[] = {1, 1};
  struct follower f = follower_new(terms, 2);
  const struct raft_entry entries[] = {command(8, 3), command(8, 4)};
  (void)state;
  assert_id(append(&f, ID(1, 2), 3, entries, 2).id, 8, 4);
  (void)drained(f.r, RAFT_OUT_COMMIT);
  assert_int_equal(raft_on_append_request(f.r, f.now, LEADER_VOTE(8, 1), ID(1, 2), ID(8, 3),
                                          entries, 2, NULL, NULL),
                   RKV_OK);
  assert_id(expect_next(f.r, RAFT_OUT_ANSWER_APPEND).id, 8, 4);
  expect_none(f.r);
  cluster_free(f.c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(leaders_replicate_while_they_write),
      cmocka_unit_test(majorities_commit),
      cmocka_unit_test(followers_answer_when_durable),
      cmocka_unit_test(followers_learn_of_commits),
      cmocka_unit_test(consistency_check_refuses),
      cmocka_unit_test(success_names_what_matches),
      cmocka_unit_test(only_conflicting_entries_are_overwritten),
      cmocka_unit_test(late_reports_of_cut_entries_are_ignored),
      cmocka_unit_test(only_verified_entries_are_committed),
      cmocka_unit_test(a_new_leader_verifies_anew),
      cmocka_unit_test(figure_7_followers_are_brought_to_the_leaders_log),
      cmocka_unit_test(figure_8_old_entries_are_committed_indirectly),
      cmocka_unit_test(dead_peers_are_retried_at_a_pace),
      cmocka_unit_test(repeated_requests_cause_no_harm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
